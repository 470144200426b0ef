package crm

import (
	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/salesforce"
)

// Named is what an envelope says a call is about, in order of trust: each name is looked up with value,
// which reads the call's metadata from the first place that has it.
type Named struct {
	Value      func(name string) string // metadata of the overrides, then the call, then the assistant
	CustomerID string                   // customer.id, as tutorials send it
	ExternalID string                   // customer.externalId
}

// About checks what an envelope names. An id whose prefix or checksum is wrong is dropped: models and
// typists invent ids, and a wrong one would put the call on a stranger's record. A customer may be named by
// an id of any of three objects, or by a customer number, which is kept as it stands.
func About(n Named) call.About {
	var a call.About
	a.Lead = first("Lead", n.Value("leadId"), n.Value("salesforceLeadId"))
	a.Opportunity = first("Opportunity", n.Value("opportunityId"))
	a.Case = first("Case", n.Value("caseId"))
	for _, customer := range []string{n.Value("customerId"), n.ExternalID, n.CustomerID} {
		if customer == "" {
			continue
		}
		id, err := salesforce.ParseID(customer)
		if err != nil {
			a.Customer = customer
			break
		}
		switch id.Object() {
		case "Contact":
			a.Contact = string(id)
		case "Account":
			a.Account = string(id)
		case "Lead":
			if a.Lead == "" {
				a.Lead = string(id)
			}
		default:
			continue
		}
		break
	}
	return a
}

// first is the first of the texts that is an id of the object.
func first(object string, texts ...string) string {
	for _, t := range texts {
		if t == "" {
			continue
		}
		if id, err := salesforce.CheckID(t, object); err == nil {
			return string(id)
		}
	}
	return ""
}
