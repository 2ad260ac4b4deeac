package wire

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// drawn is a random operation of a protocol and a random value of its input.
func drawn(rt *rapid.T, protocols ...string) (*awsapi.Service, *awsapi.Operation, reflect.Value, *plan) {
	var fit []*awsapi.Service
	for _, svc := range every {
		for _, p := range protocols {
			if svc.Protocol == p {
				fit = append(fit, svc)
			}
		}
	}
	svc := rapid.SampledFrom(fit).Draw(rt, "service")
	op := &svc.Operations[rapid.IntRange(0, len(svc.Operations)-1).Draw(rt, "operation")]
	v := reflect.New(op.In).Elem()
	p := planOf(svc, op).in
	if p == nil {
		rt.Skip()
	}
	random{rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1)), "ec2"}.fill(v, p, 0)
	return svc, op, v, p
}

func TestJSONThereAndBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_, op, v, p := drawn(rt, "json")
		text := appendJSON(nil, v, p)
		if !json.Valid(text) {
			rt.Fatalf("%s: not JSON: %s", op.Name, text)
		}
		back := reflect.New(op.In).Elem()
		if err := decodeJSON(text, back, p); err != nil {
			rt.Fatalf("%s: %v: %s", op.Name, err, text)
		}
		if diff := cmp.Diff(v.Interface(), back.Interface()); diff != "" {
			rt.Fatalf("%s (-out +back):\n%s\n%s", op.Name, diff, text)
		}
	})
}

// The tags of the generated types are for the state's rows. What they store has
// to come back as it was, empty lists as empty ones.
func TestStoredAndLoaded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_, op, v, _ := drawn(rt, "json", "query", "ec2")
		text, err := json.Marshal(v.Interface())
		if err != nil {
			rt.Fatal(err)
		}
		back := reflect.New(op.In)
		if err := json.Unmarshal(text, back.Interface()); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(v.Interface(), back.Elem().Interface()); diff != "" {
			rt.Fatalf("%s (-out +back):\n%s\n%s", op.Name, diff, text)
		}
	})
}

func TestFormThereAndBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		svc, op, v, p := drawn(rt, "query", "ec2")
		form := url.Values{}
		write := formWriter{svc.Protocol == "ec2", form}
		write.members(v, p, "")
		params, err := parseForm(nil, form.Encode())
		if err != nil {
			rt.Fatal(err)
		}
		back := reflect.New(op.In).Elem()
		if err := decodeForm(params, svc.Protocol == "ec2", back, p); err != nil {
			rt.Fatalf("%s: %v: %s", op.Name, err, form.Encode())
		}
		if diff := cmp.Diff(v.Interface(), back.Interface()); diff != "" {
			rt.Fatalf("%s (-out +back):\n%s\n%s", op.Name, diff, form.Encode())
		}
	})
}

// formWriter is the opposite of formReader.
type formWriter struct {
	ec2  bool
	form url.Values
}

func (w formWriter) members(v reflect.Value, p *plan, prefix string) {
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.Field(f.at)
		if fv.IsZero() {
			continue
		}
		if f.pointer {
			fv = fv.Elem()
		}
		w.value(fv, f.plan, prefix+f.param)
	}
}

func (w formWriter) value(v reflect.Value, p *plan, name string) {
	switch p.shape.Kind {
	case awsapi.Structure:
		if v.IsZero() {
			w.form.Set(name, "")
		}
		w.members(v, p, name+".")
	case awsapi.List:
		if v.Len() == 0 {
			w.form.Set(name, "")
		}
		if !w.ec2 {
			name += "." + p.elemName
		}
		for i := range v.Len() {
			w.value(v.Index(i), p.elem, name+"."+strconv.Itoa(i*3))
		}
	case awsapi.Map:
		if v.Len() == 0 {
			w.form.Set(name, "")
		}
		for i, k := range v.MapKeys() {
			entry := name + ".entry." + strconv.Itoa(i+1) + "."
			w.value(k, p.key, entry+"key")
			w.value(v.MapIndex(k), p.value, entry+"value")
		}
	case awsapi.String:
		w.form.Set(name, v.String())
	case awsapi.Boolean:
		w.form.Set(name, strconv.FormatBool(v.Bool()))
	case awsapi.Float:
		w.form.Set(name, strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case awsapi.Timestamp:
		w.form.Set(name, v.Interface().(time.Time).Format(time.RFC3339Nano))
	case awsapi.Blob:
		w.form.Set(name, base64.StdEncoding.EncodeToString(v.Bytes()))
	default:
		w.form.Set(name, strconv.FormatInt(v.Int(), 10))
	}
}
