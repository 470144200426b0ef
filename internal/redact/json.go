package redact

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep values may nest (encoding/json reads as deep); maxNested how many times JSON may
// stand in a string of JSON.
const (
	maxDepth  = 10000
	maxNested = 4
)

// JSON masks what must never be kept in a message body: texts as Text does, numbers that are cards, the
// values of keys that name a credential or a code, prompts (system messages, the model's messages) and the
// headers of servers. All other bytes stay as they are, and a body without findings is returned as it came.
// A body that is no JSON is masked as text.
func JSON(body []byte) []byte {
	for range maxPasses {
		w := walker{s: string(body)}
		edits, err := w.document()
		if err != nil {
			return []byte(Text(w.s))
		}
		masked := splice(w.s, edits)
		if masked == w.s {
			break
		}
		body = []byte(masked)
		// Every message of Vapi has prompts and addresses to mask, and they stand by themselves.
		if !slices.ContainsFunc(edits, movesOthers) {
			break
		}
	}
	return body
}

// movesOthers reports whether a finding can bring a keyword closer to another number.
func movesOthers(e span) bool {
	return !strings.Contains(e.mask, maskSecret) && !strings.Contains(e.mask, maskPrompt)
}

var errNotJSON = errors.New("not JSON")

// mode says what becomes of the values below a key.
type mode uint8

const (
	asText   mode = iota
	asSecret      // every value is masked
	asPrompt      // every text is masked
	asCVV         // a code, whatever its form
	asSSN
	asCard
	asWord // one word of a transcript: figures alone give a number away bit by bit
)

// walker goes through one body and collects edits. It is lenient: what encoding/json accepts it accepts.
type walker struct {
	s      string
	edits  []span
	f      finder
	said   []message
	lists  int // lists so far, to tell whose messages follow each other
	list   int // the list around the current value
	depth  int
	nested int
	buf    []byte
}

// message is a text in a list of messages with roles.
type message struct {
	list       int
	user       bool
	start, end int
	number     bool // has figures or number words
	marked     bool // says what a number is
}

// place is where a value stands.
type place struct {
	mode mode
	key  string // the key of the object around it
}

func (w *walker) document() ([]span, error) {
	i, err := w.value(w.blank(0), place{})
	if err != nil {
		return nil, err
	}
	if w.blank(i) != len(w.s) {
		return nil, errNotJSON
	}
	w.messages()
	w.edits = tidy(w.edits)
	return w.edits, nil
}

func (w *walker) blank(i int) int {
	for i < len(w.s) && (w.s[i] == ' ' || w.s[i] == '\n' || w.s[i] == '\r' || w.s[i] == '\t') {
		i++
	}
	return i
}

// value reads the value at i and returns where it ends.
func (w *walker) value(i int, p place) (int, error) {
	if i >= len(w.s) {
		return i, errNotJSON
	}
	switch w.s[i] {
	case '{', '[':
		if w.depth++; w.depth > maxDepth {
			return i, errNotJSON
		}
		defer func() { w.depth-- }()
		if w.s[i] == '[' {
			return w.array(i, p)
		}
		return w.object(i, p)
	case '"':
		end, escaped, err := w.string(i)
		if err != nil {
			return i, err
		}
		w.text(i+1, end-1, escaped, p.mode)
		return end, nil
	}
	end := i
	for end < len(w.s) && strings.IndexByte(",]} \t\r\n", w.s[end]) < 0 {
		end++
	}
	if end == i {
		return i, errNotJSON
	}
	w.number(i, end, p.mode)
	return end, nil
}

// string finds the end of the string at i.
func (w *walker) string(i int) (end int, escaped bool, err error) {
	for j := i + 1; j < len(w.s); j++ {
		switch w.s[j] {
		case '"':
			return j + 1, escaped, nil
		case '\\':
			escaped = true
			j++
		}
	}
	return i, false, errNotJSON
}

func (w *walker) array(i int, p place) (int, error) {
	outer := w.list
	w.lists++
	w.list = w.lists
	defer func() { w.list = outer }()
	if i = w.blank(i + 1); i < len(w.s) && w.s[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := w.value(i, p)
		if err != nil {
			return i, err
		}
		if i = w.blank(end); i >= len(w.s) {
			return i, errNotJSON
		}
		switch w.s[i] {
		case ',':
			i = w.blank(i + 1)
		case ']':
			return i + 1, nil
		default:
			return i, errNotJSON
		}
	}
}

