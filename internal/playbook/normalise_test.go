package playbook

import (
	"testing"
)

func TestAmountsAsPeopleSayThem(t *testing.T) {
	for _, c := range []struct {
		said string
		want float64
	}{
		{"450k", 450000},
		{"450 K", 450000},
		{"$450,000", 450000},
		{"$450,000.00", 450000},
		{"450000", 450000},
		{"450.000", 450000},
		{"four hundred fifty thousand", 450000},
		{"four hundred and fifty thousand dollars", 450000},
		{"four-hundred-fifty thousand", 450000},
		{"1.2 million", 1200000},
		{"1,2 Millionen", 1200000},
		{"one point two million", 1200000},
		{"one point two five million", 1250000},
		{"1.2m", 1200000},
		{"half a million", 500000},
		{"a million", 1000000},
		{"a hundred thousand", 100000},
		{"two million five hundred thousand", 2500000},
		{"about 300 thousand", 300000},
		{"up to 2 mil", 2000000},
		{"1,234,567", 1234567},
		{"1'234'567", 1234567},
		{"twenty five", 25},
		{"seventy-five thousand", 75000},
		{"99.5", 99.5},
		{"0", 0},
		{"450 Tausend Euro", 450000},
		{"€ 1.250.000", 1250000},
		{"12 hundred", 1200},
	} {
		if got, ok := amount(c.said); !ok || got != c.want {
			t.Errorf("amount(%q): got %v %v, want %v", c.said, got, ok, c.want)
		}
	}
}

func TestAmountsThatWouldBeGuessed(t *testing.T) {
	for _, said := range []string{
		"", "a lot", "400 to 500k", "400-500k", "between 400k and 500k", "four five six", "-5", "−5", "10%", "not sure",
		"under 400k", "one and a half million", "555 867 5309", "k", "point five", "half", "dollars",
	} {
		if got, ok := amount(said); ok {
			t.Errorf("amount(%q): got %v, want none", said, got)
		}
	}
}

func TestPhoneNumbersAsStated(t *testing.T) {
	for _, c := range []struct {
		said, region, want string
	}{
		{"555-867-5309", "US", "+15558675309"}, // possible, though not assigned
		{"(555) 867-5309", "US", "+15558675309"},
		{"1 555 867 5309", "US", "+15558675309"},
		{"+1 (555) 867-5309", "DE", "+15558675309"},
		{"five five five eight six seven five three oh nine", "US", "+15558675309"},
		{"triple five, eight six seven, five three zero nine", "US", "+15558675309"},
		{"030 901820", "DE", "+4930901820"},
		{"+49 30 901820", "US", "+4930901820"},
		{"555.867.5309", "US", "+15558675309"},
		{"867-5309", "US", ""},
		{"12", "US", ""},
		{"my usual number", "US", ""},
		{"", "US", ""},
		{"555-867-5309-1234567", "US", ""},
	} {
		got, ok := phone(c.said, c.region)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("phone(%q, %s): got %q %v, want %q", c.said, c.region, got, ok, c.want)
		}
	}
}

func TestDatesAsPeopleSayThem(t *testing.T) {
	const today = "2026-11-20"
	for _, c := range []struct {
		said, region, want string
	}{
		{"today", "US", "2026-11-20"},
		{"Tomorrow", "US", "2026-11-21"},
		{"heute", "DE", "2026-11-20"},
		{"2026-12-01", "US", "2026-12-01"},
		{"2026-12-01T10:00:00Z", "US", "2026-12-01"},
		{"March 3", "US", "2027-03-03"},
		{"March 3rd, 2027", "US", "2027-03-03"},
		{"the 3rd", "US", ""},
		{"3rd of March 2027", "US", "2027-03-03"},
		{"12/1/2026", "US", "2026-12-01"},
		{"12/1/2026", "GB", "2026-01-12"},
		{"1.12.2026", "DE", "2026-12-01"},
		{"November 20", "US", "2026-11-20"},
		{"november 19", "US", "2027-11-19"},
		{"2026-13-01", "US", ""},
		{"soon", "US", ""},
		{"", "US", ""},
	} {
		got, ok := date(c.said, today, c.region)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("date(%q, %s): got %q %v, want %q", c.said, c.region, got, ok, c.want)
		}
	}
}

func TestEmailsSpelledAndWritten(t *testing.T) {
	for said, want := range map[string]string{
		"Ann.Lee@Example.COM": "Ann.Lee@example.com", "ann dot lee at example dot com": "ann.lee@example.com", "ann @ example.com.": "ann@example.com",
		"ann underscore lee at example dot co dot uk": "ann_lee@example.co.uk", "ann": "", "ann@localhost": "", "Ann <ann@example.com>": "", "a@b@c.com": "",
	} {
		if got, ok := email(said); got != want || ok != (want != "") {
			t.Errorf("email(%q): got %q %v, want %q", said, got, ok, want)
		}
	}
}

func TestCaseNumbersWithoutTheirZeros(t *testing.T) {
	for said, want := range map[string]string{
		"1026": "00001026", "00001026": "00001026", "case 1026": "00001026", "one zero two six": "00001026", "#1026": "00001026", "none": "", "": "",
	} {
		if got, ok := caseNumber(said); got != want || ok != (want != "") {
			t.Errorf("caseNumber(%q): got %q %v, want %q", said, got, ok, want)
		}
	}
}

func TestYesAndNoInWords(t *testing.T) {
	for said, want := range map[string]bool{"yes": true, "Yeah.": true, "TRUE": true, "ja": true, "no": false, "Nope!": false, "nein": false} {
		if got, ok := truthValue(said); !ok || got != want {
			t.Errorf("truthValue(%q): got %v %v, want %v", said, got, ok, want)
		}
	}
	if _, ok := truthValue("perhaps"); ok {
		t.Error("truthValue(perhaps): got an answer, want none")
	}
}

func TestSpellingsOfOneValueAreEqual(t *testing.T) {
	for _, same := range [][]string{
		{"1-3months", "1 to 3 months", "1–3 Months", "one to three months", "within 1-3 months", "between 1 and 3 month"},
		{"next month", "within the next month", "Next month.", "in the next month"},
		{"Closed Won", "closed-won", "CLOSED WON", "closed_won"},
	} {
		for _, s := range same[1:] {
			if got, want := canonical(s), canonical(same[0]); got != want {
				t.Errorf("canonical(%q): got %q, want %q as of %q", s, got, want, same[0])
			}
		}
	}
	if canonical("1-3months") == canonical("3-6months") {
		t.Error("two values have one spelling")
	}
}
