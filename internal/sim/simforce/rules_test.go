package simforce

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAssignmentRulesOverruleTheOwner(t *testing.T) {
	p := newPeer(t, Options{Duplicates: []DuplicateRule{}})
	mine := `{"LastName":"Doe","Company":"ACME","OwnerId":"` + p.org.UserID() + `"}`
	owner := func(id string) string {
		r, _ := p.org.Record(id)
		return r.Str("OwnerId")
	}
	queued := p.make("Lead", mine)
	if got := owner(queued); !strings.HasPrefix(got, "00G") {
		t.Errorf("no header: got owner %s, want the queue", got)
	}
	if got := owner(p.with("Sforce-Auto-Assign", "TRUE").make("Case", `{}`)); !strings.HasPrefix(got, "00G") {
		t.Errorf("TRUE: got owner %s, want the queue", got)
	}
	kept := p.with("Sforce-Auto-Assign", "FALSE").make("Lead", mine)
	if got := owner(kept); got != p.org.UserID() {
		t.Errorf("FALSE: got owner %s, want %s", got, p.org.UserID())
	}
	p.want(p.do("PATCH", "/sobjects/Lead/"+kept, `{"Phone":"1"}`), 204) // rules run on update too
	if got := owner(kept); !strings.HasPrefix(got, "00G") {
		t.Errorf("update without the header: got owner %s, want the queue", got)
	}
	if got := owner(p.make("Contact", `{"LastName":"x"}`)); got != p.org.UserID() {
		t.Errorf("Contact: got owner %s, want no rule to run", got)
	}
}

func TestDuplicateRuleOfAlertKind(t *testing.T) {
	p := newPeer(t, Options{Assignment: []AssignmentRule{}})
	first := p.make("Lead", `{"LastName":"Doe","Company":"ACME","Phone":"+1 (415) 555-0123","Email":"d@acme.test"}`)
	for name, body := range map[string]string{
		"phone as typed otherwise": `{"LastName":"Other","Company":"x","MobilePhone":"415.555.0123"}`,
		"e-mail":                   `{"LastName":"Other","Company":"x","Email":"D@ACME.test"}`,
		"name and company":         `{"LastName":"doe","Company":"acme"}`,
	} {
		g := p.do("POST", "/sobjects/Lead", body)
		want := `[{"duplicateResult":{"allowSave":true,"duplicateRule":"Standard_Lead_Duplicate_Rule","duplicateRuleEntityType":"Lead","errorMessage":"Use one of these records?",` +
			`"matchResults":[{"entityType":"Lead","errors":[],"matchEngine":"FuzzyMatchEngine","matchRecords":[{"additionalInformation":[],"fieldDiffs":[],"matchConfidence":100,` +
			`"record":{"attributes":{"type":"Lead","url":"/services/data/v67.0/sobjects/Lead/` + first + `"},"Id":"` + first + `"}}],` +
			`"rule":"Standard_Lead_Match_Rule_v1_0","size":1,"success":true}]},"message":"Use one of these records?","errorCode":"DUPLICATES_DETECTED"}]`
		if g.status != 400 || g.body != want {
			t.Errorf("%s:\ngot  %d %s\nwant 400 %s", name, g.status, g.body, want)
		}
	}
	p.want(p.do("POST", "/sobjects/Lead", `{"LastName":"Doe","Company":"Other"}`), 201)
	same := `{"LastName":"Again","Company":"x","Phone":"4155550123"}`
	upsert := "/sobjects/Lead/Hookswitch_Key__c/k"
	p.want(p.do("PATCH", upsert, same), 400, "DUPLICATES_DETECTED") // an upsert that must insert is checked too
	allowed := p.with("Sforce-Duplicate-Rule-Header", "allowSave=true; includeRecordDetails=true")
	p.want(allowed.do("PATCH", upsert, same), 201)
	p.want(p.do("PATCH", upsert, `{"Location__c":"Berlin"}`), 200) // nothing that identifies changes
	p.want(p.do("PATCH", upsert, `{"Email":"d@acme.test"}`), 400, "DUPLICATES_DETECTED")
	g := p.do("POST", "/composite/sobjects", `{"records":[{"attributes":{"type":"Lead"},"LastName":"Again","Company":"x"}]}`)
	p.want(g, 200, `"statusCode":"DUPLICATES_DETECTED"`)
}

