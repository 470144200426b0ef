package playbook

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// Expr is one CEL expression, checked against what may be named where it stands.
// It may be evaluated by many goroutines at once.
type Expr struct {
	text     string
	program  cel.Program
	checked  *celast.AST
	kind     types.Kind // of the result; DynKind where only the value will tell
	transfer *Transfer
	lang     string // the playbook's language
}

// String is the expression as written.
func (e *Expr) String() string { return e.text }

// Eval returns the expression's value as a plain Go value: nil, bool, int64, float64, string,
// time.Time, []any or map[string]any. An error is a value that the types didn't foresee, such as
// arithmetic on a null; it names the expression, never a value, for values may be personal.
func (e *Expr) Eval(env *Env) (any, error) { return e.eval(env, "") }

// eval is Eval in a language that words have chosen, which may be another than the caller's.
func (e *Expr) eval(env *Env, lang string) (any, error) {
	if lang == "" {
		lang = env.Language
	}
	if lang == "" {
		lang = e.lang
	}
	out, _, err := e.program.Eval(&scope{env: env, transfer: e.transfer, lang: lang})
	if err != nil {
		return nil, fmt.Errorf("evaluate %q: %w", e.text, err)
	}
	return plain(out), nil
}

// Holds evaluates a condition. A nil expression is one that nobody wrote, and holds.
func (e *Expr) Holds(env *Env) (bool, error) {
	if e == nil {
		return true, nil
	}
	v, err := e.Eval(env)
	if err != nil {
		return false, err
	}
	// Null is not true: a condition over something unknown does not hold.
	return v == true, nil
}

// plain turns a CEL value into the Go value that it stands for.
func plain(v ref.Val) any {
	switch v := v.(type) {
	case types.Null:
		return nil
	case types.String:
		return string(v)
	case types.Bool:
		return bool(v)
	case types.Int:
		return int64(v)
	case types.Uint:
		if v > math.MaxInt64 {
			return float64(v)
		}
		return int64(v)
	case types.Double:
		return float64(v)
	case types.Timestamp:
		return v.Time
	case types.Duration:
		return v.Duration
	}
	switch out := v.Value().(type) {
	case []ref.Val:
		list := make([]any, len(out))
		for i, e := range out {
			list[i] = plain(e)
		}
		return list
	case map[ref.Val]ref.Val:
		object := make(map[string]any, len(out))
		for k, e := range out {
			object[fmt.Sprint(k.Value())] = plain(e)
		}
		return object
	default:
		return out
	}
}

// compiler compiles the expressions that share a vocabulary.
type compiler struct {
	*vocabulary
	env      *cel.Env
	transfer *Transfer
	lang     string
	writes   map[string]*Write // what the words may leave to the journal
}

// Variables are declared in the order of their names, so that one playbook is always compiled in
// the same way.
func newCompiler(v *vocabulary, transfer *Transfer, lang string) (*compiler, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	options := append([]cel.EnvOption{
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(provider{registry, v.structs}),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(64),
		ext.Strings(),
	}, functions()...)
	for _, name := range slices.Sorted(maps.Keys(v.vars)) {
		options = append(options, cel.Variable(name, v.vars[name]))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("prepare expressions: %w", err)
	}
	return &compiler{vocabulary: v, env: env, transfer: transfer, lang: lang}, nil
}

const (
	// maxExpression bounds what is parsed at all, in characters.
	maxExpression = 4096
	// maxCost bounds the work of one evaluation, in CEL's units (about a field access each), worked
	// out before anything starts from the largest inputs there can be. What passes needs no meter
	// while a caller waits.
	maxCost = 200_000
)

// compile compiles text, which stands at byte offset within the value of n. Faults go to n.
// The result is nil if there are any.
func (c *compiler) compile(n node, value, text string, offset int) *Expr {
	if strings.TrimSpace(text) == "" {
		n.faultIn(value, offset, "an expression is missing", "")
		return nil
	}
	checked, issues := c.env.Compile(text)
	if issues != nil && issues.Err() != nil {
		for _, e := range issues.Errors() {
			at := position(text, e.Location.Line(), e.Location.Column())
			problem, mend := c.explain(text, at, e.Message)
			n.faultIn(value, offset+at, problem, mend)
			if strings.HasPrefix(e.Message, "Syntax error") {
				break // what follows the first is an echo of it
			}
		}
		return nil
	}
	kind := checked.OutputType().Kind()
	// A read or the caller as a whole has no form in which it could be said or stored.
	if kind == types.StructKind || kind == types.TypeKind {
		n.faultIn(value, offset, fmt.Sprintf("%s is a whole object, not a value", text), "name one of its fields")
		return nil
	}
	// An expression whose cost cannot be estimated is let through: the parser's limits bound it.
	if estimate, err := c.env.EstimateCost(checked, sizes{}); err == nil && estimate.Max > maxCost {
		n.faultIn(value, offset, "the expression may take too long while a caller waits", "avoid loops within loops over lists")
		return nil
	}
	program, err := c.env.Program(checked, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		n.faultIn(value, offset, err.Error(), "")
		return nil
	}
	return &Expr{text: text, program: program, checked: checked.NativeRep(), kind: kind, transfer: c.transfer, lang: c.lang}
}

