package balancer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// The load balancer's own cookies ("Sticky sessions for your Application Load
// Balancer").
const (
	cookieTarget    = "AWSALB"
	cookieTargetApp = "AWSALBAPP-0"
	cookieGroup     = "AWSALBTG"
	corsSuffix      = "CORS"
)

// cookieLife is the cookies' Expires, whatever their duration of stickiness.
const cookieLife = 7 * 24 * time.Hour

// cookieBox seals what cookies say, so that clients can neither read nor make
// them up.
type cookieBox struct{ aead cipher.AEAD }

func newCookieBox(key []byte) *cookieBox {
	if len(key) == 0 {
		key = make([]byte, 32)
		rand.Read(key)
	}
	sum := sha256.Sum256(key)
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &cookieBox{aead}
}

// seal makes a cookie's value: kind and scope bind it to its use.
func (b *cookieBox) seal(kind, scope, id string, until time.Time) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	plain = append(plain, id...)
	return base64.StdEncoding.EncodeToString(b.aead.Seal(nil, nil, plain, []byte(kind+"\x00"+scope)))
}

// open returns the id of a cookie that is genuine and not stale.
func (b *cookieBox) open(kind, scope, value string, now time.Time) (string, bool) {
	sealed, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return "", false
	}
	plain, err := b.aead.Open(nil, nil, sealed, []byte(kind+"\x00"+scope))
	if err != nil || len(plain) < 8 {
		return "", false
	}
	if now.Unix() > int64(binary.BigEndian.Uint64(plain)) {
		return "", false
	}
	return string(plain[8:]), true
}

// cookie returns the value of a request's cookie.
func (r *request) cookie(name string) (string, bool) {
	for line := range r.fields.all("Cookie") {
		for part := range strings.SplitSeq(line, ";") {
			if k, v, ok := strings.Cut(strings.TrimSpace(part), "="); ok && k == name {
				return v, true
			}
		}
	}
	return "", false
}

// sealed looks a cookie up by its name, or by its CORS twin's.
func (x *exchange) sealed(name, scope string) (string, bool) {
	for _, n := range []string{name, name + corsSuffix} {
		if v, ok := x.req.cookie(n); ok {
			if id, ok := x.bal.cookies.open(name, scope, v, x.now); ok {
				return id, true
			}
		}
	}
	return "", false
}

// stickyGroup is the group that a client's cookie names, or one by weight.
func (x *exchange) stickyGroup(f *forward) *group {
	if f.stickiness > 0 {
		if id, ok := x.sealed(cookieGroup, x.listener.id); ok {
			for _, s := range f.shares {
				if s.group.id == id && s.weight > 0 {
					return s.group
				}
			}
		} else if _, sent := x.req.cookie(cookieGroup); sent {
			x.errorReason = "AWSALBTGCookieInvalid"
		}
	}
	return f.pick()
}

// stickyTarget is the target that a client's cookie names.
func (x *exchange) stickyTarget(settings *TargetGroup) string {
	if !settings.Stickiness.Enabled {
		return ""
	}
	if settings.Stickiness.AppCookie != "" {
		if _, ok := x.req.cookie(settings.Stickiness.AppCookie); !ok {
			return ""
		}
		id, _ := x.sealed(cookieTargetApp, x.group.id)
		return id
	}
	id, _ := x.sealed(cookieTarget, x.group.id)
	return id
}

// setCookiesFor renews the load balancer's cookies with every answer.
func (x *exchange) setCookiesFor(f *forward, settings *TargetGroup) {
	if f.stickiness > 0 {
		x.setSealed(cookieGroup, x.listener.id, x.group.id, f.stickiness, true)
	}
	if settings.Stickiness.Enabled && settings.Stickiness.AppCookie == "" {
		x.setSealed(cookieTarget, x.group.id, x.target.id, settings.Stickiness.Duration, true)
	}
}

// appCookie adds AWSALBAPP where the application has just set its own cookie,
// and renews it for a client that already has both.
func (x *exchange) appCookie(a *answer, settings *TargetGroup) {
	name := settings.Stickiness.AppCookie
	if !settings.Stickiness.Enabled || name == "" {
		return
	}
	_, stuck := x.req.cookie(name)
	for v := range a.fields.all("Set-Cookie") {
		if k, _, ok := strings.Cut(v, "="); ok && strings.TrimSpace(k) == name {
			stuck = true
		}
	}
	if stuck {
		x.setSealed(cookieTargetApp, x.group.id, x.target.id, settings.Stickiness.Duration, false)
	}
}

func (x *exchange) setSealed(name, scope, id string, d time.Duration, cors bool) {
	value := x.bal.cookies.seal(name, scope, id, x.now.Add(d))
	attrs := "; Expires=" + httpDate(x.now.Add(cookieLife)) + "; Path=/"
	x.setCookies = append(x.setCookies, name+"="+value+attrs)
	if cors {
		attrs += "; SameSite=None"
		if x.client.tls != nil {
			attrs += "; Secure"
		}
		x.setCookies = append(x.setCookies, name+corsSuffix+"="+value+attrs)
	}
}
