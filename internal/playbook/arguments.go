package playbook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Arguments is what a tool may be asked with: one declaration that makes the schema for the model,
// the normalisation, and the check. See check.go.
type Arguments struct {
	properties []*property
	required   []string
	model      json.RawMessage // the schema that the model is given
	schema     *jsonschema.Schema
	region     string // for telephone numbers without a country
}

// property is one argument, or a part of one.
type property struct {
	name      string
	path      string
	kind      string // string number integer boolean object array
	ask       *Text  // the question that fetches it
	normalise string
	words     map[string]string // canonical spelling → value, of an enumeration and its synonyms
	also      []string          // other names that models use for it
	inner     []*property       // of an object
	required  []string          // of an object
	items     *property         // of an array
}

// pair and pairs are a JSON object that keeps its order: models read the first property first.
type pair struct {
	name  string
	value any
}

// pairs is an object in the order of the playbook. encoding/json would sort a map's keys.
type pairs []pair

// MarshalJSON writes the pairs in order.
func (p pairs) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(e.value)
		if err != nil {
			return nil, err
		}
		name, err := json.Marshal(e.name)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

const (
	// maxText is the length of a text argument that says nothing of its own.
	maxText = 255
	// maxProperties bounds what a model is asked for at once.
	maxProperties = 40
	// maxDepth is how deep arguments nest: what a caller can be asked for in one sentence is flat.
	maxDepth = 3
)

// The keywords of JSON Schema that are passed on as they are, by the kind of value that each takes.
var keywords = map[string]string{
	"minLength": "number", "maxLength": "number", "pattern": "text", "format": "text",
	"minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number", "multipleOf": "number",
	"minItems": "number", "maxItems": "number", "uniqueItems": "flag",
	"title": "text",
}

// formats are those that the check knows; anything else would be promised and not kept.
var formats = []string{"date", "date-time", "email", "time", "uri", "uuid"}

// arguments reads a tool's arguments. A tool without has an empty object.
func (b *builder) arguments(tool *object) *Arguments {
	a := &Arguments{region: b.book.Region}
	// additionalProperties is false so that the model is told not to invent any; what it sends all the
	// same is dropped by Check, not refused: the caller's ask is worth more than the model's manners.
	out := pairs{{"type", "object"}, {"properties", pairs{}}, {"required", []string{}}, {"additionalProperties", false}}
	before := len(b.src.faults)
	n, ok := tool.get("arguments")
	if ok {
		o := n.object()
		if kind := o.oneOf("type", "object"); kind != "object" {
			n.fault("the arguments are an object", "remove type")
		}
		var properties pairs
		a.properties, a.required, properties = b.properties(o, "", 0)
		o.close()
		out[1].value, out[2].value = properties, append([]string{}, a.required...)
	}
	var err error
	if a.model, err = json.Marshal(out); err == nil {
		a.schema, err = compileSchema(a.model)
	}
	if err != nil && len(b.src.faults) == before { // else it has been said better
		n.fault("the arguments are no JSON Schema: "+err.Error(), "")
	}
	return a
}

// compileSchema makes the check from the very bytes that the model is given, so that the two cannot
// differ. Formats are asserted: by the standard alone they would be notes (JSON Schema Validation,
// "Vocabularies for Semantic Content With format").
func compileSchema(text []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("playbook:arguments", doc); err != nil {
		return nil, err
	}
	return c.Compile("playbook:arguments")
}

