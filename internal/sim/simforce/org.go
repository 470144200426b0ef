package simforce

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options describe an org. The zero value is a Developer Edition org with every default rule on, whose connected
// app is "simforce-client" with the secret "simforce-secret".
type Options struct {
	// MyDomain is the org's host, with port if it has one. Requests for other hosts get the Edge's 420, save the
	// LoginHosts, which serve OAuth alone. Empty: any host that is not a login host is the org's.
	MyDomain   string
	LoginHosts []string // default login.salesforce.com and test.salesforce.com
	// InstanceURL overrides what token responses say; default the scheme of the request with MyDomain or its host.
	InstanceURL string

	ClientID, ClientSecret string
	CallbackURLs           []string // exact; empty allows every absolute URL
	JWTKey                 *rsa.PublicKey
	Username               string // the user who calls; default integration@simforce.test

	Deny            bool // the person at the authorize page says no
	RequirePKCE     bool // which also refuses client credentials
	NoRunAsUser     bool // the app has no user for client credentials
	NoPreapproval   bool // the JWT's user has not approved the app
	NoIntrospection bool // the app may not introspect

	SessionTimeout time.Duration // default 2h
	Rotation       bool          // each refresh ends the refresh token that was used, and the sessions of its family
	// RefreshWindow is how long after a refresh began a second one with the same token is refused as concurrent.
	// Default 500 ms; negative: only while the first is under way.
	RefreshWindow time.Duration

	TimeZone   string        // of the org, as TimeZoneSidKey; default GMT
	DailyLimit int           // requests in a rolling 24 hours; default 15,000
	SearchLag  time.Duration // how late the search index is; default 15 min, negative none
	PageSize   int           // rows per page of a query; default 2,000
	Latest     int           // newest API version served; default 67
	Seed       int64         // varies ids and tokens

	Objects       []Object         // added to the standard ones, or replacing them by name
	Assignment    []AssignmentRule // nil: Leads go to Lead_Queue, Cases to Case_Queue; empty and not nil: none
	Duplicates    []DuplicateRule  // nil: alert rules on Lead and Contact; empty and not nil: none
	CaseNumberMin int              // the last CaseNumber before the first; default 1,025

	Control bool // serve /_sim/
}

// Org is one Salesforce org. It is an http.Handler, safe for concurrent use.
type Org struct {
	mu sync.Mutex
	o  Options

	schema           map[string]*Object
	tables           map[string]*table
	ledger           []Entry
	requests         []*Request
	dropped          int // requests that the log has let go
	seq              int64
	lastID, lastCase uint64

	random   *rand.Rand
	orgID    string
	userID   string
	codes    map[string]*grant
	sessions map[string]*session
	families map[string]*family // by refresh token, past ones too
	cursors  map[string]*cursor
	usage    usage

	faults []*rule
	counts map[Kind]int
	late   []*time.Timer // commits that a fault put off
}

// New makes an org with its users, queues and standard objects.
func New(o Options) *Org {
	org := &Org{o: withDefaults(o)}
	org.mu.Lock()
	defer org.mu.Unlock()
	org.fill()
	return org
}

// withDefaults gives every zero option its meaning, so that the rest of the package asks no further.
func withDefaults(o Options) Options {
	or := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	or(&o.ClientID, "simforce-client")
	or(&o.ClientSecret, "simforce-secret")
	or(&o.Username, "integration@simforce.test")
	or(&o.TimeZone, "GMT")
	within := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	within(&o.SessionTimeout, 2*time.Hour)
	within(&o.RefreshWindow, 500*time.Millisecond)
	within(&o.SearchLag, 15*time.Minute)
	count := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	count(&o.DailyLimit, 15_000)
	count(&o.PageSize, 2_000)
	count(&o.Latest, 67)
	count(&o.CaseNumberMin, 1_025)
	if o.LoginHosts == nil {
		o.LoginHosts = []string{"login.salesforce.com", "test.salesforce.com"}
	}
	if o.Assignment == nil {
		o.Assignment = []AssignmentRule{{"Lead", "Lead_Queue"}, {"Case", "Case_Queue"}}
	}
	if o.Duplicates == nil {
		o.Duplicates = []DuplicateRule{{Object: "Lead"}, {Object: "Contact"}}
	}
	return o
}

