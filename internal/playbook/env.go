package playbook

import (
	"maps"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// Env is what an expression sees while one ask is decided. Whoever fills it decides what is true:
// Args came from the model and were checked, everything else the server knows by itself, and no
// argument can take its place.
type Env struct {
	Args     map[string]any // as [Arguments.Check] returned them
	Call     Call
	Caller   Caller
	Reads    map[string]*Rows // by the read's name; one that was not asked is absent
	Now      time.Time
	Today    string // the date in the org's zone, 2026-11-20
	Language string // of the words; empty is the playbook's own
}

// Call is the conversation that the ask came from.
type Call struct {
	ID, Number, Workspace string // Number is ours: the one that was called, or called from
	About                 About
}

// About are the records that the call was placed about, checked ids; empty where unknown.
type About struct {
	LeadID, OpportunityID, CustomerID, CaseID string
}

// Caller is who is on the line, by the envelope's number and our look-up; empty where unknown.
type Caller struct {
	Number                       string // E.164; empty on a web call
	Known                        bool
	Failed                       bool // no answer in time: nothing is known, not even that nobody has the number
	ContactID, AccountID, LeadID string
	Name                         string
}

// Rows is what one read returned. A read whose `when` didn't hold was not asked and has no Rows.
type Rows struct {
	Failed  bool // no answer in time: nothing is known, not even that nothing matches
	Records []map[string]any
}

// nothing turns an empty string into null: in an expression, unknown is null and never "".
func nothing(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// fields are the declared members of one object type in expressions.
type fields map[string]*types.FieldType

// member declares one: its type, and how it is got from the Go value that stands behind the object.
func member[T any](t *cel.Type, get func(T) any) *types.FieldType {
	return &types.FieldType{
		Type: t,
		GetFrom: func(object any) (any, error) {
			v, ok := object.(T)
			if !ok {
				return nil, nil // an object that isn't there has no members
			}
			return get(v), nil
		},
		IsSet: func(object any) bool {
			v, ok := object.(T)
			return ok && get(v) != nil
		},
	}
}

// key declares a member of an object that is a Go map.
// An argument that is not there reads as null.
func key(t *cel.Type, name string) *types.FieldType {
	return member(t, func(m map[string]any) any { return m[name] })
}

// maybe is the type of a value that may be null.
// Only these have a form in CEL that may be null (its wrapper types); the others are left as they are.
func maybe(t *cel.Type) *cel.Type {
	switch t.Kind() {
	case types.StringKind, types.DoubleKind, types.IntKind, types.BoolKind:
		return types.NewNullableType(t)
	}
	return t
}

// vocabulary is what the expressions of one place may name.
type vocabulary struct {
	vars    map[string]*cel.Type
	structs map[string]fields
}

// newVocabulary has the names that are known everywhere.
func newVocabulary() *vocabulary {
	optional := maybe(cel.StringType)
	call := func(get func(*Call) any) *types.FieldType { return member(optional, get) }
	about := func(get func(*About) any) *types.FieldType { return member(optional, get) }
	caller := func(get func(*Caller) any) *types.FieldType { return member(optional, get) }
	v := &vocabulary{vars: map[string]*cel.Type{}, structs: map[string]fields{
		"call": {
			"id":        call(func(c *Call) any { return nothing(c.ID) }),
			"number":    call(func(c *Call) any { return nothing(c.Number) }),
			"workspace": call(func(c *Call) any { return c.Workspace }),
			"about":     member(objectType("call.about"), func(c *Call) any { return &c.About }),
		},
		"call.about": {
			"leadId":        about(func(a *About) any { return nothing(a.LeadID) }),
			"opportunityId": about(func(a *About) any { return nothing(a.OpportunityID) }),
			"customerId":    about(func(a *About) any { return nothing(a.CustomerID) }),
			"caseId":        about(func(a *About) any { return nothing(a.CaseID) }),
		},
		"caller": {
			"number":    caller(func(c *Caller) any { return nothing(c.Number) }),
			"known":     member(cel.BoolType, func(c *Caller) any { return c.Known }),
			"failed":    member(cel.BoolType, func(c *Caller) any { return c.Failed }),
			"contactId": caller(func(c *Caller) any { return nothing(c.ContactID) }),
			"accountId": caller(func(c *Caller) any { return nothing(c.AccountID) }),
			"leadId":    caller(func(c *Caller) any { return nothing(c.LeadID) }),
			"name":      caller(func(c *Caller) any { return nothing(c.Name) }),
		},
		"transfer": {
			"number": member(optional, func(t spokenTransfer) any { return nothing(t.transfer.spoken) }),
			"offer":  member(optional, func(t spokenTransfer) any { return nothing(t.transfer.Offer.fixed(t.lang)) }),
		},
	}}
	for _, name := range []string{"call", "caller", "transfer"} {
		v.vars[name] = objectType(name)
	}
	v.vars["now"], v.vars["today"], v.vars["language"] = cel.TimestampType, cel.StringType, cel.StringType
	return v
}

// read declares what a read will have returned.
// A nil *Rows, a read that was not asked, answers false to everything: not found, and not none
// either. Only an answer says that something is not there.
func (v *vocabulary) read(r *Read) {
	f := fields{
		"found":  member(cel.BoolType, func(r *Rows) any { return r != nil && len(r.Records) > 0 }),
		"many":   member(cel.BoolType, func(r *Rows) any { return r != nil && len(r.Records) > 1 }),
		"none":   member(cel.BoolType, func(r *Rows) any { return r != nil && !r.Failed && len(r.Records) == 0 }),
		"failed": member(cel.BoolType, func(r *Rows) any { return r != nil && r.Failed }),
		"count": member(cel.IntType, func(r *Rows) any {
			if r == nil {
				return int64(0)
			}
			return int64(len(r.Records))
		}),
	}
	for _, name := range append([]string{"Id"}, r.Fields...) {
		f[name] = member(maybe(celType(r.Object, name)), func(r *Rows) any {
			if r == nil || len(r.Records) == 0 {
				return nil
			}
			return r.Records[0][name]
		})
	}
	v.structs[r.Name] = f
	v.vars[r.Name] = objectType(r.Name)
}

// with is a copy that more can be declared in.
// The one it was made from stays as it is, for the expressions that were compiled over it.
func (v *vocabulary) with() *vocabulary {
	return &vocabulary{vars: maps.Clone(v.vars), structs: maps.Clone(v.structs)}
}

// objectPrefix keeps the names of object types apart from the ways that expressions write: a type
// called call.about would hide the field.
const objectPrefix = "object "

// objectType is the type of the object of that name; provider knows its members.
func objectType(name string) *cel.Type { return cel.ObjectType(objectPrefix + name) }

// provider lets the expression language see the vocabulary's object types.
type provider struct {
	*types.Registry
	structs map[string]fields
}

// FindStructType is asked by the checker for each type that a variable has.
func (p provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.structs[strings.TrimPrefix(name, objectPrefix)]; ok && strings.HasPrefix(name, objectPrefix) {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames lists the members, for the checker's own messages.
func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	f, ok := p.structs[strings.TrimPrefix(name, objectPrefix)]
	if !ok {
		return p.Registry.FindStructFieldNames(name)
	}
	names := make([]string, 0, len(f))
	for n := range f {
		names = append(names, n)
	}
	return names, true
}

// FindStructFieldType is how a misspelt member is found before anything starts.
func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if f, ok := p.structs[strings.TrimPrefix(name, objectPrefix)]; ok {
		t, ok := f[field]
		return t, ok
	}
	return p.Registry.FindStructFieldType(name, field)
}

// spokenTransfer is the transfer as one language says it.
type spokenTransfer struct {
	transfer *Transfer
	lang     string
}

// scope resolves an expression's names from an Env.
type scope struct {
	env      *Env
	transfer *Transfer
	lang     string
}

// Parent is nil: there is nothing to look further in.
func (s *scope) Parent() cel.Activation { return nil }

// ResolveName returns the value behind a variable.
func (s *scope) ResolveName(name string) (any, bool) {
	switch name {
	case "args":
		return s.env.Args, true
	case "call":
		return &s.env.Call, true
	case "caller":
		return &s.env.Caller, true
	case "transfer":
		return spokenTransfer{s.transfer, s.lang}, true
	case "now":
		return s.env.Now, true
	case "today":
		return s.env.Today, true
	case "language":
		return s.lang, true
	}
	return s.env.Reads[name], true // a nil *Rows is a read that was not asked
}
