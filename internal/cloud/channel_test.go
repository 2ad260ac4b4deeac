package cloud

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

// TestOutputBeforeItsTurnIsNotAcknowledged: an acknowledged message is never sent
// again, so that one that is dropped would be lost and the session would hang.
func TestOutputBeforeItsTurnIsNotAcknowledged(t *testing.T) {
	acknowledged := make(chan []int64, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.Read(r.Context()) // the token
		for _, m := range []struct {
			sequence int64
			text     string
		}{{1, "b"}, {0, "a"}, {0, "a"}, {1, "b"}} {
			conn.Write(r.Context(), websocket.MessageBinary, encodeMessage(kindOfOutput, m.sequence, 0, carriesData, []byte(m.text)))
		}
		var got []int64
		for range 3 {
			_, b, err := conn.Read(r.Context())
			if err != nil || len(b) < channelBody {
				break
			}
			var ack struct{ AcknowledgedMessageSequenceNumber int64 }
			json.Unmarshal(b[channelBody:], &ack)
			got = append(got, ack.AcknowledgedMessageSequenceNumber)
		}
		acknowledged <- got
		conn.Write(r.Context(), websocket.MessageBinary, encodeMessage(kindOfClosing, 0, 0, 0, []byte(`{}`)))
	}))
	defer server.Close()
	var out bytes.Buffer
	if _, err := converse(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), "token", Screen{In: strings.NewReader(""), Out: &out}); err != nil {
		t.Fatal(err)
	}
	if out.String() != "ab" {
		t.Errorf("the screen shows %q", out.String())
	}
	if diff := cmp.Diff([]int64{0, 0, 1}, <-acknowledged); diff != "" {
		t.Error(diff)
	}
}
