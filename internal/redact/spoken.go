package redact

import "strings"

// repeated holds each figure four times: what "triple five" stands for is a piece of it.
const repeated = "0000111122223333444455556666777788889999"

// word reads s[i:j], letters only, and returns where to go on.
func (f *finder) word(i, j, end int) int {
	sense := meaning(f.s[i:j])
	kind, value := sense.kind, sense.value
	switch kind {
	case digitWord, teenWord, tensWord:
		return f.cardinal(i, end)
	case timesWord:
		return f.times(i, j, end, value)
	case soundsLike:
		if f.open && f.gap == 0 {
			f.unit(unit{start: i, end: j, spoken: true, doubtful: true}, repeated[value*4:value*4+1])
		}
		return j
	case filler:
		return j
	case plusWord:
		f.breakOff()
		f.plus = true
		return j
	case cvvWord, ssnWord, cardWord:
		f.mark(kind)
	case codeWord:
		if f.isCode(i, j) {
			f.mark(cvvWord)
		}
	case secretName:
		if from, to := valueAfter(f.s[:end], i, j); to > 0 {
			f.spokenWord()
			f.breakOff()
			f.spans = append(f.spans, span{from, to, f.part, maskKey})
			f.prev = plainWord
			return to
		}
	}
	f.spokenWord()
	f.prev = kind
	return j
}

// isCode reports whether the word at i:j names a card's code: "security code", "code on the back".
func (f *finder) isCode(i, j int) bool {
	word := strings.ToLower(f.s[i:j])
	if word == "back" {
		from := max(0, i-7)
		return strings.HasSuffix(strings.ToLower(f.s[from:i]), "on the ")
	}
	return f.prev == securityWord || f.prev == cardWord && word == "code"
}

// next returns the bounds and the meaning of the word after i, if only a blank or a hyphen lies between.
func (f *finder) next(i, end int) (from, to, kind, value int) {
	from = i
	for from < end && from-i < 2 && (f.s[from] == ' ' || f.s[from] == '-') {
		from++
	}
	to = from
	for to < end && class[f.s[to]] == letter {
		to++
	}
	if from == i || to == from || to < end && class[f.s[to]] == digit {
		return from, to, plainWord, -1
	}
	sense := meaning(f.s[from:to])
	return from, to, sense.kind, sense.value
}

// small reads a number below a hundred at i. Digits said one by one stay apart: "four one" is no 41.
func (f *finder) small(i, end int) (value, to int) {
	j := i
	for j < end && class[f.s[j]] == letter {
		j++
	}
	word := meaning(f.s[i:j])
	if word.kind == tensWord {
		if _, to, kind, ones := f.next(j, end); kind == digitWord && ones > 0 {
			return word.value + ones, to
		}
	}
	return word.value, j
}

// cardinal reads a number word at i with what belongs to it: "forty one", "three hundred and twelve",
// "four thousand one hundred eleven". All of it is one unit.
func (f *finder) cardinal(i, end int) int {
	value, at := f.small(i, end)
	for scale := 1000; scale >= 100; scale /= 10 {
		_, to, kind, by := f.next(at, end)
		if kind != scaleWord || by > scale || value == 0 {
			continue
		}
		value, at = value*by, to
		from, to, kind, _ := f.next(at, end)
		if kind == filler && strings.EqualFold(f.s[from:to], "and") {
			from, _, kind, _ = f.next(to, end)
		}
		if kind != digitWord && kind != teenWord && kind != tensWord {
			continue
		}
		rest, after := f.small(from, end)
		if _, to, kind, h := f.next(after, end); by == 1000 && kind == scaleWord && h == 100 {
			rest, after = rest*100, to
			if from, _, kind, _ := f.next(after, end); kind == digitWord || kind == teenWord || kind == tensWord {
				more, to := f.small(from, end)
				rest, after = rest+more, to
			}
		}
		if rest < by {
			value, at = value+rest, after
		}
		break
	}
	var digits [6]byte
	n := len(digits)
	for v := value; n > 0 && (v > 0 || n == len(digits)); v /= 10 {
		n--
		digits[n] = byte('0' + v%10)
	}
	f.unit(unit{start: i, end: at, spoken: true}, string(digits[n:]))
	return at
}

// times reads "double five", "triple 0".
func (f *finder) times(i, j, end, n int) int {
	from, to, kind, value := f.next(j, end)
	if kind != digitWord && from > j && from < end && class[f.s[from]] == digit && (from+1 == end || class[f.s[from+1]] != digit && class[f.s[from+1]] != letter) {
		to, kind, value = from+1, digitWord, int(f.s[from]-'0')
	}
	if kind != digitWord {
		f.spokenWord()
		f.prev = plainWord
		return j
	}
	f.unit(unit{start: i, end: to, spoken: true}, repeated[value*4:value*4+n])
	return to
}
