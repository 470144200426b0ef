package simforce

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// duplicates runs the object's duplicate rule. The answer's shape is a recorded one.
func (t *tx) duplicates(w *writing) apiErrors {
	i := slices.IndexFunc(t.org.o.Duplicates, func(r DuplicateRule) bool { return strings.EqualFold(r.Object, w.b.Name) })
	if i < 0 || t.call.person || !w.insert() && !w.identityChanges() {
		return nil
	}
	block := t.org.o.Duplicates[i].Block
	allow, details := duplicateHeader(t.call.header.Get("Sforce-Duplicate-Rule-Header"))
	if allow && !block {
		return nil
	}
	var matches []any
	mine := partyOf(w.b, w.fields)
	for _, r := range t.org.tables[w.b.Name].rows {
		if r == w.r || r.deleted || r.fields["IsConverted"] == true || !mine.same(r.party) {
			continue
		}
		rec := object{{"attributes", attributes(w.b, r.id, t.call.base)}, {"Id", r.id}}
		if details {
			rec = append(rec, member{"Name", r.fields["Name"]})
		}
		matches = append(matches, object{{"additionalInformation", []any{}}, {"fieldDiffs", []any{}}, {"matchConfidence", 100.0}, {"record", rec}})
	}
	if matches == nil {
		return nil
	}
	message := "Use one of these records?"
	result := object{
		{"allowSave", !block},
		{"duplicateRule", fmt.Sprintf("Standard_%s_Duplicate_Rule", w.b.Name)},
		{"duplicateRuleEntityType", w.b.Name},
		{"errorMessage", message},
		{"matchResults", []any{object{
			{"entityType", w.b.Name},
			{"errors", []any{}},
			{"matchEngine", "FuzzyMatchEngine"},
			{"matchRecords", matches},
			{"rule", fmt.Sprintf("Standard_%s_Match_Rule_v1_0", w.b.Name)},
			{"size", len(matches)},
			{"success", true},
		}}},
	}
	return apiErrors{{status: http.StatusBadRequest, code: "DUPLICATES_DETECTED", message: message, duplicates: result}}
}

// duplicateHeader reads "allowSave=true; includeRecordDetails=true".
func duplicateHeader(h string) (allow, details bool) {
	for part := range strings.SplitSeq(h, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		yes := strings.EqualFold(strings.TrimSpace(value), "true")
		switch strings.TrimSpace(name) {
		case "allowSave":
			allow = yes
		case "includeRecordDetails":
			details = yes
		}
	}
	return allow, details
}

// identityChanges spares an update that says nothing new about who the record is: the vendor matches again only when
// a column of the matching rule changes.
func (w *writing) identityChanges() bool {
	return slices.ContainsFunc(append(phoneFields(), "Email", "FirstName", "LastName", "Company", "AccountId"), w.sets)
}

// phoneFields are the numbers by which the rule compares; Fax is not among them.
func phoneFields() []string { return []string{"Phone", "MobilePhone", "HomePhone", "OtherPhone"} }

// party is how a Lead or Contact is told from others: folded once when it is written, compared with every row later.
type party struct {
	phones          []string
	email, nameAtCo string
}

func partyOf(b *Object, fields map[string]any) party {
	var p party
	if b.Name != "Lead" && b.Name != "Contact" {
		return p
	}
	for _, f := range phoneFields() {
		if n := national(fields[f]); n != "" {
			p.phones = append(p.phones, n)
		}
	}
	at := "Company"
	if b.Name == "Contact" {
		at = "AccountId"
	}
	email, _ := fields["Email"].(string)
	name, _ := fields["Name"].(string)
	where, _ := fields[at].(string)
	p.email = strings.ToLower(email)
	if name != "" && where != "" {
		p.nameAtCo = strings.ToLower(name + "\n" + where)
	}
	return p
}

// same is the matching rule: a phone number or an e-mail in common, or the same name at the same company. For a
// Contact the account stands for the company.
func (p party) same(q party) bool {
	return p.email != "" && p.email == q.email || p.nameAtCo != "" && p.nameAtCo == q.nameAtCo ||
		slices.ContainsFunc(p.phones, func(n string) bool { return slices.Contains(q.phones, n) })
}

// national reduces a phone number as typed to its last ten digits; fewer than seven digits identify nobody.
func national(v any) string {
	d := digits(v)
	if len(d) < 7 {
		return ""
	}
	return d[max(0, len(d)-10):]
}

// digits drops whatever a number was typed with.
func digits(v any) string {
	s, _ := v.(string)
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' || !unicode.IsDigit(r) {
			return -1
		}
		return r
	}, s)
}
