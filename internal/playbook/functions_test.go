package playbook

import (
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

func TestFunctionsTakeWhatIsNotKnown(t *testing.T) {
	v := newVocabulary()
	v.structs["args"] = fields{}
	a := &Arguments{properties: []*property{{name: "x", kind: "string"}, {name: "list", kind: "array"}}}
	v.vars["args"] = a.declare(v)
	c, err := newCompiler(v, &Transfer{}, "en")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		expr string
		args map[string]any
		want any
	}{
		{`orElse(args.x, "none")`, nil, "none"},
		{`orElse(args.x, "none")`, map[string]any{"x": ""}, "none"},
		{`orElse(args.x, "none")`, map[string]any{"x": "a"}, "a"},
		{`only(args.x == null, "a")`, nil, "a"},
		{`only(args.x != null, "a")`, nil, nil},
		{`fold(args.x)`, nil, ""},
		{`fold(args.x)`, map[string]any{"x": "Acme-Ö 1"}, "acmeö1"},
		{`digits(args.x)`, map[string]any{"x": "+1 (555) 01"}, "155501"},
		{`last4(args.x)`, map[string]any{"x": "0015551234"}, "1 2 3 4"},
		{`last4(args.x)`, map[string]any{"x": "12"}, "1 2"},
		{`last4(args.x)`, nil, ""},
		{`join(args.list, ", ")`, map[string]any{"list": []any{"a", nil, "b"}}, "a, b"},
		{`spokenDate("2026-03-03", language)`, nil, "March 3, 2026"},
		{`spokenDate("2026-03-03T10:00:00Z", "de")`, nil, "3. März 2026"},
		{`spokenDate(args.x, language)`, nil, ""},
		{`spokenDate("soon", language)`, nil, "soon"},
		{`today + " " + string(now)`, nil, "2026-11-20 2026-11-20T12:00:00Z"},
		{`caller.name == null && !caller.known && call.about.caseId == "500A"`, nil, true},
	} {
		src := &source{file: "f"}
		e := c.compile(node{src: src}, tc.expr, tc.expr, 0)
		if e == nil {
			t.Errorf("%s: %v", tc.expr, src.faults)
			continue
		}
		env := &Env{Args: tc.args, Today: "2026-11-20", Now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), Call: Call{About: About{CaseID: "500A"}}}
		if got, err := e.Eval(env); err != nil || got != tc.want {
			t.Errorf("%s: got %v %v, want %v", tc.expr, got, err, tc.want)
		}
	}
}

func TestTextIsCutToWhatTheFieldTakes(t *testing.T) {
	for _, s := range []string{strings.Repeat("a", 400), strings.Repeat("é", 400), strings.Repeat("🙂", 400), strings.Repeat("a", 255), "short"} {
		got := cut(s, 255)
		if n := len(utf16.Encode([]rune(got))); n > 255 {
			t.Errorf("%.8s: got %d UTF-16 units, want at most 255", s, n)
		}
		if len(utf16.Encode([]rune(s))) <= 255 && got != s {
			t.Errorf("got %q, want %q as it is", got, s)
		}
	}
	w := &Write{Name: "case", Fields: []Field{{Name: "Subject", Value: &Value{Literal: strings.Repeat("a", 300)}, max: 255}}}
	got, err := w.Map(&Env{})
	if err != nil || len([]rune(got[0].Value.(string))) != 255 {
		t.Errorf("got %v %v, want 255 characters", got, err)
	}
}

func TestFilesThatNoPlaybookCouldBeAreRefusedEarly(t *testing.T) {
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", 100_000), "braces": "a: " + strings.Repeat("{b: ", 20_000), "dashes": strings.Repeat("- ", 50_000),
		"lines": strings.Repeat("a: b\n", maxLines+1), "bytes": "a: " + strings.Repeat("b", maxSource), "empty": "", "documents": "name: a\n---\nname: b\n",
	} {
		began := time.Now()
		faults := Check("p.yaml", []byte(text))
		if len(faults) == 0 || time.Since(began) > 5*time.Second {
			t.Errorf("%s: got %d faults after %v", name, len(faults), time.Since(began))
		}
	}
	var many strings.Builder
	many.WriteString("name: a\nx")
	for i := range 3 * maxFaults {
		many.WriteString(strings.Repeat("y", i%50+1) + strings.Repeat("z", i/50+1) + ": 1\n")
	}
	if faults := Check("p.yaml", []byte(many.String())); len(faults) > maxFaults {
		t.Errorf("got %d faults, want at most %d", len(faults), maxFaults)
	}
}