// entry is what an object turns out to hold, once its end is reached: keys come in any order.
type entry struct {
	role       string
	start, end int // its text
	isText     bool
	number     bool
	marked     bool
	edits      int // as many there were before its text
}

func (w *walker) object(i int, p place) (int, error) {
	var e entry
	if i = w.blank(i + 1); i < len(w.s) && w.s[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(w.s) || w.s[i] != '"' {
			return i, errNotJSON
		}
		end, escaped, err := w.string(i)
		if err != nil {
			return i, err
		}
		key := w.s[i+1 : end-1]
		w.key(i+1, end-1, escaped)
		if i = w.blank(end); i >= len(w.s) || w.s[i] != ':' {
			return i, errNotJSON
		}
		i = w.blank(i + 1)
		if end, err = w.member(i, key, p, &e); err != nil {
			return i, err
		}
		if i = w.blank(end); i >= len(w.s) {
			return i, errNotJSON
		}
		switch w.s[i] {
		case ',':
			i = w.blank(i + 1)
		case '}':
			w.finish(e)
			return i + 1, nil
		default:
			return i, errNotJSON
		}
	}
}

// key masks a key that holds what must not be kept.
func (w *walker) key(start, end int, escaped bool) {
	if end-start >= 13 {
		w.text(start, end, escaped, asText)
	}
}

// member reads the value of a key.
func (w *walker) member(i int, key string, p place, e *entry) (int, error) {
	inner := place{mode: p.mode, key: key}
	if p.mode == asText || p.mode == asWord {
		inner.mode = modeOf(key, p.key)
	}
	if p.mode == asPrompt && (key == "role" || key == "type") {
		inner.mode = asText
	}
	edits := len(w.edits)
	w.f.numberSeen, w.f.marks = false, [3][]int{w.f.marks[0][:0], w.f.marks[1][:0], w.f.marks[2][:0]}
	end, err := w.value(i, inner)
	if err != nil {
		return i, err
	}
	switch key {
	case "role", "speaker":
		if end-i > 2 && w.s[i] == '"' {
			e.role = w.s[i+1 : end-1]
		}
	case "message", "content", "text", "transcript":
		e.start, e.end, e.edits, e.isText = i, end, edits, true
		e.number = w.f.numberSeen
		e.marked = len(w.f.marks[0])+len(w.f.marks[1])+len(w.f.marks[2]) > 0
	}
	return end, nil
}

// finish deals with an object that turned out to be a message.
func (w *walker) finish(e entry) {
	if !e.isText {
		return
	}
	switch e.role {
	case "system", "developer":
		after := w.edits[e.edits:]
		w.edits = w.edits[:e.edits]
		for _, edit := range after { // keep those of later keys
			if edit.start >= e.end || edit.end <= e.start {
				w.edits = append(w.edits, edit)
			}
		}
		if w.s[e.start] == '"' {
			w.replace(e.start+1, e.end-1, maskPrompt)
		} else { // a list of parts; a text says as much
			w.replace(e.start, e.end, `"`+maskPrompt+`"`)
		}
	case "user", "bot", "assistant", "customer":
		if w.s[e.start] == '"' && w.nested == 0 {
			w.said = append(w.said, message{w.list, e.role == "user" || e.role == "customer", e.start + 1, e.end - 1, e.number, e.marked})
		}
	}
}

// replace records an edit, unless the text is that mask already.
func (w *walker) replace(start, end int, mask string) {
	if w.s[start:end] != mask {
		w.edits = append(w.edits, span{start: start, end: end, mask: mask})
	}
}

// text masks the string whose content is s[start:end].
func (w *walker) text(start, end int, escaped bool, m mode) {
	if start == end {
		return
	}
	switch m {
	case asSecret:
		w.replace(start, end, maskSecret)
		return
	case asPrompt:
		w.replace(start, end, maskPrompt)
		return
	}
	text, offs := w.s[start:end], []int(nil)
	if escaped {
		text, offs = w.unescape(start, end)
	}
	if m != asText {
		if mask := byMode(text, m); mask != "" {
			w.replace(start, end, mask)
			return
		}
	}
	if len(text) < 3 {
		return
	}
	if edits := w.inner(text); edits != nil {
		for _, e := range edits {
			w.edits = append(w.edits, raw(e, start, offs, string(inJSON(e.mask))))
		}
		return
	}
	for _, sp := range w.f.find(text) {
		w.edits = append(w.edits, raw(sp, start, offs, sp.mask))
	}
}

