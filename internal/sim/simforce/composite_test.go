package simforce

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func part(method, url, ref, body string) string {
	s := fmt.Sprintf(`{"method":%q,"url":"/services/data/v67.0%s","referenceId":%q`, method, url, ref)
	if body != "" {
		s += `,"body":` + body
	}
	return s + "}"
}

func (p *peer) composite(allOrNone bool, parts ...string) got {
	p.t.Helper()
	return p.do("POST", "/composite", fmt.Sprintf(`{"allOrNone":%t,"collateSubrequests":false,"compositeRequest":[%s]}`, allOrNone, strings.Join(parts, ",")))
}

// statuses gives the httpStatusCode of each part.
func (g got) statuses(t *testing.T) string {
	t.Helper()
	var answer struct {
		CompositeResponse []struct{ HTTPStatusCode int }
	}
	if err := json.Unmarshal([]byte(g.body), &answer); err != nil {
		t.Fatalf("%s: %v", g.body, err)
	}
	var s []string
	for _, r := range answer.CompositeResponse {
		s = append(s, fmt.Sprint(r.HTTPStatusCode))
	}
	return strings.Join(s, " ")
}

const (
	leadBody = `{"LastName":"Doe","Company":"ACME"}`
	leadAt   = "/sobjects/Lead/Hookswitch_Key__c/"
	taskAt   = "/sobjects/Task/Hookswitch_Key__c/"
)

func TestCompositeReferences(t *testing.T) {
	p := newPeer(t, bare())
	body := `{"WhoId":"@{lead.id}","Subject":"For @{lead.id}","Status":"Completed"}`
	for i, want := range []string{"201 201", "200 200"} {
		g := p.composite(true, part("PATCH", leadAt+"k", "lead", leadBody), part("PATCH", taskAt+"k", "task", body))
		p.want(g, 200, `"httpHeaders":{`, `"referenceId":"task"`)
		if got := g.statuses(t); got != want {
			t.Errorf("run %d: got %s, want %s; %s", i, got, want, g.body)
		}
	}
	lead := p.org.Records("Lead")[0]
	if got := p.org.Records("Task")[0]; got.Str("WhoId") != lead.ID || got.Str("Subject") != "For "+lead.ID {
		t.Errorf("task: got %v, want it to refer to %s", got.Fields, lead.ID)
	}
	g := p.composite(false, part("GET", "/query?q=SELECT+Id+FROM+Lead", "q", ""), part("PATCH", "/sobjects/Lead/@{q.records[0].Id}", "u", `{"Phone":"1"}`))
	if got := g.statuses(t); got != "200 204" {
		t.Errorf("reference into a query: got %s %s", got, g.body)
	}
	if u := p.org.usage.total; u != 3 {
		t.Errorf("three composites cost: got %d requests, want 3", u)
	}
}

