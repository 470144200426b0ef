package world_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

// greeting rings once in a world that asks the server for an assistant, and returns how the call began.
func greeting(t *testing.T, number string, prepare func(*world.World)) (call *simvapi.Call, took time.Duration) {
	t.Helper()
	const assistant = "0198b3a2-0000-7000-8000-0000000a5515"
	w := world.New(world.Options{
		Dir:    t.TempDir(),
		Cloud:  simvapi.Options{AssistantRequests: true, AssistantID: assistant},
		Config: func(c *config.Config) { c.Vapi.AssistantID = assistant },
	})
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	prepare(w)
	began := time.Now()
	call = w.Cloud.Ring(t.Context(), simvapi.Caller{Number: number})
	took = time.Since(began)
	for _, v := range w.Cloud.Violations() {
		t.Errorf("against the protocol: %s", v)
	}
	if err := w.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	return call, took
}

// mission-part: A.1
func TestCallerIsKnownBeforeTheFirstWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call, _ := greeting(t, "+14155550123", func(w *world.World) {
			account := w.Org.Put("Account", map[string]any{"Name": "Acme"})
			contact := w.Org.Put("Contact", map[string]any{"FirstName": "Ada", "LastName": "Byron", "AccountId": account, "MobilePhone": "(415) 555-0123"})
			w.Org.Put("Case", map[string]any{"Subject": "Double charge", "Status": "New", "ContactId": contact})
			w.Org.Put("Opportunity", map[string]any{"Name": "Renewal", "StageName": "Prospecting", "CloseDate": "2000-06-30", "AccountId": account})
			w.Org.Put("Task", map[string]any{"Subject": "Called", "WhoId": contact})
		})
		got, _ := call.Overrides()["variableValues"].(map[string]any)
		for name, want := range map[string]string{
			"customerKnown": "yes", "customerName": "Ada Byron", "lastContact": "2000-01-01",
			"openCases": "00001026, Double charge, New", "opportunities": "Renewal, Prospecting, 2000-06-30",
		} {
			if got[name] != want {
				t.Errorf("variable %s: got %q, want %q", name, got[name], want)
			}
		}
		metadata, _ := call.Overrides()["metadata"].(map[string]any)
		if id, _ := metadata["customerId"].(string); !strings.HasPrefix(id, "003") {
			t.Errorf("metadata: got %v, want the contact's id", metadata)
		}
	})
}

// mission-part: A.1
func TestTwoPeopleWithOneNumberAreNotGuessedBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call, _ := greeting(t, "+14155550123", func(w *world.World) {
			w.Org.Put("Contact", map[string]any{"LastName": "Byron", "Phone": "415-555-0123"})
			w.Org.Put("Contact", map[string]any{"LastName": "Lovelace", "MobilePhone": "4155550123"})
		})
		got, _ := call.Overrides()["variableValues"].(map[string]any)
		if known, _ := got["customerKnown"].(string); !strings.Contains(known, "ask for the name") || got["customerName"] != "not on file" {
			t.Errorf("variables: got %v, want a question and no name", got)
		}
	})
}

// mission-part: A.1
func TestOrgThatDoesNotAnswerCostsNoCall(t *testing.T) {
	for name, fault := range map[string]simforce.Fault{
		"slow": {Kind: simforce.Latency, Delay: 10 * time.Second, Times: -1},
		"down": {Kind: simforce.Down, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call, took := greeting(t, "+14155550123", func(w *world.World) { w.Org.Fault(fault) })
				if call.Status() != "in-progress" || took > 2*time.Second {
					t.Errorf("the call is %s after %v, want it answered within 2 s", call.Status(), took)
				}
			})
		})
	}
}
