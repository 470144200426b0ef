package redact

import "slices"

// How many words may lie between a number and the word that says what it is.
const (
	cvvAhead, cvvBehind   = 8, 5
	ssnAhead, ssnBehind   = 14, 8
	cardAhead, cardBehind = 10, 5
)

// item is what is left of a run when cards and social security numbers are out of it, or a code that is masked.
type item struct {
	from, to      int
	before, after int
	masked        bool
}

// judge turns runs and marks into spans.
func (f *finder) judge() {
	for _, r := range f.runs {
		switch {
		case r.maskOfCVV:
			f.items = append(f.items, item{before: r.before, after: r.after, masked: true})
		case r.from == r.to, r.plus && f.count(r.from, r.to) <= 15: // a mask; a telephone
		default:
			f.cards(r, r.from, r.to, r.afterCard)
		}
	}
	f.codes()
}

// count returns how many digits the units have.
func (f *finder) count(from, to int) int {
	if from == to {
		return 0
	}
	last := f.units[to-1]
	return last.off + last.n - f.units[from].off
}

// cards masks the cards among the units and goes on with what lies between them.
func (f *finder) cards(r run, from, to int, afterCard bool) {
	if from == to {
		return
	}
	total := f.count(from, to)
	found := f.windows(r, from, to)
	if found == nil && total >= 13 && total <= maxDigits && f.near(cardWord, r, cardAhead, cardBehind) && !f.phones(from, to) {
		found = append(found, [2]int{from, to})
	}
	if found == nil {
		f.socials(r, from, to, afterCard)
		return
	}
	at := from
	for _, w := range found {
		f.cards(r, at, w[0], afterCard && at == from || at > from)
		f.maskUnits(w[0], w[1], f.cardMask(w[1]))
		at = w[1]
	}
	f.cards(r, at, to, true)
}

// cardMask shows the last four digits before unit to.
func (f *finder) cardMask(to int) string {
	last := f.units[to-1]
	end := last.off + last.n
	return "[card •••• " + string(f.digits[end-4:end]) + "]"
}

// windows returns the units that make up cards, overlapping finds joined: which of two is the card cannot be
// known, so both go.
func (f *finder) windows(r run, from, to int) [][2]int {
	if f.count(from, to) < 13 || f.phones(from, to) {
		return nil
	}
	doubtful := slices.ContainsFunc(f.units[from:to], func(u unit) bool { return u.doubtful })
	whole := from // where a card of any length may begin
	if r.crossParts {
		whole = -1
	}
	var found [][2]int
	for i := from; i < to; i++ {
		end := f.longest(i, to, whole, false)
		if doubtful {
			end = max(end, f.longest(i, to, whole, true))
		}
		switch last := len(found) - 1; {
		case end == 0:
		case last >= 0 && i < found[last][1]:
			found[last][1] = max(found[last][1], end)
		default:
			found = append(found, [2]int{i, end})
		}
	}
	return found
}

// longest returns the end of the longest card that begins at unit i, or 0. A part of a longer run must have a
// common length; all that lies between the units whole and to may have any.
func (f *finder) longest(i, to, whole int, skipDoubtful bool) int {
	var buf [maxDigits]byte
	n, end := 0, 0
	for j := i; j < to; j++ {
		u := f.units[j]
		if skipDoubtful && u.doubtful {
			continue
		}
		if n+u.n > maxDigits {
			break
		}
		n += copy(buf[n:], f.digits[u.off:u.off+u.n])
		common := n == 14 || n == 15 || n == 16 || n == 19
		if (common || i == j || i == whole && j == to-1) && isCard(buf[:n]) {
			end = j + 1
		}
	}
	return end
}

// phones reports whether the units are North American telephone numbers and nothing else: figures in groups of
// 3, 3 and 4, a 1 in front perhaps.
func (f *finder) phones(from, to int) bool {
	for from < to {
		if first := f.units[from]; first.n == 1 && !first.spoken && f.digits[first.off] == '1' {
			from++
		}
		if from+3 > to {
			return false
		}
		for i, n := range [...]int{3, 3, 4} {
			if u := f.units[from+i]; u.n != n || u.spoken {
				return false
			}
		}
		from += 3
	}
	return true
}

// isCard reports whether digits are an issuer's, of its length, with a valid check digit (ISO/IEC 7812-1).
func isCard(d []byte) bool { return issued(d) && luhn(d) }

