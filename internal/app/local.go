package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hookswitch/hookswitch/internal/api"
	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/store"
)

// ServeLocal answers the commands of an operator on this machine until ctx ends. The server does its work
// without: an error is for the log.
func (a *App) ServeLocal(ctx context.Context) error {
	l, err := api.ListenLocal(ctx, a.cfg.Database.Path)
	if err != nil {
		return err
	}
	// A command that is under way when ctx ends is still answered, so its context is not ctx.
	srv := &http.Server{
		Handler:           api.LocalHandler(&api.Book{Journal: a.journal, Log: a.calls}),
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ReadHeaderTimeout: 5 * time.Second,
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = srv.Shutdown(ending) // a command that asks longer is told by its broken connection
	})
	err = srv.Serve(l)
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the local socket: %w", err)
}

// File is what a server has kept, opened while none runs. Nothing is tried by it: what is retried here is
// due, and waits for a server.
type File struct {
	*api.Book
	db *store.DB
}

// OpenFile opens the database of cfg; store.ErrLocked if a server, or another command, has it open. It makes
// nothing: where there is no database yet, or its key is gone, it says so.
func OpenFile(ctx context.Context, cfg *config.Config) (*File, error) {
	path := cfg.Database.Path
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no database at %s yet — `hookswitch serve` makes it when it first starts", path)
	}
	// Opened without its key, a fresh one would be made, and nothing that the old one sealed could be read.
	key := filepath.Join(filepath.Dir(path), "hookswitch.key")
	if _, err := os.Stat(key); len(cfg.EncryptionKey) == 0 && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the key of database %s is missing: encryption_key is not set, and there is no %s — set the key that it was made with, or restore the file", path, key)
	}
	db, err := store.Open(ctx, store.Options{Path: path})
	if err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, log: slog.New(slog.DiscardHandler), db: db}
	if err := a.openBox(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &File{&api.Book{Journal: journal.New(db, a.box, journal.Options{}), Log: call.NewLog(db, a.box)}, db}, nil
}

// Close closes the database.
func (f *File) Close() error { return f.db.Close() }

// Running reaches the server that has the database of cfg open; api.ErrNoServer if none answers.
func Running(ctx context.Context, cfg *config.Config) (*api.Client, error) {
	return api.DialLocal(ctx, cfg.Database.Path)
}
