package salesforce

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var leadKey = Key{Object: "Lead", Field: "Key__c", Value: "vapi:c1:t1"}

// methods are all calls of the client, to be fed with failures.
var methods = []struct {
	name string
	do   func(context.Context, *Client) error
}{
	{"create", func(ctx context.Context, c *Client) error {
		_, err := c.Create(ctx, "Lead", Fields{"LastName": "Doe"}, WriteOptions{})
		return err
	}},
	{"get", func(ctx context.Context, c *Client) error { _, err := c.Get(ctx, "Lead", leadID); return err }},
	{"get by key", func(ctx context.Context, c *Client) error { _, err := c.GetByKey(ctx, leadKey, "Id"); return err }},
	{"update", func(ctx context.Context, c *Client) error {
		return c.Update(ctx, "Lead", leadID, Fields{"LastName": "Doe"}, WriteOptions{})
	}},
	{"upsert", func(ctx context.Context, c *Client) error {
		_, err := c.Upsert(ctx, leadKey, Fields{"LastName": "Doe"}, WriteOptions{})
		return err
	}},
	{"delete", func(ctx context.Context, c *Client) error { return c.Delete(ctx, "Lead", leadID) }},
	{"query", func(ctx context.Context, c *Client) error {
		_, err := c.Query(ctx, Fixed("SELECT Id FROM Lead"))
		return err
	}},
	{"query all", func(ctx context.Context, c *Client) error {
		_, _, err := c.QueryAll(ctx, Fixed("SELECT Id FROM Lead"), 5)
		return err
	}},
	{"search", func(ctx context.Context, c *Client) error {
		_, err := c.Search(ctx, SearchQuery{Text: "Doe", Objects: []SearchObject{{Name: "Lead"}}})
		return err
	}},
	{"composite", func(ctx context.Context, c *Client) error {
		_, err := c.Composite(ctx, Composite{Parts: []Part{PartUpsert("lead", leadKey, Fields{}, WriteOptions{})}})
		return err
	}},
	{"collections upsert", func(ctx context.Context, c *Client) error {
		_, err := c.CollectionsUpsert(ctx, leadKey, []Row{{Key: "k1"}}, WriteOptions{})
		return err
	}},
	{"collections update", func(ctx context.Context, c *Client) error {
		_, err := c.CollectionsUpdate(ctx, "Lead", []Row{{ID: leadID}}, WriteOptions{})
		return err
	}},
	{"describe", func(ctx context.Context, c *Client) error { _, err := c.Describe(ctx, "Lead"); return err }},
	{"limits", func(ctx context.Context, c *Client) error { _, err := c.Limits(ctx); return err }},
	{"versions", func(ctx context.Context, c *Client) error { _, err := c.Versions(ctx); return err }},
	{"userinfo", func(ctx context.Context, c *Client) error { _, err := c.UserInfo(ctx); return err }},
}

func TestEveryMethodJudgesEveryFailureAlike(t *testing.T) {
	failures := []struct {
		name   string
		serve  http.HandlerFunc
		status int
		class  Class
	}{
		{"301", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusMovedPermanently)
		}, 301, Backoff},
		{"307", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, 307, Backoff},
		{"401", saying(401, failure("INVALID_AUTH_HEADER", "no")), 401, Permanent},
		{"401 for ever", saying(401, failure("INVALID_SESSION_ID", "Session expired or invalid")), 401, Refresh},
		{"404", saying(404, failure("NOT_FOUND", "The requested resource does not exist")), 404, Permanent},
		{"429", saying(429, `{}`), 429, Ambiguous},
		{"500", saying(500, failure("UNKNOWN_EXCEPTION", "")), 500, Ambiguous},
		{"503 page", saying(503, "<html>maintenance</html>"), 503, Ambiguous},
		{"200 page", saying(200, "<html>log in</html>"), 200, Ambiguous},
		{"201 page", saying(201, "<html>log in</html>"), 201, Ambiguous},
		{"cut connection", cutOff, 0, Ambiguous},
		{"cut body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"id":`)
		}, 200, Ambiguous},
		{"endless body", func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; { // until the client hangs up
				_, err = w.Write([]byte(strings.Repeat("x", 1<<14)))
			}
		}, 200, Ambiguous},
		{"undocumented success", saying(202, `{}`), 202, Ambiguous},
	}
	for _, f := range failures {
		o := newOrg(t, f.serve)
		c := o.client()
		for _, m := range methods {
			err := m.do(t.Context(), c)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Class != f.class || e.Status != f.status {
				t.Errorf("%s against %s: got %v, want status %d, class %s", m.name, f.name, err, f.status, f.class)
			}
		}
		for _, s := range o.requests() {
			if strings.Contains(s.line, "elsewhere") {
				t.Errorf("%s: redirect was followed: %s", f.name, s.line)
			}
		}
	}
}

