package crm_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/crm"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/salesforce"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
)

// wire carries requests to the org without a network.
type wire struct{ org http.Handler }

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), r.Body)
	in.Header = r.Header
	out := httptest.NewRecorder()
	w.org.ServeHTTP(out, in)
	res := out.Result()
	res.Request = r
	return res, nil
}

// at plays with the doers of an org, in a bubble.
func at(t *testing.T, play func(t *testing.T, org *simforce.Org, kinds map[string]journal.Kind)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		org := simforce.New(simforce.Options{Duplicates: []simforce.DuplicateRule{}})
		web := &http.Client{Transport: wire{org}}
		app := salesforce.App{LoginURL: "http://acme.my.salesforce.com", ClientID: "simforce-client", ClientSecrets: []salesforce.Secret{"simforce-secret"}}
		tokens, err := salesforce.NewTokens(salesforce.TokensConfig{Flow: salesforce.ClientCredentials{App: app}, HTTP: web})
		if err != nil {
			t.Fatal(err)
		}
		client, err := salesforce.New(salesforce.Config{Tokens: tokens, HTTP: web, APIVersion: "62.0", KeyField: crm.KeyField})
		if err != nil {
			t.Fatal(err)
		}
		desk := crm.NewDesk(client)
		defer desk.Close()
		synctest.Wait()
		play(t, org, crm.Kinds(func(workspace string) (*crm.Desk, bool) { return desk, workspace == "default" }))
	})
}

// attempt is one of an intent that was recorded now.
func attempt(t *testing.T, w crm.Write) journal.Attempt {
	t.Helper()
	body, err := w.Body()
	if err != nil {
		t.Fatal(err)
	}
	return journal.Attempt{Number: 1, Taken: func(context.Context, string) (bool, error) { return false, nil }, Intent: journal.Intent{
		Workspace: "default", Key: "hs:test:1", Body: body, Recorded: time.Now(), Tried: time.Now(),
	}}
}

func wantVerdict(t *testing.T, what string, got journal.Outcome, want journal.Verdict, why string) {
	t.Helper()
	if got.Verdict != want || !strings.Contains(got.Why+" — "+got.Hint, why) {
		t.Errorf("%s: got %s (%s — %s), want %s with %q", what, got.Verdict, got.Why, got.Hint, want, why)
	}
}

// TestCreateIsFoundByItsKey: whoever does not know whether a create happened looks for the key, and doing it again
// makes no second record.
func TestCreateIsFoundByItsKey(t *testing.T) {
	at(t, func(t *testing.T, org *simforce.Org, kinds map[string]journal.Kind) {
		d := kinds[crm.KindCreate].Doer
		a := attempt(t, crm.Write{Object: "Case", Fields: map[string]any{"Subject": "x"}, ReadBack: []string{"CaseNumber"}})
		wantVerdict(t, "look before", d.Look(t.Context(), a), journal.Retry, "no record has the key yet")
		first := d.Do(t.Context(), a)
		wantVerdict(t, "do", first, journal.Done, "")
		if first.Facts["CaseNumber"] != "00001026" || !strings.HasPrefix(first.Effect, "500") {
			t.Errorf("got %+v, want the case with its number", first)
		}
		again := d.Do(t.Context(), a)
		seen := d.Look(t.Context(), a)
		if again.Effect != first.Effect || seen.Effect != first.Effect || seen.Facts["CaseNumber"] != "00001026" {
			t.Errorf("again %+v, seen %+v, want the record of the first", again, seen)
		}
		if n := len(org.Records("Case")); n != 1 {
			t.Errorf("the org has %d cases, want 1", n)
		}
	})
}

// TestOrgWithoutTheKeyFieldIsToldWhichToMake: a create without a key could not be looked for, so it is refused,
// unless the playbook names another unique field.
func TestOrgWithoutTheKeyFieldIsToldWhichToMake(t *testing.T) {
	at(t, func(t *testing.T, org *simforce.Org, kinds map[string]journal.Kind) {
		d := kinds[crm.KindCreate].Doer
		org.DropField("Lead", crm.KeyField)
		fields := map[string]any{"LastName": "Byron", "Company": "x"}
		a := attempt(t, crm.Write{Object: "Lead", Fields: fields})
		wantVerdict(t, "do", d.Do(t.Context(), a), journal.Refused, crm.KeyField)
		if len(org.Records("Lead")) != 0 {
			t.Error("a lead was made without a key")
		}
		org.SetField("Lead", simforce.Field{Name: "Own_Key__c", Type: simforce.String, Length: 255, ExternalID: true, Unique: true})
		a = attempt(t, crm.Write{Object: "Lead", Fields: fields, KeyField: "Own_Key__c", Key: "mine"})
		wantVerdict(t, "do with a key of the playbook's", d.Do(t.Context(), a), journal.Done, "")
		wantVerdict(t, "look", d.Look(t.Context(), a), journal.Done, "")
		if r := org.Records("Lead"); len(r) != 1 || r[0].Str("Own_Key__c") != "mine" {
			t.Errorf("the org has %v, want one lead with the key", r)
		}
	})
}

