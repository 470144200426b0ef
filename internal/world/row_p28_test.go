package world_test

import (
	"strings"
	"testing"

	"github.com/hookswitch/hookswitch/internal/playbook"
)

// TestOfferLeadsToThePlaybooksNumber: the sentence that offers a person stands only in playbooks that name the
// person's number, and each shipped one does.
//
// mission-part: P2.8
func TestOfferLeadsToThePlaybooksNumber(t *testing.T) {
	for _, name := range []string{"customer-support", "real-estate"} {
		book, err := playbook.Shipped(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := book.Transfer.Spoken("en"); book.Transfer.Number != "+15550109999" || got != "I can connect you to a colleague now. Shall I?" {
			t.Errorf("%s offers %q to %q", name, got, book.Transfer.Number)
		}
	}
}

// TestPromptReadsDetailsBack: whatever the server insists on, the model is told to read the details back first.
//
// mission-part: P2.11
func TestPromptReadsDetailsBack(t *testing.T) {
	book, err := playbook.Shipped("customer-support")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(book.Assistant.Prompt, "Read the details back before you call create_case") {
		t.Error("the prompt does not say to read the details back")
	}
	tool, _ := book.Tool("create_case")
	if tool.Confirm.On {
		t.Error("the yes is asked for by default, which needs the transcript")
	}
}
