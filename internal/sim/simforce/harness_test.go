package simforce

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// peer talks to an org over ServeHTTP, with nothing of a client's cleverness. A reset shows as status 0.
type peer struct {
	t      *testing.T
	org    *Org
	token  string
	host   string
	header http.Header
}

type got struct {
	status int
	header http.Header
	body   string
}

func newPeer(t *testing.T, o Options) *peer {
	t.Helper()
	org := New(o)
	token, _ := org.SignIn()
	return &peer{t: t, org: org, token: token, host: "acme.my.salesforce.com", header: http.Header{}}
}

// bare is an org without assignment and duplicate rules, for tests that are about neither.
func bare() Options {
	return Options{Assignment: []AssignmentRule{}, Duplicates: []DuplicateRule{}}
}

func (p *peer) send(r *http.Request) (g got) {
	p.t.Helper()
	w := httptest.NewRecorder()
	defer func() {
		if e := recover(); e != nil {
			if err, isErr := e.(error); !isErr || !errors.Is(err, http.ErrAbortHandler) {
				panic(e)
			}
			g = got{}
		}
	}()
	p.org.ServeHTTP(w, r)
	raw, err := io.ReadAll(w.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return got{w.Code, w.Header(), string(raw)}
}

func (p *peer) request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, "http://"+p.host+path, strings.NewReader(body))
	maps.Copy(r.Header, p.header)
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	return r
}

// do sends below /services/data/v67.0.
func (p *peer) do(method, path, body string) got {
	p.t.Helper()
	return p.send(p.request(method, "/services/data/v67.0"+path, body))
}

func (p *peer) with(name, value string) *peer {
	c := *p
	c.header = p.header.Clone()
	c.header.Set(name, value)
	return &c
}

func (p *peer) form(path string, values url.Values) got {
	p.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://"+p.host+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	maps.Copy(r.Header, p.header)
	return p.send(r)
}

// query runs SOQL and gives the whole answer.
func (p *peer) query(soql string) got {
	p.t.Helper()
	return p.do("GET", "/query?q="+url.QueryEscape(soql), "")
}

// make creates a record and gives its id.
func (p *peer) make(object, body string) string {
	p.t.Helper()
	g := p.do("POST", "/sobjects/"+object, body)
	p.want(g, 201, `"success":true`)
	id, _ := g.json(p.t)["id"].(string)
	return id
}

// want checks a status and that the body contains each text.
func (p *peer) want(g got, status int, texts ...string) {
	p.t.Helper()
	if g.status != status {
		p.t.Errorf("status: got %d, want %d; body %s", g.status, status, g.body)
	}
	for _, s := range texts {
		if !strings.Contains(g.body, s) {
			p.t.Errorf("body: got %s, want it to contain %s", g.body, s)
		}
	}
}

func (g got) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(g.body), &m); err != nil {
		t.Fatalf("body %q: %v", g.body, err)
	}
	return m
}

func (g got) text(t *testing.T, name string) string {
	t.Helper()
	s, _ := g.json(t)[name].(string)
	return s
}

// names runs SOQL and gives the Name of each record, joined by blanks.
func (p *peer) names(soql string) string {
	p.t.Helper()
	g := p.query(soql)
	p.want(g, 200)
	var answer struct{ Records []struct{ Name string } }
	if err := json.Unmarshal([]byte(g.body), &answer); err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, r := range answer.Records {
		names = append(names, r.Name)
	}
	return strings.Join(names, " ")
}
