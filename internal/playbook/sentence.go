package playbook

import (
	"fmt"
	"slices"
)

// Sentence is something to say, with what makes it true.
type Sentence struct {
	Say    *Text
	Result *Text           // the facts for the model; nil where they are the words themselves
	When   *Expr           // what must have been decided or read; nil is anything
	Needs  map[string]Need // what must have become of which write
	Failed bool            // the ask failed: the words are spoken as such
	node   node
}

// Need is what must have become of a write when the sentence is said.
type Need string

// Recorded is promised or done: it holds as long as the write is neither refused nor taken back.
const (
	Done      Need = "done"
	Recorded  Need = "recorded"
	Refused   Need = "refused"
	Withdrawn Need = "withdrawn"
)

var needs = []string{string(Done), string(Recorded), string(Refused), string(Withdrawn)}

// Holds is whether the sentence's condition holds when the ask is decided. Its needs are left to
// the journal.
func (s *Sentence) Holds(env *Env) (bool, error) { return s.When.Holds(env) }

// words reads the tool's own sentences.
func (tb *toolBuilder) words(o *object) {
	if _, ok := o.need("words"); ok {
		tb.tool.Words = tb.sentences(o, tb.tool.Writes)
	}
}

// sentences reads the words of a tool or a claim, which may speak of the writes given.
func (tb *toolBuilder) sentences(o *object, writes []*Write) []*Sentence {
	n, ok := o.need("words")
	if !ok {
		return nil
	}
	var out []*Sentence
	for _, e := range n.list(false) {
		if s := tb.sentence(e, writes); s != nil {
			out = append(out, s)
		}
	}
	if len(out) > 0 {
		tb.book.truth.check(n, out, writes)
	}
	return out
}

// sentence reads one. Its compiler is a copy that knows the writes it may speak of: a claim's words
// know one, the tool's know all.
func (tb *toolBuilder) sentence(n node, writes []*Write) *Sentence {
	o := n.object()
	if o.bad {
		return nil
	}
	s := &Sentence{Needs: map[string]Need{}, Failed: o.flag("failed"), node: n}
	n.src.kept = append(n.src.kept, &s.node)
	known := map[string]*Write{}
	for _, w := range writes {
		known[w.Name] = w
	}
	comp := *tb.comp
	comp.writes = known
	s.When = comp.condition(o, "when")
	if needed, ok := o.get("needs"); ok {
		for _, e := range needed.object().entries {
			if _, ok := known[e.name]; !ok {
				e.key.fault(fmt.Sprintf("there is no write %s", e.name), meantOr(e.name, names(writes)))
				continue
			}
			need := e.value.text()
			if !slices.Contains(needs, need) {
				e.value.fault(fmt.Sprintf("%q can't become of a write", need), meantOr(need, needs))
				continue
			}
			s.Needs[e.name] = Need(need)
		}
	}
	if say, ok := o.need("say"); ok {
		s.Say = comp.words(say)
	}
	if result, ok := o.get("result"); ok {
		s.Result = comp.words(result)
	}
	o.close()
	return s
}

// names are what a misspelt write may have meant.
func names(writes []*Write) []string {
	out := make([]string, len(writes))
	for i, w := range writes {
		out[i] = w.Name
	}
	return out
}

// placeholders are what the journal must fill in.
func (s *Sentence) placeholders() []Placeholder {
	var out []Placeholder
	for _, t := range []*Text{s.Say, s.Result} {
		if t != nil {
			out = append(out, t.placeholders()...)
		}
	}
	return out
}
