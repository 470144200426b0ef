package simforce

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestIDsCarryPrefixAndChecksum(t *testing.T) {
	// Pairs collected from public repositories.
	for id, want := range map[string]string{
		"70130000001tcyI": "AAQ", "0036000000QKv5T": "AAT", "00558000001N0Ke": "AAK",
		"0014H00002x6HUh": "QAM", "00190000001pPvH": "AAU", "a00D0000008pQRA": "IA2",
	} {
		if got := checksum(id); got != want {
			t.Errorf("checksum(%s): got %s, want %s", id, got, want)
		}
	}
	p := newPeer(t, bare())
	for object, prefix := range map[string]string{"Lead": "00Q", "Task": "00T", "Case": "500"} {
		id := p.make(object, map[string]string{"Lead": `{"LastName":"Doe","Company":"ACME"}`}[object]+map[bool]string{true: "{}"}[object != "Lead"])
		if long, good := longID(id); !good || long != id || !strings.HasPrefix(id, prefix) {
			t.Errorf("%s: got id %q, want 18 characters, prefix %s, right checksum", object, id, prefix)
		}
		p.want(p.do("GET", "/sobjects/"+object+"/"+id[:15], ""), 200, id)
	}
}

func TestRecordLifecycle(t *testing.T) {
	p := newPeer(t, bare())
	g := p.do("POST", "/sobjects/Lead/", `{"FirstName":"Ann","LastName":"Lee","Company":"ACME","Budget__c":250000,"Interrupt_Count__c":2}`)
	id := g.text(t, "id")
	if want := fmt.Sprintf(`{"id":"%s","success":true,"errors":[]}`, id); g.status != 201 || g.body != want {
		t.Errorf("create: got %d %s, want 201 %s", g.status, g.body, want)
	}
	if got, want := g.header.Get("Location"), "/services/data/v67.0/sobjects/Lead/"+id; got != want {
		t.Errorf("Location: got %s, want %s", got, want)
	}
	g = p.do("GET", "/sobjects/lead/"+id+"?fields=Id,name,Budget__c,Status,Phone,IsConverted", "")
	want := fmt.Sprintf(`{"attributes":{"type":"Lead","url":"/services/data/v67.0/sobjects/Lead/%s"},"Id":"%s","Name":"Ann Lee","Budget__c":250000.0,"Status":"Open - Not Contacted","Phone":null,"IsConverted":false}`, id, id)
	if g.body != want {
		t.Errorf("get:\ngot  %s\nwant %s", g.body, want)
	}
	if g := p.do("PATCH", "/sobjects/Lead/"+id, `{"Phone":"  (415) 555-0100 ","Location__c":""}`); g.status != 204 || g.body != "" {
		t.Errorf("patch: got %d %q, want 204 and nothing", g.status, g.body)
	}
	r, _ := p.org.Record(id)
	if got := r.Str("Phone"); got != "(415) 555-0100" {
		t.Errorf("Phone: got %q, want it trimmed and otherwise as typed", got)
	}
	if g := p.do("DELETE", "/sobjects/Lead/"+id, ""); g.status != 204 || g.body != "" {
		t.Errorf("delete: got %d %q, want 204 and nothing", g.status, g.body)
	}
	p.want(p.do("GET", "/sobjects/Lead/"+id, ""), 404, `"NOT_FOUND"`)
	if g := p.do("PATCH", "/sobjects/Lead/"+id, `{}`); g.status != 404 || g.body != `[{"message":"entity is deleted","errorCode":"ENTITY_IS_DELETED","fields":[]}]` {
		t.Errorf("patch of a deleted record: got %d %s", g.status, g.body)
	}
	p.want(p.do("DELETE", "/sobjects/Lead/"+id, ""), 404, "ENTITY_IS_DELETED")
}