// properties reads the properties of an object, and which of them must be there.
// One name for two arguments is a fault, other names included: which of them a model had meant could
// not be told.
func (b *builder) properties(o *object, path string, depth int) (out []*property, required []string, schema pairs) {
	schema = pairs{}
	taken := map[string]node{}
	n, ok := o.need("properties")
	if ok {
		entries := n.object().entries
		if len(entries) > maxProperties {
			n.fault(fmt.Sprintf("%d arguments are too many to ask a caller for; at most %d are allowed", len(entries), maxProperties), "")
		}
		for _, e := range entries {
			if !partName.MatchString(e.name) {
				e.key.fault(fmt.Sprintf("%q can't be an argument's name", e.name), "begin with a letter; use letters, digits and _")
			}
			p, s := b.property(e.name, join(path, e.name), e.value, depth)
			for _, name := range append([]string{p.name}, p.also...) {
				if first, twice := taken[name]; twice {
					e.key.fault(fmt.Sprintf("two arguments are called %s", name), fmt.Sprintf("the other stands on line %d", first.line()))
				}
				taken[name] = e.key
			}
			out, schema = append(out, p), append(schema, pair{e.name, s})
		}
	}
	if r, ok := o.get("required"); ok {
		for _, e := range r.list(true) {
			name := e.text()
			if !slices.ContainsFunc(out, func(p *property) bool { return p.name == name }) {
				e.fault(fmt.Sprintf("there is no argument %s", name), meantOr(name, propertyNames(out)))
			}
			required = append(required, name)
		}
	}
	return out, required, schema
}

// propertyNames are what a misspelt name may have meant.
func propertyNames(ps []*property) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.name
	}
	return out
}

// property reads one argument. Keywords of ours (ask, normalise, synonyms, also) stay with us; the
// rest is the schema.
func (b *builder) property(name, path string, n node, depth int) (*property, pairs) {
	p := &property{name: name, path: path}
	if n.kind() != "a mapping" {
		n.wrong("a mapping")
		return p, pairs{}
	}
	o := n.object()
	p.kind = o.oneOf("type", "string", "number", "integer", "boolean", "object", "array")
	schema := pairs{{"type", p.kind}}
	o.asked = append(o.asked, slices.Collect(maps.Keys(keywords))...)
	for _, e := range o.entries {
		if v, ok := b.keyword(o, e); ok {
			schema = append(schema, pair{e.name, v})
		}
	}
	if text := o.text("description"); text != "" {
		schema = append(schema, pair{"description", text})
	}
	if values := b.enumeration(o, p); len(values) > 0 {
		schema = append(schema, pair{"enum", values})
	} else if _, bounded := o.get("maxLength"); p.kind == "string" && !bounded {
		schema = append(schema, pair{"maxLength", maxText})
	}
	b.ours(o, p)
	switch {
	case depth >= maxDepth:
		n.fault("the arguments are nested too deep to be asked for", "")
	case p.kind == "object":
		inner, required, s := b.properties(o, path, depth+1)
		p.inner, p.required = inner, required
		schema = append(schema, pair{"properties", s}, pair{"required", append([]string{}, required...)}, pair{"additionalProperties", false})
	case p.kind == "array":
		if items, ok := o.need("items"); ok {
			var s pairs
			p.items, s = b.property(name, path, items, depth+1)
			schema = append(schema, pair{"items", s})
		}
	}
	o.close()
	return p, schema
}

// keyword passes a keyword of JSON Schema on.
// A keyword that is not in the table is refused by close, under its own name: one that the check
// ignored would be a promise to the model that nobody keeps.
func (b *builder) keyword(o *object, e entry) (any, bool) {
	kind, ok := keywords[e.name]
	if !ok {
		return nil, false
	}
	v, _ := o.get(e.name)
	switch kind {
	case "number":
		return v.number(), true
	case "flag":
		return v.bool(), true
	}
	text := v.text()
	if e.name == "format" && !slices.Contains(formats, text) {
		v.fault(fmt.Sprintf("the format %s is not checked", text), meantOr(text, formats))
	}
	if e.name == "pattern" {
		if _, err := regexp.Compile(text); err != nil {
			v.fault("the pattern is no regular expression: "+err.Error(), "")
			// The fault is told; something that compiles keeps the rest of the reading from telling it again.
			return ".*", true
		}
	}
	return text, true
}

