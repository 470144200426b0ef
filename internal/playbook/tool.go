package playbook

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Tool is one thing that the model may ask for: what it must say, what is looked up, what is
// written, and what the caller hears.
type Tool struct {
	Name        string
	Also        []string // names of other tutorials and older assistants
	Description string
	Deadline    time.Duration // of the answer; 0 is the configured default
	Args        *Arguments
	Confirm     Confirm
	Reads       []*Read  // asked at the same time, before anything is decided
	Claims      []*Claim // checked in order; the first that is held answers
	Writes      []*Write
	Words       []*Sentence // the first that is true is said

	ofCaller bool // something depends on who the caller is
}

// Confirm asks for the caller's yes, after the details were read back, before anything is written.
type Confirm struct {
	On  bool
	Say *Text    // the question, if the yes is missing
	Yes []string // words that are a yes, in lower case
}

// Read is one lookup. It is not asked where When doesn't hold or a compared value is null:
// "no account number" must never find the accounts that have none.
type Read struct {
	Name   string
	Object string
	Fields []string
	Where  []Condition // all must hold
	When   *Expr
	Order  []Order
	Limit  int
}

// Condition compares a field, or one of a parent as in Account.AccountNumber, with a value.
type Condition struct {
	Field string
	Op    string // = != < <= > >= like in
	Value *Value
}

// Order sorts what is read.
type Order struct {
	Field      string
	Descending bool
}

// Claim keeps a second ask from making a second record: who takes the key first writes, and who
// comes within the window hears of the first.
type Claim struct {
	Name   string
	Key    *Text
	Window time.Duration
	Unless *Expr       // the claim is not asked for where this holds
	Intent string      // the write that answers for the claim
	Then   Then        // what becomes of the second ask
	Words  []*Sentence // their verdicts are those of the first ask's write, or of the update
}

// Then is what a second ask under a held claim does.
type Then string

// Same leaves the record as it is; Update writes the fields that differ to it.
const (
	Same   Then = "same"
	Update Then = "update"
)

// Held returns the claim's key and whether the claim is to be asked for at all. A key with a part
// that is not known would lump strangers together, so it claims nothing.
func (c *Claim) Held(env *Env) (key string, asked bool, err error) {
	if c.Unless != nil {
		if except, err := c.Unless.Holds(env); err != nil || except {
			return "", false, err
		}
	}
	_, pieces := c.Key.variant("")
	var b strings.Builder
	for _, p := range pieces {
		s := p.literal
		if p.expr != nil {
			v, err := p.expr.Eval(env)
			if err != nil {
				return "", false, err
			}
			if s = format(v); s == "" {
				return "", false, nil
			}
		}
		b.WriteString(s)
	}
	return b.String(), b.Len() > 0, nil
}

// Schema is the JSON Schema of the arguments as the model is given it; the check uses the same.
func (t *Tool) Schema() json.RawMessage { return t.Args.model }

// Read returns the read of that name.
func (t *Tool) Read(name string) (*Read, bool) {
	i := slices.IndexFunc(t.Reads, func(r *Read) bool { return r.Name == name })
	if i < 0 {
		return nil, false
	}
	return t.Reads[i], true
}

// Write returns the write of that name.
func (t *Tool) Write(name string) (*Write, bool) {
	i := slices.IndexFunc(t.Writes, func(w *Write) bool { return w.Name == name })
	if i < 0 {
		return nil, false
	}
	return t.Writes[i], true
}

// longestDeadline is what a tool may take at most: Vapi waits 20 s, and a caller far less.
const longestDeadline = 15 * time.Second