func TestRefusalsOfContent(t *testing.T) {
	p := newPeer(t, bare())
	lead := p.make("Lead", `{"LastName":"Doe","Company":"ACME"}`)
	account := p.make("Account", `{"Name":"ACME"}`)
	gone := p.make("Account", `{"Name":"Gone"}`)
	p.want(p.do("DELETE", "/sobjects/Account/"+gone, ""), 204)
	never := "001Hs0zzzzzzzzz"
	for name, c := range map[string]struct{ object, body, code string }{
		"required":               {"Lead", `{"FirstName":"x"}`, `[{"message":"Required fields are missing: [LastName, Company]","errorCode":"REQUIRED_FIELD_MISSING","fields":["LastName","Company"]}]`},
		"required, blank":        {"Lead", `{"LastName":"  ","Company":"c"}`, `"REQUIRED_FIELD_MISSING","fields":["LastName"]`},
		"unknown field":          {"Lead", `{"LastName":"x","Company":"c","foo":1}`, `[{"message":"No such column 'foo' on sobject of type Lead","errorCode":"INVALID_FIELD"}]`},
		"read-only":              {"Case", `{"CaseNumber":"1"}`, `"INVALID_FIELD_FOR_INSERT_UPDATE","fields":["CaseNumber"]`},
		"id":                     {"Case", `{"Id":"500000000000001"}`, `"INVALID_FIELD_FOR_INSERT_UPDATE","fields":["Id"]`},
		"created date":           {"Case", `{"CreatedDate":"2026-01-01T00:00:00Z"}`, "INVALID_FIELD_FOR_INSERT_UPDATE"},
		"too long":               {"Lead", `{"LastName":"` + strings.Repeat("x", 81) + `","Company":"c"}`, `"STRING_TOO_LONG","fields":["LastName"]`},
		"too long in units":      {"Lead", `{"LastName":"` + strings.Repeat("😀", 41) + `","Company":"c"}`, `"STRING_TOO_LONG"`},
		"too long in bytes":      {"Case", `{"Description":"` + strings.Repeat("é", 16001) + `"}`, `"STRING_TOO_LONG"`},
		"comment in bytes":       {"CaseComment", `{"ParentId":"` + never + `","CommentBody":"` + strings.Repeat("日", 1334) + `"}`, `"STRING_TOO_LONG"`},
		"picklist":               {"Case", `{"Status":"Nope"}`, `"message":"Status: bad value for restricted picklist field: Nope","errorCode":"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST","fields":["Status"]`},
		"number as text":         {"Lead", `{"LastName":"x","Company":"c","Budget__c":"12"}`, `"JSON_PARSER_ERROR"`},
		"text as number":         {"Lead", `{"LastName":5,"Company":"c"}`, `Cannot deserialize instance of string from VALUE_NUMBER_INT value 5`},
		"text as boolean":        {"Lead", `{"LastName":"x","Company":"c","DoNotCall":"true"}`, `"JSON_PARSER_ERROR"`},
		"null boolean":           {"Lead", `{"LastName":"x","Company":"c","DoNotCall":null}`, `"JSON_PARSER_ERROR"`},
		"int with fraction":      {"Task", `{"CallDurationInSeconds":1.5}`, `"JSON_PARSER_ERROR"`},
		"out of range":           {"Lead", `{"LastName":"x","Company":"c","AI_Qualification_Score__c":1000}`, `"NUMBER_OUTSIDE_VALID_RANGE"`},
		"date with time":         {"Task", `{"ActivityDate":"2026-01-01T00:00:00Z"}`, `"JSON_PARSER_ERROR"`},
		"datetime without zone":  {"Lead", `{"LastName":"x","Company":"c","Last_AI_Contact__c":"2026-01-01T00:00:00"}`, `"JSON_PARSER_ERROR"`},
		"no such day":            {"Task", `{"ActivityDate":"2026-02-30"}`, `"JSON_PARSER_ERROR"`},
		"e-mail":                 {"Lead", `{"LastName":"x","Company":"c","Email":"a b@c"}`, `"INVALID_EMAIL_ADDRESS","fields":["Email"]`},
		"reference, junk":        {"Contact", `{"LastName":"x","AccountId":"abc"}`, `"MALFORMED_ID","fields":["AccountId"]`},
		"reference, checksum":    {"Contact", `{"LastName":"x","AccountId":"` + account[:15] + `AAA"}`, `"MALFORMED_ID"`},
		"reference, object":      {"Contact", `{"LastName":"x","AccountId":"` + lead + `"}`, `"MALFORMED_ID"`},
		"reference, nobody":      {"Contact", `{"LastName":"x","AccountId":"` + never + `"}`, `"INVALID_CROSS_REFERENCE_KEY"`},
		"reference, deleted":     {"Contact", `{"LastName":"x","AccountId":"` + gone + `"}`, `"ENTITY_IS_DELETED"`},
		"lead and what":          {"Task", `{"WhoId":"` + lead + `","WhatId":"` + account + `"}`, `"FIELD_INTEGRITY_EXCEPTION","fields":["WhatId"]`},
		"duplicate member":       {"Lead", `{"LastName":"x","LastName":"y","Company":"c"}`, `"JSON_PARSER_ERROR"`},
		"duplicate by case":      {"Lead", `{"LastName":"x","lastname":"y","Company":"c"}`, `"JSON_PARSER_ERROR"`},
		"junk after":             {"Lead", `{"LastName":"x","Company":"c"} x`, `"JSON_PARSER_ERROR"`},
		"cut short":              {"Lead", `{"LastName":"x"`, `"JSON_PARSER_ERROR"`},
		"not an object":          {"Lead", `[]`, `"JSON_PARSER_ERROR"`},
		"NUL":                    {"Lead", `{"LastName":"a\u0000b","Company":"c"}`, `"JSON_PARSER_ERROR"`},
		"bad UTF-8":              {"Lead", "{\"LastName\":\"\xff\",\"Company\":\"c\"}", `"JSON_PARSER_ERROR"`},
		"empty":                  {"Lead", "", `"JSON_PARSER_ERROR"`},
		"wrong type":             {"Lead", `{"attributes":{"type":"Case"},"LastName":"x","Company":"c"}`, `"INVALID_TYPE"`},
		"stage":                  {"Opportunity", `{"Name":"x","StageName":"Maybe","CloseDate":"2026-01-01"}`, `"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"`},
		"opportunity, required":  {"Opportunity", `{}`, `[Name, StageName, CloseDate]`},
		"event without start":    {"Event", `{"Subject":"x"}`, `"REQUIRED_FIELD_MISSING"`},
		"event without duration": {"Event", `{"ActivityDateTime":"2026-01-01T10:00:00Z"}`, `"REQUIRED_FIELD_MISSING"`},
		"comment without case":   {"CaseComment", `{"CommentBody":"x"}`, `[ParentId]`},
		"comment with key":       {"CaseComment", `{"ParentId":"` + never + `","Hookswitch_Key__c":"k"}`, `"INVALID_FIELD"`},
		"user":                   {"User", `{"LastName":"x"}`, `"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"`},
	} {
		t.Run(name, func(t *testing.T) {
			q := *p
			q.t = t
			before := len(p.org.Ledger())
			q.want(q.do("POST", "/sobjects/"+c.object, c.body), 400, c.code)
			if got := len(p.org.Ledger()); got != before {
				t.Errorf("ledger: got %d entries more, want none", got-before)
			}
		})
	}
}

