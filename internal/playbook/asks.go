package playbook

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// ofCaller are the names that stand for what a look-up by number finds.
var ofCaller = []string{"caller.known", "caller.failed", "caller.contactId", "caller.accountId", "caller.leadId", "caller.name"}

// NeedsCaller reports whether anything in the tool depends on who the caller is, beyond the number. A tool
// that does not spares the org a question.
func (t *Tool) NeedsCaller() bool { return t.ofCaller }

// asksOfCaller finds that out, once for all asks of the tool.
func (t *Tool) asksOfCaller() bool {
	for _, e := range t.expressions() {
		found := false
		e.selected(func(path string) { found = found || slices.Contains(ofCaller, path) })
		if found {
			return true
		}
	}
	return false
}

// expressions are all expressions of the tool.
// It must know every place that can hold one: an expression that it misses would see no caller, and
// greet a known one as a stranger.
func (t *Tool) expressions() []*Expr {
	var all []*Expr
	add := func(exprs ...*Expr) {
		for _, e := range exprs {
			if e != nil {
				all = append(all, e)
			}
		}
	}
	text := func(texts ...*Text) {
		for _, x := range texts {
			add(exprsOf(&Value{Text: x})...)
		}
	}
	sentences := func(list []*Sentence) {
		for _, s := range list {
			add(s.When)
			text(s.Say, s.Result)
		}
	}
	text(t.Confirm.Say)
	for _, r := range t.Reads {
		add(r.When)
		for _, c := range r.Where {
			add(exprsOf(c.Value)...)
		}
	}
	for _, c := range t.Claims {
		add(c.Unless)
		text(c.Key)
		sentences(c.Words)
	}
	for _, w := range t.Writes {
		add(w.When)
		add(exprsOf(w.Record)...)
		add(exprsOf(w.Key)...)
		for _, f := range w.Fields {
			add(exprsOf(f.Value)...)
		}
	}
	sentences(t.Words)
	return all
}

// Values are the values in the text as they would be rendered, without those of more than most
// characters. A read-back is recognised by them.
// Longer ones are descriptions, which nobody repeats word for word.
func (t *Text) Values(env *Env, most int) ([]string, error) {
	if t == nil {
		return nil, nil
	}
	_, pieces := t.variant(env.Language)
	var out []string
	for _, p := range pieces {
		if p.expr == nil {
			continue
		}
		v, err := p.expr.Eval(env)
		if err != nil {
			return nil, err
		}
		if s := format(v); s != "" && utf8.RuneCountInString(s) <= most {
			out = append(out, s)
		}
	}
	return out, nil
}

// Spoken is the offer of a person in a language, or "" where there is nobody to offer.
func (t *Transfer) Spoken(lang string) string {
	if t == nil || t.Number == "" {
		return ""
	}
	return t.Offer.fixed(lang)
}

// ofRows are the members of every read, which say how it went and not what it found.
var ofRows = []string{"found", "many", "none", "failed", "count"}

// Fields are the fields of the read of that name on which the expression depends.
func (e *Expr) Fields(read string) []string {
	var out []string
	e.selected(func(path string) {
		field, of := strings.CutPrefix(path, read+".")
		if of && !slices.Contains(ofRows, field) && !slices.Contains(out, field) {
			out = append(out, field)
		}
	})
	return out
}
