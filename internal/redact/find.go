package redact

import (
	"strings"
	"unicode/utf8"
)

const (
	maxSeparators = 8 // between two digits of one number
	maxDigits     = 19
	gapWords      = 5 // that may stand beside the end of a transcript within one number
)

// unit is a group of digits: figures that touch, or one number word with what belongs to it.
type unit struct {
	start, end int // in the text
	off, n     int // in the finder's digits
	part       int
	sep        byte // the single separator before it, else 0
	spoken     bool
	doubtful   bool // "for" and "to", between digits
}

// run is the units of what may be one number, or a mask that stood there already (from == to).
type run struct {
	from, to   int
	before     int // words before it
	after      int // words before what follows it
	plus       bool
	afterCard  bool // nothing but separators since a card
	maskOfCVV  bool
	crossParts bool
}

// finder reads texts once, left to right, and collects runs of digits and the marks that say what they are.
// Words are counted without numbers, fillers and masks, so that distances are the same once masks are in place.
type finder struct {
	s      string
	spans  []span
	units  []unit
	digits []byte
	runs   []run
	items  []item
	marks  [3][]int // word positions of cvv, ssn and card marks
	words  int

	// Of the run that is open.
	open       bool
	from       int // its first unit
	startWord  int
	plus       bool
	afterCard  bool
	seps       int
	sep        byte
	gap        int  // words since the last unit or the last boundary
	crossed    bool // a boundary since the last unit
	everCross  bool
	prev       int  // kind of the word before
	part       int  // current text of several
	lenient    bool // a run may go on over the boundary of two texts
	mute       bool // another speaker: marks count, digits do not
	numberSeen bool
}

// find returns the spans of one text. The finder can be used again.
func (f *finder) find(s string) []span {
	f.reset(s)
	f.scan(0, len(s))
	f.close()
	f.judge()
	if parts := f.conversation(); parts != nil {
		whole := append([]span(nil), f.spans...)
		f.converse(s, parts)
		f.spans = append(f.spans, whole...)
	}
	f.spans = tidy(f.spans)
	return f.spans
}

// turn is the part of a text that one speaker said.
type turn struct {
	start, end int
	mute       bool
}

// converse reads the turns of a conversation: the user's are one stream, the others' give marks.
func (f *finder) converse(s string, turns []turn) {
	f.reset(s)
	f.lenient = true
	for i, t := range turns {
		f.part, f.mute = i, t.mute
		f.scan(t.start, t.end)
		f.boundary()
	}
	f.close()
	f.judge()
}

func (f *finder) reset(s string) {
	*f = finder{
		s: s, spans: f.spans[:0], units: f.units[:0], digits: f.digits[:0], runs: f.runs[:0], items: f.items[:0],
		marks: [3][]int{f.marks[0][:0], f.marks[1][:0], f.marks[2][:0]},
	}
}

// scan reads s[i:end].
func (f *finder) scan(i, end int) {
	for i < end {
		switch class[f.s[i]] {
		case separator:
			if f.s[i] == '-' && strings.HasPrefix(f.s[i:end], "-----BEGIN ") {
				i = f.pem(i, end)
				continue
			}
			f.separate(f.s[i])
			i++
		case letter, digit:
			i = f.token(i, end)
		case high:
			i = f.rune(i, end)
		case plusSign:
			if i > 0 && class[f.s[i-1]] == digit && f.open {
				f.separate('+') // a blank in a query
			} else {
				f.breakOff()
				f.plus = true
			}
			i++
		case bracket:
			i = f.mask(i, end)
		case percent:
			if strings.HasPrefix(f.s[i:end], "%20") {
				f.separate(' ')
				i += 3
				continue
			}
			f.breakOff()
			i++
		default:
			f.breakOff()
			i++
		}
	}
}

// separate counts a separator.
func (f *finder) separate(c byte) {
	if f.seps++; f.seps == 1 {
		f.sep = c
	} else {
		f.sep = 0
	}
	if c != ' ' && !f.open {
		f.plus = false
	}
}

// breakOff ends whatever was open: no number goes over this.
func (f *finder) breakOff() {
	f.close()
	f.plus, f.afterCard = false, false
}

// mask steps over a mask that stands in the text already.
func (f *finder) mask(i, end int) int {
	n := ownMask(f.s[i:end])
	f.breakOff()
	if n == 0 {
		return i + 1
	}
	isCard := strings.HasPrefix(f.s[i:], "[card")
	f.runs = append(f.runs, run{before: f.words, after: f.words, maskOfCVV: strings.HasPrefix(f.s[i:], maskCVV)})
	f.afterCard, f.seps = isCard, 0
	return i + n
}

// rune reads a character that is not ASCII.
func (f *finder) rune(i, end int) int {
	r, n := utf8.DecodeRuneInString(f.s[i:end])
	if d, ok := figure(r); ok {
		f.unit(unit{start: i, end: i + n}, d)
		return i + n
	}
	if isGap(r) {
		f.separate(' ')
		return i + n
	}
	f.breakOff()
	return i + n
}

