package journal

import (
	"regexp"
	"strings"
)

// placeholder is "{case.CaseNumber}".
var placeholder = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_]*)\.([A-Za-z_][A-Za-z0-9_]*)\}`)

// What is said when no sentence of an answer is true. A playbook that is complete never needs
// them; they are true whatever happened.
const (
	replacedWords = "That was replaced by what you asked next."
	troubleWords  = "I could not complete that just now."
)

// pick returns the first sentence that is true of the intents, rendered, and its index. With
// none it returns -1 and words of our own.
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
	if replaced {
		return -1, Spoken{Say: replacedWords, Result: replacedWords}
	}
	return -1, Spoken{Say: troubleWords, Result: troubleWords, Failed: true}
}

func holds(needs map[string]Need, intents map[string]Intent) bool {
	for name, need := range needs {
		in, ok := intents[name]
		if !ok || !need.holds(in) {
			return false
		}
	}
	return true
}

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
