package playbook

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is text with values in it, in one or several languages. There are two sorts.
//
// Plain text goes into fields and keys. A value that is null leaves nothing behind.
//
// Words are spoken. A value that is null is said to be "not on file"; a value is one line, without
// braces, and at most [MaxSpokenValue] characters long. What a write will have returned stays in
// the text as {write.Field}, for the journal to fill in when it is known.
type Text struct {
	variants map[string][]piece // by language; "" is the one of plain text
	spoken   bool
	lang     string // the playbook's language, said where a variant is missing
	node     node   // where it stands, for faults
}

// piece is a stretch of text: what is written, what is worked out, or what is left to the journal.
type piece struct {
	literal string
	expr    *Expr
	kept    *Placeholder
}

// Placeholder is a value that only the journal can fill in.
type Placeholder struct{ Write, Field string }

// String is the placeholder as it stands in the words.
func (p Placeholder) String() string { return "{" + p.Write + "." + p.Field + "}" }

const (
	// MaxSpoken is what Vapi speaks of one tool result message, in characters.
	MaxSpoken = 1000
	// MaxSpokenValue is the longest value within spoken words; the rest of it is cut off.
	MaxSpokenValue = 160
)

// Render puts the values in. The language is only of account for words; one that the playbook does
// not have falls back to the playbook's own.
func (t *Text) Render(env *Env, lang string) (string, error) {
	if t == nil {
		return "", nil
	}
	lang, pieces := t.variant(lang)
	if len(pieces) == 1 && pieces[0].expr == nil && pieces[0].kept == nil {
		return pieces[0].literal, nil
	}
	var b strings.Builder
	for _, p := range pieces {
		switch {
		case p.kept != nil:
			b.WriteString(p.kept.String())
		case p.expr == nil:
			b.WriteString(p.literal)
		default:
			v, err := p.expr.eval(env, lang)
			if err != nil {
				return "", err
			}
			if t.spoken {
				b.WriteString(sayings(lang).value(v))
			} else {
				b.WriteString(format(v))
			}
		}
	}
	return b.String(), nil
}

// Languages are those that the text is written in; plain text has none.
func (t *Text) Languages() []string {
	langs := slices.Sorted(maps.Keys(t.variants))
	return slices.DeleteFunc(langs, func(l string) bool { return l == "" })
}

// variant picks the pieces for a language: itself, its main language (de for de-AT), the playbook's.
// With none of them, the first by name: a text that was loaded has at least one, and something is said.
func (t *Text) variant(lang string) (string, []piece) {
	main, _, _ := strings.Cut(lang, "-")
	for _, l := range []string{lang, main, t.lang} {
		if p, ok := t.variants[l]; ok {
			return l, p
		}
	}
	for _, l := range slices.Sorted(maps.Keys(t.variants)) {
		return l, t.variants[l]
	}
	return lang, nil
}

// fixed is a text without values, such as the offer of a transfer.
func (t *Text) fixed(lang string) string {
	if t == nil {
		return ""
	}
	_, pieces := t.variant(lang)
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.literal)
	}
	return b.String()
}

// placeholders are what the journal must know before the text can be said, in any language.
func (t *Text) placeholders() []Placeholder {
	var out []Placeholder
	for _, lang := range slices.Sorted(maps.Keys(t.variants)) {
		for _, p := range t.variants[lang] {
			if p.kept != nil && !slices.Contains(out, *p.kept) {
				out = append(out, *p.kept)
			}
		}
	}
	return out
}

// oneLine makes a value fit to stand in spoken words: one line, no control characters, no braces
// (which the journal would take for a placeholder), not too long.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '{':
			return '('
		case r == '}':
			return ')'
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= MaxSpokenValue {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:MaxSpokenValue-1])) + "…"
}

// plainText compiles a text for a field or a key.
func (c *compiler) plainText(n node) *Text {
	value := n.text()
	t := &Text{variants: map[string][]piece{"": c.pieces(n, value, "")}, lang: c.lang, node: n}
	n.src.kept = append(n.src.kept, &t.node)
	return t
}

// words compiles spoken text: one text in the playbook's language, or one for each language.
func (c *compiler) words(n node) *Text {
	t := &Text{variants: map[string][]piece{}, spoken: true, lang: c.lang, node: n}
	n.src.kept = append(n.src.kept, &t.node)
	if n.kind() != "a mapping" {
		t.variants[c.lang] = c.spoken(n, c.lang)
		return t
	}
	for _, e := range n.object().entries {
		if _, ok := tongues[e.name]; !ok {
			e.key.fault(fmt.Sprintf("%s is no language that words can be checked in", e.name), meantOr(e.name, languages()))
			continue
		}
		t.variants[e.name] = c.spoken(e.value, e.name)
	}
	if _, ok := t.variants[c.lang]; !ok {
		n.fault(fmt.Sprintf("the words are missing in %s, the playbook's language", c.lang), "")
	}
	return t
}