// TestUpdateIsLookedAtBeforeItIsRepeated: the target is there, or nobody has touched the record, or the values
// from before are: each has its verdict, and what a person has changed is theirs.
func TestUpdateIsLookedAtBeforeItIsRepeated(t *testing.T) {
	for _, tc := range []struct {
		name    string
		between func(t *testing.T, org *simforce.Org, id string, do func())
		before  string
		want    journal.Verdict
		why     string
	}{
		{"it happened", func(_ *testing.T, _ *simforce.Org, _ string, do func()) { do() }, "", journal.Done, ""},
		{"nobody touched it", func(*testing.T, *simforce.Org, string, func()) {}, "", journal.Retry, "unchanged"},
		{"the values from before are there", func(t *testing.T, org *simforce.Org, id string, _ func()) {
			edit(t, org, id, map[string]any{"Title": "Countess"})
		}, `{"Email":"old@example.com"}`, journal.Retry, "unchanged"},
		{"a person changed it", func(t *testing.T, org *simforce.Org, id string, _ func()) {
			edit(t, org, id, map[string]any{"Email": "person@example.com"})
		}, `{"Email":"old@example.com"}`, journal.Refused, "somebody has changed the record since"},
		{"a person changed it after us", func(t *testing.T, org *simforce.Org, id string, do func()) {
			do()
			edit(t, org, id, map[string]any{"Email": "person@example.com"})
		}, "", journal.Refused, "somebody has changed the record since"},
		{"it is gone", func(t *testing.T, org *simforce.Org, id string, _ func()) {
			if err := org.Remove(id); err != nil {
				t.Fatal(err)
			}
		}, "", journal.Refused, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at(t, func(t *testing.T, org *simforce.Org, kinds map[string]journal.Kind) {
				d := kinds[crm.KindUpdate].Doer
				id := org.Put("Contact", map[string]any{"LastName": "Byron", "Email": "old@example.com"})
				time.Sleep(time.Hour)
				a := attempt(t, crm.Write{Object: "Contact", Record: id, Fields: map[string]any{"Email": "new@example.com"}})
				a.Intent.Before = []byte(tc.before)
				time.Sleep(5 * time.Second)
				tc.between(t, org, id, func() { wantVerdict(t, "do", d.Do(t.Context(), a), journal.Done, "") })
				time.Sleep(5 * time.Minute)
				wantVerdict(t, "look", d.Look(t.Context(), a), tc.want, tc.why)
			})
		})
	}
}

func edit(t *testing.T, org *simforce.Org, id string, fields map[string]any) {
	t.Helper()
	if err := org.Edit(id, fields); err != nil {
		t.Fatal(err)
	}
}

// TestUpdateOfANewRecordWaitsForIt: a record that cannot be found may be too new to be seen for a minute; after
// that a person looks.
func TestUpdateOfANewRecordWaitsForIt(t *testing.T) {
	at(t, func(t *testing.T, _ *simforce.Org, kinds map[string]journal.Kind) {
		d := kinds[crm.KindUpdate].Doer
		a := attempt(t, crm.Write{Object: "Contact", Record: aContact, Fields: map[string]any{"Email": "new@example.com"}})
		time.Sleep(59 * time.Second)
		wantVerdict(t, "after 59 s", d.Do(t.Context(), a), journal.Retry, "")
		time.Sleep(2 * time.Second)
		wantVerdict(t, "after 61 s", d.Do(t.Context(), a), journal.Refused, "")
		wantVerdict(t, "without a record", d.Do(t.Context(), attempt(t, crm.Write{Object: "Contact"})), journal.Refused, "not known which record")
	})
}

// TestCommentIsFoundByItsText: a comment has no key. Whoever does not know whether it is there compares the texts
// of the case's newest comments; the same text from before the intent is another comment.
func TestCommentIsFoundByItsText(t *testing.T) {
	at(t, func(t *testing.T, org *simforce.Org, kinds map[string]journal.Kind) {
		d := kinds[crm.KindComment].Doer
		id := org.Put("Case", map[string]any{"Subject": "x"})
		other := org.Put("Case", map[string]any{"Subject": "y"})
		org.Put("CaseComment", map[string]any{"ParentId": id, "CommentBody": "It was on Monday"})
		time.Sleep(time.Hour)
		org.Put("CaseComment", map[string]any{"ParentId": other, "CommentBody": "It was on Monday"})
		a := attempt(t, crm.Write{Object: "CaseComment", Fields: map[string]any{"ParentId": id, "CommentBody": "It was on Monday"}})
		wantVerdict(t, "look before", d.Look(t.Context(), a), journal.Retry, "no such comment")
		done := d.Do(t.Context(), a)
		wantVerdict(t, "do", done, journal.Done, "")
		seen := d.Look(t.Context(), a)
		wantVerdict(t, "look after", seen, journal.Done, "")
		if seen.Effect != done.Effect {
			t.Errorf("found %s, want %s", seen.Effect, done.Effect)
		}
		a.Taken = func(_ context.Context, effect string) (bool, error) { return effect == done.Effect, nil }
		wantVerdict(t, "look, when it is another's", d.Look(t.Context(), a), journal.Retry, "no such comment")
		if kinds[crm.KindComment].Quiet != 90*time.Second {
			t.Errorf("absent is believed after %v, want the attempt's 30 s and a minute", kinds[crm.KindComment].Quiet)
		}
	})
}