func TestFieldsThatOnlyCreateMaySet(t *testing.T) {
	p := newPeer(t, bare())
	task := p.make("Task", `{"Subject":"Call","TaskSubtype":"Call","Status":"Completed"}`)
	p.want(p.do("PATCH", "/sobjects/Task/"+task, `{"TaskSubtype":"Call"}`), 400, `"INVALID_FIELD_FOR_INSERT_UPDATE","fields":["TaskSubtype"]`)
	kase := p.make("Case", `{"SuppliedName":"Ann","Origin":"Phone"}`)
	p.want(p.do("PATCH", "/sobjects/Case/"+kase, `{"SuppliedName":"Bob"}`), 400, `"INVALID_FIELD_FOR_INSERT_UPDATE"`)
	p.want(p.do("PATCH", "/sobjects/Task/"+task, `{"Status":null}`), 400, `"REQUIRED_FIELD_MISSING"`)
	if r, _ := p.org.Record(task); r.Fields["IsClosed"] != true {
		t.Errorf("IsClosed of a completed task: got %v, want true", r.Fields["IsClosed"])
	}
}

func TestComputedFields(t *testing.T) {
	p := newPeer(t, bare())
	first, second := p.make("Case", `{"Subject":"a"}`), p.make("Case", `{"Subject":"b"}`)
	var numbers []string
	for _, id := range []string{first, second} {
		r, _ := p.org.Record(id)
		numbers = append(numbers, r.Str("CaseNumber"))
	}
	if diff := cmp.Diff([]string{"00001026", "00001027"}, numbers); diff != "" {
		t.Errorf("CaseNumber (-want +got):\n%s", diff)
	}
	won := p.make("Opportunity", `{"Name":"o","StageName":"Closed Won","CloseDate":"2026-01-01"}`)
	if r, _ := p.org.Record(won); r.Number("Probability") != 100 || r.Fields["IsWon"] != true || r.Str("ForecastCategoryName") != "Closed" {
		t.Errorf("Closed Won: got %v", r.Fields)
	}
	event := p.make("Event", `{"Subject":"e","StartDateTime":"2026-01-01T10:00:00+02:00","DurationInMinutes":30}`)
	if r, _ := p.org.Record(event); r.Str("EndDateTime") != "2026-01-01T08:30:00.000+0000" || r.Str("ActivityDate") != "2026-01-01" {
		t.Errorf("event: got %v", r.Fields)
	}
}

