package world_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

// webhook is where Vapi's messages arrive in a world.
const webhook = "http://voice.example.com/webhook/vapi"

// live plays in a world whose server runs, in a bubble. The server may be stopped and started by play.
func live(t *testing.T, o world.Options, play func(t *testing.T, w *world.World)) {
	t.Helper()
	o.Dir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, o)
		if !started(t, w) {
			return
		}
		play(t, w)
		end(t, w)
	})
}

// staged is live with something to be done before the server starts.
func staged(t *testing.T, o world.Options, prepare, play func(t *testing.T, w *world.World)) {
	t.Helper()
	o.Dir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, o)
		prepare(t, w)
		if !started(t, w) {
			return
		}
		play(t, w)
		end(t, w)
	})
}

func build(t *testing.T, o world.Options) *world.World {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	}
	if o.Cloud.ServerMessages == nil {
		o.Cloud.ServerMessages = simvapi.EveryServerMessage()
	}
	return world.New(o)
}

// started switches the server on, and reports whether it runs.
func started(t *testing.T, w *world.World) bool {
	t.Helper()
	if err := w.Start(t.Context()); err != nil {
		t.Error(err)
		_ = w.Close() // the start is reported
		return false
	}
	synctest.Wait() // the server's goroutines run; one that is stopped before it began would stay
	return true
}

func end(t *testing.T, w *world.World) {
	t.Helper()
	w.Cloud.Wait()
	if err := w.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// promised counts the writes that were ever promised.
func promised(t *testing.T, w *world.World) int {
	t.Helper()
	all, err := w.App().Journal().List(t.Context(), journal.Filter{Workspace: "default"})
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// reply is what a door answered.
type reply struct {
	status int
	body   string
}

// post sends a body to Vapi's door as whoever has the header.
func post(t *testing.T, w *world.World, body []byte, header http.Header) reply {
	t.Helper()
	return postBody(t.Context(), t, w, webhook, bytes.NewReader(body), header)
}

func postBody(ctx context.Context, t *testing.T, w *world.World, url string, body io.Reader, header http.Header) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	client := w.Client()
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		t.Fatalf("post to %s: %v", url, err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, string(said)}
}

// asVapi proves the sender as the world's configuration wants it.
func asVapi() http.Header { return http.Header{"X-Vapi-Secret": {world.Secret}} }

// encoded is v as JSON.
func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// withoutDuplicateRules lets the org take everyone for a new person.
func withoutDuplicateRules(o *simforce.Options) { o.Duplicates = []simforce.DuplicateRule{} }
