// Package caller knows who is on the line, and how sure we are.
//
// A Number is a telephone number in E.164. An Identity is what a number is known as in the CRM:
//
//	Number → candidates (contacts, leads, accounts) → Identity
//
// Several candidates are never guessed between: the identity is then not Known, and Many says why, so
// that the assistant can ask. A number is identification, not authentication: caller ID can be spoofed.
//
// The package reads nothing itself; package crm fetches the candidates.
package caller

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// ErrNumber is returned for text that cannot be a telephone number in any numbering plan.
var ErrNumber = errors.New("not a telephone number")

// Number is a telephone number in E.164, such as "+15550100142", or empty when the caller withheld it.
type Number string

// ParseNumber reads raw as a number of region (ISO 3166-1 alpha-2) unless it carries a country code.
// It accepts numbers that are possible though not assigned: numbering plans change faster than tables.
func ParseNumber(raw, region string) (Number, error) {
	if region == "" {
		region = "US"
	}
	n, err := phonenumbers.Parse(raw, region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", fmt.Errorf("parse number %s: %w", Number(raw).Masked(), ErrNumber)
	}
	return Number(phonenumbers.Format(n, phonenumbers.E164)), nil
}

// Masked is the number as operators may see it: country code and the last four digits.
func (n Number) Masked() string {
	s := string(n)
	if len(s) < 7 {
		return "•••"
	}
	return s[:2] + "•••••" + s[len(s)-4:]
}

// Formats lists the ways in which people type n into a CRM, for an equality search. Salesforce stores
// telephone numbers as typed and normalises nothing; an IN over these forms is exact and sees a record
// the moment it is committed, which its search index does not.
func (n Number) Formats() []string {
	p, err := phonenumbers.Parse(string(n), "")
	if err != nil {
		return nil
	}
	national := phonenumbers.GetNationalSignificantNumber(p)
	code := fmt.Sprint(p.GetCountryCode())
	forms := []string{
		string(n), code + national, national,
		phonenumbers.Format(p, phonenumbers.INTERNATIONAL),
		phonenumbers.Format(p, phonenumbers.NATIONAL),
		phonenumbers.Format(p, phonenumbers.RFC3966),
	}
	if code == "1" && len(national) == 10 {
		a, b, c := national[:3], national[3:6], national[6:]
		forms = append(forms,
			"("+a+") "+b+"-"+c, a+"-"+b+"-"+c, a+"."+b+"."+c, a+" "+b+" "+c, "("+a+")"+b+"-"+c,
			"+1 "+a+" "+b+" "+c, "+1 ("+a+") "+b+"-"+c, "+1-"+a+"-"+b+"-"+c, "1-"+a+"-"+b+"-"+c, "1 ("+a+") "+b+"-"+c)
	}
	return distinct(forms)
}

// Same reports whether typed, as found in a record, is n. It compares the national digits, so that a
// search which matched too much can be checked.
func (n Number) Same(typed string) bool {
	p, err := phonenumbers.Parse(string(n), "")
	if err != nil {
		return false
	}
	want := phonenumbers.GetNationalSignificantNumber(p)
	got := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, typed)
	code := fmt.Sprint(p.GetCountryCode())
	return got == want || got == code+want || got == "0"+want || got == "00"+code+want
}

func distinct(in []string) []string {
	seen := make(map[string]bool, len(in))
	out := in[:0]
	for _, s := range in {
		if s != "" && !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