// token reads letters and figures that touch.
func (f *finder) token(i, end int) int {
	s, j := f.s, i
	letters, figures := 0, 0
	for ; j < end; j++ {
		if c := class[s[j]]; c == letter {
			letters++
		} else if c == digit {
			figures++
		} else {
			break
		}
	}
	if from, to := keyAt(s[:end], i, j); to > 0 {
		if from > i {
			f.spokenWord() // Bearer
		}
		f.breakOff()
		f.spans = append(f.spans, span{from, to, f.part, maskKey})
		return to
	}
	switch {
	case letters == 0:
		f.number(i, j)
		return j
	case figures == 0:
		return f.word(i, j, end)
	}
	return f.mixed(i, j, end)
}

// number reads figures that touch.
func (f *finder) number(i, j int) {
	// The digits of a fraction are no number of their own: 0.4111111111111111.
	fraction := j-i >= 13 && i >= 2 && f.s[i-1] == '.' && f.s[i-2] == '0' && (i < 3 || class[f.s[i-3]] != digit)
	if fraction || j-i > maxDigits {
		f.breakOff()
		return
	}
	f.unit(unit{start: i, end: j}, f.s[i:j])
}

// unit appends a group of digits to the open run, or opens one.
func (f *finder) unit(u unit, digits string) {
	f.numberSeen = true
	if f.mute {
		return
	}
	if f.open && (f.seps > maxSeparators || f.gap > 0 && !f.crossed) {
		f.breakOff()
	}
	if f.crossed {
		f.everCross = true
	}
	if !f.open {
		if u.doubtful {
			return // nothing begins with "for"
		}
		f.afterCard = f.afterCard && f.seps <= maxSeparators
		f.open, f.from, f.startWord, f.everCross = true, len(f.units), f.words, false
	} else if f.seps == 1 {
		u.sep = f.sep
	}
	f.gap, f.crossed, f.seps = 0, false, 0
	u.off, u.n, u.part = len(f.digits), len(digits), f.part
	f.digits = append(f.digits, digits...)
	f.units = append(f.units, u)
}

// boundary ends one of several texts.
func (f *finder) boundary() {
	if f.mute {
		return
	}
	if f.open && f.gap <= gapWords {
		f.crossed, f.gap, f.seps = true, 0, 0
		return
	}
	f.breakOff()
}

// close ends the open run. Runs of less than three digits say nothing.
func (f *finder) close() {
	if !f.open {
		return
	}
	f.open = false
	for len(f.units) > f.from && f.units[len(f.units)-1].doubtful {
		f.units = f.units[:len(f.units)-1]
	}
	first := f.units[f.from]
	last := f.units[len(f.units)-1]
	f.digits = f.digits[:last.off+last.n]
	if len(f.digits)-first.off < 3 {
		f.digits, f.units = f.digits[:first.off], f.units[:f.from]
	} else {
		f.runs = append(f.runs, run{
			from: f.from, to: len(f.units), before: f.startWord, after: f.words - min(f.gap, f.words),
			plus: f.plus, afterCard: f.afterCard, crossParts: f.everCross,
		})
	}
	f.plus, f.afterCard, f.seps, f.gap, f.crossed = false, false, 0, 0, false
}

// spokenWord counts a word that is no number.
func (f *finder) spokenWord() {
	f.words++
	switch {
	case f.mute:
	case !f.lenient:
		f.breakOff()
	case f.open:
		if f.gap++; f.gap > gapWords {
			f.breakOff()
		}
	}
	f.plus = f.plus && f.open
	f.afterCard = f.afterCard && f.open
}

// mixed reads a token of letters and figures: an id, an amount, an IBAN. A card may hide in it.
func (f *finder) mixed(i, j, end int) int {
	f.breakOff()
	if to := ibanAt(f.s[:end], i); to > 0 {
		f.spans = append(f.spans, span{i, to, f.part, maskIBAN})
		return to
	}
	if looksLikeSalesforceID(f.s[i:j]) {
		return j
	}
	k := i
	for k < j && class[f.s[k]] == letter {
		k++
	}
	if kind := meaning(f.s[i:max(k, i+1)]).kind; kind == cvvWord || kind == ssnWord || kind == cardWord {
		f.mark(kind) // cvv2, ssn123456789
		f.words++
		if digitsOnly(f.s[k:j]) && j-k >= 3 && j-k <= maxDigits {
			f.unit(unit{start: i, end: j}, f.s[k:j])
			return j
		}
	}
	if figures := longestFigures(f.s[k:j]); len(figures) >= 13 && len(figures) <= maxDigits {
		f.unit(unit{start: i, end: j}, figures) // the whole token goes
	}
	return j
}

// longestFigures returns the longest group of figures in a token.
func longestFigures(s string) (longest string) {
	for k := 0; k < len(s); k++ {
		from := k
		for k < len(s) && class[s[k]] == digit {
			k++
		}
		if k-from > len(longest) {
			longest = s[from:k]
		}
	}
	return longest
}

// mark notes where a word stood that says what a number is.
func (f *finder) mark(kind int) {
	f.marks[kind-cvvWord] = append(f.marks[kind-cvvWord], f.words)
}
