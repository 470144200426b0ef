package playbook

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The functions that a playbook has beyond CEL's own and its string library. Each takes null where
// a value may be unknown, so that an optional argument needs no test around it.
//
//	orElse(x, y)            x, or y where x is null or empty
//	only(condition, x)      x where the condition holds, else null (a field with null is left out)
//	fold(x)                 letters and digits only, in lower case: for keys and comparisons
//	digits(x)               the digits only
//	last4(x)                the last four digits, apart, to be spoken
//	join(list, separator)   the entries as one text, without the null ones
//	spokenDate(x, language) "2026-03-03" as "March 3, 2026" or "3. März 2026"

// functionNames are what a misspelt name may have meant.
func functionNames() []string {
	return []string{"orElse", "only", "fold", "digits", "last4", "join", "spokenDate"}
}

// functions declares them to the checker and the interpreter.
func functions() []cel.EnvOption {
	t := cel.TypeParamType("T")
	text := func(name string, f func(string) string) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_dyn", []*cel.Type{cel.DynType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(f(format(plain(v)))) })))
	}
	return []cel.EnvOption{
		text("fold", fold), text("digits", digits), text("last4", last4),
		cel.Function("orElse", cel.Overload("orElse_dyn_T", []*cel.Type{cel.DynType, t}, t,
			cel.BinaryBinding(func(x, y ref.Val) ref.Val {
				if x == types.NullValue || x == types.String("") {
					return y
				}
				return x
			}))),
		// Not strict: what cannot be worked out ("text" + null) does not matter where the condition is false.
		cel.Function("only", cel.Overload("only_bool_T", []*cel.Type{cel.BoolType, t}, t, cel.OverloadIsNonStrict(),
			cel.BinaryBinding(func(condition, x ref.Val) ref.Val {
				switch condition {
				case types.True:
					return x
				case types.False:
					return types.NullValue
				}
				return condition // an error, or unknown
			}))),
		cel.Function("join", cel.Overload("join_list_string", []*cel.Type{cel.ListType(cel.DynType), cel.StringType}, cel.StringType,
			cel.BinaryBinding(joinList))),
		cel.Function("spokenDate", cel.Overload("spokenDate_dyn_string", []*cel.Type{cel.DynType, cel.StringType}, cel.StringType,
			cel.BinaryBinding(func(x, lang ref.Val) ref.Val {
				return types.String(spokenDate(format(plain(x)), fmt.Sprint(lang.Value())))
			}))),
	}
}

// joinList is join: what is null or blank leaves no separator behind.
func joinList(list, separator ref.Val) ref.Val {
	entries, ok := plain(list).([]any)
	if !ok {
		return types.NewErr("join needs a list")
	}
	var parts []string
	for _, e := range entries {
		if s := format(e); s != "" {
			parts = append(parts, s)
		}
	}
	return types.String(strings.Join(parts, fmt.Sprint(separator.Value())))
}

// fold keeps the letters and digits of s, in lower case.
// Accents stay: "Müller" and "Muller" are two names.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// digits keeps the ASCII digits of s.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// last4 is what may be said of a long number: its last four digits, spoken one by one.
// Said apart, or a voice would read them as one number: one thousand two hundred thirty-four.
func last4(s string) string {
	d := digits(s)
	d = d[max(0, len(d)-4):]
	return strings.Join(strings.Split(d, ""), " ")
}

// spokenDate says the date that an ISO date or date-time begins with; anything else stays as it is.
func spokenDate(s, lang string) string {
	if len(s) < len(time.DateOnly) {
		return s
	}
	d, err := time.Parse(time.DateOnly, s[:len(time.DateOnly)])
	if err != nil {
		return s
	}
	return sayings(lang).date(d)
}