// fill sets the org's state to what New promises. The caller holds the lock.
// Everything random comes from the seed, in the order of use: one goroutine at a time, since the lock is held.
func (o *Org) fill() {
	seed := uint64(o.o.Seed)
	o.random = rand.New(rand.NewPCG(seed, 0x51f0))
	o.schema, o.tables = map[string]*Object{}, map[string]*table{}
	o.ledger, o.requests, o.dropped, o.seq = nil, nil, 0, 0
	o.lastID, o.lastCase = 62*62*62*62+seed%1_000*62*62*62, uint64(o.o.CaseNumberMin)
	o.codes, o.sessions, o.families = map[string]*grant{}, map[string]*session{}, map[string]*family{}
	o.cursors, o.usage = map[string]*cursor{}, usage{}
	o.faults, o.counts = nil, map[Kind]int{}
	for _, b := range slices.Concat(standardObjects(), o.o.Objects) {
		o.addObject(b)
	}
	o.orgID = o.mustPlant("Organization", map[string]any{"Name": "Simforce", "IsSandbox": false, "InstanceName": "SIM1", "OrganizationType": "Developer Edition", "TimeZoneSidKey": o.o.TimeZone})
	o.userID = o.mustPlant("User", map[string]any{"Username": o.o.Username, "FirstName": "Integration", "LastName": "User", "Email": "integration@simforce.test", "Alias": "integ"})
	o.mustPlant("User", map[string]any{"Username": "olivia@simforce.test", "FirstName": "Olivia", "LastName": "Owner", "Email": "olivia@simforce.test", "Alias": "olivia"})
	for _, q := range []string{"Lead", "Case"} {
		o.mustPlant("Group", map[string]any{"Name": q + " Queue", "DeveloperName": q + "_Queue", "Type": "Queue"})
	}
}

// Reset brings the org back to what New made. Commits that faults have put off are dropped.
func (o *Org) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopLate()
	o.fill()
}

// Close drops commits that faults have put off.
func (o *Org) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopLate()
	return nil
}

// stopLate stops the timers; one that has fired already waits for the lock, and writes into the org as it then is.
func (o *Org) stopLate() {
	for _, t := range o.late {
		t.Stop()
	}
	o.late = nil
}

// OrgID is the org's 18-character id.
func (o *Org) OrgID() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.orgID
}

// UserID is the id of the user who calls.
func (o *Org) UserID() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.userID
}

// Configure changes options while the org runs: rotation switched on, a person who begins to say no, a smaller
// allocation. Objects, Seed and CaseNumberMin have had their effect and are not looked at again.
func (o *Org) Configure(change func(*Options)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(&o.o)
}

// Serve serves an org on a listener until ctx ends.
func Serve(ctx context.Context, ln net.Listener, o Options) error {
	org := New(o)
	srv := &http.Server{Handler: org, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 1 << 18}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // what it has to tell, Serve tells
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(fmt.Errorf("simforce: serve %s: %w", ln.Addr(), err), org.Close())
	}
	return org.Close()
}

// loginHost reports whether a host is one of those that know no org.
func (o *Org) loginHost(host string) bool {
	name, _, _ := strings.Cut(host, ":")
	return slices.ContainsFunc(o.o.LoginHosts, func(h string) bool { return strings.EqualFold(h, host) || strings.EqualFold(h, name) })
}

// foreignHost reports whether a host belongs neither to the org nor to login.
func (o *Org) foreignHost(host string) bool {
	return o.o.MyDomain != "" && !strings.EqualFold(host, o.o.MyDomain) && !o.loginHost(host)
}

// plain turns Go numbers into what parseJSON yields for them.
func plain(v any) any {
	switch v.(type) {
	case int, int64, float64:
		return json.Number(fmt.Sprint(v))
	}
	return v
}

// token makes n characters that look like the vendor's.
func (o *Org) token(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = base62[o.random.IntN(len(base62))]
	}
	return string(b)
}
