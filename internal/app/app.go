// Package app connects the parts of a running server: in which order they start, and in which they stop.
// It decides nothing.
//
//	store → keys → workspaces (org, playbooks, secrets) → journal → doors
//
// A stop goes the other way: the doors close, answers under way are finished, the journal's attempts under
// way are waited for, and the store closes last. What a stop interrupts is looked for at the next start.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/crm"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/playbook"
	"github.com/hookswitch/hookswitch/internal/store"
	"github.com/hookswitch/hookswitch/internal/tool"
	"github.com/hookswitch/hookswitch/internal/web"
)

// Options are what a server is built from, besides its configuration.
type Options struct {
	Config *config.Config
	Log    *slog.Logger
	// Transport reaches the neighbours; nil is the network.
	Transport http.RoundTripper
	// Books finds a playbook by its name; nil reads it. Tests that start many servers read each once.
	Books func(name string) (*playbook.Playbook, error)
	// Commit is the store's power cut, for tests.
	Commit func(n int64, stage store.Stage) error
}

// App is a server that has been put together.
type App struct {
	cfg        *config.Config
	log        *slog.Logger
	transport  http.RoundTripper
	book       func(name string) (*playbook.Playbook, error)
	db         *store.DB
	box        *store.Box // seals what is secret or personal in db, and hashes what is only compared
	journal    *journal.Journal
	calls      *call.Log
	clerk      *tool.Clerk
	workspaces map[string]*workspace // by name; fixed from New on, so read without a lock
	operator   *web.Desk
	handler    http.Handler
	ready      chan struct{} // closed once the journal runs
	stop       func()        // ends what keeps the workspaces connected
}

// New opens the store and puts the parts together. Nothing runs and nobody is spoken to yet.
func New(ctx context.Context, o Options) (*App, error) {
	a := &App{cfg: o.Config, log: o.Log, transport: o.Transport, book: o.Books, workspaces: map[string]*workspace{}, ready: make(chan struct{}), stop: func() {}}
	if a.transport == nil {
		a.transport = transport()
	}
	if a.book == nil {
		a.book = loadBook
	}
	db, err := store.Open(ctx, store.Options{Path: o.Config.Database.Path, Commit: o.Commit})
	if err != nil {
		return nil, err
	}
	a.db = db
	if err := a.assemble(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

// assemble makes the parts, each after those that it is given: the journal before the clerk that records in it, and the
// doors last.
func (a *App) assemble(ctx context.Context) error {
	if err := a.openBox(ctx); err != nil {
		return err
	}
	a.journal = journal.New(a.db, a.box, journal.Options{Log: a.log})
	a.calls = call.NewLog(a.db, a.box)
	desks := map[string]tool.Desk{}
	for name, cfg := range a.cfg.All() {
		w, err := a.newWorkspace(name, cfg)
		if err != nil {
			return fmt.Errorf("workspace %s: %w", name, err)
		}
		a.workspaces[name] = w
		desks[name] = w.tools()
	}
	for kind, k := range crm.Kinds(a.desk) {
		a.journal.Register(kind, k)
	}
	a.clerk = tool.NewClerk(a.journal, desks, a.log)
	for _, w := range a.workspaces {
		if err := w.openDoors(ctx); err != nil {
			return fmt.Errorf("workspace %s: %w", w.name, err)
		}
	}
	operator, err := a.newOperator()
	if err != nil {
		return err
	}
	a.operator = operator
	a.handler = a.routes()
	return nil
}

// openBox reads the encryption keys, or makes one beside the database.
func (a *App) openBox(ctx context.Context) error {
	keys := make([]string, len(a.cfg.EncryptionKey))
	for i, k := range a.cfg.EncryptionKey {
		keys[i] = k.Reveal()
	}
	file := filepath.Join(filepath.Dir(a.cfg.Database.Path), "hookswitch.key")
	box, made, err := store.OpenBox(keys, file)
	if err != nil {
		return err
	}
	if made {
		a.log.Warn("key.made", "file", file, "mend", "set encryption_key and keep it apart from the database: whoever copies this folder has both")
	}
	a.box = box
	return a.db.HashKey(ctx, box)
}

// desk is where the doers find an org.
func (a *App) desk(workspace string) (*crm.Desk, bool) {
	w, ok := a.workspaces[workspace]
	if !ok {
		return nil, false
	}
	return w.desk, true
}

// Start brings the journal to life: what was under way when the server last stopped is looked for now.
func (a *App) Start(ctx context.Context) error {
	if err := a.journal.Start(ctx); err != nil {
		return fmt.Errorf("start the journal: %w", err)
	}
	// The workspaces stay connected until Close: ctx is the start's, and may end with it.
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, w := range a.workspaces {
		w.connect(ctx)
	}
	close(a.ready)
	return nil
}

// Close stops what Start began, waiting for attempts under way until ctx ends, and closes the store. The journal
// stops first: its attempts ask for tokens and read through the desks, and write down what became of them.
func (a *App) Close(ctx context.Context) error {
	a.stop()
	err := a.journal.Stop(ctx)
	for _, w := range a.workspaces {
		// A token of another org is turned away at the last try to save it, as it was at the first.
		if e := w.tokens.Close(ctx); !errors.Is(e, crm.ErrOtherOrg) {
			err = errors.Join(err, e)
		}
		w.desk.Close()
	}
	return errors.Join(err, a.db.Close())
}

// Handler serves every door.
func (a *App) Handler() http.Handler { return a.handler }

// Journal is what the server has promised. The commands and the tests read it.
func (a *App) Journal() *journal.Journal { return a.journal }

// Calls are the calls that the server knows.
func (a *App) Calls() *call.Log { return a.calls }

// drain is how long a stop waits for answers and attempts under way. It is longer than the longest
// answer may take, so that a graceful stop interrupts nobody.
const drain = 20 * time.Second

// Serve runs the server on l until ctx ends, then stops gracefully.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, a.Close(ctx))
	}
	// No WriteTimeout: a playbook may give a tool a later deadline, and every answer ends by the deadline of its ask.
	srv := &http.Server{
		Handler: a.handler, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	gone := make(chan error, 1)
	go func() { gone <- srv.Serve(l) }()
	a.log.Info("server.ready", "listen", l.Addr().String())
	giveBack()
	var err error
	select {
	case err = <-gone:
	case <-ctx.Done():
		a.log.Info("server.stopping")
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	err = errors.Join(err, srv.Shutdown(ending), srv.Close())
	cancel()
	// A time of its own: whoever held the doors open must not cost a renewal that is being saved.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err = errors.Join(err, a.Close(closing))
	a.log.Info("server.stopped")
	return err
}

// giveBack returns to the system what the start took: reading playbooks and migrations needs as much memory
// as serving does, and an idle server would keep it. The first collection only ages what lies in pools.
func giveBack() {
	runtime.GC()
	debug.FreeOSMemory()
}

// transport reaches the neighbours as http.DefaultTransport does, which it does not share: any library may change
// that one. The last three lines differ: enough connections are kept that a burst of calls does not wait for
// handshakes, and a neighbour that accepts a request and stays silent is left.
func transport() http.RoundTripper {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          512,
		MaxIdleConnsPerHost:   128,
		ResponseHeaderTimeout: 30 * time.Second,
	}
}
