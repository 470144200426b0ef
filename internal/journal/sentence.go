package journal

import (
	"regexp"
	"strings"
)

// placeholder is "{case.CaseNumber}": a fact that the doer of the intent named case read back.
var placeholder = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_]*)\.([A-Za-z_][A-Za-z0-9_]*)\}`)

// What is said when no sentence of an answer is true. A playbook that is complete never needs
// them; they are true whatever happened.
const (
	replacedWords = "That was replaced by what you asked next."
	troubleWords  = "I could not complete that just now."
)

// pick returns the first sentence that is true of the intents, rendered, and its index. With
// none it returns -1 and words of our own.
// A sentence whose fact is not known is passed over like one whose need does not hold: nobody is
// told that "your case number is" nothing. A complete list therefore ends with one that needs
// neither.
func pick(sentences []Sentence, intents map[string]Intent, replaced bool) (int, Spoken) {
	for i, s := range sentences {
		if !holds(s.Needs, intents) {
			continue
		}
		say, ok := render(s.Say, intents)
		if !ok {
			continue
		}
		result, ok := render(s.Result, intents)
		if !ok {
			continue
		}
		if result == "" {
			result = say
		}
		return i, Spoken{Say: say, Result: result, Failed: s.Failed}
	}
	// The answer was withdrawn by its caller's own next words. That is no failure.
	if replaced {
		return -1, Spoken{Say: replacedWords, Result: replacedWords}
	}
	return -1, Spoken{Say: troubleWords, Result: troubleWords, Failed: true}
}

// holds tells whether all needs of a sentence do. A name without an intent holds nothing.
func holds(needs map[string]Need, intents map[string]Intent) bool {
	for name, need := range needs {
		in, ok := intents[name]
		if !ok || !need.holds(in) {
			return false
		}
	}
	return true
}

// holds tells whether an intent is as a need asks. One whose outcome is unknown is recorded and
// nothing more: it may yet turn out done or refused.
func (n Need) holds(in Intent) bool {
	switch n {
	case NeedDone:
		return in.State == StateDone
	case NeedRecorded:
		return !in.State.fell()
	case NeedRefused:
		return in.State == StateRefused
	case NeedWithdrawn:
		return in.State == StateWithdrawn
	}
	return false
}

// render fills in facts; ok is false if one is not known.
func render(text string, intents map[string]Intent) (out string, ok bool) {
	if !strings.Contains(text, "{") {
		return text, true
	}
	ok = true
	out = placeholder.ReplaceAllStringFunc(text, func(m string) string {
		part := placeholder.FindStringSubmatch(m)
		fact, known := intents[part[1]].Facts[part[2]]
		ok = ok && known
		return fact
	})
	return out, ok
}