func TestPathsThatNameNothing(t *testing.T) {
	p := newPeer(t, bare())
	id := p.make("Lead", `{"LastName":"Doe","Company":"ACME"}`)
	for path, want := range map[string]int{
		"/sobjects/Nothing/" + id: 404, "/sobjects/Nothing__c/describe": 404, "/nothing": 404, "/sobjects/Lead/a/b/c": 404,
		"/sobjects/Lead/" + id[:15] + "AAA": 400, "/sobjects/Lead/short": 400, "/sobjects/Contact/" + id: 400,
		"/sobjects/Lead/00QHs0zzzzzzzzz": 404, "/sobjects/Lead/" + id + "?fields=Id,Nope": 400, "/composite/graph": 404,
	} {
		if got := p.do("GET", path, "").status; got != want {
			t.Errorf("GET %s: got %d, want %d", path, got, want)
		}
	}
	p.want(p.do("GET", "/sobjects/Account/001900K0001pPuOAAU", ""), 400,
		`[{"message":"Account ID: id value of incorrect type: 001900K0001pPuOAAU","errorCode":"MALFORMED_ID","fields":["Id"]}]`)
	p.want(p.do("PUT", "/sobjects/Lead/"+id, `{}`), 405, "METHOD_NOT_ALLOWED")
	p.want(p.do("POST", "/query?q=x", `{}`), 405)
}

func TestVersionsGates(t *testing.T) {
	p := newPeer(t, Options{DailyLimit: 3})
	at := func(version string) got {
		return p.send(p.request("GET", "/services/data/"+version+"/sobjects/Lead", ""))
	}
	p.want(at("v30.0"), 410, "GONE")
	p.want(at("v68.0"), 404, "NOT_FOUND")
	p.want(at("v67"), 404)
	p.want(at("67.0"), 404)
	anyone := *p
	anyone.token = ""
	p.want(anyone.send(anyone.request("GET", "/services/data/", "")), 200, `{"label":"Summer '26","url":"/services/data/v67.0","version":"67.0"}`, `"version":"31.0"`)
	p.want(anyone.do("GET", "/limits", ""), 401)
	g := at("v31.0")
	if got := g.header.Get("Sforce-Limit-Info"); g.status != 200 || got != "api-usage=1/3" {
		t.Errorf("first request: got %d, Sforce-Limit-Info %q, want 200, api-usage=1/3", g.status, got)
	}
	at("v67.0")
	at("v67.0")
	g = at("v67.0")
	if want := `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`; g.status != 403 || g.body != want {
		t.Errorf("over the allocation: got %d %s, want 403 %s", g.status, g.body, want)
	}
	if got := g.header.Get("Sforce-Limit-Info"); got != "api-usage=3/3" {
		t.Errorf("Sforce-Limit-Info: got %q, want api-usage=3/3", got)
	}
}

func TestAllocationRolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, Options{DailyLimit: 2, SessionTimeout: 72 * time.Hour})
		p.want(p.do("GET", "/sobjects", ""), 200)
		time.Sleep(12 * time.Hour)
		p.want(p.do("GET", "/sobjects", ""), 200)
		p.want(p.do("GET", "/sobjects", ""), 403)
		time.Sleep(12 * time.Hour)
		p.want(p.do("GET", "/sobjects", ""), 200)
		p.want(p.do("GET", "/sobjects", ""), 403)
	})
}

func TestSizeAndTypeGates(t *testing.T) {
	p := newPeer(t, bare())
	p.want(p.do("GET", "/query?q="+strings.Repeat("x", 16_384), ""), 414, "URI_TOO_LONG")
	p.want(p.with("X-Long", strings.Repeat("x", 8_000)).do("GET", "/query?q="+strings.Repeat("x", 8_400), ""), 431)
	for typ, want := range map[string]int{
		"application/json": 201, "application/json;charset=utf-8": 201, "text/plain": 415,
		"application/json; charset=latin1": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415,
	} {
		if got := p.with("Content-Type", typ).do("POST", "/sobjects/Case", `{}`).status; got != want {
			t.Errorf("Content-Type %s: got %d, want %d", typ, got, want)
		}
	}
}

func TestDescribeTellsFields(t *testing.T) {
	p := newPeer(t, bare())
	var d struct {
		KeyPrefix string
		Fields    []struct {
			Name, Type                                                       string
			Length                                                           int
			Nillable, Createable, Updateable, ExternalID, Unique, IDLookup   bool
			RestrictedPicklist, DefaultedOnCreate, CaseSensitive, Filterable bool
			PicklistValues                                                   []struct {
				Value  string
				Active bool
			}
			ReferenceTo      []string
			RelationshipName *string
		}
	}
	if err := json.Unmarshal([]byte(p.do("GET", "/sobjects/Task/describe", "").body), &d); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range d.Fields {
		switch f.Name {
		case KeyField:
			if !f.ExternalID || !f.Unique || !f.IDLookup || !f.CaseSensitive || f.Length != 255 || f.Type != "string" {
				t.Errorf("key field: got %+v", f)
			}
		case "TaskSubtype":
			if !f.Createable || f.Updateable || !f.RestrictedPicklist || !slices.ContainsFunc(f.PicklistValues, func(v struct {
				Value  string
				Active bool
			},
			) bool {
				return v.Value == "Call" && v.Active
			}) {
				t.Errorf("TaskSubtype: got %+v", f)
			}
		case "WhoId":
			if diff := cmp.Diff([]string{"Lead", "Contact"}, f.ReferenceTo); diff != "" || f.RelationshipName == nil || *f.RelationshipName != "Who" {
				t.Errorf("WhoId: got %+v", f)
			}
		case "Description":
			if f.Type != "textarea" || f.Length != 32000 || f.Filterable {
				t.Errorf("Description: got %+v", f)
			}
		default:
			continue
		}
		seen++
	}
	if seen != 4 || d.KeyPrefix != "00T" {
		t.Errorf("describe: got %d of 4 fields, prefix %s", seen, d.KeyPrefix)
	}
	p.want(p.do("GET", "/sobjects", ""), 200, `"name":"Lead"`, `"maxBatchSize":200`)
	p.want(p.do("GET", "/limits", ""), 200, `"DailyApiRequests":{"Max":15000,"Remaining":`)
}

