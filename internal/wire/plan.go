package wire

import (
	"cmp"
	"reflect"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// plan is how one shape is read and written. Plans are made when an operation
// is first used, and kept; shapes of a service share theirs.
type plan struct {
	shape  *awsapi.Shape
	typ    reflect.Type // without the pointer
	fields []field
	// byName finds a field by its name in JSON, byParam by its name in a query.
	byName, byParam map[string]*field
	elem            *plan
	elemName        string        // a list's element in XML and query
	empty           reflect.Value // the list of none
	key, value      *plan
}

// field is one member of a structure.
type field struct {
	member  *awsapi.Member
	plan    *plan
	at      int  // index in the struct
	pointer bool // the struct holds a pointer to the plan's type
	jsonKey string
	element string // name in XML
	param   string // name in a query
}

// operationPlan is the plans of an operation's input and output, nil for none.
type operationPlan struct {
	in, out *plan
	spare   sync.Pool // of *[]byte: what answers were written in
}

// buffer is an empty one, with room where an answer has been released.
func (o *operationPlan) buffer() *[]byte {
	if b, ok := o.spare.Get().(*[]byte); ok {
		return b
	}
	return new(make([]byte, 0, 512))
}

// planner makes and holds the plans of one service.
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
	found, _ := p.ops.LoadOrStore(op, made)
	return found.(*operationPlan)
}

// plan makes the plan of a shape; inside a recursive shape it returns the plan
// that is being made.
func (p *planner) plan(index int32, typ reflect.Type) *plan {
	if found := p.plans[index]; found != nil {
		return found
	}
	s := &p.svc.Shapes[index]
	pl := &plan{shape: s, typ: typ}
	p.plans[index] = pl
	switch s.Kind {
	case awsapi.Structure:
		p.structure(pl)
	case awsapi.List:
		pl.elem, pl.elemName = p.plan(s.Elem, typ.Elem()), cmp.Or(s.ElemName, "member")
		pl.empty = reflect.MakeSlice(typ, 0, 0)
	case awsapi.Map:
		pl.key, pl.value = p.plan(s.Key, typ.Key()), p.plan(s.Value, typ.Elem())
	}
	return pl
}

func (p *planner) structure(pl *plan) {
	members := pl.shape.Members
	pl.fields = make([]field, len(members))
	pl.byName, pl.byParam = make(map[string]*field, len(members)), make(map[string]*field, len(members))
	for i := range members {
		m, typ := &members[i], pl.typ.Field(i).Type
		f := &pl.fields[i]
		*f = field{member: m, at: i, pointer: typ.Kind() == reflect.Pointer, element: cmp.Or(m.Location, m.Name)}
		if f.pointer {
			typ = typ.Elem()
		}
		f.plan = p.plan(m.Shape, typ)
		f.jsonKey = `"` + f.element + `":`
		f.param = f.element
		if p.svc.Protocol == "ec2" {
			f.param = cmp.Or(m.Query, upperFirst(f.element))
		}
		pl.byName[f.element], pl.byParam[f.param] = f, f
	}
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}