// TestPicklistsAreMatchedOrLeftOut: what was said becomes the org's own value, whatever its spelling, and is left
// out where the org has none or where it is switched off.
func TestPicklistsAreMatchedOrLeftOut(t *testing.T) {
	for _, tc := range []struct {
		name, spoken string
		values       []string
		want         any
	}{
		{"as it stands", "billing", []string{"billing", "technical"}, "billing"},
		{"in the org's spelling", "billing", []string{"Billing", "Technical"}, "Billing"},
		{"with punctuation", "closed won", []string{"Closed - Won"}, "Closed - Won"},
		{"not in the org", "billing", []string{"Mechanical"}, nil},
		{"two that could be meant", "closed won", []string{"Closed-Won", "Closed Won!"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at(t, func(t *testing.T, org *simforce.Org, kinds map[string]journal.Kind) {
				org.SetField("Case", simforce.Field{Name: "Type", Type: simforce.Picklist, Values: tc.values, Restricted: true})
				w := crm.Write{Object: "Case", Fields: map[string]any{"Subject": "x"}}
				w.SetPicklist("Type", tc.spoken)
				wantVerdict(t, "do", kinds[crm.KindCreate].Doer.Do(t.Context(), attempt(t, w)), journal.Done, "")
				if got := org.Records("Case")[0].Fields["Type"]; got != tc.want {
					t.Errorf("Type is %v, want %v", got, tc.want)
				}
			})
		})
	}
}

// TestWhatCouldNotBeLookedUpIsLookedUpWhenWritten: one match is used, none and several leave the field out, and a
// lookup that still fails leaves the write for later: nothing can have happened.
func TestWhatCouldNotBeLookedUpIsLookedUpWhenWritten(t *testing.T) {
	for _, tc := range []struct {
		name     string
		accounts int
		down     bool
		verdict  journal.Verdict
	}{
		{"one", 1, false, journal.Done}, {"none", 0, false, journal.Done}, {"several", 2, false, journal.Done}, {"no answer", 1, true, journal.Retry},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at(t, func(t *testing.T, org *simforce.Org, kinds map[string]journal.Kind) {
				id := ""
				for range tc.accounts {
					id = org.Put("Account", map[string]any{"Name": "Acme", "AccountNumber": "AC-1001"})
				}
				if tc.down {
					org.Fault(simforce.Fault{Kind: simforce.HTML, Path: "/query", Times: -1})
				}
				w := crm.Write{Object: "Case", Fields: map[string]any{"Subject": "x"}}
				w.SetLater("AccountId", crm.Later{Lookup: &crm.Lookup{Field: "Id", Query: crm.Query{
					Object: "Account", Fields: []string{"Id"}, Where: []crm.Cond{{Field: "AccountNumber", Value: "AC-1001"}}, Limit: 2,
				}}})
				w.SetLater("ContactId", crm.Later{Need: "contact"})
				a := attempt(t, w)
				wantVerdict(t, "do", kinds[crm.KindCreate].Doer.Do(t.Context(), a), tc.verdict, "")
				cases := org.Records("Case")
				if tc.down {
					if len(cases) != 0 {
						t.Errorf("a case was made without its lookup")
					}
					return
				}
				if got := cases[0].Str("AccountId"); (tc.accounts == 1 && got != id) || (tc.accounts != 1 && got != "") {
					t.Errorf("AccountId is %q among %d accounts", got, tc.accounts)
				}
			})
		})
	}
}

// TestWorkspaceThatIsGoneIsForAPerson: an intent whose workspace was taken out of the configuration is not lost.
func TestWorkspaceThatIsGoneIsForAPerson(t *testing.T) {
	at(t, func(t *testing.T, _ *simforce.Org, kinds map[string]journal.Kind) {
		for name, k := range kinds {
			a := attempt(t, crm.Write{Object: "Lead"})
			a.Intent.Workspace = "gone"
			wantVerdict(t, name, k.Doer.Do(t.Context(), a), journal.Refused, "no workspace")
			a.Intent.Workspace, a.Intent.Body = "default", []byte("{")
			wantVerdict(t, name+" with a body that cannot be read", k.Doer.Look(t.Context(), a), journal.Refused, "decode write")
		}
	})
}