func TestSchemaChanges(t *testing.T) {
	p := newPeer(t, bare())
	id := p.make("Lead", `{"LastName":"Doe","Company":"ACME","Location__c":"Berlin"}`)
	p.org.HideField("Lead", KeyField, true)
	p.want(p.do("PATCH", "/sobjects/Lead/Hookswitch_Key__c/k", `{"LastName":"x","Company":"c"}`), 404,
		`[{"message":"Provided external ID field does not exist or is not accessible: Hookswitch_Key__c","errorCode":"NOT_FOUND"}]`)
	p.want(p.do("POST", "/sobjects/Lead", `{"LastName":"x","Company":"c","Hookswitch_Key__c":"k"}`), 400, "INVALID_FIELD")
	if g := p.do("GET", "/sobjects/Lead/describe", ""); strings.Contains(g.body, KeyField) {
		t.Error("describe shows a hidden field")
	}
	p.org.HideField("Lead", KeyField, false)
	p.org.RequireField("Lead", "Phone", true)
	p.want(p.do("POST", "/sobjects/Lead", `{"LastName":"x","Company":"c"}`), 400, `[Phone]`)
	p.org.RequireField("Lead", "Phone", false)
	p.org.DropField("Lead", "Location__c")
	p.want(p.query("SELECT Location__c FROM Lead"), 400, "INVALID_FIELD")
	if r, _ := p.org.Record(id); r.Fields["Location__c"] != nil {
		t.Errorf("a dropped field keeps its value: %v", r.Fields["Location__c"])
	}
	p.org.SetField("Account", Field{Name: "Ext__c", Type: String, ExternalID: true})
	p.org.AddObject(Object{Name: "Visit__c", Label: "Visit", Prefix: "a00", Fields: []Field{{Name: "Account__c", Type: Reference, RefersTo: []string{"Account"}}, {Name: "Name", Type: String}}})
	account := p.make("Account", `{"Name":"ACME","Ext__c":"7"}`)
	p.make("Visit__c", `{"Name":"v","Account__r":{"Ext__c":"7"}}`)
	p.want(p.query("SELECT Account__r.Name FROM Visit__c WHERE Account__c = '"+account+"'"), 200, `"Account__r":{"attributes":`, `"Name":"ACME"`)
	p.want(p.do("POST", "/sobjects/Visit__c", `{"Account__r":{"Ext__c":"8"}}`), 400, "Foreign key external ID: 8 not found")
}

func TestUpsertByExternalID(t *testing.T) {
	p := newPeer(t, bare())
	at := "/sobjects/Lead/Hookswitch_Key__c/"
	g := p.do("PATCH", at+"c1%3Alead%2F1", `{"LastName":"Doe","Company":"ACME"}`)
	id := g.text(t, "id")
	if want := fmt.Sprintf(`{"id":"%s","success":true,"errors":[],"created":true}`, id); g.status != 201 || g.body != want {
		t.Errorf("first: got %d %s, want 201 %s", g.status, g.body, want)
	}
	g = p.do("PATCH", at+"c1%3Alead%2F1", `{"LastName":"Doe","Company":"ACME","Hookswitch_Key__c":"c1:lead/1"}`)
	if want := fmt.Sprintf(`{"id":"%s","success":true,"errors":[],"created":false}`, id); g.status != 200 || g.body != want {
		t.Errorf("again: got %d %s, want 200 %s", g.status, g.body, want)
	}
	old := p.send(p.request("PATCH", "/services/data/v45.0"+at+"c1%3Alead%2F1", `{"LastName":"Doe"}`))
	if old.status != 204 || old.body != "" {
		t.Errorf("v45.0: got %d %q, want 204 and nothing", old.status, old.body)
	}
	p.want(p.send(p.request("PATCH", "/services/data/v46.0"+at+"c1%3Alead%2F1", `{"LastName":"Doe"}`)), 200)
	p.want(p.do("PATCH", at+"k2", `{"LastName":"x","Company":"c","Hookswitch_Key__c":"k3"}`), 400, "INVALID_FIELD")
	p.want(p.do("PATCH", at+"k2?updateOnly=true", `{"LastName":"x","Company":"c"}`), 404, "NOT_FOUND")
	p.want(p.do("PATCH", at+"k2", `{"LastName":"x"}`), 400, `[Company]`)
	p.want(p.do("PATCH", "/sobjects/Lead/Namez/k", `{}`), 404, `"Provided external ID field does not exist or is not accessible: Namez"`)
	p.want(p.do("PATCH", "/sobjects/Lead/Phone/k", `{}`), 404)
	p.want(p.do("GET", at+"c1%3Alead%2F1?fields=Id", ""), 200, id)
	p.want(p.do("GET", at+"C1%3ALEAD%2F1", ""), 404, "NOT_FOUND") // the key is case-sensitive
	p.want(p.do("GET", at+"k2", ""), 404, `[{"message":"The requested resource does not exist","errorCode":"NOT_FOUND"}]`)
	p.want(p.do("POST", "/sobjects/Lead", `{"LastName":"x","Company":"c","Hookswitch_Key__c":"c1:lead/1"}`), 400,
		`[{"message":"duplicate value found: Hookswitch_Key__c duplicates value on record with id: `+id+`","errorCode":"DUPLICATE_VALUE","fields":[]}]`)
	p.want(p.do("PATCH", at+strings.Repeat("k", 256), `{"LastName":"x","Company":"c"}`), 400, "STRING_TOO_LONG")
}

