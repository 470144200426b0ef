package playbook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookswitch/hookswitch/internal/playbook"
)

// speaking is a playbook whose tool says one sentence, and a plain one for everything else.
func speaking(lang, needs, say string) string {
	return fmt.Sprintf(`
name: speaking
language: %s
transfer: {number: "+15550109999", offer: "Hm?"}
tools:
  - name: open
    description: Opens a case.
    read:
      found: {object: Case, fields: [CaseNumber, Status], where: {CaseNumber: "1"}}
    writes:
      - {name: case, object: Case, read_back: [CaseNumber], fields: {Subject: x}}
      - {name: callback, object: Task, needs: [case], due: 2h, fields: {Subject: x}}
    words:
      - {when: found.found, needs: {%s}, say: %q}
      - {say: Hm.}
`, lang, needs, say)
}

// Each rule of truth.go both ways: the words under needs that make them true, and under needs that don't.
// mission-part: A.13
func TestWordsAreRefusedUnlessSomethingMakesThemTrue(t *testing.T) {
	const (
		promised = "case: recorded, callback: recorded"
		settled  = "case: done, callback: done"
	)
	for _, c := range []struct{ lang, say, true, untrue string }{
		{"en", "Your case is saved.", "case: done", "case: recorded"},
		{"en", "I've opened a case.", "case: done", "case: refused"},
		{"en", "It is not your fault, and your case has been created.", "case: done", promised},
		{"en", "Your appointment is booked.", "case: done", "callback: recorded"},
		{"en", "Your case number is {case.CaseNumber}.", "case: done", ""},
		{"en", "We could not reach the system and saved your request, is that fine?", "case: done", "case: recorded"},
		{"en", "A specialist will call you back.", "callback: recorded", "case: refused"},
		{"en", "We will follow up by e-mail.", "case: recorded", ""},
		{"en", "We will call you within 2 hours.", settled, "case: recorded"},
		{"en", "We will call you within {callback.due}.", settled, "case: done"},
		{"en", "We will call you by tomorrow.", settled, "case: done, callback: recorded"},
		{"en", "We will call you in two hours.", settled, promised},
		{"en", "I have noted that.", "case: refused", "case: withdrawn"},
		{"de", "Ihr Fall ist gespeichert.", "case: done", "case: recorded"},
		{"de", "Ein Kollege ruft Sie zurück.", "callback: recorded", "case: refused"},
		{"de", "Ein Kollege ruft Sie innerhalb von zwei Stunden zurück.", settled, "case: recorded"},
		{"de", "Wir melden uns bis morgen.", settled, "case: recorded"},
		{"de", "Das habe ich notiert.", "case: recorded", ""},
	} {
		if faults := playbook.Check("p.yaml", []byte(speaking(c.lang, c.true, c.say))); len(faults) > 0 {
			t.Errorf("%q is true under {%s}: got %v", c.say, c.true, playbook.Faults(faults))
		}
		if faults := playbook.Check("p.yaml", []byte(speaking(c.lang, c.untrue, c.say))); len(faults) == 0 {
			t.Errorf("%q is untrue under {%s}: got no fault", c.say, c.untrue)
		}
	}
}

// No need makes these true: a time that no Task keeps, a time sooner than the Task.
func TestPromisesThatNothingCanKeep(t *testing.T) {
	for _, c := range []struct{ lang, say string }{
		{"en", "We will call you within one hour."},
		{"en", "We will call you in 90 minutes."},
		{"en", "We will call you today."},
		{"en", "We will call you by Friday."},
		{"en", "We will call you within minutes."},
		{"en", "We will call you shortly."},
		{"de", "Wir melden uns innerhalb einer Stunde."},
		{"de", "Wir melden uns noch heute."},
	} {
		if faults := playbook.Check("p.yaml", []byte(speaking(c.lang, "case: done, callback: done", c.say))); len(faults) == 0 {
			t.Errorf("%q: got no fault", c.say)
		}
	}
}

// What claims nothing needs nothing.
func TestDenialsAndQuestionsClaimNothing(t *testing.T) {
	for _, c := range []struct{ lang, say string }{
		{"en", "I could not open the case, and it isn't saved."},
		{"en", "What is your case number?"},
		{"en", "Nothing has been changed."},
		{"en", "Shall I connect you? {transfer.offer}"},
		{"en", "Case {found.CaseNumber} has the status {found.Status}."},
		{"en", "It is not yet in our system."},
		{"de", "Der Fall wurde nicht gespeichert."},
		{"de", "Wie lautet die Fallnummer?"},
	} {
		if faults := playbook.Check("p.yaml", []byte(speaking(c.lang, "", c.say))); len(faults) > 0 {
			t.Errorf("%q: got %v", c.say, playbook.Faults(faults))
		}
	}
}

// mission-part: P2.8
func TestAnOfferOfAPersonNeedsANumber(t *testing.T) {
	text := strings.Replace(speaking("en", "", "Shall I connect you?"), `number: "+15550109999", `, "", 1)
	faults := playbook.Check("p.yaml", []byte(text))
	if len(faults) != 1 || !strings.Contains(faults[0].Problem, "no number to transfer to") {
		t.Errorf("got %v, want the number missed", playbook.Faults(faults))
	}
}

func TestWordsThatCouldBecomeTooLongAreRefused(t *testing.T) {
	if faults := playbook.Check("p.yaml", []byte(speaking("en", "", strings.Repeat("la ", 280)+"{found.Status}."))); len(faults) != 1 {
		t.Errorf("got %v, want one fault: 840 characters and a value", playbook.Faults(faults))
	}
	if faults := playbook.Check("p.yaml", []byte(speaking("en", "", strings.Repeat("la ", 270)+"{found.Status}."))); len(faults) != 0 {
		t.Errorf("got %v, want none", playbook.Faults(faults))
	}
}

// A write that is not made takes with it the writes that need it: nothing can come of them.
func TestWriteIsAbsentWithTheWriteItNeeds(t *testing.T) {
	text := strings.Replace(speaking("en", "", "Hm."), "{name: case, object: Case,", "{name: case, object: Case, when: found.found,", 1)
	text, _, _ = strings.Cut(text, "    words:")
	text += `    words:
      - {needs: {case: done}, say: Hm.}
      - {needs: {case: recorded}, say: Hm.}
      - {needs: {case: refused}, say: Hm.}
      - {needs: {case: withdrawn}, say: Hm.}
      - {needs: {callback: recorded}, say: It follows.}
      - {say: Hm.}
`
	faults := playbook.Check("p.yaml", []byte(text))
	if len(faults) != 1 || !strings.Contains(faults[0].Problem, "never said") {
		t.Errorf("got %v, want the sentence that needs a call-back without a case", playbook.Faults(faults))
	}
}
