package caller_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/hookswitch/hookswitch/internal/caller"
)

func TestParseNumberGivesE164(t *testing.T) {
	for _, tc := range []struct{ raw, region, want string }{
		{"555-867-5309", "US", "+15558675309"}, // possible, though no such line is assigned
		{"+44 20 7946 0018", "US", "+442079460018"},
		{"(415) 555-0123", "", "+14155550123"},
		{"030 901820", "DE", "+4930901820"},
	} {
		got, err := caller.ParseNumber(tc.raw, tc.region)
		if err != nil || string(got) != tc.want {
			t.Errorf("ParseNumber(%q, %q) = %q, %v; want %q", tc.raw, tc.region, got, err, tc.want)
		}
	}
}

func TestParseNumberRefusesWhatIsNoNumber(t *testing.T) {
	for _, raw := range []string{"", "anonymous", "12", "+1", "sip:bob@example.com", "Robert'); DROP"} {
		if got, err := caller.ParseNumber(raw, "US"); !errors.Is(err, caller.ErrNumber) {
			t.Errorf("ParseNumber(%q) = %q, %v; want ErrNumber", raw, got, err)
		}
	}
}

func TestFormatsHoldTheWaysPeopleType(t *testing.T) {
	forms := caller.Number("+14155550123").Formats()
	for _, want := range []string{"+14155550123", "14155550123", "4155550123", "(415) 555-0123", "415-555-0123", "415.555.0123", "+1 415 555 0123", "+1 (415) 555-0123"} {
		if !slices.Contains(forms, want) {
			t.Errorf("Formats of +14155550123 lack %q: %q", want, forms)
		}
	}
}

func TestSameComparesDigits(t *testing.T) {
	n := caller.Number("+14155550123")
	for typed, want := range map[string]bool{"(415) 555-0123": true, "1 415 555 0123": true, "415 555 0124": false, "": false, "55 415 555 0123": false} {
		if got := n.Same(typed); got != want {
			t.Errorf("%s.Same(%q) = %v, want %v", n, typed, got, want)
		}
	}
}

func TestMaskedHidesTheMiddle(t *testing.T) {
	if got, want := caller.Number("+15550100142").Masked(), "+1•••••0142"; got != want {
		t.Errorf("Masked() = %q, want %q", got, want)
	}
}

func TestIdentifyNeverGuessesBetweenTwo(t *testing.T) {
	id := caller.Identify("+14155550123", []caller.Candidate{
		{Object: "Contact", ID: "a"}, {Object: "Contact", ID: "b"}, {Object: "Lead", ID: "c"},
	})
	if id.Known() || !id.Many {
		t.Errorf("two contacts with one number: got %+v, want nobody named and Many", id)
	}
}

func TestIdentifyTrustsContactsBeforeLeads(t *testing.T) {
	id := caller.Identify("+14155550123", []caller.Candidate{
		{Object: "Lead", ID: "l", Name: "Old Lead"}, {Object: "Contact", ID: "c", Name: "Ada", Account: "acc"},
	})
	if id.Contact != "c" || id.Account != "acc" || id.Lead != "" {
		t.Errorf("contact and lead: got %+v, want the contact", id)
	}
}
