package crm_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/crm"
)

// Ids whose checksums are right, one of each object, and one that a model made up.
const (
	aLead    = "00QD000000dYKKFMA4"
	aContact = "003aj000002oTldAAE"
	anID     = "003aj000002oTldBBB"
)

// TestAboutTakesOnlyIDsThatCanBe: the record that a call is about is the first named one whose prefix and
// checksum are right; an invented id is not guessed at.
//
// mission-part: A.15
func TestAboutTakesOnlyIDsThatCanBe(t *testing.T) {
	for _, tc := range []struct {
		name     string
		metadata map[string]string
		customer string
		external string
		want     call.About
	}{
		{"nothing", nil, "", "", call.About{}},
		{"leadId", map[string]string{"leadId": aLead}, "", "", call.About{Lead: aLead}},
		{"salesforceLeadId", map[string]string{"salesforceLeadId": aLead}, "", "", call.About{Lead: aLead}},
		{"fifteen characters are completed", map[string]string{"leadId": aLead[:15]}, "", "", call.About{Lead: aLead}},
		{"an invented leadId falls to the other name", map[string]string{"leadId": "00QD000000dYKKFAAA", "salesforceLeadId": aLead}, "", "", call.About{Lead: aLead}},
		{"a contact is no lead", map[string]string{"leadId": aContact}, "", "", call.About{}},
		{"customerId is a contact", map[string]string{"customerId": aContact}, "", "", call.About{Contact: aContact}},
		{"customerId is a lead", map[string]string{"customerId": aLead}, "", "", call.About{Lead: aLead}},
		{"a lead that is named stays", map[string]string{"leadId": "00QHs0000010006MAA", "customerId": aLead}, "", "", call.About{Lead: "00QHs0000010006MAA"}},
		{"customer.externalId", nil, "", aContact, call.About{Contact: aContact}},
		{"customer.id, as tutorials send it", nil, aContact, "", call.About{Contact: aContact}},
		{"metadata before externalId before id", map[string]string{"customerId": aContact}, "003Hs0000010009IAA", "003Hs0000010008IAA", call.About{Contact: aContact}},
		{"externalId before id", nil, "003Hs0000010009IAA", aContact, call.About{Contact: aContact}},
		{"an account", nil, "", "001Hs0000010006IAA", call.About{Account: "001Hs0000010006IAA"}},
		{"a customer number", map[string]string{"customerId": "C-1001"}, "", "", call.About{Customer: "C-1001"}},
		{"an invented id is no contact", map[string]string{"customerId": anID}, "", "", call.About{Customer: anID}},
		{"of another object", map[string]string{"customerId": "500Hs0000010009IAA"}, "", aContact, call.About{Contact: aContact}},
		{"case and opportunity", map[string]string{"caseId": "500Hs0000010009IAA", "opportunityId": "006Hs0000010009IAA"}, "", "", call.About{Case: "500Hs0000010009IAA", Opportunity: "006Hs0000010009IAA"}},
		{"query language", map[string]string{"leadId": "00Q' OR '1'='1", "caseId": "../../Case"}, "", "", call.About{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := crm.About(crm.Named{Value: func(name string) string { return tc.metadata[name] }, CustomerID: tc.customer, ExternalID: tc.external})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("About (-want +got):\n%s", diff)
			}
		})
	}
}