// raw places a span of a decoded text in the body.
func raw(sp span, start int, offs []int, mask string) span {
	if offs == nil {
		return span{start: start + sp.start, end: start + sp.end, mask: mask}
	}
	return span{start: offs[sp.start], end: offs[sp.end], mask: mask}
}

// inner masks JSON in a string: the arguments of a tool call come so. Nil if it is none, or clean as JSON but
// perhaps not as text.
func (w *walker) inner(text string) []span {
	at := text
	if at[0] <= ' ' {
		at = strings.TrimLeft(text, " \t\r\n")
	}
	if at == "" || at[0] != '{' && at[0] != '[' && at[0] != '"' || w.nested >= maxNested || ownMask(at) > 0 {
		return nil
	}
	in := walker{s: text, nested: w.nested + 1, depth: w.depth}
	edits, err := in.document()
	if err != nil || len(edits) == 0 {
		return nil
	}
	return edits
}

// unescape decodes the string's content and says where each byte of it came from.
func (w *walker) unescape(start, end int) (string, []int) {
	out, offs := w.buf[:0], make([]int, 0, end-start+1)
	for i := start; i < end; {
		if w.s[i] != '\\' || i+1 >= end {
			out, offs = append(out, w.s[i]), append(offs, i)
			i++
			continue
		}
		n, r := 2, rune(w.s[i+1])
		switch w.s[i+1] {
		case 'n':
			r = '\n'
		case 't':
			r = '\t'
		case 'r':
			r = '\r'
		case 'b', 'f':
			r = ' '
		case 'u':
			r, n = escapedRune(w.s[i:end])
		}
		before := len(out)
		out = utf8.AppendRune(out, r)
		for range len(out) - before {
			offs = append(offs, i)
		}
		i += n
	}
	w.buf = out
	return string(out), append(offs, end)
}

// escapedRune reads \uXXXX, a pair of them where they are a surrogate pair.
func escapedRune(s string) (rune, int) {
	hex := func(s string) (v rune) {
		if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
			return -1
		}
		for _, c := range []byte(s[2:6]) {
			d := strings.IndexByte("0123456789abcdef", c|0x20)
			if d < 0 {
				return -1
			}
			v = v<<4 | rune(d) //nolint:gosec // d is below 16
		}
		return v
	}
	first := hex(s)
	if first < 0 {
		return utf8.RuneError, min(2, len(s))
	}
	if utf16.IsSurrogate(first) {
		if r := utf16.DecodeRune(first, hex(s[6:])); r != utf8.RuneError {
			return r, 12
		}
	}
	return first, 6
}

// number masks a literal that is a card, or the value of a key that names a secret.
func (w *walker) number(start, end int, m mode) {
	text := w.s[start:end]
	if text == "null" || text == "true" || text == "false" {
		return
	}
	mask := ""
	switch digits := strings.TrimPrefix(text, "-"); {
	case m == asSecret:
		mask = maskSecret
	case m != asText && m != asPrompt:
		mask = byMode(text, m)
	case len(digits) >= 13 && len(digits) <= maxDigits && digitsOnly(digits) && isCard([]byte(digits)):
		mask = "[card •••• " + digits[len(digits)-4:] + "]"
	}
	if mask != "" {
		w.replace(start, end, `"`+mask+`"`)
	}
}

// messages reads lists of messages as conversations, where figures come in more than one message of the user, or
// after a question for them.
func (w *walker) messages() {
	for from := 0; from < len(w.said); {
		to := from
		numbers, marks := 0, 0
		for to < len(w.said) && w.said[to].list == w.said[from].list {
			if m := w.said[to]; m.user && m.number {
				numbers++
			} else if !m.user && m.marked {
				marks++
			}
			to++
		}
		if numbers > 1 || numbers == 1 && marks > 0 {
			w.converse(w.said[from:to])
		}
		from = to
	}
}

// converse masks what is split over messages.
func (w *walker) converse(said []message) {
	var b strings.Builder
	turns := make([]turn, 0, len(said))
	offs := make([][]int, 0, len(said))
	for _, m := range said {
		text, off := w.unescape(m.start, m.end)
		turns, offs = append(turns, turn{b.Len(), b.Len() + len(text), !m.user}), append(offs, off)
		b.WriteString(text)
	}
	w.f.converse(b.String(), turns)
	for _, sp := range tidy(w.f.spans) {
		lo, off := turns[sp.part].start, offs[sp.part]
		w.edits = append(w.edits, span{start: off[sp.start-lo], end: off[sp.end-lo], mask: sp.mask})
	}
}