// wireCase is a call, the answer it is given and what must go over the wire, as the vendor's
// pages show it.
type wireCase struct {
	name, answer string
	status       int
	do           func(context.Context, *Client) error
	want         string
	body         string
	header       map[string]string
}

const base = "/services/data/v62.0"

func TestWritesAreSentAsDocumented(t *testing.T) {
	checkRequests(t, []wireCase{
		{
			"create", `{"id":"00QD000000dYKKFMA4","success":true,"errors":[]}`, 201, methods[0].do,
			"POST " + base + "/sobjects/Lead/", `{"LastName":"Doe"}`, nil,
		},
		{"update with options", "", 204, func(ctx context.Context, c *Client) error {
			return c.Update(ctx, "Lead", leadID, Fields{"Phone": nil}, WriteOptions{AllowDuplicates: true, NoAutoAssign: true})
		}, "PATCH " + base + "/sobjects/Lead/" + leadID, `{"Phone":null}`, map[string]string{
			"Sforce-Duplicate-Rule-Header": "allowSave=true", "Sforce-Auto-Assign": "FALSE", "User-Agent": "test",
			"Content-Type": "application/json; charset=UTF-8", "Accept": "application/json", "Authorization": "Bearer token-1",
		}},
		{
			"upsert", `{"id":"00QD000000dYKKFMA4","success":true,"errors":[],"created":true}`, 201, methods[4].do,
			"PATCH " + base + "/sobjects/Lead/Key__c/vapi:c1:t1", `{"LastName":"Doe"}`,
			map[string]string{"Sforce-Auto-Assign": ""},
		},
		{"upsert, no create", "", 204, func(ctx context.Context, c *Client) error {
			_, err := c.Upsert(ctx, leadKey, Fields{}, WriteOptions{UpdateOnly: true})
			return err
		}, "PATCH " + base + "/sobjects/Lead/Key__c/vapi:c1:t1?updateOnly=true", `{}`, nil},
		{"delete", "", 204, methods[5].do, "DELETE " + base + "/sobjects/Lead/" + leadID, "", map[string]string{"Content-Type": ""}},
	})
}

func TestReadsAreSentAsDocumented(t *testing.T) {
	strange := Key{Object: "Lead", Field: "Key__c", Value: "+1 a/b?c#d%é"}
	checkRequests(t, []wireCase{
		{"get", `{"Id":"x"}`, 200, func(ctx context.Context, c *Client) error {
			_, err := c.Get(ctx, "Lead", leadID, "Id", "Owner.Name")
			return err
		}, "GET " + base + "/sobjects/Lead/" + leadID + "?fields=Id%2COwner.Name", "", nil},
		{"get by strange key", `{"Id":"x"}`, 200, func(ctx context.Context, c *Client) error {
			_, err := c.GetByKey(ctx, strange, "Id")
			return err
		}, "GET " + base + "/sobjects/Lead/Key__c/%2B1%20a%2Fb%3Fc%23d%25%C3%A9?fields=Id", "", nil},
		{"query", `{"totalSize":0,"done":true,"records":[]}`, 200, func(ctx context.Context, c *Client) error {
			q, err := Select("Id").From("Lead").Where(Eq("Phone", String("+1 415"))).Build()
			if err != nil {
				return err
			}
			_, err = c.Query(ctx, q)
			return err
		}, "GET " + base + "/query?q=SELECT%20Id%20FROM%20Lead%20WHERE%20Phone%20%3D%20%27%2B1%20415%27", "", nil},
		{
			"search", `{"searchRecords":[]}`, 200, func(ctx context.Context, c *Client) error {
				_, err := c.Search(ctx, SearchQuery{Text: "415", In: SearchPhone, Limit: 5, Objects: []SearchObject{{Name: "Lead", Fields: []string{"Id"}}}})
				return err
			}, "POST " + base + "/parameterizedSearch",
			`{"defaultLimit":5,"in":"PHONE","overallLimit":5,"q":"415","sobjects":[{"name":"Lead","fields":["Id"]}],"spellCorrection":false}`, nil,
		},
		{"describe", `{}`, 200, methods[12].do, "GET " + base + "/sobjects/Lead/describe", "", nil},
		{"limits", `{}`, 200, methods[13].do, "GET " + base + "/limits", "", nil},
		{"versions", `[]`, 200, methods[14].do, "GET /services/data/", "", map[string]string{"Authorization": ""}},
		{"userinfo", `{}`, 200, methods[15].do, "GET /services/oauth2/userinfo", "", nil},
	})
}

