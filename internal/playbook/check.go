package playbook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// ArgFault is one thing that is wrong with the arguments of an ask. It never quotes what was said:
// the value may be personal, and the model has it anyway.
type ArgFault struct {
	Path    string // budget, address.city
	Problem string // "is missing", "must be one of house, condo, land"
	Ask     string // the question that mends it, in the caller's language
}

// String names the argument and its problem, as the model is told.
func (f ArgFault) String() string { return f.Path + " " + f.Problem }

// maxArguments bounds what a model may send, in bytes.
// Honest ones have a few hundred. The bound is for what is worked on, since every text is read by
// patterns and normalisers.
const maxArguments = 64 << 10

// Check normalises what the model sent and checks it against the schema that the model was given.
// Of env it uses the language, and today for dates such as "tomorrow".
//
// The result has only declared arguments, each of its declared type: whatever else was sent is
// dropped, so that nothing undeclared reaches an expression. Null and blank count as absent. If
// there are faults they come in the order in which the arguments were declared, the arguments that
// passed are returned with them, and nothing may be written.
func (a *Arguments) Check(raw json.RawMessage, env *Env) (map[string]any, []ArgFault) {
	if env == nil {
		env = &Env{}
	}
	c := &checking{env: env, region: a.region}
	sent, err := decode(raw)
	if err != nil {
		return map[string]any{}, []ArgFault{{Problem: "the arguments " + err.Error()}}
	}
	// Normalised first: the schema then sees what will be stored, and not what was heard.
	args := c.object(sent, a.properties)
	if err := a.schema.Validate(args); err != nil {
		var invalid *jsonschema.ValidationError
		if !errors.As(err, &invalid) {
			return args, []ArgFault{{Problem: "the arguments " + err.Error()}}
		}
		c.leaves(invalid, a.properties)
	}
	if len(c.faults) == 0 {
		return args, nil
	}
	c.order(a.properties)
	for _, f := range c.faults {
		// The whole top-level argument goes: half an address would be read as a whole one.
		top, _, _ := strings.Cut(f.Path, ".")
		delete(args, top)
	}
	return args, c.faults
}

// decode reads the arguments: an object, a string that holds one, or nothing at all.
func decode(raw json.RawMessage) (map[string]any, error) {
	if len(raw) > maxArguments {
		return nil, errors.New("are too long")
	}
	for range 2 { // an object within a string, and no deeper
		raw = bytes.TrimSpace(raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			return nil, nil
		}
		if raw[0] != '"' {
			break
		}
		var inner string
		if err := json.Unmarshal(raw, &inner); err != nil {
			return nil, errors.New("are not JSON")
		}
		raw = json.RawMessage(inner)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // an account number that was sent as a number keeps its digits
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, errors.New("are not a JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("are more than one JSON object")
	}
	return object, nil
}

// checking is one check under way.
type checking struct {
	env    *Env
	region string
	faults []ArgFault
}

// fault notes what is wrong with one argument. The first word on it stands: what a normaliser could
// not read, the schema would only find again.
func (c *checking) fault(p *property, path, problem string) {
	if slices.ContainsFunc(c.faults, func(f ArgFault) bool { return f.Path == path }) {
		return // one question for one argument
	}
	c.faults = append(c.faults, ArgFault{Path: path, Problem: problem, Ask: p.question(c.env, c.env.Language)})
}

// object keeps the declared properties, normalised.
// The declared name goes before the others, and of those the first that has a value: models send
// null for what they were not told.
func (c *checking) object(sent map[string]any, properties []*property) map[string]any {
	out := make(map[string]any, len(properties))
	for _, p := range properties {
		v, ok := sent[p.name]
		for _, other := range p.also {
			if ok && v != nil {
				break
			}
			v, ok = sent[other]
		}
		if v = c.value(p, v); v != nil {
			out[p.name] = v
		}
	}
	return out
}

// value normalises one value; nil is absent. What can't be normalised is left for the schema to refuse.
// Models send "5" for 5, 5 for "5", and one value for a list of one. Each has one reading only, and
// asking the caller again would be asking for what was said.
func (c *checking) value(p *property, v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return c.text(p, v)
	case json.Number:
		if p.kind == "string" {
			return c.text(p, v.String())
		}
		return numeric(p.kind, v.String())
	case bool:
		if p.kind == "string" && len(p.words) > 0 {
			return c.text(p, strconv.FormatBool(v))
		}
		return v
	case map[string]any:
		if p.kind == "object" {
			return c.object(v, p.inner)
		}
	case []any:
		if p.kind == "array" && p.items != nil {
			return c.list(p, v)
		}
		if len(v) == 1 && p.kind != "array" {
			return c.value(p, v[0])
		}
	}
	return v
}

