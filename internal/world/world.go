// Package world joins the real server with the simulators of its neighbours on a network in memory, so
// that whole calls can be played: the caller speaks, the model asks, Salesforce is down for ten minutes,
// the line drops, the power fails. Tests run a World in a synctest bubble, where the clock is virtual and
// every wait is exact; the demo runs the same scenes in real time.
//
//	simvapi ── webhook ──▶ app ── REST ──▶ simforce
//	   ▲                    │
//	   └──── what the       └─ a SQLite file, which a crash leaves behind
//	         caller heard
//
// What happened is judged from outside alone: by the words that simvapi was given and by simforce's ledger.
package world

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hookswitch/hookswitch/internal/app"
	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/playbook"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/store"
)

// Hosts of the network in memory, and the secret with which webhooks are proved.
const (
	serverHost = "voice.example.com"
	orgHost    = "acme.my.salesforce.com"
	vapiHost   = "api.vapi.ai"
	Secret     = "a secret that only Vapi knows"
)

// Options vary a world. The zero value has the playbooks that ship, an org with its default rules and a
// Vapi account without faults.
type Options struct {
	Dir    string               // for the database; required
	Log    *slog.Logger         // default: nothing is logged
	Config func(*config.Config) // changes the server's configuration before it starts
	Org    simforce.Options
	Cloud  simvapi.Options
	Books  func(name string) (*playbook.Playbook, error) // nil reads each playbook at every start
	// Wrap stands between the server and its neighbours, for faults that no vendor can make: an answer that
	// is stuck in our own machine.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// World is a server with its neighbours.
type World struct {
	Net   *Net
	Org   *simforce.Org
	Cloud *simvapi.Cloud

	o        Options
	cfg      *config.Config
	app      *app.App
	live     atomic.Pointer[app.App] // the same, for those who watch meanwhile
	srv      *http.Server
	machine  *machine // on which the server runs now
	sims     []*http.Server
	cut      atomic.Bool  // the power is off: nothing is committed any more
	cutAt    atomic.Int64 // the commit at which the power fails; 0: never
	cutStage atomic.Int64
	dark     chan struct{} // closed when the power has failed by itself
	commits  atomic.Int64
}

// New builds the world, with the neighbours running and the server off.
func New(o Options) *World {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	w := &World{Net: NewNet(), o: o}
	if o.Org.MyDomain == "" {
		o.Org.MyDomain = orgHost
	}
	w.Org = simforce.New(o.Org)
	o.Cloud.ServerURL = "http://" + serverHost + "/webhook/vapi"
	o.Cloud.HTTP = w.Net.Client()
	if o.Cloud.Auth == (simvapi.Auth{}) {
		o.Cloud.Auth = simvapi.VapiSecret(Secret)
	}
	if o.Cloud.Seed == 0 {
		o.Cloud.Seed = 1
	}
	w.Cloud = simvapi.New(o.Cloud)
	w.serve(orgHost, w.Org)
	w.serve(vapiHost, w.Cloud.Handler())
	w.cfg = settings(o.Dir)
	if o.Config != nil {
		o.Config(w.cfg)
	}
	return w
}

// settings is the configuration of a server in this world.
func settings(dir string) *config.Config {
	c := config.Default()
	c.PublicURL = "http://" + serverHost
	c.Database = config.Database{Engine: config.SQLite, Path: filepath.Join(dir, "hookswitch.db")}
	c.Playbooks = []string{"customer-support", "real-estate"}
	c.Vapi.WebhookAuth = []config.WebhookAuth{{Secret: config.Secrets{config.NewSecret(Secret)}}}
	c.Salesforce.LoginURL = "http://" + orgHost
	c.Salesforce.Flow = config.ClientCredentials
	c.Salesforce.ClientID = "simforce-client"
	c.Salesforce.ClientSecret = config.Secrets{config.NewSecret("simforce-secret")}
	return c
}

// newServer serves one host. It waits for a request's header longer than a client of the network keeps a
// connection idle, so that it is always the client who lets go of an unused one, at a moment that repeats.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
}

func (w *World) serve(host string, h http.Handler) {
	srv := newServer(h)
	w.sims = append(w.sims, srv)
	l := w.Net.Listen(host)
	go func() { _ = srv.Serve(l) }() // ends with Close
}

// Start switches the server on, with whatever the last one left behind.
func (w *World) Start(ctx context.Context) error {
	w.cut.Store(false)
	w.dark = make(chan struct{})
	w.machine = &machine{}
	var transport http.RoundTripper = w.machine.transport(w.Net)
	if w.o.Wrap != nil {
		transport = w.o.Wrap(transport)
	}
	a, err := app.New(ctx, app.Options{Config: w.cfg, Log: w.o.Log, Transport: transport, Books: w.o.Books, Commit: w.commit})
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	w.app = a
	w.live.Store(a)
	if err := a.Start(ctx); err != nil {
		return errors.Join(fmt.Errorf("start the server: %w", err), w.Kill())
	}
	srv := newServer(a.Handler())
	w.srv = srv
	l := w.Net.listen(serverHost, w.machine)
	go func() { _ = srv.Serve(l) }() // ends with Kill or Stop
	return nil
}

// commit is asked on both sides of every commit of the server's store.
func (w *World) commit(_ int64, stage store.Stage) error {
	n := w.commits.Load()
	if stage == store.BeforeCommit {
		n = w.commits.Add(1)
	}
	if at := w.cutAt.Load(); at > 0 && n >= at && int64(stage) == w.cutStage.Load() && w.cut.CompareAndSwap(false, true) {
		w.machine.cut() // before anyone can say what came of this commit
		close(w.dark)
	}
	if w.cut.Load() {
		return errors.New("the power is off")
	}
	return nil
}

// CutAt lets the power fail at the n-th commit from now, before or after it has reached the disk. Dark
// tells when it has.
func (w *World) CutAt(n int64, stage store.Stage) {
	w.cutStage.Store(int64(stage))
	w.cutAt.Store(w.commits.Load() + n)
}

// Dark is closed when the power has failed as CutAt said.
func (w *World) Dark() <-chan struct{} { return w.dark }

// Kill ends the server as kill -9 does: connections drop, nothing more is committed, nobody is waited for.
func (w *World) Kill() error {
	w.cut.Store(true)
	w.cutAt.Store(0)
	w.machine.cut()
	if w.srv != nil {
		_ = w.srv.Close()
		w.srv = nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := w.app.Close(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, store.ErrClosed) {
		return nil
	}
	return err
}

// Stop ends the server as an operator does: what is under way is finished.
func (w *World) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := w.srv.Shutdown(ctx)
	w.srv = nil
	return errors.Join(err, w.app.Close(ctx))
}

// App is the server that runs now, or ran last; nil before the first Start. It may be asked at any time.
func (w *World) App() *app.App { return w.live.Load() }

// Client is a stranger on the network, for requests that no simulator makes.
func (w *World) Client() *http.Client { return w.Net.Client() }

// Configure changes the configuration for the next Start.
func (w *World) Configure(change func(*config.Config)) { change(w.cfg) }

// Close ends the neighbours. The server has been stopped before.
func (w *World) Close() error {
	w.Cloud.Wait()
	err := w.Org.Close()
	for _, s := range w.sims {
		err = errors.Join(err, s.Close())
	}
	return err
}

// Size is how large the server's database has become, in bytes.
func (w *World) Size() (int64, error) {
	info, err := os.Stat(w.cfg.Database.Path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
