package salesforce

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ID is a record id in its 18-character form. Salesforce also writes ids with 15
// characters, which differ by case alone; comparing and storing is done with 18.
type ID string

var idPattern = regexp.MustCompile(`^[A-Za-z0-9]{15}([A-Z0-5]{3})?$`)

// prefixes maps the first three characters of an id to its object, for standard objects
// (Salesforce Help, "Standard Field Record ID Prefix Decoder"). A custom object's prefix is
// chosen by each org and stands in its describe.
var prefixes = map[string]string{
	"001": "Account", "003": "Contact", "00Q": "Lead", "006": "Opportunity", "500": "Case",
	"00T": "Task", "00U": "Event", "005": "User", "00D": "Organization",
	"068": "ContentVersion", "069": "ContentDocument", "06A": "ContentDocumentLink", "0LQ": "VoiceCall",
	"00G": "Group", "012": "RecordType", "701": "Campaign", "00v": "CampaignMember", "00a": "CaseComment",
	"01t": "Product2", "02i": "Asset", "800": "Contract", "801": "Order", "00k": "OpportunityLineItem",
	"00e": "Profile", "0PS": "PermissionSet",
}

// ParseID reads an id of 15 or 18 characters and returns its 18-character form. The
// checksum of 18 must fit: language models invent ids, and seldom one whose checksum fits.
func ParseID(s string) (ID, error) {
	s = strings.TrimSpace(s)
	if !idPattern.MatchString(s) {
		return "", fmt.Errorf("salesforce id: %d characters given, want 15 or 18 letters and digits", len(s))
	}
	id := ID(s[:15] + checksum(s[:15]))
	if len(s) == 18 && string(id) != s {
		return "", errors.New("salesforce id: checksum does not fit: ask for the record by name or number")
	}
	return id, nil
}

// CheckID parses s and requires it to name a record of object. For an object that is not
// standard it can only require that the prefix belongs to no standard object.
func CheckID(s, object string) (ID, error) {
	id, err := ParseID(s)
	if err != nil {
		return "", err
	}
	if got := id.Object(); !strings.EqualFold(got, object) && (got != "" || standard(object)) {
		if got == "" {
			got = "another object"
		}
		return "", fmt.Errorf("salesforce id: names a record of %s, want %s", got, object)
	}
	return id, nil
}

// Object returns the standard object that the id's prefix names, or "".
// A custom object, and a standard one that this package does not know, give "".
func (id ID) Object() string {
	if len(id) < 3 {
		return ""
	}
	return prefixes[string(id[:3])]
}

// standard says whether an object is one of those whose prefix is the same in every org.
func standard(object string) bool {
	for _, known := range prefixes {
		if strings.EqualFold(known, object) {
			return true
		}
	}
	return false
}

// checksum makes the three characters that keep an id apart from its neighbours where case
// is lost: each stands for five characters of the id, bit j set if character j is upper case.
func checksum(id string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	var sum [3]byte
	for chunk := range sum {
		bits := 0
		for j := range 5 {
			if c := id[chunk*5+j]; c >= 'A' && c <= 'Z' {
				bits |= 1 << j
			}
		}
		sum[chunk] = alphabet[bits]
	}
	return string(sum[:])
}

// received takes an id from Salesforce's own answer: in 18 characters if it can be parsed,
// otherwise as it came, for an answer is not refused over the form of its id.
func received(s string) ID {
	if id, err := ParseID(s); err == nil {
		return id
	}
	return ID(s)
}
