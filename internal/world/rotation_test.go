package world_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/world"
)

// TestRotationThatIsRepeatedHasItsGrace protects an operator who takes a rotation back and begins it again:
// the grace of the old secret is that of the rotation under way, not of the first one.
//
// mission-part: P2.6
func TestRotationThatIsRepeatedHasItsGrace(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := world.New(world.Options{Dir: dir})
		old, next := config.NewSecret(world.Secret), config.NewSecret("the next one")
		for _, secrets := range []config.Secrets{{next, old}, {old}, {next, old}, {old, next}} {
			w.Configure(func(c *config.Config) { c.Vapi.WebhookAuth = []config.WebhookAuth{{Secret: secrets}} })
			if err := w.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := knock(t, w); got != http.StatusOK {
				t.Errorf("%d secrets: the old one is answered %d, want 200 while it is good", len(secrets), got)
			}
			time.Sleep(time.Hour) // the grace ends
			if err := w.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// knock sends an event proved by the world's secret, and returns the status of the answer.
func knock(t *testing.T, w *world.World) int {
	t.Helper()
	body := strings.NewReader(`{"message":{"type":"hang","call":{"id":"c1"}}}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://voice.example.com/webhook/vapi", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vapi-Secret", world.Secret)
	resp, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}
