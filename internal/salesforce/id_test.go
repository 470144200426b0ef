package salesforce

import "testing"

// Pairs collected from public repositories.
var idPairs = map[string]string{
	"70130000001tcyI": "AAQ", "0036000000QKv5T": "AAT", "00558000001N0Ke": "AAK",
	"0014H00002x6HUh": "QAM", "00190000001pPvH": "AAU", "a00D0000008pQRA": "IA2",
}

func TestShortIDsBecomeLong(t *testing.T) {
	for short, sum := range idPairs {
		for _, s := range []string{short, short + sum, " " + short + "\n"} {
			if got, err := ParseID(s); err != nil || string(got) != short+sum {
				t.Errorf("%q: got %s, %v, want %s", s, got, err, short+sum)
			}
		}
	}
}

func TestInventedIDsAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "00Q", "00190000001pPvHAAV", "00190000001ppvHAAU", "00190000001pPvHaau", "00190000001pPv!", "00190000001pPvHA",
		"00190000001pPvHAAUA", "00190000001pPv\u0661", "' OR Id != '1234",
	} {
		if id, err := ParseID(s); err == nil {
			t.Errorf("%q: taken for %s", s, id)
		}
	}
}

func TestIDsNameTheirObject(t *testing.T) {
	tests := []struct {
		id, object string
		ok         bool
	}{
		{"0036000000QKv5TAAT", "Contact", true},
		{"0036000000QKv5T", "contact", true},
		{"0036000000QKv5TAAT", "Lead", false},
		{"0036000000QKv5TAAT", "Visit__c", false},
		{"a00D0000008pQRAIA2", "Visit__c", true},
		{"a00D0000008pQRAIA2", "Lead", false},
		{"0036000000QKv5TAAU", "Contact", false},
	}
	for _, tt := range tests {
		if _, err := CheckID(tt.id, tt.object); (err == nil) != tt.ok {
			t.Errorf("%s as %s: got %v, want accepted %v", tt.id, tt.object, err, tt.ok)
		}
	}
	if got := ID("00").Object(); got != "" {
		t.Errorf("short id: got %q, want none", got)
	}
}

func TestSpokenValuesMatchPicklists(t *testing.T) {
	values := []PicklistValue{
		{Value: "Closed Won", Label: "Closed Won", Active: true},
		{Value: "Open - Not Contacted", Label: "Open", Active: true},
		{Value: "Old", Label: "Old", Active: false},
		{Value: "A/B", Label: "AB one", Active: true},
		{Value: "A-B", Label: "AB two", Active: true},
		{Value: "Größe", Label: "Größe", Active: true},
	}
	tests := []struct{ spoken, want string }{
		{"closed won", "Closed Won"},
		{"Closed-won.", "Closed Won"},
		{"open, not contacted", "Open - Not Contacted"},
		{"OPEN", "Open - Not Contacted"},
		{"old", ""},
		{"closed", ""},
		{"", ""},
		{"?!", ""},
		{"a b", ""},
		{"A-B", "A-B"},
		{"ab two", "A-B"},
		{"GRÖSSE", ""},
		{"größe", "Größe"},
	}
	for _, tt := range tests {
		got, ok := MatchPicklist(values, tt.spoken)
		if got.Value != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: got %q %v, want %q", tt.spoken, got.Value, ok, tt.want)
		}
	}
}
