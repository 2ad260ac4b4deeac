package enginetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Client makes signed requests, one method for each protocol, with no retries:
// what the engine answered is what a test sees.
type Client struct {
	Endpoint, Region, KeyID, Secret string
	// CloudflareToken is for the requests below /client/v4, which are not signed.
	CloudflareToken string
	// HTTP is http.DefaultClient when it is nil.
	HTTP *http.Client
}

// Refusal is an error that the service answered. Any other error leaves open
// whether the request took effect.
type Refusal struct {
	Status        int
	Code, Message string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Message) }

// JSON calls an operation of a JSON 1.1 service: the target is
// "AmazonSSM.PutParameter", in is encoded and the answer decoded into out, which
// may be nil.
func (c *Client) JSON(ctx context.Context, signingName, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := c.NewJSON(ctx, signingName, target, body)
	if err != nil {
		return err
	}
	answer, err := c.do(req, refusalInJSON)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// NewJSON is such a request, signed, to be sent by others.
func (c *Client) NewJSON(ctx context.Context, signingName, target string, body []byte) (*http.Request, error) {
	return c.sign(ctx, signingName, body, map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target})
}

// Query calls an operation of a query service or of EC2; the parameters are
// names and values in turn.
func (c *Client) Query(ctx context.Context, signingName, version, action string, out any, parameters ...string) error {
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	req, err := c.sign(ctx, signingName, []byte(form.Encode()), map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
	if err != nil {
		return err
	}
	answer, err := c.do(req, refusalInXML)
	if err != nil || out == nil {
		return err
	}
	return xml.Unmarshal(answer, out)
}

func (c *Client) sign(ctx context.Context, signingName string, body []byte, header map[string]string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: c.KeyID, SecretAccessKey: c.Secret}
	return req, v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), signingName, c.Region, time.Now())
}

func (c *Client) do(req *http.Request, refusal func([]byte) *Refusal) ([]byte, error) {
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return body, nil
	}
	r := refusal(body)
	r.Status = resp.StatusCode
	return nil, r
}

func refusalInJSON(body []byte) *Refusal {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &e) != nil { // its keys match in any case
		return &Refusal{Message: string(body)}
	}
	return &Refusal{Code: e.Type[strings.LastIndexByte(e.Type, '#')+1:], Message: e.Message}
}

func refusalInXML(body []byte) *Refusal {
	var e struct {
		Query   *Refusal `xml:"Error"`
		Compute *Refusal `xml:"Errors>Error"`
	}
	if err := xml.Unmarshal(body, &e); err == nil {
		if e.Query != nil {
			return e.Query
		}
		if e.Compute != nil {
			return e.Compute
		}
	}
	return &Refusal{Message: string(body)}
}

// IsRefusal tells whether the service answered with this code.
func IsRefusal(err error, code string) bool {
	r, ok := errors.AsType[*Refusal](err)
	return ok && r.Code == code
}
