package playbook

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
)

// Write is one record that the tool promises to create or change.
type Write struct {
	Name   string
	Object string
	Do     Do
	Record *Value // of an update: the id; null means that nothing is written
	When   *Expr
	Needs  []string      // writes that must be done first
	Settle time.Duration // how long the caller may take it back; negative is the configured default
	Due    time.Duration // of a Task: done by a person no later than this; 0 is none
	Fields []Field

	ReadBack        []string // fields that Salesforce sets and that are spoken
	Duplicates      Duplicates
	AssignmentRules *bool  // nil leaves it to the org
	KeyField        string // the unique external-id field of a create; empty for other writes
	Key             *Value // instead of the intent's own key
}

// Do is what a write does.
type Do string

// A comment is a child record that has no external-id field, so that a repeat is found by its text.
const (
	Create  Do = "create"
	Change  Do = "update"
	Comment Do = "comment"
)

// Duplicates is what becomes of a create that the org's duplicate rules stop.
type Duplicates string

// Attach takes the record that matches, Save saves anyway where the rule permits it, Review waits
// for a person.
const (
	Attach Duplicates = "attach"
	Save   Duplicates = "save"
	Review Duplicates = "review"
)

// Field is one field of a write.
type Field struct {
	Name     string
	Value    *Value
	Picklist bool   // the value is matched to the org's picklist, or left out
	IDOf     string // instead of Value: the record id of another write, which is in Needs
	max      int    // characters that the field takes; 0 where unknown
}

// FieldValue is a field with the value that it shall get.
type FieldValue struct {
	Name     string
	Value    any
	Picklist bool
	IDOf     string
}

// DefaultKeyField is the external-id field under which a create can be repeated without harm.
const DefaultKeyField = "Hookswitch_Key__c"

// defaultSettle marks a write without a settle window of its own.
const defaultSettle = -1

// Map works out the fields in the order of the playbook. A field whose value is null is left out.
// Text longer than a standard field takes is cut: a request that is kept short is better than
// one that is refused.
func (w *Write) Map(env *Env) ([]FieldValue, error) {
	out := make([]FieldValue, 0, len(w.Fields))
	for i := range w.Fields {
		f := &w.Fields[i]
		if f.IDOf != "" {
			out = append(out, FieldValue{Name: f.Name, IDOf: f.IDOf})
			continue
		}
		v, err := f.Value.Eval(env)
		if err != nil {
			return nil, fmt.Errorf("write %s, field %s: %w", w.Name, f.Name, err)
		}
		if s, ok := v.(string); ok {
			// An empty text would clear the field: what is not known leaves it as it is.
			if s = cut(s, f.max); s == "" {
				v = nil
			} else {
				v = s
			}
		}
		if v != nil {
			out = append(out, FieldValue{Name: f.Name, Value: v, Picklist: f.Picklist})
		}
	}
	return out, nil
}

// cut shortens s to n characters. Salesforce counts UTF-16 units, so a margin is left for text that
// has any beyond the first plane.
func cut(s string, n int) string {
	if n == 0 || len(s) <= n {
		return s
	}
	units := 0
	for i, r := range s {
		if units++; r > 0xFFFF {
			units++
		}
		if units > n-1 {
			if utf8.RuneCountInString(s[i:]) == 1 && units <= n {
				return s
			}
			return strings.TrimRight(s[:i], " ") + "…"
		}
	}
	return s
}

// optional is whether an answer may come without the write.
// An update whose record is null is not made, which no condition has to say.
func (w *Write) optional() bool { return w.When != nil || w.Record != nil }

// prepareWrites reads the writes, and lets the words name them.
func (tb *toolBuilder) prepareWrites(o *object) {
	writes := map[string]*Write{}
	tb.comp.writes = writes
	list := o.list("writes")
	for _, n := range list { // so that a field that names a write is told what is wrong with that
		if name, ok := n.object().get("name"); ok && partName.MatchString(name.text()) {
			writes[name.text()] = &Write{}
		}
	}
	for _, n := range list {
		w := tb.write(n.object())
		tb.tool.Writes = append(tb.tool.Writes, w)
		writes[w.Name] = w
	}
	if len(tb.tool.Writes) > maxWrites {
		o.fault(fmt.Sprintf("the tool has %d writes; at most %d keep the words provable", len(tb.tool.Writes), maxWrites), "make two tools of it")
	}
}

// maxWrites bounds the verdicts that the words are checked against.
// Five writes have up to 5^5 combinations of fates; each sentence is held against all of them.
const maxWrites = 5

// write reads one write. Needs point to earlier ones only, so that they cannot form a ring.
func (tb *toolBuilder) write(o *object) *Write {
	w := &Write{Do: Do(o.oneOf("do", string(Create), string(Change), string(Comment)))}
	if name, ok := o.need("name"); ok {
		w.Name = name.text()
		tb.part(w.Name, name)
	}
	if object, ok := o.need("object"); ok {
		w.Object = object.text()
		checkObject(object, w.Object)
	}
	w.When = tb.comp.condition(o, "when")
	if needs, ok := o.get("needs"); ok {
		for _, need := range needs.list(true) {
			if _, known := tb.tool.Write(need.text()); !known {
				need.fault(fmt.Sprintf("no earlier write is called %s", need.text()), meantOr(need.text(), tb.writeNames()))
				continue
			}
			w.Needs = append(w.Needs, need.text())
		}
	}
	w.Settle = o.span("settle", defaultSettle, 10*time.Second)
	tb.target(o, w)
	tb.fields(o, w)
	tb.after(o, w)
	o.close()
	return w
}

