// Package redact finds what must never be kept and masks it, and masks personal data for those who look.
//
// Never kept: card numbers, social security numbers, card verification codes, bank accounts (IBAN), keys and
// tokens, vendors' credentials and prompts in message bodies. They are masked before anything is stored,
// logged or sent, whether written ("4111-1111…"), spoken ("four one double one…"), mixed, or split over the
// transcripts of one speaker:
//
//	text → tokens → runs of digits, marks ("cvv", "social", "card") → spans → masks
//	[card •••• 1111]  [card]  [ssn]  [cvv]  [iban]  [key]  [secret]  [prompt]
//
// Text, JSON and Args are idempotent. JSON keeps every byte that it does not mask, and what was JSON stays
// JSON. A card is 13 to 19 digits with an issuer's beginning and length and a valid check digit; near the
// word "card" the check digit may be wrong, since speech recognition drops and doubles digits. Numbers that
// begin with + and have at most 15 digits are telephones. Phone numbers, case and order numbers,
// amounts, timestamps and Salesforce ids stay as they are.
//
// Not covered: digits spoken in other languages than English (transcribers write those as figures),
// a number given one figure per element of a JSON array, and codes whose word ("cvv") is more than a
// sentence away.
package redact

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// Masks, as they appear in text.
const (
	maskCard   = "[card]"
	maskSSN    = "[ssn]"
	maskCVV    = "[cvv]"
	maskIBAN   = "[iban]"
	maskKey    = "[key]"
	maskSecret = "[secret]"
	maskPrompt = "[prompt]"
)

// Text masks what must never be kept in s. A transcript with its speakers ("AI: …", "User: …" on lines of
// their own) is read as a conversation: a number that the user gives in several turns is one number.
func Text(s string) string {
	if len(s) < 3 {
		return s
	}
	for range maxPasses {
		var f finder
		masked := splice(s, f.find(s))
		if masked == s {
			break
		}
		s = masked
	}
	return s
}

// maxPasses bounds how often a text that had findings is looked at again: a mask can bring a keyword closer to
// a number that it was too far from. A text without findings is looked at once.
const maxPasses = 6

// Args masks the arguments of a tool call, which are JSON or a JSON string that holds JSON.
func Args(raw json.RawMessage) json.RawMessage { return JSON(raw) }

// span is a piece of text to be replaced.
type span struct {
	start, end int
	part       int // which of several texts it lies in
	mask       string
}

// splice replaces the spans of s, which are in order and apart.
func splice(s string, spans []span) string {
	if len(spans) == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8*len(spans))
	at := 0
	for _, sp := range spans {
		b.WriteString(s[at:sp.start])
		b.WriteString(sp.mask)
		at = sp.end
	}
	b.WriteString(s[at:])
	return b.String()
}

// tidy orders spans and cuts off what an earlier one covers already.
func tidy(spans []span) []span {
	if len(spans) < 2 {
		return spans
	}
	slices.SortStableFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
	})
	out := spans[:1]
	for _, sp := range spans[1:] {
		last := out[len(out)-1].end
		if sp.end <= last {
			continue
		}
		sp.start = max(sp.start, last)
		out = append(out, sp)
	}
	return out
}

// ownMask returns the length of the mask that s begins with, or 0. Masks are opaque: what was masked
// once is not looked into again.
func ownMask(s string) int {
	const card = "[card •••• "
	if strings.HasPrefix(s, card) && len(s) >= len(card)+5 && s[len(card)+4] == ']' {
		if digitsOnly(s[len(card) : len(card)+4]) {
			return len(card) + 5
		}
		return 0
	}
	for _, mask := range [...]string{maskCard, maskSSN, maskCVV, maskIBAN, maskKey, maskSecret, maskPrompt} {
		if strings.HasPrefix(s, mask) {
			return len(mask)
		}
	}
	return 0
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}
