package redact

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// listen plays transcripts ("? " before the other speaker's) into a stream that is stored between any two, as a
// timeline would: fixes are applied to what was kept.
func listen(t *testing.T, said []string) []string {
	t.Helper()
	var kept []string
	state := []byte("{}")
	for _, text := range said {
		var s Stream
		if err := json.Unmarshal(state, &s); err != nil {
			t.Fatal(err)
		}
		if asked, other := strings.CutPrefix(text, "? "); other {
			s.Asked(asked)
		} else {
			masked, fixes := s.Next(text)
			for _, fix := range fixes {
				at := len(kept) - fix.Back
				kept[at] = fix.Apply(kept[at])
			}
			kept = append(kept, masked)
		}
		var err error
		if state, err = json.Marshal(s); err != nil {
			t.Fatal(err)
		}
		if len(state) > 4096 {
			t.Fatalf("state has %d bytes, want at most 4096", len(state))
		}
	}
	return kept
}

// mission-part: A.8
//
// TestStreamFindsSplitNumbers: a number in several transcripts is masked in all of them.
func TestStreamFindsSplitNumbers(t *testing.T) {
	for _, c := range []struct {
		name       string
		said, want []string
	}{
		{"two halves", []string{"it's 4111 1111", "1111 1111 okay"}, []string{"it's [card]", "[card •••• 1111] okay"}},
		{"spoken", []string{"four one one one", "one one one one", "uh", "one one one one", "one one one one"}, []string{"[card]", "[card]", "uh", "[card]", "[card •••• 1111]"}},
		{"words between", []string{"4111 1111 hold on", "let me turn it round please", "okay here is 1111 1111"}, []string{"4111 1111 hold on", "let me turn it round please", "okay here is 1111 1111"}},
		{"words at the seams", []string{"4111 1111 hold on", "okay the rest is 1111 1111"}, []string{"[card] hold on", "okay the rest is [card •••• 1111]"}},
		{"asked between", []string{"4111 1111", "? and the other digits on your card please, take your time and read them slowly", "1111 1111"}, []string{"[card]", "[card •••• 1111]"}},
		{"digit by digit", strings.Fields("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"), append(strings.Fields(strings.Repeat("[card] ", 15)), "[card •••• 1111]")},
		{"code asked for", []string{"? What is the security code?", "one two three"}, []string{"[cvv]"}},
		{"code after the card", []string{"4111111111111111", "123"}, []string{"[card •••• 1111]", "123"}},
		{"social asked for", []string{"? Your social, please", "123", "45 6789"}, []string{"[ssn]", "[ssn]"}},
		{"phone, then order", []string{"415 555 0100", "order 4521"}, []string{"415 555 0100", "order 4521"}},
		{"two phones", []string{"415 555 0100", "or 212 555 0123"}, []string{"415 555 0100", "or 212 555 0123"}},
		{"nothing", []string{"hello", "yes", "no"}, []string{"hello", "yes", "no"}},
	} {
		if diff := cmp.Diff(c.want, listen(t, c.said)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestPartialIsNotRemembered: partial transcripts grow, and the final one repeats them.
func TestPartialIsNotRemembered(t *testing.T) {
	var s Stream
	s.Next("4111 1111")
	if got := s.Partial("1111"); got != "1111" {
		t.Errorf("got %q", got)
	}
	if got := s.Partial("1111 1111"); got != "[card •••• 1111]" {
		t.Errorf("got %q", got)
	}
	masked, fixes := s.Next("1111 1111")
	if want := []Fix{{Back: 1, Old: "4111 1111", New: "[card]"}}; masked != "[card •••• 1111]" || cmp.Diff(want, fixes) != "" {
		t.Errorf("got %q and %v, want %v", masked, fixes, want)
	}
	body := []byte(`{"message":{"transcript":"4111 1111"}}`)
	if got := string(fixes[0].ApplyJSON(body)); got != `{"message":{"transcript":"[card]"}}` {
		t.Errorf("body: got %s", got)
	}
}

// TestStreamIsBounded: an hour of talk leaves little behind.
func TestStreamIsBounded(t *testing.T) {
	var s Stream
	for i := range 500 {
		s.Asked("and the card, its cvv and the social?")
		s.Next(fmt.Sprintf("%s %d and %d", strings.Repeat("well you know ", i%50), i, i*7))
	}
	total := 0
	for _, h := range s.Tail {
		total += len(h.Text)
	}
	if len(s.Tail) > streamTexts || total > streamBytes {
		t.Errorf("got %d texts of %d bytes, want at most %d of %d", len(s.Tail), total, streamTexts, streamBytes)
	}
}

func TestPersonalMasks(t *testing.T) { // mission-part: A.8
	for in, want := range map[string]string{
		"+15550100142": "+1•••••0142", "+447911123456": "+44•••••3456", "+353861234567": "+353•••••4567",
		"555-867-5309": "•••••5309", "12345": "•••••", "": "", "+1234567": "+1•••••4567",
	} {
		if got := Phone(in); got != want {
			t.Errorf("Phone(%q): got %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"jordan@example.com": "j•••••@example.com", "@x": "•••••@x", "jordan": "j•••••"} {
		if got := Email(in); got != want {
			t.Errorf("Email(%q): got %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"Jordan Lee": "J••••• L•••••", "": "", "Élodie": "É•••••", "J••••• L•••••": "J••••• L•••••"} {
		if got := Name(in); got != want {
			t.Errorf("Name(%q): got %q, want %q", in, got, want)
		}
	}
}
