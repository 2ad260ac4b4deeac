package wire

import (
	"reflect"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// plan is how one shape is read and written. Plans are made when an operation
// is first used, and kept.
type plan struct {
	shape  *awsapi.Shape
	typ    reflect.Type // without the pointer
	fields []field
	byName map[string]int // JSON name → fields
	elem   *plan
	key    *plan
	value  *plan
	// element names in XML and query
	elemName, keyName, valueName string
}

// field is one member of a structure.
type field struct {
	member  *awsapi.Member
	plan    *plan
	at      int
	pointer bool
	jsonKey string // `"name":`
	xml     string // element name; of a flattened list that of each element
	query   string // name in a query request
	ec2     string // name in an EC2 request
}

// operationPlan is the plans of an operation's input and output; nil for none.
type operationPlan struct{ in, out *plan }

// planner holds the plans of one service.
type planner struct {
	mu    sync.Mutex
	svc   *awsapi.Service
	plans map[int32]*plan
	ops   sync.Map // *awsapi.Operation → *operationPlan
}

var planners sync.Map // *awsapi.Service → *planner

func planOf(svc *awsapi.Service, op *awsapi.Operation) *operationPlan {
	p, ok := planners.Load(svc)
	if !ok {
		p, _ = planners.LoadOrStore(svc, &planner{svc: svc, plans: map[int32]*plan{}})
	}
	return p.(*planner).operation(op)
}

func (p *planner) operation(op *awsapi.Operation) *operationPlan {
	if found, ok := p.ops.Load(op); ok {
		return found.(*operationPlan)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	made := new(operationPlan)
	if op.Input != awsapi.None {
		made.in = p.plan(op.Input, op.In)
	}
	if op.Output != awsapi.None {
		made.out = p.plan(op.Output, op.Out)
	}
	p.ops.Store(op, made)
	return made
}

// plan makes the plan of a shape; of a recursive one it returns the plan that
// is being made.
func (p *planner) plan(index int32, typ reflect.Type) *plan {
	if found := p.plans[index]; found != nil {
		return found
	}
	s := &p.svc.Shapes[index]
	pl := &plan{shape: s, typ: typ}
	p.plans[index] = pl
	switch s.Kind {
	case awsapi.Structure:
		p.structure(pl, s, typ)
	case awsapi.List:
		pl.elem = p.plan(s.Elem.Shape, typ.Elem())
		pl.elemName = or(s.Elem.Location, "member")
	case awsapi.Map:
		pl.key = p.plan(s.Key.Shape, typ.Key())
		pl.value = p.plan(s.Value.Shape, typ.Elem())
		pl.keyName, pl.valueName = or(s.Key.Location, "key"), or(s.Value.Location, "value")
	}
	return pl
}

func (p *planner) structure(pl *plan, s *awsapi.Shape, typ reflect.Type) {
	pl.byName = make(map[string]int, len(s.Members))
	for i := range s.Members {
		m := &s.Members[i]
		ft := typ.Field(i).Type
		pointer := ft.Kind() == reflect.Pointer
		if pointer {
			ft = ft.Elem()
		}
		f := field{member: m, at: i, pointer: pointer, plan: p.plan(m.Shape, ft)}
		name := or(m.Location, m.Name)
		f.jsonKey = `"` + name + `":`
		f.xml, f.query = name, name
		f.ec2 = or(m.Query, or(upperFirst(m.Location), m.Name))
		if target := &p.svc.Shapes[m.Shape]; target.Flattened && target.Kind == awsapi.List && target.Elem.Location != "" {
			f.xml, f.query = target.Elem.Location, target.Elem.Location
		}
		pl.byName[name] = len(pl.fields)
		pl.fields = append(pl.fields, f)
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}