func TestUpsertOfSeveralIs300(t *testing.T) {
	p := newPeer(t, bare())
	p.org.SetField("Contact", Field{Name: "Ext__c", Type: String, ExternalID: true})
	a, b := p.make("Contact", `{"LastName":"A","Ext__c":"7"}`), p.make("Contact", `{"LastName":"B","Ext__c":"7"}`)
	for _, method := range []string{"PATCH", "GET"} {
		g := p.do(method, "/sobjects/Contact/Ext__c/7", map[string]string{"PATCH": `{"LastName":"C"}`}[method])
		want := fmt.Sprintf(`["/services/data/v67.0/sobjects/Contact/%s","/services/data/v67.0/sobjects/Contact/%s"]`, a, b)
		if g.status != 300 || g.body != want || g.header.Get("Location") != "" {
			t.Errorf("%s: got %d %s, want 300 %s without Location", method, g.status, g.body, want)
		}
	}
}

// TestUpsertRace: two upserts of one key overlap. Neither sees the other's row; the index lets one pass.
func TestUpsertRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, bare())
		p.org.Fault(Fault{Kind: Latency, Method: "PATCH", Delay: time.Second, Times: -1})
		var g [2]got
		var wg sync.WaitGroup
		for i := range g {
			wg.Go(func() {
				g[i] = p.do("PATCH", "/sobjects/Lead/Hookswitch_Key__c/k", `{"LastName":"Doe","Company":"ACME"}`)
			})
		}
		wg.Wait()
		if g[0].status > g[1].status {
			g[0], g[1] = g[1], g[0]
		}
		p.want(g[0], 201, `"created":true`)
		p.want(g[1], 400, "DUPLICATE_VALUE")
		p.want(p.do("PATCH", "/sobjects/Lead/Hookswitch_Key__c/k", `{"LastName":"Doe"}`), 200, `"created":false`)
		if got := len(p.org.Records("Lead")); got != 1 {
			t.Errorf("leads: got %d, want 1", got)
		}
	})
}

func TestReplayIsMarkedAndChangesAreDeltas(t *testing.T) {
	p := newPeer(t, bare())
	for _, body := range []string{`{"LastName":"Doe","Company":"ACME"}`, `{"LastName":"Doe","Company":"ACME","Phone":"1"}`} {
		p.do("PATCH", "/sobjects/Lead/Hookswitch_Key__c/k", body)
	}
	ledger := p.org.Ledger()
	if len(ledger) != 2 || ledger[0].Op != Create || ledger[0].Replay || ledger[1].Op != Update || !ledger[1].Replay || ledger[1].Key != "k" {
		t.Fatalf("ledger: got %+v, want a create and a replayed update", ledger)
	}
	if diff := cmp.Diff(map[string]any{"Phone": "1"}, ledger[1].Fields); diff != "" {
		t.Errorf("delta (-want +got):\n%s", diff)
	}
	if want := "integration@simforce.test"; ledger[1].Who != want || ledger[1].Request != 2 {
		t.Errorf("who: got %s in request %d, want %s in 2", ledger[1].Who, ledger[1].Request, want)
	}
}

func TestConditionalHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, bare())
		id := p.make("Account", `{"Name":"ACME"}`)
		g := p.do("GET", "/sobjects/Account/"+id, "")
		stamp, tag := g.header.Get("Last-Modified"), g.header.Get("ETag")
		p.want(p.with("If-Modified-Since", stamp).do("GET", "/sobjects/Account/"+id, ""), 304)
		p.want(p.with("If-None-Match", tag).do("GET", "/sobjects/Account/"+id, ""), 304)
		time.Sleep(2 * time.Second)
		p.want(p.with("If-Unmodified-Since", stamp).with("If-Match", tag).do("PATCH", "/sobjects/Account/"+id, `{"Phone":"1"}`), 204)
		p.want(p.with("If-Unmodified-Since", stamp).do("PATCH", "/sobjects/Account/"+id, `{"Phone":"2"}`), 412)
		p.want(p.with("If-Match", tag).do("PATCH", "/sobjects/Account/"+id, `{"Phone":"2"}`), 412)
		p.want(p.with("If-Unmodified-Since", stamp).do("DELETE", "/sobjects/Account/"+id, ""), 204)
	})
}