// toolName is what Vapi takes for a function's name.
var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// partName is what a read, a write or a claim can be called, so that expressions can name it.
var partName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,39}$`)

// reserved are the names that reads and writes can't have.
// The second line and the third are CEL's own (CEL language definition, "Syntax").
var reserved = []string{
	"args", "call", "caller", "transfer", "now", "today", "language",
	"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
	"package", "namespace", "null", "return", "true", "var", "void", "while", "bool", "bytes", "double", "dyn", "int",
	"list", "map", "string", "type", "uint",
}

// toolBuilder reads one tool.
type toolBuilder struct {
	book  *builder
	tool  *Tool
	names map[string]node // reads and writes share one set of names
	vocab *vocabulary
	comp  *compiler
}

// tool reads a tool from its mapping.
func (b *builder) tool(n node) *Tool {
	o := n.object()
	t := &Tool{}
	tb := &toolBuilder{book: b, tool: t, names: map[string]node{}, vocab: newVocabulary()}
	if name, ok := o.need("name"); ok {
		t.Name = name.text()
		b.named(name, t.Name)
	}
	if also, ok := o.get("also"); ok {
		for _, a := range also.list(true) {
			t.Also = append(t.Also, a.text())
			b.named(a, a.text())
		}
	}
	if d, ok := o.need("description"); ok {
		t.Description = d.text()
		if len([]rune(t.Description)) >= 1000 {
			d.fault(fmt.Sprintf("the description has %d characters; Vapi takes fewer than 1000", len([]rune(t.Description))), "")
		}
	}
	t.Deadline = o.span("deadline", 0, longestDeadline)
	// From here on each part may name what those before it declare: the reads see the arguments, the writes
	// the reads, the words the writes.
	t.Args = b.arguments(o)
	tb.vocab.vars["args"] = t.Args.declare(tb.vocab)
	if tb.comp = b.compiler(tb.vocab); tb.comp == nil {
		return t
	}
	tb.reads(o)
	tb.prepareWrites(o)
	tb.confirm(o)
	tb.words(o)
	tb.claims(o)
	o.close()
	return t
}

// named takes a tool's name or other name, which no other may have.
func (b *builder) named(n node, name string) {
	if !toolName.MatchString(name) {
		n.fault(fmt.Sprintf("%q can't be a tool's name", name), "use up to 64 letters, digits, _ and -")
		return
	}
	if first, taken := b.toolNames[name]; taken {
		n.fault(fmt.Sprintf("there is a tool %s already", name), fmt.Sprintf("it stands on line %d", first.line()))
		return
	}
	b.toolNames[name] = n
}

// part takes the name of a read or write.
// Names of reads and writes are variables in expressions: a second one would hide the first.
func (tb *toolBuilder) part(name string, at node) bool {
	switch first, taken := tb.names[name]; {
	case !partName.MatchString(name):
		at.fault(fmt.Sprintf("%q can't be a name here", name), "begin with a letter; use letters, digits and _")
	case slices.Contains(reserved, name):
		at.fault(fmt.Sprintf("the name %s has a meaning of its own", name), "use another")
	case taken:
		at.fault(fmt.Sprintf("there is a read or write %s already", name), fmt.Sprintf("it stands on line %d", first.line()))
	default:
		tb.names[name] = at
		return true
	}
	return false
}

// reads takes the lookups, and only then lets expressions name them.
func (tb *toolBuilder) reads(o *object) {
	n, ok := o.get("read")
	if !ok {
		return
	}
	entries := n.object().entries
	for _, e := range entries {
		if r := tb.read(e); tb.part(e.name, e.key) {
			tb.tool.Reads = append(tb.tool.Reads, r)
		}
	}
	// Only now: reads run side by side, so none can see another.
	after := tb.vocab.with()
	for _, r := range tb.tool.Reads {
		after.read(r)
	}
	if c := tb.book.compiler(after); c != nil {
		tb.vocab, tb.comp = after, c
	}
}

// read reads one lookup.
func (tb *toolBuilder) read(e entry) *Read {
	o := e.value.object()
	r := &Read{Name: e.name, Limit: int(o.between("limit", 2, 1, 200))}
	if n, ok := o.need("object"); ok {
		r.Object = n.text()
		checkObject(n, r.Object)
	}
	if n, ok := o.need("fields"); ok {
		for _, f := range n.list(true) {
			name := f.text()
			// A field of that name would hide what is said of the read itself.
			if slices.Contains([]string{"found", "many", "none", "failed", "count"}, name) {
				f.fault(fmt.Sprintf("%s says something else of a read", name), "")
				continue
			}
			checkField(f, r.Object, name, false)
			r.Fields = append(r.Fields, name)
		}
	}
	if n, ok := o.need("where"); ok {
		for _, w := range n.object().entries {
			checkPath(w.key, r.Object, w.name)
			r.Where = append(r.Where, tb.where(w))
		}
		if len(r.Where) == 0 {
			n.fault("a read without a condition would return anything", "compare at least one field")
		}
	}
	r.When = tb.comp.condition(o, "when")
	if n, ok := o.get("order"); ok {
		for _, f := range n.list(true) {
			r.Order = append(r.Order, order(f, r.Object))
		}
	}
	o.close()
	return r
}

// where is `Field: value` or `Field: {op: value}`.
func (tb *toolBuilder) where(e entry) Condition {
	c := Condition{Field: e.name, Op: "="}
	value := e.value
	if value.kind() == "a mapping" {
		o := value.object()
		if len(o.entries) != 1 {
			value.fault("a comparison is one operator and its value", "")
			return c
		}
		operators := []string{"=", "!=", "<", "<=", ">", ">=", "like", "in"}
		c.Op, value = o.entries[0].name, o.entries[0].value
		if !slices.Contains(operators, c.Op) {
			o.entries[0].key.fault(fmt.Sprintf("%q is no comparison", c.Op), meantOr(c.Op, operators))
		}
	}
	c.Value = tb.comp.valueOf(value)
	return c
}

// orderTerm is a field and, where the greatest shall be first, desc.
var orderTerm = regexp.MustCompile(`^([A-Za-z]\w*)(?:\s+(asc|desc))?$`)

// order reads "Field" or "Field desc". Records without a value come first, as Salesforce sorts where it
// is not told otherwise (SOQL and SOSL Reference, "ORDER BY").
func order(n node, object string) Order {
	m := orderTerm.FindStringSubmatch(n.text())
	if m == nil {
		n.fault("an order is a field, and desc where the greatest shall be first", "write CreatedDate desc")
		return Order{}
	}
	checkField(n, object, m[1], false)
	return Order{Field: m[1], Descending: m[2] == "desc"}
}

// confirm reads what must be read back before anything is written. Its question is asked before any
// write exists, so that it may claim nothing.
func (tb *toolBuilder) confirm(o *object) {
	n, ok := o.get("confirm")
	if !ok {
		return
	}
	c := n.object()
	tb.tool.Confirm.On = c.flag("on")
	tb.tool.Confirm.Yes = c.texts("yes")
	if say, ok := c.need("say"); ok {
		tb.tool.Confirm.Say = tb.comp.words(say)
		tb.book.truth.free(tb.tool.Confirm.Say)
	}
	if len(tb.tool.Confirm.Yes) == 0 {
		tb.tool.Confirm.Yes = slices.Sorted(maps.Keys(affirmatives))
	}
	c.close()
}

// claims reads the tool's claims. A window is needed: one that never ends would turn a caller's new
// problem of next year into last year's case.
func (tb *toolBuilder) claims(o *object) {
	for _, n := range o.list("dedupe") {
		c := n.object()
		claim := &Claim{Name: c.text("name"), Then: Then(c.oneOf("then", string(Same), string(Update)))}
		if key, ok := c.need("key"); ok {
			claim.Key = tb.comp.plainText(key)
		}
		if _, ok := c.need("window"); ok {
			claim.Window = c.span("window", 0, 90*day)
		}
		claim.Unless = tb.comp.condition(c, "unless")
		at, named := c.need("intent")
		if named {
			claim.Intent = at.text()
		}
		first, known := tb.tool.Write(claim.Intent)
		if named && !known {
			at.fault(fmt.Sprintf("there is no write %s", claim.Intent), meantOr(claim.Intent, tb.writeNames()))
		}
		if !partName.MatchString(claim.Name) {
			c.fault("a claim needs a name", "begin with a letter; use letters, digits and _")
		}
		if slices.ContainsFunc(tb.tool.Claims, func(other *Claim) bool { return other.Name == claim.Name }) {
			c.fault(fmt.Sprintf("there is a claim %s already", claim.Name), "")
		}
		if known {
			claim.Words = tb.claimWords(c, first)
		}
		c.close()
		tb.tool.Claims = append(tb.tool.Claims, claim)
	}
}

// claimWords are the claim's own or, where the tool has one write only, the tool's: its sentences
// are then true of that write, whichever ask it came from.
func (tb *toolBuilder) claimWords(c *object, first *Write) []*Sentence {
	if _, own := c.get("words"); own || len(tb.tool.Writes) != 1 {
		if !own {
			c.fault("words are missing", "the tool's own speak of more than the write that answers for the claim")
		}
		return tb.sentences(c, []*Write{first})
	}
	return tb.tool.Words
}

// writeNames are what a misspelt write may have meant.
func (tb *toolBuilder) writeNames() []string {
	names := make([]string, len(tb.tool.Writes))
	for i, w := range tb.tool.Writes {
		names[i] = w.Name
	}
	return names
}
