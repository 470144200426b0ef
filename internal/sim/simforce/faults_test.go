package simforce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestResetBeforeAndAfterCommit(t *testing.T) {
	p := newPeer(t, bare())
	p.org.Fault(Fault{Kind: ResetBefore, Method: "PATCH", Object: "Lead"})
	p.org.Fault(Fault{Kind: ResetAfter, Method: "PATCH", Object: "Lead", Nth: 2})
	send := func() got { return p.do("PATCH", leadAt+"k", leadBody) }
	if g := send(); g.status != 0 || len(p.org.Records("Lead")) != 0 {
		t.Errorf("reset before: got status %d and %d leads, want no answer and none", g.status, len(p.org.Records("Lead")))
	}
	if g := send(); g.status != 0 || len(p.org.Records("Lead")) != 1 {
		t.Errorf("reset after: got status %d and %d leads, want no answer and one", g.status, len(p.org.Records("Lead")))
	}
	p.want(send(), 200, `"created":false`)
	if diff := cmp.Diff(map[Kind]int{ResetBefore: 1, ResetAfter: 1}, p.org.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestCommitLate(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile string // a second PATCH while the first is in the air
		status    int
		entries   int
	}{
		"alone":              {"", 0, 1},
		"overtaken by retry": {leadBody, 201, 1}, // the late one loses to the unique index
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPeer(t, bare())
			p.org.Fault(Fault{Kind: CommitLate, Method: "PATCH", Delay: 3 * time.Second})
			if g := p.do("PATCH", leadAt+"k", leadBody); g.status != 0 {
				t.Errorf("%s: got status %d, want a reset", name, g.status)
			}
			p.want(p.do("GET", leadAt+"k", ""), 404)
			p.org.ExpireSessions() // the late commit was let in on arrival
			p.token, _ = p.org.SignIn()
			if c.meanwhile != "" {
				p.want(p.do("PATCH", leadAt+"k", c.meanwhile), c.status)
			}
			time.Sleep(4 * time.Second)
			p.want(p.do("GET", leadAt+"k", ""), 200)
			if got := len(p.org.Ledger()); got != c.entries {
				t.Errorf("%s: got %d entries, want %d", name, got, c.entries)
			}
		})
	}
}

func TestWorkIsDoneForWhoHasStoppedListening(t *testing.T) {
	p := newPeer(t, bare())
	srv := httptest.NewServer(p.org)
	defer srv.Close()
	p.org.Fault(Fault{Kind: Latency, Method: "POST", Delay: 150 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL+"/services/data/v67.0/sobjects/Lead", strings.NewReader(leadBody))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := srv.Client().Do(r)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want the deadline", err)
	}
	srv.Close() // waits for requests under way
	if got := len(p.org.Records("Lead")); got != 1 {
		t.Errorf("leads: got %d, want 1: the org does not stop because nobody listens", got)
	}
}

func TestResetClosesTheConnection(t *testing.T) {
	p := newPeer(t, bare())
	srv := httptest.NewServer(p.org)
	defer srv.Close()
	p.org.Fault(Fault{Kind: ResetAfter, Object: "Lead"})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/services/data/v67.0/sobjects/Lead", strings.NewReader(leadBody))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := srv.Client().Do(r)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF", err)
	}
	if got := len(p.org.Records("Lead")); got != 1 {
		t.Errorf("leads: got %d, want 1", got)
	}
}

func TestRefusalsOnDemand(t *testing.T) {
	p := newPeer(t, bare())
	for name, c := range map[string]struct {
		fault  Fault
		status int
		body   string
	}{
		"lock":       {Fault{Kind: LockRow}, 400, `"errorCode":"UNABLE_TO_LOCK_ROW","fields":[]`},
		"total":      {Fault{Kind: LimitTotal}, 403, `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`},
		"concurrent": {Fault{Kind: LimitConcurrent}, 403, `ConcurrentRequests (Concurrent API Requests) Limit exceeded.`},
		"503":        {Fault{Kind: HTML}, 503, "<html>"},
		"420":        {Fault{Kind: HTML, Status: 420}, 420, "<html>"},
		"502":        {Fault{Kind: HTML, Status: 502}, 502, "<html>"},
		"error":      {Fault{Kind: Answer, Status: 500, Code: "UNKNOWN_EXCEPTION", Message: "An unexpected error occurred."}, 500, `[{"message":"An unexpected error occurred.","errorCode":"UNKNOWN_EXCEPTION"}]`},
		"empty":      {Fault{Kind: Answer, Status: 406}, 406, ""},
		"expired":    {Fault{Kind: Expire}, 401, "INVALID_SESSION_ID"},
		"down, page": {Fault{Kind: Down, Status: 503, Times: 1}, 503, "<html>"},
		"down":       {Fault{Kind: Down}, 0, ""},
	} {
		q := newPeer(t, bare())
		q.org.Fault(c.fault)
		g := q.do("POST", "/sobjects/Lead", leadBody)
		if g.status != c.status || !strings.Contains(g.body, c.body) {
			t.Errorf("%s: got %d %s, want %d %s", name, g.status, g.body, c.status, c.body)
		}
		if got := len(q.org.Ledger()); got != 0 {
			t.Errorf("%s: got %d entries, want none", name, got)
		}
		q.token, _ = q.org.SignIn()
		q.want(q.do("POST", "/sobjects/Lead", leadBody), 201)
	}
	p.org.Fault(Fault{Kind: BusyRefresh})
	_, refresh := p.org.SignIn()
	p.want(p.refresh(refresh), 400, "token request is already being processed")
	p.want(p.refresh(refresh), 200)
	p.org.Fault(Fault{Kind: Rotate, Path: "/token"})
	_, refresh = p.org.SignIn()
	p.want(p.refresh(refresh), 200, `"refresh_token"`)
}

