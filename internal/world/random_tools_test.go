package world_test

import (
	"maps"
	"regexp"
)

// seededCases are the cases of the org before the first call, by account.
func seededCases() map[string]string {
	return map[string]string{"AC-1001": "00000901", "AC-1002": "00000902"}
}

// marked finds the marks in a text.
var marked = regexp.MustCompile(`marker[a-z]{2}`)

// newMark is a text that no other ask of the life has: letters only, because figures could be masked.
func (a *author) newMark() string {
	a.marks++
	return markOf(a.marks)
}

func markOf(n int) string { return "marker" + string([]byte{'a' + byte(n/26), 'a' + byte(n%26)}) }

// someTool is an ask that fits the caller of a call.
func (a *author) someTool(call int) *askPlan {
	switch n := a.IntN(20); {
	case n < 5:
		return a.lead(call)
	case n < 10:
		return a.newCase(a.of("AC-1001", "AC-1002"), a.of("billing", "technical", "account"))
	case n < 12:
		return a.find(call)
	case n < 16:
		return a.comment(call)
	case n < 17:
		return &askPlan{tool: "create_lead", args: map[string]any{"firstName": "Ada", "lastName": a.newMark()}}
	}
	return a.contact(call, a.of("email", "street", "billing"))
}

// lead states a number on which that caller alone is called back: with one that two callers share, the org's
// duplicate rule would take them for one person, and rightly send the second to review.
func (a *author) lead(call int) *askPlan {
	m, who := a.newMark(), a.calls[call].caller
	stated := [][]string{{"555-867-5309", callers()[0].number}, {"(555) 867-5310", "+15558675310"}, {"+15558675311", callers()[2].number}}[who]
	return &askPlan{tool: "create_lead", mark: m, args: map[string]any{
		"firstName": "Ada", "lastName": m, "phone": a.of(stated...), "propertyType": "house", "budget": "450k", "location": m, "timeline": "immediate",
	}}
}

func (a *author) newCase(account, issue string) *askPlan {
	m := a.newMark()
	return &askPlan{tool: "create_case", as: a.of("create_case", "createSalesforceCase"), mark: m, account: account, issue: issue, args: map[string]any{
		"accountNumber": a.of(account, account, "ac-100"+account[len(account)-1:]), "issueType": issue, "description": m + " happened", "secondCase": a.IntN(3) == 0,
	}}
}

func (a *author) find(call int) *askPlan {
	account := a.accountOf(call)
	k := &askPlan{tool: "find_case", account: account}
	if a.IntN(2) == 0 {
		k.seeded, k.args = true, map[string]any{"caseNumber": seededCases()[account]}
	} else {
		k.args = map[string]any{"accountNumber": account, "issueType": "billing"}
	}
	return k
}

// comment goes to a case that was there before, so that who asks knows its number whatever befell other asks.
func (a *author) comment(call int) *askPlan {
	m, account := a.newMark(), a.accountOf(call)
	return &askPlan{tool: "add_case_comment", mark: m, account: account, seeded: true, args: map[string]any{"caseNumber": seededCases()[account], "comment": m + " came later"}}
}

func (a *author) contact(_ int, field string) *askPlan {
	m := a.newMark()
	k := &askPlan{tool: "update_contact", mark: m, field: field}
	switch field {
	case "email":
		k.args = map[string]any{"email": m + "@example.com"}
	case "street":
		k.args = map[string]any{"street": m + " road", "addressType": "home"}
	default:
		k.args = map[string]any{"street": m + " road", "addressType": "billing"}
	}
	return k
}

// repeat is the same ask under another id.
func (a *author) repeat(k *askPlan, call int) *askPlan {
	again := *k
	again.id, again.call, again.args = "", call, maps.Clone(k.args)
	return &again
}

// sameCase is somebody else's ask for the same kind of case of the same account.
func (a *author) sameCase(k *askPlan, _ int) *askPlan { return a.newCase(k.account, k.issue) }

// corrected is the same ask with another value; nil if the tool has none to correct.
func (a *author) corrected(k *askPlan, call int) *askPlan {
	switch k.tool {
	case "create_lead":
		return a.lead(call)
	case "create_case":
		return a.newCase(k.account, k.issue)
	case "update_contact":
		return a.contact(0, k.field)
	}
	return nil
}

func (a *author) accountOf(call int) string {
	if account := callers()[a.calls[call].caller].account; account != "" {
		return account
	}
	return "AC-1001"
}