// list keeps the entries that have a value. A list of none is absent, as a blank text is.
func (c *checking) list(p *property, v []any) any {
	out := make([]any, 0, len(v))
	for _, e := range v {
		if e = c.value(p.items, e); e != nil {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// text normalises what was said in words.
func (c *checking) text(p *property, s string) any {
	s = clean(s)
	if s == "" {
		return nil
	}
	switch p.kind {
	case "number", "integer":
		if f, ok := amount(s); ok {
			return numeric(p.kind, number(f))
		}
		return s
	case "boolean":
		if b, ok := truthValue(s); ok {
			return b
		}
		return s
	case "array":
		return c.list(p, []any{s})
	}
	if len(p.words) > 0 {
		if value, ok := p.words[canonical(s)]; ok {
			return value
		}
	}
	return c.normalised(p, s)
}

// normalised applies the property's own normaliser. A text that it can't take is a fault of its own:
// the schema would only see text.
func (c *checking) normalised(p *property, s string) any {
	var out string
	var problem string
	var ok bool
	switch p.normalise {
	case "phone":
		out, ok = phone(s, c.region)
		problem = "is not a telephone number that could exist"
	case "date":
		out, ok = date(s, c.env.Today, c.region)
		problem = "is not a date"
	case "email":
		out, ok = email(s)
		problem = "is not an e-mail address"
	case "case-number":
		out, ok = caseNumber(s)
		problem = "is not a case number"
	default:
		return s
	}
	if !ok {
		c.fault(p, p.path, problem)
		return s
	}
	return out
}

// numeric reads a JSON number as the property's kind; what has no exact reading stays text.
// A whole number is kept exact up to 2^53, beyond which a JSON number may have been rounded on its way.
func numeric(kind, s string) any {
	if kind == "integer" {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if kind == "integer" && f == float64(int64(f)) && f < 1<<53 && f > -1<<53 {
		return int64(f)
	}
	return f
}

// clean trims what was sent, and takes out the control characters, which have no business in speech.
// Line breaks stay: a description may have them.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s))
}

// leaves turns what the schema found into faults.
func (c *checking) leaves(e *jsonschema.ValidationError, properties []*property) {
	for _, cause := range e.Causes {
		c.leaves(cause, properties)
	}
	if len(e.Causes) > 0 {
		return
	}
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range missing.Missing {
			if p := find(properties, append(slices.Clone(e.InstanceLocation), name)); p != nil {
				c.fault(p, p.path, "is missing")
			}
		}
		return
	}
	if p := find(properties, e.InstanceLocation); p != nil {
		c.fault(p, p.path, problemOf(e.ErrorKind))
	}
}

// find goes down to the property at a place in the arguments; positions in lists are passed over.
func find(properties []*property, location []string) *property {
	var at *property
	for _, name := range location {
		if at != nil && at.kind == "array" {
			if at = at.items; at == nil {
				return nil
			}
			properties = at.inner
			continue
		}
		i := slices.IndexFunc(properties, func(p *property) bool { return p.name == name })
		if i < 0 {
			return nil
		}
		at = properties[i]
		properties = at.inner
	}
	return at
}

// problemOf says what is wrong without saying the value.
func problemOf(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Enum:
		return "must be one of " + strings.Join(textsOf(k.Want), ", ")
	case *kind.Type:
		return "must be " + map[string]string{
			"string": "text", "number": "a number", "integer": "a whole number",
			"boolean": "true or false", "array": "a list", "object": "an object",
		}[k.Want[0]]
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want)
	case *kind.Minimum:
		return "must be at least " + k.Want.RatString()
	case *kind.Maximum:
		return "must be at most " + k.Want.RatString()
	case *kind.ExclusiveMinimum:
		return "must be more than " + k.Want.RatString()
	case *kind.ExclusiveMaximum:
		return "must be less than " + k.Want.RatString()
	case *kind.MinItems:
		return fmt.Sprintf("needs at least %d entries", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("takes at most %d entries", k.Want)
	case *kind.Format:
		return "must be written as " + k.Want
	case *kind.Pattern:
		return "does not have the right form"
	}
	return "is not what the schema allows"
}

// order puts the faults in the order in which the arguments were declared; the schema's own check
// goes through objects in any order.
func (c *checking) order(properties []*property) {
	rank := map[string]int{}
	var declare func([]*property)
	declare = func(ps []*property) {
		for _, p := range ps {
			if _, twice := rank[p.path]; !twice { // a list and its entries have one path
				rank[p.path] = len(rank)
			}
			declare(p.inner)
			if p.items != nil {
				declare(p.items.inner)
			}
		}
	}
	declare(properties)
	slices.SortStableFunc(c.faults, func(a, b ArgFault) int { return rank[a.Path] - rank[b.Path] })
}