// target reads which record is meant: an update's id, a create's key.
func (tb *toolBuilder) target(o *object, w *Write) {
	record, given := o.get("record")
	switch {
	case w.Do == Change && !given:
		o.fault("an update needs the record's id", "add record: =caller.contactId, or the Id of a read")
	case w.Do != Change && given:
		record.fault(fmt.Sprintf("do: %s has no record yet", w.Do), "remove record, or write do: update")
	case given:
		w.Record = tb.comp.valueOf(record)
		tb.notFromModel(record, w.Record)
	}
	key, ownKey := o.get("key")
	field, ownField := o.get("key_field")
	switch {
	case w.Do != Create && (ownKey || ownField):
		o.fault(fmt.Sprintf("do: %s is not found by a key", w.Do), "remove key and key_field")
	case w.Do == Create:
		// A create always has a key: without one a repeat could not be told from a second record.
		w.KeyField = DefaultKeyField
		if ownField {
			w.KeyField = field.text()
			checkField(field, w.Object, w.KeyField, true)
		}
		if ownKey {
			w.Key = tb.comp.valueOf(key)
		}
	}
	w.Duplicates = Duplicates(o.oneOf("duplicates", string(Attach), string(Save), string(Review)))
	if n, ok := o.get("assignment_rules"); ok {
		run := n.bool()
		w.AssignmentRules = &run
	}
	if due, ok := o.get("due"); ok {
		// Nothing else is shown to a person as overdue.
		if w.Due = due.duration(); w.Object != "Task" {
			due.fault(fmt.Sprintf("only a Task can be due, not a %s", w.Object), "")
		}
	}
}

// notFromModel refuses a record id that the model would choose: models invent ids, and a caller
// could name somebody else's.
func (tb *toolBuilder) notFromModel(n node, v *Value) {
	for _, e := range exprsOf(v) {
		e.selected(func(path string) {
			if strings.HasPrefix(path, "args.") {
				n.fault(fmt.Sprintf("%s comes from the model, which invents record ids", path), "read the record first, and use the read's Id")
			}
		})
	}
}

// exprsOf are the expressions of a value; none of a literal.
func exprsOf(v *Value) []*Expr {
	var out []*Expr
	if v != nil && v.Expr != nil {
		out = append(out, v.Expr)
	}
	if v != nil && v.Text != nil {
		for _, pieces := range v.Text.variants {
			for _, p := range pieces {
				if p.expr != nil {
					out = append(out, p.expr)
				}
			}
		}
	}
	return out
}

// fields reads what is written. What Salesforce requires must be there for a create; what a playbook
// leaves to the program (the key, the dates of a due Task) must not.
func (tb *toolBuilder) fields(o *object, w *Write) {
	n, ok := o.need("fields")
	if !ok {
		return
	}
	var given []string
	for _, e := range n.object().entries {
		checkField(e.key, w.Object, e.name, true)
		given = append(given, e.name)
		w.Fields = append(w.Fields, tb.field(w, e))
		switch {
		case w.KeyField == e.name:
			e.key.fault(fmt.Sprintf("%s is the key, which is set by itself", e.name), "leave it out")
		case w.Due > 0 && slices.Contains([]string{"ActivityDate", "ReminderDateTime", "IsReminderSet"}, e.name):
			e.key.fault(fmt.Sprintf("%s follows from due", e.name), "leave it out")
		}
	}
	if len(w.Fields) == 0 {
		n.fault("a write without fields writes nothing", "")
	}
	for _, must := range standard().required[w.Object] {
		if w.Do != Change && !slices.Contains(given, must) {
			n.fault(fmt.Sprintf("a %s can't be created without %s", w.Object, must), fmt.Sprintf("add %s", must))
		}
	}
}

// field reads one field: a value, {picklist: value}, or {id_of: write}.
func (tb *toolBuilder) field(w *Write, e entry) Field {
	c, _ := findColumn(w.Object, e.name)
	f := Field{Name: e.name, Value: &Value{}, max: c.max}
	value := e.value
	if value.kind() == "a mapping" {
		o := value.object()
		if of, ok := o.get("id_of"); ok {
			f.IDOf = of.text()
			if !slices.Contains(w.Needs, f.IDOf) {
				of.fault(fmt.Sprintf("the id of %s is known only when it is done", f.IDOf), fmt.Sprintf("add needs: [%s]", f.IDOf))
			}
			o.close()
			return f
		}
		picked, ok := o.get("picklist")
		o.close()
		if !ok {
			return f
		}
		f.Picklist, value = true, picked
	}
	f.Value = tb.comp.valueOf(value)
	tb.fits(value, w.Object, f, c)
	// A reference is a record id as well, in whatever field it stands.
	if c.kind == "reference" {
		tb.notFromModel(value, f.Value)
	}
	return f
}

// fits reports a value that the field's type can't take.
func (tb *toolBuilder) fits(n node, object string, f Field, c column) {
	have := ""
	switch {
	case f.Value.Text != nil:
		have = "text"
	case f.Value.Expr != nil && f.Value.Expr.kind != types.DynKind:
		have = kindName(f.Value.Expr.kind)
	case f.Value.Literal != nil:
		have = n.kind()
	}
	want := map[string]string{"double": "a number", "int": "a number", "boolean": "true or false", "string": "text", "reference": "text"}[c.kind]
	if have != "" && want != "" && have != want {
		n.fault(fmt.Sprintf("%s.%s takes %s, and this is %s", object, f.Name, want, have), "")
	}
}

// after reads what is wanted back of the write.
// It costs a request after the write, and is asked for only where words need it.
func (tb *toolBuilder) after(o *object, w *Write) {
	n, ok := o.get("read_back")
	if !ok {
		return
	}
	for _, f := range n.list(true) {
		name := f.text()
		checkField(f, w.Object, name, false)
		if name == "due" {
			f.fault("due says something else of a write", "")
		}
		w.ReadBack = append(w.ReadBack, name)
	}
}