// condition compiles an expression that must be true or false.
func (c *compiler) condition(o *object, name string) *Expr {
	n, ok := o.get(name)
	if !ok {
		return nil
	}
	text := n.text()
	inner := strings.TrimPrefix(text, "=") // a condition is an expression with or without the sign
	e := c.compile(n, text, inner, len(text)-len(inner))
	if e != nil && e.kind != types.BoolKind && e.kind != types.DynKind {
		n.fault(fmt.Sprintf("%s must be true or false; %s is %s", name, inner, kindName(e.kind)), "compare it with something")
		return nil
	}
	return e
}

// kindName is the type as a person who writes playbooks would call it.
func kindName(k types.Kind) string {
	switch k {
	case types.StringKind:
		return "text"
	case types.IntKind, types.DoubleKind, types.UintKind:
		return "a number"
	case types.BoolKind:
		return "true or false"
	case types.TimestampKind:
		return "a time"
	case types.ListKind:
		return "a list"
	}
	return "something else"
}

// position turns a line and column of the expression into a byte offset.
// The checker counts characters, faults count bytes of the value.
func position(text string, line, col int) int {
	offset := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[offset:], '\n')
		if i < 0 {
			break
		}
		offset += i + 1
	}
	for i := range text[offset:] {
		if col == 0 {
			return offset + i
		}
		col--
	}
	return len(text)
}

// What the CEL checker says of a name that isn't there. Compared with cel-go 0.33.
var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	undefined  = regexp.MustCompile(`^undefined field '([^']*)'`)
	overload   = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
	dotted     = regexp.MustCompile(`[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$`)
)

// explain says in our words what the checker found, with the name that was probably meant.
// A message that is not known here is passed on as it came, so that a later cel-go can be worse worded
// but not wrong.
func (c *compiler) explain(text string, at int, message string) (problem, mend string) {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		if _, ok := c.writes[m[1]]; ok {
			return fmt.Sprintf("what the write %s returns is not known when this is worked out", m[1]),
				fmt.Sprintf("only words can use it, alone in braces: {%s.Field}", m[1])
		}
		return fmt.Sprintf("nothing here is called %s", m[1]), meantOr(m[1], append(slices.Collect(maps.Keys(c.vars)), functionNames()...))
	}
	if m := undefined.FindStringSubmatch(message); m != nil {
		owner := strings.TrimRight(text[:at], " .")
		if name := dotted.FindString(owner); name != "" {
			if f, ok := c.structs[name]; ok {
				return fmt.Sprintf("%s has no %s", name, m[1]), meantOr(m[1], slices.Collect(maps.Keys(f)))
			}
		}
		return fmt.Sprintf("there is no field %s", m[1]), ""
	}
	if m := overload.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s can't be applied to %s", strings.Trim(m[1], "_"), readable.Replace(m[2])), ""
	}
	message, _, _ = strings.Cut(strings.TrimPrefix(message, "Syntax error: "), " expecting {")
	return strings.Replace(message, "mismatched input '<EOF>'", "the expression ends too early", 1), ""
}

// readable puts the checker's names of types into words.
var readable = strings.NewReplacer("wrapper(string)", "text", "wrapper(double)", "number", "wrapper(int)", "number", "wrapper(bool)", "truth value",
	"string", "text", "double", "number", "int", "number", "bool", "truth value")

// sizes tells the cost check how large inputs can be: text as long as the longest Salesforce field
// that we write, lists as long as a read's limit.
type sizes struct{}

// EstimateSize bounds one input.
func (sizes) EstimateSize(element cost.AstNode) *cost.SizeEstimate {
	switch element.Type().Kind() {
	case types.ListKind, types.MapKind:
		return &cost.SizeEstimate{Max: 200}
	}
	return &cost.SizeEstimate{Max: 32_000}
}

// EstimateCallCost leaves the functions' costs to the defaults.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// selected calls visit with every field that the expression names, by the way to it.
// It visits inner ways as well: args.address.city also as args.address.
func (e *Expr) selected(visit func(path string)) {
	celast.PreOrderVisit(e.checked.Expr(), celast.NewExprVisitor(func(x celast.Expr) {
		if x.Kind() == celast.SelectKind {
			visit(selectPath(x))
		}
	}))
}

// selectPath is the way to a field as it was written: args.address.city. Anything but names in it, such
// as an index, makes an empty part.
func selectPath(x celast.Expr) string {
	switch x.Kind() {
	case celast.SelectKind:
		return selectPath(x.AsSelect().Operand()) + "." + x.AsSelect().FieldName()
	case celast.IdentKind:
		return x.AsIdent()
	}
	return ""
}

// format writes a value as text: numbers without an exponent, times in RFC 3339.
func format(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return number(v)
	case time.Time:
		return v.Format(time.RFC3339)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = format(e)
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(v)
}
