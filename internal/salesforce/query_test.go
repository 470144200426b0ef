package salesforce

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rows(done bool, next string, names ...string) string {
	recs := make([]Record, len(names))
	for i, n := range names {
		recs[i] = Record{"Name": n}
	}
	b, _ := json.Marshal(map[string]any{"totalSize": 4, "done": done, "nextRecordsUrl": next, "records": recs})
	return string(b)
}

func names(recs []Record) string {
	var all []string
	for _, r := range recs {
		all = append(all, r.Text("Name"))
	}
	return strings.Join(all, " ")
}

func TestQueryAllFollowsPagesAcrossADeadCursor(t *testing.T) {
	var nexts atomic.Int32
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.RequestURI, "/query?q="):
			say(w, 200, rows(false, "/services/data/v67.0/query/01gD-2000", "a", "b"))
		case nexts.Add(1) == 1:
			say(w, 400, failure("INVALID_QUERY_LOCATOR", "invalid query locator"))
		default:
			say(w, 200, rows(true, "", "c", "d"))
		}
	})
	got, more, err := o.client().QueryAll(t.Context(), Fixed("SELECT Name FROM Lead"), 5)
	if err != nil || more || names(got) != "a b c d" {
		t.Fatalf("got %q, more %v, %v, want a b c d", names(got), more, err)
	}
	// The link names a version of its own, which is not ours to change.
	if line := o.requests()[3].line; line != "GET /services/data/v67.0/query/01gD-2000" {
		t.Errorf("next page: %s", line)
	}
}

func TestQueryAllStopsAtItsLimits(t *testing.T) {
	endless := newOrg(t, saying(200, rows(false, "/services/data/v62.0/query/x", "a")))
	got, more, err := endless.client().QueryAll(t.Context(), Fixed("SELECT Name FROM Lead"), 3)
	if err != nil || !more || len(got) != 3 {
		t.Errorf("endless result: got %d rows, more %v, %v, want 3 and more", len(got), more, err)
	}
	dead := newOrg(t, saying(400, failure("INVALID_QUERY_LOCATOR", "")))
	if _, _, err = dead.client().QueryAll(t.Context(), Fixed("SELECT Name FROM Lead"), 3); err == nil || len(dead.requests()) != maxRestarts {
		t.Errorf("dead cursor: %v after %d requests, want an error after %d", err, len(dead.requests()), maxRestarts)
	}
}

func TestNextPageNeverLeavesTheOrg(t *testing.T) {
	for _, link := range []string{"https://evil.example/services/data/v62.0/query/x", "//evil.example/services/data/v62.0/q", "/other"} {
		o := newOrg(t, saying(200, rows(false, link, "a")))
		if _, _, err := o.client().QueryAll(t.Context(), Fixed("SELECT Name FROM Lead"), 3); err == nil {
			t.Errorf("%s: followed", link)
		}
		if n := len(o.requests()); n != 1 {
			t.Errorf("%s: %d requests, want 1", link, n)
		}
	}
}