// enumeration reads the values that an argument can have, and how else they are said.
// Synonyms stay with us: in the schema they would be values like the others, and be written to the org.
func (b *builder) enumeration(o *object, p *property) []any {
	var values []any
	n, ok := o.get("enum")
	for _, e := range o.list("enum") {
		v, _ := e.scalar()
		values = append(values, v)
		if text, isText := v.(string); isText && p.kind == "string" {
			p.spell(e, text, text)
		} else if p.kind == "string" {
			e.fault("a text argument has text values", "put it in quotes")
		}
	}
	if ok && len(values) == 0 {
		n.fault("an enumeration without values can't be met", "")
	}
	s, ok := o.get("synonyms")
	if !ok {
		return values
	}
	for _, e := range s.object().entries {
		if !slices.Contains(values, any(e.name)) {
			e.key.fault(fmt.Sprintf("%s is none of the values", e.name), meantOr(e.name, textsOf(values)))
		}
		for _, w := range e.value.list(true) {
			p.spell(w, w.text(), e.name)
		}
	}
	return values
}

// textsOf writes values as a person would.
func textsOf(values []any) []string {
	var out []string
	for _, v := range values {
		out = append(out, format(v))
	}
	return out
}

// spell notes a spelling of an enumeration's value. One spelling can't mean two values.
func (p *property) spell(n node, spelling, value string) {
	if p.words == nil {
		p.words = map[string]string{}
	}
	c := canonical(spelling)
	if c == "" {
		n.fault(fmt.Sprintf("%q has no word that could be heard", spelling), "")
		return
	}
	if other, taken := p.words[c]; taken && other != value {
		n.fault(fmt.Sprintf("%q already means %s", spelling, other), "")
		return
	}
	p.words[c] = value
}

// ours reads what the model is not given.
// A question promises nothing and claims nothing, which is checked as with any words.
func (b *builder) ours(o *object, p *property) {
	if n, ok := o.get("ask"); ok && b.plain != nil {
		p.ask = b.plain.words(n)
		b.truth.free(p.ask)
	}
	if n, ok := o.get("normalise"); ok {
		p.normalise = n.text()
		takes, known := normalisers[p.normalise]
		switch {
		case !known:
			n.fault(fmt.Sprintf("there is no normaliser %s", p.normalise), meantOr(p.normalise, normaliserNames()))
		case takes != p.kind && (takes != "number" || p.kind != "integer"):
			n.fault(fmt.Sprintf("%s makes a %s, and this is a %s", p.normalise, takes, p.kind), "")
		}
	}
	p.also = o.texts("also")
}

// declare names the arguments for expressions. One that need not be there may be null.
func (a *Arguments) declare(v *vocabulary) *cel.Type {
	return declareObject(v, "args", a.properties, a.required)
}

// declareObject names an object's members as a type of their own, so that args.adress is a fault of
// the playbook and not a null while a caller waits.
func declareObject(v *vocabulary, name string, properties []*property, required []string) *cel.Type {
	f := fields{}
	for _, p := range properties {
		t := p.declared(v, name)
		if !slices.Contains(required, p.name) {
			t = maybe(t)
		}
		f[p.name] = key(t, p.name)
	}
	v.structs[name] = f
	return objectType(name)
}

// declared is the argument's type in expressions. It is what Check returns, not what a model sends.
func (p *property) declared(v *vocabulary, owner string) *cel.Type {
	switch p.kind {
	case "number":
		return cel.DoubleType
	case "integer":
		return cel.IntType
	case "boolean":
		return cel.BoolType
	case "array":
		if p.items == nil {
			return cel.ListType(cel.DynType)
		}
		return cel.ListType(p.items.declared(v, owner))
	case "object":
		return declareObject(v, owner+"."+p.name, p.inner, p.required)
	}
	return types.StringType
}

// question is what fetches the argument, in the caller's language.
// A question that cannot be worked out is asked in general words: any is better than none.
func (p *property) question(env *Env, lang string) string {
	if p.ask != nil {
		if s, err := p.ask.Render(env, lang); err == nil {
			return s
		}
	}
	name := strings.ToLower(strings.TrimSpace(wordStart.ReplaceAllString(p.name, " $1")))
	return fmt.Sprintf(sayings(lang).question, strings.ReplaceAll(name, "_", " "))
}

// wordStart finds where a word begins in a name such as accountNumber.
var wordStart = regexp.MustCompile(`([A-Z][a-z]*)`)
