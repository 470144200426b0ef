package world_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

// TestTokenOfAnotherOrgStopsWrites protects the operator whose sandbox was refreshed, or who mistook one
// login URL for another: promises wait for the org that they were made for, and the reason is said aloud.
//
// mission-part: A.7
func TestTokenOfAnotherOrgStopsWrites(t *testing.T) {
	dir := t.TempDir()
	lead := func(number string) map[string]any { // somebody else each time, for the org's duplicate rules
		return map[string]any{
			"firstName": "Caller", "lastName": "From " + number, "phone": number, "propertyType": "house",
			"budget": 450000, "location": "Austin", "timeline": "immediate",
		}
	}
	synctest.Test(t, func(t *testing.T) {
		visit := func(t *testing.T, seed int64, number string) (w *world.World, said string) {
			t.Helper()
			w = world.New(world.Options{Dir: dir, Org: simforce.Options{Seed: seed}})
			if err := w.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // the first token is got in the background
			call := w.Cloud.Ring(t.Context(), simvapi.Caller{Number: number})
			return w, call.Asks(t.Context(), "create_lead", lead(number), simvapi.AskOptions{}).Said
		}
		leave := func(t *testing.T, w *world.World) {
			t.Helper()
			time.Sleep(time.Minute)
			if err := w.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		right, said := visit(t, 1, "+15550100142")
		if !strings.Contains(said, "saved") {
			t.Fatalf("in the first org: heard %q, want the lead saved", said)
		}
		leave(t, right)

		wrong, said := visit(t, 2, "+15550100143")
		if strings.Contains(said, "saved") {
			t.Errorf("in another org: heard %q, want a promise only", said)
		}
		if h := health(t, wrong); h.Status != "degraded" || !strings.Contains(strings.Join(h.Why, " "), "tied to org") {
			t.Errorf("in another org: health is %+v, want degraded and why", h)
		}
		leave(t, wrong)
		if got := wrong.Org.Ledger(); len(got) > 0 {
			t.Errorf("in another org: %d changes were written, want none: %+v", len(got), got)
		}

		again, _ := visit(t, 1, "+15550100144")
		leave(t, again)
		if got := len(again.Org.Records("Lead")); got != 2 {
			t.Errorf("back in the first org: %d leads were written, want the new one and the one that waited", got)
		}
	})
}

// state is what /health says.
type state struct {
	Status string
	Why    []string
}

func health(t *testing.T, w *world.World) state {
	t.Helper()
	resp, err := w.Client().Get("http://voice.example.com/health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var s state
	if err := json.Unmarshal(body, &s); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("health: %d %s: %v", resp.StatusCode, body, err)
	}
	return s
}
