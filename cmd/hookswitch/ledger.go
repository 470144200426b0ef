package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/app"
	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/store"
)

// ledger is what the commands ask of a running server, over its local socket, or of its file while none runs.
// Both answer the same, masked.
type ledger interface {
	Intents(ctx context.Context, f journal.Filter) ([]journal.Intent, error)
	Intent(ctx context.Context, workspace string, id journal.IntentID) (journal.Intent, error)
	Attempts(ctx context.Context, workspace string, id journal.IntentID) ([]journal.AttemptRow, error)
	Retry(ctx context.Context, workspace string, id journal.IntentID) error
	Discard(ctx context.Context, workspace string, id journal.IntentID, why string) ([]journal.IntentID, error)
	Counts(ctx context.Context, workspace string) (map[journal.State]int, error)
	Calls(ctx context.Context, workspace string, limit int) ([]call.Call, error)
	Call(ctx context.Context, workspace, id string) (call.Call, error)
	Export(ctx context.Context, workspace, id string) ([]byte, error)
	Close() error
}

// patience is how long a command waits for a server that is just starting, when the file is locked already
// and the socket is not open yet, or stopping.
const patience = 3 * time.Second

// openLedger opens the file if no server has it, and else asks the server. The lock of the file decides, so
// that never both work on it.
func openLedger(ctx context.Context, cfg *config.Config) (ledger, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		file, err := app.OpenFile(ctx, cfg)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, store.ErrLocked) {
			return nil, err
		}
		server, noServer := app.Running(ctx, cfg)
		if noServer == nil {
			return server, nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w — and it does not answer: %w", err, noServer)
		}
	}
}