func TestCompositeTellsOfEachPart(t *testing.T) {
	const answer = `{"compositeResponse":[
	 {"body":{"id":"00QD000000dYKKFMA4","success":true,"errors":[],"created":true},"httpHeaders":{},"httpStatusCode":201,"referenceId":"lead"},
	 {"body":[{"message":"Required fields are missing: [Status]","errorCode":"REQUIRED_FIELD_MISSING","fields":["Status"]}],"httpHeaders":{},"httpStatusCode":400,"referenceId":"task"},
	 {"body":[{"errorCode":"PROCESSING_HALTED","message":"rolled back"}],"httpHeaders":{},"httpStatusCode":400,"referenceId":"found"}]}`
	o := newOrg(t, saying(200, answer))
	q, _ := Select("Id").From("Lead").Build()
	results, err := o.client().Composite(t.Context(), Composite{AllOrNone: true, Parts: []Part{
		PartUpsert("lead", leadKey, Fields{"LastName": "Doe"}, WriteOptions{NoAutoAssign: true}),
		PartCreate("task", "Task", Fields{"WhoId": RefID("lead")}, WriteOptions{}),
		PartQuery("found", q),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := results[0].Saved(); err != nil || s != (Saved{leadID, true}) {
		t.Errorf("lead: got %+v, %v", s, err)
	}
	if ClassOf(results[1].Err) != Permanent || ClassOf(results[2].Err) != Backoff {
		t.Errorf("got %v and %v, want permanent and backoff", results[1].Err, results[2].Err)
	}
	const v = "/services/data/v62.0"
	want := map[string]any{"allOrNone": true, "collateSubrequests": false, "compositeRequest": []any{
		map[string]any{
			"method": "PATCH", "url": v + "/sobjects/Lead/Key__c/vapi:c1:t1", "referenceId": "lead",
			"body": map[string]any{"LastName": "Doe"}, "httpHeaders": map[string]any{"Sforce-Auto-Assign": "FALSE"},
		},
		map[string]any{"method": "POST", "url": v + "/sobjects/Task", "referenceId": "task", "body": map[string]any{"WhoId": "@{lead.id}"}},
		map[string]any{"method": "GET", "url": v + "/query?q=SELECT%20Id%20FROM%20Lead", "referenceId": "found"},
	}}
	var got map[string]any
	_ = json.Unmarshal([]byte(o.requests()[0].body), &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("envelope (-want +got):\n%s", diff)
	}
}

func TestCompositeIsCheckedBeforeItIsSent(t *testing.T) {
	part := func(ref string) Part { return PartUpsert(ref, leadKey, nil, WriteOptions{}) }
	q, _ := Select("Id").From("Lead").Build()
	var queries, many []Part
	for i := range 26 {
		many = append(many, part(fmt.Sprint("p", i)))
		queries = append(queries, PartQuery(fmt.Sprint("q", i), q))
	}
	o := newOrg(t, saying(200, `{}`))
	for name, parts := range map[string][]Part{
		"none": nil, "26 parts": many, "6 queries": queries[:6],
		"one name twice": {part("a"), part("a")}, "name with syntax": {part("a.b")},
		"bad id": {PartUpdate("a", "Lead", "00Q", nil)}, "bad field": {PartGetByKey("a", leadKey, "x y")},
	} {
		if _, err := o.client().Composite(t.Context(), Composite{Parts: parts}); ClassOf(err) != Permanent {
			t.Errorf("%s: got %v, want permanent", name, err)
		}
	}
	if n := len(o.requests()); n != 0 {
		t.Errorf("%d requests sent, want none", n)
	}
}

func TestCompositeAnswerThatDoesNotFitIsAmbiguous(t *testing.T) {
	for _, answer := range []string{`{"compositeResponse":[]}`, `{"compositeResponse":[{"referenceId":"other","httpStatusCode":200}]}`} {
		if err := methods[9].do(t.Context(), newOrg(t, saying(200, answer)).client()); ClassOf(err) != Ambiguous {
			t.Errorf("%s: got %v, want ambiguous", answer, err)
		}
	}
}

func TestCollectionsTellOfEachRow(t *testing.T) {
	const answer = `[{"id":"00QD000000dYKKFMA4","success":true,"errors":[],"created":true},
	 {"success":false,"errors":[{"statusCode":"REQUIRED_FIELD_MISSING","message":"Required fields are missing: [Company]","fields":["Company"]}]},
	 {"success":false,"errors":[{"statusCode":"DUPLICATE_VALUE","message":"duplicate value found: Key__c duplicates value on record with id: 00QD000000dYKKF","fields":[]}]},
	 {"success":false,"errors":[{"statusCode":"UNABLE_TO_LOCK_ROW","message":"","fields":[]}]}]`
	o := newOrg(t, saying(200, answer))
	got, err := o.client().CollectionsUpsert(t.Context(), leadKey, []Row{{Key: "k1", Fields: Fields{"Company": "A"}}, {Key: "k2"}, {Key: "k3"}, {Key: "k4"}}, WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Err != nil || got[0].Saved != (Saved{leadID, true}) {
		t.Errorf("row 1: got %+v", got[0])
	}
	for i, want := range []Class{"", Permanent, Resolved, Backoff} {
		if ClassOf(got[i].Err) != want {
			t.Errorf("row %d: got %v, want %s", i+1, got[i].Err, want)
		}
	}
	sent := o.requests()[0]
	wantBody := `{"allOrNone":false,"records":[{"Company":"A","Key__c":"k1","attributes":{"type":"Lead"}},{"Key__c":"k2","attributes":{"type":"Lead"}},` +
		`{"Key__c":"k3","attributes":{"type":"Lead"}},{"Key__c":"k4","attributes":{"type":"Lead"}}]}`
	if sent.line != "PATCH /services/data/v62.0/composite/sobjects/Lead/Key__c" || sent.body != wantBody {
		t.Errorf("sent %s %s", sent.line, sent.body)
	}

	o = newOrg(t, saying(200, `[{"id":"00QD000000dYKKFMA4","success":true,"errors":[]}]`))
	if _, err := o.client().CollectionsUpdate(t.Context(), "Lead", []Row{{ID: leadID, Fields: Fields{"Phone": "1"}}}, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := o.requests()[0].body, `{"allOrNone":false,"records":[{"Phone":"1","attributes":{"type":"Lead"},"id":"00QD000000dYKKFMA4"}]}`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestCollectionsAreCheckedBeforeTheyAreSent(t *testing.T) {
	o := newOrg(t, saying(200, `[]`))
	c := o.client()
	for name, rows := range map[string][]Row{"none": nil, "one key twice": {{Key: "a"}, {Key: "a"}}, "201": make([]Row, 201)} {
		for i := range rows {
			if name == "201" {
				rows[i].Key = fmt.Sprint("k", i)
			}
		}
		if _, err := c.CollectionsUpsert(t.Context(), leadKey, rows, WriteOptions{}); ClassOf(err) != Permanent {
			t.Errorf("%s: got %v, want permanent", name, err)
		}
	}
	if _, err := c.CollectionsUpdate(t.Context(), "Lead", []Row{{ID: contactID}}, WriteOptions{}); ClassOf(err) != Permanent {
		t.Errorf("id of another object: got %v, want permanent", err)
	}
	if n := len(o.requests()); n != 0 {
		t.Errorf("%d requests sent, want none", n)
	}
	// Fewer results than rows leave it open which row is meant.
	_, err := c.CollectionsUpsert(t.Context(), leadKey, []Row{{Key: "a"}}, WriteOptions{})
	if ClassOf(err) != Ambiguous {
		t.Errorf("answer without rows: got %v, want ambiguous", err)
	}
}

func TestDescribeReadsFieldsPicklistsAndRecordTypes(t *testing.T) {
	const answer = `{"name":"Lead","label":"Lead","keyPrefix":"00Q","createable":true,"fields":[
	 {"name":"LastName","type":"string","length":80,"nillable":false,"createable":true,"defaultedOnCreate":false},
	 {"name":"Status","type":"picklist","nillable":false,"createable":true,"defaultedOnCreate":true,"restrictedPicklist":true,
	  "picklistValues":[{"value":"Open - Not Contacted","label":"Open","active":true,"defaultValue":true}]},
	 {"name":"Key__c","type":"string","length":255,"externalId":true,"unique":true,"idLookup":true,"caseSensitive":true,"nillable":true,"createable":true}],
	 "recordTypeInfos":[{"recordTypeId":"012000000000000AAA","name":"Master","available":true,"master":true,"defaultRecordTypeMapping":true}]}`
	d, err := newOrg(t, saying(200, answer)).client().Describe(t.Context(), "Lead")
	if err != nil {
		t.Fatal(err)
	}
	if f := d.Field("Key__c"); f == nil || !f.ExternalID || !f.Unique || f.Length != 255 || f.Required() {
		t.Errorf("Key__c: got %+v", f)
	}
	if !d.Field("LastName").Required() || d.Field("Status").Required() || d.Field("Nope") != nil {
		t.Error("required: want LastName only, and no field that is not there")
	}
	want := []PicklistValue{{"Open - Not Contacted", "Open", true, true}}
	if diff := cmp.Diff(want, d.Field("Status").Picklist); diff != "" {
		t.Errorf("picklist (-want +got):\n%s", diff)
	}
	if len(d.RecordTypes) != 1 || !d.RecordTypes[0].Master {
		t.Errorf("record types: got %+v", d.RecordTypes)
	}
}

func TestOrgQuestionsAreRead(t *testing.T) {
	limits, err := newOrg(t, saying(200, `{"DailyApiRequests":{"Max":15000,"Remaining":14998}}`)).client().Limits(t.Context())
	if err != nil || limits["DailyApiRequests"] != (Limit{15000, 14998}) {
		t.Errorf("limits: got %v, %v", limits, err)
	}
	versions, err := newOrg(t, saying(200, `[{"label":"Summer '26","url":"/services/data/v67.0","version":"67.0"}]`)).client().Versions(t.Context())
	if err != nil || len(versions) != 1 || versions[0].Version != "67.0" {
		t.Errorf("versions: got %v, %v", versions, err)
	}
	user, err := newOrg(t, saying(200, `{"user_id":"005x00000012Q9P","organization_id":"00Dx0000000BV7z","preferred_username":"u@x"}`)).client().UserInfo(t.Context())
	if err != nil || user.OrgID.Object() != "Organization" || user.UserID.Object() != "User" || user.Username != "u@x" {
		t.Errorf("user: got %+v, %v", user, err)
	}
}

func TestRecordPaths(t *testing.T) {
	var r Record
	_ = json.Unmarshal([]byte(`{"attributes":{"type":"Case"},"Id":"x","Account":{"AccountNumber":"A1","Owner":null},"N":1}`), &r)
	for path, want := range map[string]string{"Account.AccountNumber": "A1", "Account.Owner.Name": "", "N": "", "Gone.X": ""} {
		if got := r.Text(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if r.Object() != "Case" || r.ID() != "x" || (Record{}).Object() != "" {
		t.Errorf("got %s %s", r.Object(), r.ID())
	}
}

func TestAbsentRecordIsAnErrorThatSaysSo(t *testing.T) {
	_, err := newOrg(t, saying(404, failure("NOT_FOUND", "The requested resource does not exist"))).client().GetByKey(t.Context(), leadKey, "Id")
	if e, ok := errors.AsType[*Error](err); !ok || !e.Absent() {
		t.Errorf("got %v, want absent", err)
	}
	if _, err = newOrg(t, saying(200, "null")).client().GetByKey(t.Context(), leadKey, "Id"); ClassOf(err) != Ambiguous {
		t.Errorf("null: got %v, want ambiguous", err)
	}
}
