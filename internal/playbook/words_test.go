package playbook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hookswitch/hookswitch/internal/playbook"
)

func ask(t *testing.T, tool *playbook.Tool, raw string, env playbook.Env) *playbook.Env {
	t.Helper()
	args, faults := tool.Args.Check(json.RawMessage(raw), &env)
	if len(faults) > 0 {
		t.Fatalf("%s: got %v", raw, faults)
	}
	env.Args = args
	return &env
}

// said is the first sentence that holds when the writes have become what outcome says.
func said(t *testing.T, sentences []*playbook.Sentence, env *playbook.Env, outcome map[string]playbook.Need) string {
	t.Helper()
	for _, s := range sentences {
		ok, err := s.Holds(env)
		if err != nil {
			t.Fatal(err)
		}
		for write, need := range s.Needs {
			ok = ok && (outcome[write] == need || need == playbook.Recorded && outcome[write] == playbook.Done)
		}
		if ok {
			text, err := s.Say.Render(env, env.Language)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
	}
	return ""
}

const aCase = `{"accountNumber":"ACME-1","issueType":"billing","description":"Billed twice"}`

// mission-part: P2.1
func TestCaseFieldsAreThoseOfTheMission(t *testing.T) {
	tool := shipped(t, "customer-support", "create_case")
	env := ask(t, tool, strings.Replace(aCase, "}", `,"customerName":"Ann Lee"}`, 1), playbook.Env{Caller: playbook.Caller{ContactID: "003A"}})
	env.Reads = map[string]*playbook.Rows{"account": {Records: []map[string]any{{"Id": "001A", "Name": "Acme", "AccountNumber": "ACME-1"}}}}
	got, err := tool.Writes[0].Map(env)
	if err != nil {
		t.Fatal(err)
	}
	want := []playbook.FieldValue{
		{Name: "AccountId", Value: "001A"},
		{Name: "ContactId", Value: "003A"},
		{Name: "Subject", Value: "Voice AI Case: billing"},
		{Name: "Type", Value: "billing", Picklist: true},
		{Name: "Description", Value: "Billed twice\n\nAccount number as stated: ACME-1"},
		{Name: "Origin", Value: "Phone"},
		{Name: "Status", Value: "New"},
		{Name: "Priority", Value: "High"},
		{Name: "SuppliedName", Value: "Ann Lee"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if w := tool.Writes[1]; w.Object != "Task" || w.Due.Hours() != 2 || w.Needs[0] != "case" {
		t.Errorf("got %+v, want a Task within 2 hours after the case", w)
	}
}

// mission-part: P2.1
func TestUnknownAccountNumberIsKeptAndSaidToBeUnknown(t *testing.T) {
	tool := shipped(t, "customer-support", "create_case")
	env := ask(t, tool, aCase, playbook.Env{Reads: map[string]*playbook.Rows{"account": {}}})
	fields, err := tool.Writes[0].Map(env)
	if err != nil {
		t.Fatal(err)
	}
	if fields[0].Name == "AccountId" || !strings.Contains(fmt.Sprint(fields), "ACME-1 (no such account)") {
		t.Errorf("got %v, want no account, and the number in the description", fields)
	}
	got := said(t, tool.Words, env, map[string]playbook.Need{"case": "done", "callback": "done"})
	want := "I do not find account number ACME-1. Your case number is {case.CaseNumber}, and a specialist will call you back within 2 hours."
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	env.Reads["account"].Failed = true
	if got := said(t, tool.Words, env, map[string]playbook.Need{"case": "done"}); strings.Contains(got, "do not find") {
		t.Errorf("the look-up failed, and the caller hears %q", got)
	}
}

func TestWordsFollowTheVerdicts(t *testing.T) {
	tool := shipped(t, "customer-support", "create_case")
	env := ask(t, tool, aCase, playbook.Env{})
	for _, c := range []struct {
		lang     string
		outcome  map[string]playbook.Need
		want     string
		unwanted string
	}{
		{"en", map[string]playbook.Need{"case": "done", "callback": "done"}, "A specialist will call you back within 2 hours.", ""},
		{"en", map[string]playbook.Need{"case": "done", "callback": "refused"}, "Your case number is {case.CaseNumber}.", "hours"},
		{"en", map[string]playbook.Need{"case": "done", "callback": "recorded"}, "Your case number is {case.CaseNumber}.", "hours"},
		{"en", map[string]playbook.Need{"case": "recorded", "callback": "recorded"}, "It is not yet in our system, so it has no number. I can connect you", "{case"},
		{"en", map[string]playbook.Need{"case": "refused", "callback": "refused"}, "I could not open the case", "{case"},
		{"de", map[string]playbook.Need{"case": "done", "callback": "done"}, "innerhalb von 2 Stunden", ""},
		{"fr", map[string]playbook.Need{"case": "withdrawn"}, "All right, I have not opened that case.", ""},
	} {
		env.Language = c.lang
		got := said(t, tool.Words, env, c.outcome)
		if !strings.Contains(got, c.want) || c.unwanted != "" && strings.Contains(got, c.unwanted) {
			t.Errorf("%s %v: got %q, want %q in it", c.lang, c.outcome, got, c.want)
		}
	}
}

func TestMissingValueIsSaidToBeNotOnFile(t *testing.T) {
	tool := shipped(t, "customer-support", "find_case")
	env := ask(t, tool, `{"caseNumber":"1026"}`, playbook.Env{})
	if env.Args["caseNumber"] != "00001026" {
		t.Fatalf("got %v, want the number as Salesforce has it", env.Args)
	}
	env.Reads = map[string]*playbook.Rows{"named": {Records: []map[string]any{{"CaseNumber": "00001026", "Status": "New", "Priority": nil, "Subject": "{case.CaseNumber}\n\x00" + strings.Repeat("é", 300)}}}}
	got := said(t, tool.Words, env, nil)
	if !strings.HasPrefix(got, "Case 00001026, (case.CaseNumber) é") || !strings.HasSuffix(got, "…: the status is New, the priority not on file.") {
		t.Errorf("got %q", got)
	}
	if n := utf8.RuneCountInString(got); n > 300 {
		t.Errorf("got %d characters, want the value cut", n)
	}
}

// mission-part: P2.3
func TestClaimKeysTellAsksApart(t *testing.T) {
	tool := shipped(t, "customer-support", "create_case")
	key := func(claim int, raw, call string) string {
		env := ask(t, tool, raw, playbook.Env{Call: playbook.Call{ID: call}})
		k, ok, err := tool.Claims[claim].Held(env)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return ""
		}
		return k
	}
	if a, b := key(0, aCase, "c1"), key(0, strings.Replace(aCase, "ACME-1", "acme 1", 1), "c2"); a != b || a == "" {
		t.Errorf("got %q and %q, want one key for one account and problem", a, b)
	}
	if a, b := key(0, aCase, "c1"), key(0, strings.Replace(aCase, "billing", "technical", 1), "c1"); a == b {
		t.Errorf("got %q for two problems", a)
	}
	if a, b := key(1, aCase, "c1"), key(1, strings.Replace(aCase, "billing", "technical", 1), "c1"); a != b || a == "" {
		t.Errorf("got %q and %q, want one key for one call", a, b)
	}
	if k := key(1, strings.Replace(aCase, "}", `,"secondCase":true}`, 1), "c1"); k != "" {
		t.Errorf("got %q, want no claim for a second case that was asked for", k)
	}
	lead := shipped(t, "real-estate", "create_lead")
	env := ask(t, lead, completeLead, playbook.Env{Call: playbook.Call{ID: "c1"}})
	if k, ok, err := lead.Claims[1].Held(env); ok || err != nil {
		t.Errorf("got %q %v, want no claim by a number that is not known", k, err)
	}
}

func TestUpdateContactWritesOnlyWhatWasSaid(t *testing.T) {
	tool := shipped(t, "customer-support", "update_contact")
	known := playbook.Env{Caller: playbook.Caller{ContactID: "003A", AccountID: "001A"}}
	for _, c := range []struct {
		raw  string
		env  playbook.Env
		want string
	}{
		{`{"phone":"555-867-5309"}`, known, "contact 003A [{Phone +15558675309 false }]"},
		{`{"email":"ann at example dot com"}`, known, "contact 003A [{Email ann@example.com false }]"},
		{`{"addressType":"billing","street":"1 Main St","city":"Austin"}`, known, "billing 001A [{BillingStreet 1 Main St false } {BillingCity Austin false }]"},
		{`{"street":"1 Main St","zip":"78701"}`, known, "contact 003A [{MailingStreet 1 Main St false } {MailingPostalCode 78701 false }]"},
		{`{"addressType":"billing","street":"1 Main St","phone":"555-867-5309"}`, known, "contact 003A [{Phone +15558675309 false }] billing 001A [{BillingStreet 1 Main St false }]"},
		{`{"phone":"555-867-5309"}`, playbook.Env{}, ""},
		{`{}`, known, ""},
	} {
		env := ask(t, tool, c.raw, c.env)
		var made []string
		for _, w := range tool.Writes {
			when, err := w.When.Holds(env)
			if err != nil {
				t.Fatal(err)
			}
			record, err := w.Record.Eval(env)
			if err != nil {
				t.Fatal(err)
			}
			if when && record != nil {
				fields, err := w.Map(env)
				if err != nil {
					t.Fatal(err)
				}
				made = append(made, fmt.Sprintf("%s %v %v", w.Name, record, fields))
			}
		}
		if got := strings.Join(made, " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.raw, got, c.want)
		}
	}
}

func TestToolsAnswerToTheirOtherNames(t *testing.T) {
	p, err := playbook.Shipped("customer-support")
	if err != nil {
		t.Fatal(err)
	}
	for also, name := range map[string]string{"createSalesforceCase": "create_case", "retrieveCustomerCase": "find_case", "find_case": "find_case"} {
		if tool, ok := p.Tool(also); !ok || tool.Name != name {
			t.Errorf("%s: got %v, want %s", also, tool, name)
		}
	}
	if _, ok := p.Tool("drop_table"); ok {
		t.Error("got a tool that there is not")
	}
	if _, err := playbook.Shipped("real-estat"); err == nil || !strings.Contains(err.Error(), "did you mean real-estate?") {
		t.Errorf("got %v, want the name that was meant", err)
	}
}