// issued knows the beginnings and lengths of the card schemes. Airline cards (1…) are left out: timestamps
// begin so.
func issued(d []byte) bool {
	n := len(d)
	if n < 13 || n > maxDigits {
		return false
	}
	prefix := 0
	for _, c := range d[:4] {
		prefix = prefix*10 + int(c-'0')
	}
	switch two := prefix / 100; {
	case d[0] == '4': // Visa
		return n == 13 || n == 16 || n == 19
	case two == 34 || two == 37: // American Express
		return n == 15
	case two == 30 || two == 36 || two == 38 || two == 39: // Diners
		return n == 14 || n >= 16
	case two == 35: // JCB
		return n >= 16
	case d[0] == '5' || d[0] == '6': // Mastercard, Maestro, Discover, UnionPay, RuPay, Verve
		return n >= 16
	case prefix >= 2221 && prefix <= 2720: // Mastercard
		return n == 16
	case prefix >= 2200 && prefix <= 2205: // Mir
		return n >= 16
	case two == 81 || two == 82 || prefix == 9792: // UnionPay, RuPay, Troy
		return n == 16
	}
	return false
}

func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// socials masks social security numbers: 123-45-6789 anywhere, with blanks or dots if nothing else is there,
// nine digits of any form near their word.
func (f *finder) socials(r run, from, to int, afterCard bool) {
	near := f.near(ssnWord, r, ssnAhead, ssnBehind)
	if near && f.count(from, to) == 9 {
		f.maskUnits(from, to, maskSSN)
		return
	}
	for i := from; i+2 < to; i++ {
		a, b, c := f.units[i], f.units[i+1], f.units[i+2]
		if a.n != 3 || b.n != 2 || c.n != 4 || a.spoken || b.spoken || c.spoken || b.sep != c.sep {
			continue
		}
		if alone := to-from == 3 && (b.sep == ' ' || b.sep == '.'); b.sep == '-' || alone || near {
			f.socials(r, from, i, afterCard)
			f.maskUnits(i, i+3, maskSSN)
			f.socials(r, i+3, to, false)
			return
		}
	}
	if from == to {
		return
	}
	if n := f.count(from, to); afterCard && n >= 3 && n <= 8 {
		f.maskUnits(from, to, maskCVV) // expiry and code, said straight after the number
		f.items = append(f.items, item{before: r.before, after: r.after, masked: true})
		return
	}
	f.items = append(f.items, item{from: from, to: to, before: r.before, after: r.after})
}

// near reports whether a mark of that kind stands at most so many words ahead of the run or behind it.
func (f *finder) near(kind int, r run, ahead, behind int) bool {
	marks := f.marks[kind-cvvWord]
	i, _ := slices.BinarySearch(marks, r.before) // the first mark at or after the run
	if i > 0 && r.before-1-marks[i-1] <= ahead {
		return true
	}
	j, _ := slices.BinarySearch(marks, r.after)
	return j < len(marks) && marks[j]-r.after < behind
}

// codes gives each mark of a code the first number after it that may be one, else the last before it. A code that
// is masked already uses its mark up.
func (f *finder) codes() {
	next := 0
	for _, mark := range f.marks[0] {
		for next < len(f.items) && f.items[next].before <= mark {
			next++
		}
		used := false
		for i := next; i < len(f.items) && f.items[i].before-1-mark <= cvvAhead && !used; i++ {
			used = f.code(i)
		}
		for i := next - 1; i >= 0 && mark-f.items[i].after < cvvBehind && !used; i-- {
			used = f.code(i)
		}
	}
}

// code masks the code in item i, if it may be one: three or four digits, or figures in a first group of so many.
func (f *finder) code(i int) bool {
	it := &f.items[i]
	if it.masked {
		return true
	}
	first := f.units[it.from]
	switch n := f.count(it.from, it.to); {
	case n == 3 || n == 4:
		f.maskUnits(it.from, it.to, maskCVV)
	case !first.spoken && (first.n == 3 || first.n == 4) && n <= 12 && !f.phones(it.from, it.to):
		f.maskUnits(it.from, it.from+1, maskCVV)
	default:
		return false
	}
	it.masked = true
	return true
}

// maskUnits replaces the units, with what lies between them. Over several texts the last part bears the mask's
// details.
func (f *finder) maskUnits(from, to int, mask string) {
	for i := from; i < to; {
		j := i
		for j < to && f.units[j].part == f.units[i].part {
			j++
		}
		m := mask
		if j < to && mask != maskSSN && mask != maskCVV {
			m = maskCard
		}
		f.spans = append(f.spans, span{f.units[i].start, f.units[j-1].end, f.units[i].part, m})
		i = j
	}
}