func checkRequests(t *testing.T, tests []wireCase) {
	t.Helper()
	for _, tt := range tests {
		o := newOrg(t, saying(tt.status, tt.answer))
		if err := tt.do(t.Context(), o.client()); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := o.requests()[0]
		if got.line != tt.want || got.body != tt.body {
			t.Errorf("%s: got %s %s\nwant %s %s", tt.name, got.line, got.body, tt.want, tt.body)
		}
		for name, want := range tt.header {
			if got.header.Get(name) != want {
				t.Errorf("%s: header %s: got %q, want %q", tt.name, name, got.header.Get(name), want)
			}
		}
	}
}

func TestUpsertTellsCreatedFromUpdated(t *testing.T) {
	tests := []struct {
		status int
		body   string
		want   Saved
	}{
		{201, `{"id":"00QD000000dYKKFMA4","success":true,"errors":[],"created":true}`, Saved{leadID, true}},
		{200, `{"id":"00QD000000dYKKF","success":true,"errors":[],"created":false}`, Saved{leadID, false}},
		{204, "", Saved{}},
	}
	for _, tt := range tests {
		got, err := newOrg(t, saying(tt.status, tt.body)).client().Upsert(t.Context(), leadKey, Fields{}, WriteOptions{})
		if err != nil || got != tt.want {
			t.Errorf("%d %s: got %+v, %v, want %+v", tt.status, tt.body, got, err, tt.want)
		}
	}
	_, err := newOrg(t, saying(400, failure("DUPLICATE_VALUE", "duplicate value found: Key__c duplicates value on record with id: 00QD000000dYKKF"))).
		client().Upsert(t.Context(), leadKey, Fields{}, WriteOptions{})
	if e, ok := errors.AsType[*Error](err); !ok || e.Class != Resolved || e.Matches[0].ID != leadID {
		t.Errorf("lost race: got %v, want resolved, naming %s", err, leadID)
	}
}

func TestPublishedEventWithErrorsIsSuccess(t *testing.T) {
	body := `{"id":"e01xx0000000001AAA","success":true,"errors":[{"statusCode":"OPERATION_ENQUEUED","message":"ba2ac6d1","fields":[]}]}`
	got, err := newOrg(t, saying(201, body)).client().Create(t.Context(), "Voice_Event__e", Fields{}, WriteOptions{})
	if err != nil || !got.Created {
		t.Errorf("got %+v, %v, want created", got, err)
	}
}

func TestSuccessFalseIsNotSuccess(t *testing.T) {
	body := `{"success":false,"errors":[{"statusCode":"REQUIRED_FIELD_MISSING","message":"x","fields":["Company"]}]}`
	_, err := newOrg(t, saying(201, body)).client().Create(t.Context(), "Lead", Fields{}, WriteOptions{})
	if ClassOf(err) != Permanent {
		t.Errorf("got %v, want permanent", err)
	}
}