func TestFaultMatching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, bare())
		lead := func() int { return p.do("POST", "/sobjects/Lead", leadBody).status }
		kase := func() int { return p.do("POST", "/sobjects/Case", `{}`).status }
		p.org.Fault(Fault{Kind: LockRow, Method: "POST", Object: "lead", Nth: 2, Times: 2})
		if got := []int{lead(), kase(), lead(), lead(), lead()}; !slices.Equal(got, []int{201, 201, 400, 400, 201}) {
			t.Errorf("second and third lead: got %v", got)
		}
		p.org.Fault(Fault{Kind: HTML, Path: "/sobjects", After: time.Minute, For: 10 * time.Minute})
		got := []int{lead()}
		time.Sleep(time.Minute)
		got = append(got, lead(), kase(), p.do("GET", "/limits", "").status)
		time.Sleep(10 * time.Minute)
		got = append(got, lead())
		if want := []int{201, 503, 503, 200, 201}; !slices.Equal(got, want) {
			t.Errorf("a window of ten minutes: got %v, want %v", got, want)
		}
		p.org.Fault(Fault{Kind: LockRow, Object: "Task"})
		p.want(p.composite(true, part("PATCH", taskAt+"k", "t", `{}`)), 400, "UNABLE_TO_LOCK_ROW")
		p.org.Fault(Fault{Kind: LockRow, Object: "Lead"})
		p.want(p.query("SELECT Id FROM Lead"), 400, "UNABLE_TO_LOCK_ROW")
	})
}

func TestFaultOnRows(t *testing.T) {
	p := newPeer(t, bare())
	p.org.Fault(Fault{Kind: LockRow, Object: "Task", Row: true, Method: "POST", Nth: 2})
	g := p.composite(false, part("PATCH", taskAt+"a", "a", `{}`), part("PATCH", taskAt+"a", "b", `{}`), part("PATCH", taskAt+"c", "c", `{}`))
	if got := g.statuses(t); got != "201 200 400" || !strings.Contains(g.body, "UNABLE_TO_LOCK_ROW") {
		t.Errorf("second create: got %s %s, want 201 200 400", got, g.body)
	}
	p.org.Fault(Fault{Kind: Answer, Row: true, Code: "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Message: "trigger: UNABLE_TO_LOCK_ROW"})
	p.want(p.do("POST", "/composite/sobjects", `{"records":[{"attributes":{"type":"Task"}},{"attributes":{"type":"Task"}}]}`), 200,
		`[{"success":false,"errors":[{"statusCode":"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"`, `"success":true`)
	defer func() {
		if recover() == nil {
			t.Error("a reset of single rows: got no panic")
		}
	}()
	p.org.Fault(Fault{Kind: ResetAfter, Row: true})
}

func TestLagsOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := bare()
		o.SearchLag = -1
		p := newPeer(t, o)
		p.make("Lead", `{"LastName":"Doe","Company":"ACME","Phone":"4155550123"}`)
		p.org.Fault(Fault{Kind: LagQuery, Delay: time.Minute, For: time.Hour})
		p.org.Fault(Fault{Kind: LagFind, Delay: time.Minute, For: time.Hour})
		if got := p.names("SELECT Name FROM Lead"); got != "" {
			t.Errorf("a query that lags: got %q, want nothing yet", got)
		}
		p.want(p.do("POST", "/parameterizedSearch", phoneSearch), 200, `{"searchRecords":[]}`)
		time.Sleep(time.Minute)
		if got := p.names("SELECT Name FROM Lead"); got != "Doe" {
			t.Errorf("a minute later: got %q, want Doe", got)
		}
		p.want(p.do("POST", "/parameterizedSearch", phoneSearch), 200, `"Name":"Doe"`)
	})
}

func TestRequestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, bare())
		p.org.Fault(Fault{Kind: Latency, Delay: 2 * time.Second, Method: "PATCH"})
		p.do("PATCH", leadAt+"k", leadBody)
		p.do("POST", "/sobjects/Lead", `{}`)
		p.refresh("secret-token")
		log := p.org.Requests()
		if len(log) != 3 {
			t.Fatalf("requests: got %d, want 3", len(log))
		}
		if r := log[0]; r.Status != 201 || r.Took != 2*time.Second || !slices.Equal(r.Faults, []Kind{Latency}) || !slices.Equal(r.Objects, []string{"Lead"}) || r.Body != leadBody {
			t.Errorf("first: got %+v", r)
		}
		if r := log[1]; r.Code != "REQUIRED_FIELD_MISSING" {
			t.Errorf("second: got %+v, want its code", r)
		}
		if raw, err := json.Marshal(log[2]); err != nil || bytes.Contains(raw, []byte("secret")) {
			t.Errorf("token request: got %s, %v, want no secret in it", raw, err)
		}
	})
}

func TestControlOverHTTP(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, Options{Control: true}) }()
	client := &http.Client{Timeout: 10 * time.Second}
	call := func(method, path, body string) string {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+ln.Addr().String()+"/_sim/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		w, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		raw, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(raw))
	}
	var put struct{ ID string }
	if err := json.Unmarshal([]byte(call("POST", "put", `{"object":"Lead","fields":{"LastName":"Doe","Company":"ACME"}}`)), &put); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "records?object=Lead", "", `"LastName":"Doe"`},
		{"POST", "edit", `{"id":"` + put.ID + `","fields":{"Phone":"1"}}`, "{}"},
		{"GET", "ledger", "", `"who":"person"`},
		{"GET", "ledger?since=1", "", "[]"},
		{"POST", "faults", `{"kind":"down","for":"1h"}`, "{}"},
		{"POST", "faults", `{"kind":"down","for":"soon"}`, `for: time: invalid duration`},
		{"POST", "faults", `{"kind":"nap"}`, `is not one of`},
		{"POST", "faults", `{"kind":"down","hours":1}`, `unknown field`},
		{"GET", "faults", "", "{}"},
		{"GET", "requests", "", "[]"},
		{"POST", "schema", `{"object":"Lead","field":"Hookswitch_Key__c","change":"drop"}`, "{}"},
		{"POST", "schema", `{"object":"Lead","field":"Hookswitch_Key__c","change":"drop"}`, "no field"},
		{"POST", "expire", "", "{}"},
		{"POST", "reset", "", "{}"},
		{"GET", "records?object=Lead", "", "[]"},
		{"GET", "nothing", "", "not one of the control calls"},
	} {
		if got := call(c.method, c.path, c.body); !strings.Contains(got, c.want) {
			t.Errorf("%s %s %s: got %s, want %s", c.method, c.path, c.body, got, c.want)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Serve after its context ended: got %v, want nil", err)
	}
	p := newPeer(t, Options{})
	p.want(p.send(p.request("GET", "/_sim/ledger", "")), 404) // not unless asked for
}

// FuzzStrangers drives the org with paths, queries and bodies of any kind: it may refuse, it may not panic.
func FuzzStrangers(f *testing.F) {
	f.Add("GET", "/query?q=SELECT+Id+FROM+Lead+WHERE+Name+LIKE+'a%25'", "")
	f.Add("PATCH", "/sobjects/Lead/Hookswitch_Key__c/k", leadBody)
	f.Add("POST", "/composite", `{"compositeRequest":[{"method":"GET","url":"/services/data/v67.0/query?q=@{a.b[9]}","referenceId":"a"}]}`)
	f.Add("POST", "/composite/batch", `{"batchRequests":[{"method":"GET","url":"v67.0/sobjects"}]}`)
	f.Add("GET", "/search?q=FIND+%7Bab%7D+RETURNING+Lead(Id+WHERE+Id!=null)", "")
	f.Add("POST", "/parameterizedSearch", phoneSearch)
	f.Add("DELETE", "/composite/sobjects?ids=,00Q", "")
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if !slices.Contains([]string{"GET", "POST", "PATCH", "DELETE", "PUT"}, method) || !strings.HasPrefix(path, "/") {
			return
		}
		p := newPeer(t, bare())
		r, err := http.NewRequestWithContext(t.Context(), method, "http://org.test/services/data/v67.0"+path, strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Authorization", "Bearer "+p.token)
		r.Header.Set("Content-Type", "application/json")
		r.RequestURI = r.URL.RequestURI()
		if g := p.send(r); g.status < 200 {
			t.Errorf("%s %s: got status %d", method, path, g.status)
		}
	})
}