func TestDuplicateRuleOfBlockKind(t *testing.T) {
	p := newPeer(t, Options{Duplicates: []DuplicateRule{{Object: "Contact", Block: true}}})
	p.make("Contact", `{"LastName":"Doe","Phone":"415 555 0123"}`)
	allowed := p.with("Sforce-Duplicate-Rule-Header", "allowSave=true")
	p.want(allowed.do("POST", "/sobjects/Contact", `{"LastName":"X","HomePhone":"4155550123"}`), 400, `"allowSave":false`, "Standard_Contact_Duplicate_Rule")
}

func TestConvertedLeadIsReadOnly(t *testing.T) {
	p := newPeer(t, bare())
	id := p.make("Lead", `{"LastName":"Doe","Company":"ACME","Hookswitch_Key__c":"k","Phone":"1"}`)
	account, contact, err := p.org.ConvertLead(id)
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := p.org.Record(contact); r.Str("AccountId") != account || r.Str("Name") != "Doe" {
		t.Errorf("contact: got %v, want Doe of %s", r.Fields, account)
	}
	p.want(p.do("PATCH", "/sobjects/Lead/"+id, `{"Phone":"2"}`), 400, "CANNOT_UPDATE_CONVERTED_LEAD")
	p.want(p.do("PATCH", "/sobjects/Lead/Hookswitch_Key__c/k", `{"Phone":"2"}`), 400, "CANNOT_UPDATE_CONVERTED_LEAD")
	p.want(p.do("POST", "/sobjects/Task", `{"WhoId":"`+id+`"}`), 400, "CANNOT_UPDATE_CONVERTED_LEAD")
	p.want(p.do("GET", "/sobjects/Lead/"+id+"?fields=IsConverted", ""), 200, `"IsConverted":true`)
}

func TestMergeLosesTheLosersKey(t *testing.T) {
	p := newPeer(t, bare())
	winner, loser := p.make("Lead", leadBody), p.make("Lead", `{"LastName":"Doe","Company":"ACME","Hookswitch_Key__c":"k"}`)
	if err := p.org.MergeLeads(winner, loser); err != nil {
		t.Fatal(err)
	}
	p.want(p.do("GET", leadAt+"k", ""), 404, "NOT_FOUND")
	p.want(p.do("PATCH", "/sobjects/Lead/"+loser, `{}`), 404, "ENTITY_IS_DELETED")
	p.want(p.send(p.request("GET", "/services/data/v67.0/queryAll?q=SELECT+MasterRecordId+FROM+Lead+WHERE+IsDeleted=true", "")), 200, winner)
}

func TestPersonsChangesAreInTheLedger(t *testing.T) {
	p := newPeer(t, Options{})
	id := p.org.Put("Lead", map[string]any{"LastName": "Doe", "Company": "ACME", "OwnerId": p.org.UserID()})
	if err := p.org.Edit(id, map[string]any{"Phone": "2", "Budget__c": 10}); err != nil {
		t.Fatal(err)
	}
	if err := p.org.Edit(id, map[string]any{"Nope": 1}); err == nil || !strings.Contains(err.Error(), "INVALID_FIELD") {
		t.Errorf("unknown field: got %v, want INVALID_FIELD", err)
	}
	if err := p.org.Remove(id); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(p.org.Ledger())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"n":1,`, `"op":"update"`, `"Budget__c":10`, `"who":"person"`, `"n":2,`, `"op":"delete"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("ledger: got %s, want %s in it", raw, want)
		}
	}
	if r, _ := p.org.Record(id); r.Str("OwnerId") != p.org.UserID() {
		t.Errorf("owner after a person's edit: got %s, want it kept", r.Str("OwnerId"))
	}
}