func TestCompositeRollsBack(t *testing.T) {
	p := newPeer(t, bare())
	bad := `{"WhoId":"@{lead.id}","Status":"Nope"}`
	g := p.composite(true, part("PATCH", leadAt+"k", "lead", leadBody), part("PATCH", taskAt+"k", "task", bad), part("GET", "/sobjects/Lead/describe", "d", ""))
	p.want(g, 200, `{"body":[{"message":"The transaction was rolled back since another operation in the same transaction failed.","errorCode":"PROCESSING_HALTED"}],"httpHeaders":{},"httpStatusCode":400,"referenceId":"lead"}`,
		"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
	if got := g.statuses(t); got != "400 400 400" {
		t.Errorf("statuses: got %s, want three 400", got)
	}
	if l, r := p.org.Ledger(), p.org.Records("Lead"); l != nil || r != nil {
		t.Errorf("after rollback: got ledger %v, leads %v, want none", l, r)
	}
	p.want(p.do("PATCH", leadAt+"k", leadBody), 201) // the key is free again

	g = p.composite(false, part("PATCH", leadAt+"k2", "lead", leadBody), part("PATCH", taskAt+"k", "task", bad), part("PATCH", taskAt+"k3", "late", `{"WhoId":"@{task.id}"}`))
	if got := g.statuses(t); got != "201 400 400" {
		t.Errorf("without allOrNone: got %s, want 201 400 400", got)
	}
	p.want(g, 200, `"message":"Invalid reference specified. No value for task.id found in task","errorCode":"PROCESSING_HALTED"`)
}

func TestCompositeRollbackRestoresUpdates(t *testing.T) {
	p := newPeer(t, bare())
	id := p.make("Lead", `{"LastName":"Doe","Company":"ACME","Hookswitch_Key__c":"k"}`)
	p.composite(true, part("PATCH", "/sobjects/Lead/"+id, "a", `{"LastName":"Changed","Hookswitch_Key__c":"other"}`),
		part("DELETE", "/sobjects/Lead/"+id, "b", ""), part("POST", "/sobjects/Lead", "c", `{}`))
	if r, _ := p.org.Record(id); r.Deleted || r.Str("LastName") != "Doe" || r.Str(KeyField) != "k" {
		t.Errorf("record after rollback: got %+v, want it untouched", r)
	}
	p.want(p.do("GET", leadAt+"k", ""), 200)
	p.want(p.do("GET", leadAt+"other", ""), 404)
	if got := len(p.org.Ledger()); got != 1 {
		t.Errorf("ledger: got %d entries, want the create alone", got)
	}
}

func TestCompositeEnvelopeRefusals(t *testing.T) {
	p := newPeer(t, bare())
	var many []string
	for i := range 26 {
		many = append(many, part("GET", "/sobjects/Lead/describe", fmt.Sprint("r", i), ""))
	}
	var queries []string
	for i := range 6 {
		queries = append(queries, part("GET", "/query?q=SELECT+Id+FROM+Lead", fmt.Sprint("r", i), ""))
	}
	for name, g := range map[string]got{
		"26 parts":          p.composite(false, many...),
		"6 queries":         p.composite(false, queries...),
		"same reference":    p.composite(false, part("GET", "/query", "a", ""), part("GET", "/query", "a", "")),
		"odd reference":     p.composite(false, part("GET", "/query", "a-b", "")),
		"nothing":           p.composite(false),
		"unknown member":    p.do("POST", "/composite", `{"compositeRequests":[]}`),
		"unknown in part":   p.do("POST", "/composite", `{"compositeRequest":[{"method":"GET","url":"/services/data/v67.0/x","referenceId":"a","richInput":{}}]}`),
		"no reference":      p.do("POST", "/composite", `{"compositeRequest":[{"method":"GET","url":"/services/data/v67.0/x"}]}`),
		"batch's url":       p.do("POST", "/composite", `{"compositeRequest":[{"method":"GET","url":"v67.0/x","referenceId":"a"}]}`),
		"header":            p.do("POST", "/composite", `{"compositeRequest":[{"method":"GET","url":"/services/data/v67.0/query","referenceId":"a","httpHeaders":{"Authorization":"x"}}]}`),
		"a member twice":    p.do("POST", "/composite", `{"allOrNone":true,"allOrNone":false,"compositeRequest":[`+part("GET", "/query", "a", "")+`]}`),
		"allOrNone as text": p.do("POST", "/composite", `{"allOrNone":"true","compositeRequest":[]}`),
	} {
		if g.status != 400 || !strings.HasPrefix(g.body, "[{") {
			t.Errorf("%s: got %d %s, want a 400", name, g.status, g.body)
		}
	}
	for _, url := range []string{"/composite", "/limits", "/search?q=x", "/nothing"} {
		if got := p.composite(false, part("GET", url, "a", "")).statuses(t); got == "200" {
			t.Errorf("part %s: got 200, want a refusal", url)
		}
	}
}

func TestHeadersOfACompositeAreNotInherited(t *testing.T) {
	o := bare()
	o.Assignment = nil
	p := newPeer(t, o)
	off := p.with("Sforce-Auto-Assign", "FALSE")
	off.composite(true, part("PATCH", leadAt+"k1", "lead", leadBody))
	inner := strings.TrimSuffix(part("PATCH", leadAt+"k2", "lead", leadBody), "}") + `,"httpHeaders":{"Sforce-Auto-Assign":"FALSE"}}`
	p.composite(true, inner)
	leads := p.org.Records("Lead")
	if !strings.HasPrefix(leads[0].Str("OwnerId"), "00G") || leads[1].Str("OwnerId") != p.org.UserID() {
		t.Errorf("owners: got %s and %s, want the queue (outer header ignored) and the user", leads[0].Str("OwnerId"), leads[1].Str("OwnerId"))
	}
}

func TestBatch(t *testing.T) {
	p := newPeer(t, bare())
	id := p.make("Lead", leadBody)
	batch := func(halt bool, parts ...string) got {
		return p.do("POST", "/composite/batch", fmt.Sprintf(`{"haltOnError":%t,"batchRequests":[%s]}`, halt, strings.Join(parts, ",")))
	}
	patch := `{"method":"PATCH","url":"v67.0/sobjects/Lead/` + id + `","richInput":{"Phone":"1"}}`
	get := `{"method":"GET","url":"v67.0/sobjects/Lead/` + id + `?fields=Phone"}`
	bad := `{"method":"GET","url":"v67.0/query?q=x"}`
	p.want(batch(false, patch, get), 200, `{"hasErrors":false,"results":[{"statusCode":204,"result":null},{"statusCode":200,"result":{"attributes":`)
	p.want(batch(true, bad, get), 200, `"hasErrors":true`, `{"statusCode":412,"result":[{"message":`, "BATCH_PROCESSING_HALTED")
	p.want(batch(false, bad, get), 200, `"hasErrors":true`, `"Phone":"1"`)
	p.want(batch(false, `{"method":"GET","url":"/services/data/v67.0/limits"}`), 200, `"statusCode":400`)
	p.want(batch(false, `{"method":"POST","url":"v67.0/composite","richInput":{}}`), 200, `"statusCode":400`)
	p.want(batch(false, strings.Split(strings.Repeat(get+"|", 25)+get, "|")...), 400, "LIMIT_EXCEEDED")
}

func TestCollectionsCreate(t *testing.T) {
	p := newPeer(t, bare())
	row := func(fields string) string { return `{"attributes":{"type":"Lead"},` + fields + `}` }
	good, bad := row(`"LastName":"A","Company":"c"`), row(`"LastName":"B"`)
	send := func(all bool, rows ...string) got {
		return p.do("POST", "/composite/sobjects", fmt.Sprintf(`{"allOrNone":%t,"records":[%s]}`, all, strings.Join(rows, ",")))
	}
	p.want(send(false, good, bad), 200, `"success":true,"errors":[]}`, `{"success":false,"errors":[{"statusCode":"REQUIRED_FIELD_MISSING","message":"Required fields are missing: [Company]","fields":["Company"]}]}`)
	g := send(true, good, bad)
	p.want(g, 200, "ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING")
	if strings.Contains(g.body, "errorCode") {
		t.Errorf("collections say statusCode: got %s", g.body)
	}
	if got := p.names("SELECT Name FROM Lead"); got != "A" {
		t.Errorf("leads: got %q, want A", got)
	}
	p.want(send(false, `{"LastName":"A","Company":"c"}`), 200, "INVALID_TYPE")
	p.want(send(false, strings.Split(strings.Repeat(good+"|", 200)+good, "|")...), 400, "EXCEEDED_MAX_SIZE_REQUEST")
	p.want(send(false), 400)
}

func TestCollectionsUpdateDeleteUpsertRetrieve(t *testing.T) {
	p := newPeer(t, bare())
	a, b := p.make("Lead", leadBody), p.make("Lead", leadBody)
	update := func(rows string) got { return p.do("PATCH", "/composite/sobjects", `{"records":[`+rows+`]}`) }
	one := func(id, phone string) string {
		return fmt.Sprintf(`{"attributes":{"type":"Lead"},"id":%q,"Phone":%q}`, id, phone)
	}
	p.want(update(one(a, "1")+","+one("00QHs0zzzzzzzzz", "2")), 200, fmt.Sprintf(`[{"id":"%s","success":true,"errors":[]},`, a), `"statusCode":"INVALID_CROSS_REFERENCE_KEY"`)
	p.want(update(one(a, "1")+","+one(a[:15], "2")), 200, `"statusCode":"DUPLICATE_VALUE"`)
	p.want(update(`{"attributes":{"type":"Lead"},"Phone":"1"}`), 200, `"statusCode":"MISSING_ARGUMENT"`)

	upsert := func(rows string) got {
		return p.do("PATCH", "/composite/sobjects/Lead/Hookswitch_Key__c", `{"allOrNone":false,"records":[`+rows+`]}`)
	}
	keyed := func(k string) string {
		return fmt.Sprintf(`{"attributes":{"type":"Lead"},"Hookswitch_Key__c":%q,"LastName":"K","Company":"c"}`, k)
	}
	p.want(upsert(keyed("1")+","+keyed("2")), 200, `"success":true,"errors":[],"created":true}`)
	p.want(upsert(keyed("2")+","+keyed("3")), 200, `"created":false}`, `"created":true}`)
	p.want(upsert(keyed("4")+","+keyed("4")), 200, `[{"success":false,"errors":[{"statusCode":"DUPLICATE_VALUE"`)
	p.want(upsert(`{"attributes":{"type":"Lead"},"LastName":"K"}`), 200, `"statusCode":"MISSING_ARGUMENT"`)
	if got := len(p.org.Records("Lead")); got != 5 {
		t.Errorf("leads: got %d, want 5", got)
	}
	p.want(p.do("POST", "/composite/sobjects/Lead", fmt.Sprintf(`{"ids":["%s","00QHs0zzzzzzzzz"],"fields":["Phone"]}`, a)), 200, `"Phone":"1"},null]`)
	p.want(p.do("DELETE", "/composite/sobjects?ids="+a+","+b+","+b+"&allOrNone=false", ""), 200, `"success":true`, `"statusCode":"ENTITY_IS_DELETED"`)
	p.want(p.do("DELETE", "/composite/sobjects", ""), 400)
}

func TestOuterAllOrNoneWinsOverACollections(t *testing.T) {
	p := newPeer(t, bare())
	rows := `{"allOrNone":%t,"records":[{"attributes":{"type":"Lead"},"LastName":"A","Company":"c"},{"attributes":{"type":"Lead"}}]}`
	g := p.composite(false, part("POST", "/composite/sobjects", "rows", fmt.Sprintf(rows, true)))
	if got := g.statuses(t); got != "200" || len(p.org.Records("Lead")) != 1 {
		t.Errorf("outer false, inner true: got %s, leads %d, want the good row kept; %s", got, len(p.org.Records("Lead")), g.body)
	}
	p.composite(true, part("PATCH", leadAt+"k", "lead", leadBody), part("POST", "/composite/sobjects", "rows", fmt.Sprintf(rows, false)))
	if got := len(p.org.Records("Lead")); got != 1 {
		t.Errorf("outer true: got %d leads, want everything rolled back", got)
	}
}