func TestContentVersionMakesDocumentAndLink(t *testing.T) {
	p := newPeer(t, bare())
	lead := p.make("Lead", `{"LastName":"Doe","Company":"ACME"}`)
	at := "/sobjects/ContentVersion/Hookswitch_Key__c/t1"
	g := p.do("PATCH", at, `{"Title":"Transcript","PathOnClient":"t.txt","VersionData":"aGVsbG8=","FirstPublishLocationId":"`+lead+`"}`)
	p.want(g, 201)
	id := g.text(t, "id")
	p.want(p.do("GET", "/sobjects/ContentVersion/"+id+"/VersionData", ""), 200, "hello")
	p.want(p.query("SELECT ContentDocumentId, VersionData, ContentSize FROM ContentVersion"), 200, `"ContentDocumentId":"069`, `"VersionData":"/services/data/v67.0/sobjects/ContentVersion/`, `"ContentSize":5`)
	p.want(p.query("SELECT Id FROM ContentDocumentLink WHERE LinkedEntityId = '"+lead+"'"), 200, `"totalSize":1`)
	p.want(p.do("PATCH", at, `{"PathOnClient":"t.txt"}`), 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
	p.want(p.do("POST", "/sobjects/ContentVersion", `{"PathOnClient":"t.txt","VersionData":"not base64"}`), 400, "JSON_PARSER_ERROR")
	form := "--b\r\nContent-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: application/json\r\n\r\n{\"PathOnClient\":\"m.txt\"}\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"VersionData\"; filename=\"m.txt\"\r\nContent-Type: application/octet-stream\r\n\r\nraw bytes\r\n--b--\r\n"
	g = p.with("Content-Type", "multipart/form-data; boundary=b").do("POST", "/sobjects/ContentVersion", form)
	p.want(g, 201)
	p.want(p.do("GET", "/sobjects/ContentVersion/"+g.text(t, "id")+"/VersionData", ""), 200, "raw bytes")
	if got := len(p.org.Ledger()); got != 3 {
		t.Errorf("ledger: got %d entries, want the lead and two files: what the org makes beside them is part of them", got)
	}
}

func TestPlatformEventIsEnqueuedAndNothingElse(t *testing.T) {
	p := newPeer(t, Options{Objects: []Object{{Name: "Voice_Event__e", Prefix: "e01", Event: true, Fields: []Field{{Name: "Case_Id__c", Type: String}}}}})
	g := p.do("POST", "/sobjects/Voice_Event__e", `{"Case_Id__c":"5"}`)
	p.want(g, http.StatusCreated, `"success":true,"errors":[{"statusCode":"OPERATION_ENQUEUED","message":"`)
	p.want(p.do("GET", "/sobjects/Voice_Event__e/"+g.text(t, "id"), ""), 404)
	p.want(p.query("SELECT Id FROM Voice_Event__e"), 400, "INVALID_TYPE")
	if l := p.org.Ledger(); len(l) != 1 || l[0].Op != Publish || l[0].Fields["Case_Id__c"] != "5" {
		t.Errorf("ledger: got %+v, want one publish", l)
	}
}

func TestSameSeedSameOrg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := func(seed int64) string {
			o := bare()
			o.Seed = seed
			p := newPeer(t, o)
			p.make("Lead", `{"LastName":"Doe","Company":"ACME"}`)
			return fmt.Sprint(p.token, p.org.Ledger(), p.org.Records("Lead"))
		}
		if a, b := run(7), run(7); a != b {
			t.Errorf("same seed: got\n%s\n%s", a, b)
		}
		if a, b := run(7), run(8); a == b {
			t.Error("other seed: got the same org")
		}
	})
}