// mission-part: P1.6
func TestDeadSessionIsRenewedAndTheRequestReplayedOnce(t *testing.T) {
	var refuse atomic.Int32
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		if refuse.Add(-1) >= 0 {
			saying(401, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`)(w, r)
			return
		}
		saying(201, `{"id":"00QD000000dYKKFMA4","success":true,"errors":[],"created":true}`)(w, r)
	})
	c := o.client()
	refuse.Store(1)
	if err := methods[4].do(t.Context(), c); err != nil {
		t.Fatalf("one refusal: %v", err)
	}
	var auths, bodies []string
	for _, s := range o.requests() {
		auths, bodies = append(auths, s.auth), append(bodies, s.body)
	}
	if diff := cmp.Diff([]string{"Bearer token-1", "Bearer token-2"}, auths); diff != "" {
		t.Errorf("tokens used (-want +got):\n%s", diff)
	}
	if bodies[0] != bodies[1] || bodies[0] == "" {
		t.Errorf("bodies differ: %q", bodies)
	}
	refuse.Store(5)
	if err := methods[4].do(t.Context(), c); ClassOf(err) != Refresh {
		t.Errorf("refused for ever: got %v, want class refresh", err)
	}
	if n := len(o.requests()); n != 4 {
		t.Errorf("refused for ever: %d requests in all, want 4: one replay and no more", n)
	}
}

func TestOtherUnauthorizedDoesNotRenew(t *testing.T) {
	o := newOrg(t, saying(401, failure("INVALID_SESSION_ID", "This session is not valid for use with the REST API")))
	if err := methods[1].do(t.Context(), o.client()); ClassOf(err) != Permanent {
		t.Errorf("got %v, want permanent", err)
	}
	if n := len(o.tokenRequests()); n != 1 {
		t.Errorf("%d token requests, want the first one only", n)
	}
}

func TestUsageIsReported(t *testing.T) {
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Sforce-Limit-Info", "api-usage=18/5000; per-app-api-usage=17/250(appName=x)")
		saying(404, failure("NOT_FOUND", ""))(w, r)
	})
	var used, limit int
	c := o.client(func(cfg *Config) { cfg.OnLimit = func(u, m int) { used, limit = u, m } })
	_ = methods[1].do(t.Context(), c)
	if used != 18 || limit != 5000 {
		t.Errorf("got %d/%d, want 18/5000", used, limit)
	}
}

func TestWhatCannotBeRightIsNotSent(t *testing.T) {
	o := newOrg(t, saying(200, `{}`))
	c := o.client()
	long := Key{"Lead", "Key__c", strings.Repeat("k", maxURL)}
	tests := []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"object with path", func(ctx context.Context) error { _, err := c.Describe(ctx, "../Lead"); return err }},
		{"invented id", func(ctx context.Context) error { return c.Delete(ctx, "Lead", "00QD000000dYKKFMA5") }},
		{"id of another object", func(ctx context.Context) error { return c.Delete(ctx, "Lead", contactID) }},
		{"key of dots", func(ctx context.Context) error {
			_, err := c.GetByKey(ctx, Key{"Lead", "Key__c", ".."})
			return err
		}},
		{"field with syntax", func(ctx context.Context) error { _, err := c.Get(ctx, "Lead", leadID, "Id&x=1"); return err }},
		{"long URI", func(ctx context.Context) error { _, err := c.GetByKey(ctx, long); return err }},
		{"one character", func(ctx context.Context) error {
			_, err := c.Search(ctx, SearchQuery{Text: " a ", Objects: []SearchObject{{Name: "Lead"}}})
			return err
		}},
		{"value that is no JSON", func(ctx context.Context) error {
			_, err := c.Create(ctx, "Lead", Fields{"f": func() {}}, WriteOptions{})
			return err
		}},
		{"empty query", func(ctx context.Context) error { _, err := c.Query(ctx, SOQL{}); return err }},
	}
	for _, tt := range tests {
		if err := tt.do(t.Context()); ClassOf(err) != Permanent {
			t.Errorf("%s: got %v, want permanent", tt.name, err)
		}
	}
	if n := len(o.requests()); n != 0 {
		t.Errorf("%d requests reached the org, want none", n)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	tokens := newOrg(t, saying(200, "")).client().cfg.Tokens
	for name, cfg := range map[string]Config{
		"no tokens":   {HTTP: &http.Client{}},
		"no client":   {Tokens: tokens},
		"bad version": {Tokens: tokens, HTTP: &http.Client{}, APIVersion: "v62"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
