package playbook

import "strings"

// Value is what a playbook writes somewhere: `= expression` with the expression's own type, text
// with {values} in it, or a plain number or truth value.
type Value struct {
	Literal any
	Expr    *Expr
	Text    *Text
}

// Eval works the value out. Null means that it is not known: a field with it is left out of a write.
// Text is rendered in no language: what is written to a field is not spoken.
func (v *Value) Eval(env *Env) (any, error) {
	switch {
	case v.Expr != nil:
		return v.Expr.Eval(env)
	case v.Text != nil:
		return v.Text.Render(env, "")
	}
	return v.Literal, nil
}

// value compiles a value; null is none, for a field that shall stay empty is not written at all.
func (c *compiler) valueOf(n node) *Value {
	raw, ok := n.scalar()
	if !ok {
		n.wrong("a value")
		return &Value{}
	}
	if raw == nil {
		n.fault("a value is missing", "leave the name out, or write a value")
		return &Value{}
	}
	text, isText := raw.(string)
	switch {
	case !isText:
		return &Value{Literal: raw}
	case strings.HasPrefix(text, "="):
		return &Value{Expr: c.compile(n, text, text[1:], 1)}
	case strings.ContainsAny(text, "{}"):
		return &Value{Text: c.plainText(n)}
	}
	return &Value{Literal: text}
}