// spoken compiles the words of one language and checks what holds for any words.
// The length is that of the longest the words can become. Cut off while a caller listens, the end of a
// sentence is often the word "not".
func (c *compiler) spoken(n node, lang string) []piece {
	text := strings.TrimRight(n.text(), "\n")
	if strings.TrimSpace(text) == "" {
		n.fault("there is nothing to say", "")
		return nil
	}
	if strings.ContainsRune(text, '\n') {
		n.faultIn(text, strings.IndexByte(text, '\n'), "words are one line", "use >- to fold several lines into one")
	}
	pieces := c.pieces(n, text, lang)
	// Counted at the longest that each value can become.
	longest := 0
	for _, p := range pieces {
		longest += utf8.RuneCountInString(p.literal)
		if p.expr != nil || p.kept != nil {
			longest += MaxSpokenValue
		}
		if p.expr != nil {
			p.expr.selected(func(path string) {
				if name := path[strings.LastIndexByte(path, '.')+1:]; recordID.MatchString(name) {
					n.fault(fmt.Sprintf("%s is a record id, and record ids are never spoken", path), "say a name or a number that people use")
				}
			})
		}
		// The journal would take them for a placeholder of its own.
		if strings.ContainsAny(p.literal, "{}") {
			n.fault("braces can't be spoken", "")
		}
	}
	if longest > MaxSpoken {
		n.fault(fmt.Sprintf("the words may become %d characters long; %d can be spoken (a value counts %d)", longest, MaxSpoken, MaxSpokenValue), "shorten them")
	}
	return pieces
}

// recordID matches the names of fields that hold record ids: Id, AccountId, contactId, Order_Id__c.
var recordID = regexp.MustCompile(`^(id|ID)$|Id(__c)?$|_ID(__c)?$`)

// journalName matches what may be left to the journal: a write and a field of it, nothing else.
var journalName = regexp.MustCompile(`^\s*([A-Za-z_]\w*)\.([A-Za-z]\w*)\s*$`)

// pieces takes text apart at its braces. lang is empty for plain text.
func (c *compiler) pieces(n node, text, lang string) []piece {
	var out []piece
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			out = append(out, piece{literal: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		switch {
		// Doubled, a brace stands for itself, as in Python and in Rust.
		case strings.HasPrefix(text[i:], "{{"), strings.HasPrefix(text[i:], "}}"):
			literal.WriteByte(text[i])
			i++
		case text[i] == '}':
			n.faultIn(text, i, "a } without its {", "write }} for a brace that is meant")
		case text[i] == '{':
			end := closing(text, i)
			if end < 0 {
				n.faultIn(text, i, "a { without its }", "write {{ for a brace that is meant")
				return out
			}
			flush()
			if p, ok := c.value(n, text, [2]int{i + 1, end}, lang); ok {
				out = append(out, p)
			}
			i = end
		default:
			literal.WriteByte(text[i])
		}
	}
	flush()
	return out
}

// value compiles what stands between two braces.
func (c *compiler) value(n node, text string, span [2]int, lang string) (piece, bool) {
	inner := text[span[0]:span[1]]
	if m := journalName.FindStringSubmatch(inner); m != nil && lang != "" {
		// A write's name goes before an expression's: they share one set, so that there is never both.
		if w, ok := c.writes[m[1]]; ok {
			return ofWrite(spot{n, text, span[0]}, w, m[2], lang)
		}
	}
	e := c.compile(n, text, inner, span[0])
	return piece{expr: e}, e != nil
}

// spot is a place within a text.
type spot struct {
	node node
	text string
	at   int
}

func (s spot) fault(problem, mend string) { s.node.faultIn(s.text, s.at, problem, mend) }

// ofWrite is what words can say of a write: when it is due, and what was read back of it.
func ofWrite(at spot, w *Write, field, lang string) (piece, bool) {
	switch {
	case field == "due" && w.Due > 0:
		// It is known now: the span is part of the playbook, and of what truth.go reads.
		return piece{literal: sayings(lang).span(w.Due)}, true
	case field == "due":
		at.fault(fmt.Sprintf("the write %s has no due time", w.Name), fmt.Sprintf("add due: 2h to %s", w.Name))
	case recordID.MatchString(field):
		at.fault(fmt.Sprintf("%s.%s is a record id, and record ids are never spoken", w.Name, field), "say a name or a number that people use")
	case slices.Contains(w.ReadBack, field):
		return piece{kept: &Placeholder{w.Name, field}}, true
	default:
		at.fault(fmt.Sprintf("nothing reads %s back from %s", field, w.Name), orAdd(field, w))
	}
	return piece{}, false
}

// orAdd is the name that was meant, or how to have the field read back.
func orAdd(field string, w *Write) string {
	if m := meant(field, w.ReadBack); m != "" {
		return m
	}
	return fmt.Sprintf("add read_back: [%s] to %s", field, w.Name)
}

// closing finds the } that belongs to the { at i: quotes and inner braces are skipped.
// An apostrophe before the first brace is not a quote: closing begins at the brace.
func closing(text string, i int) int {
	depth, quote := 0, byte(0)
	for ; i < len(text); i++ {
		switch b := text[i]; {
		case quote != 0 && b == '\\':
			i++
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			if depth > 0 {
				quote = b
			}
		case b == '{':
			depth++
		case b == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
