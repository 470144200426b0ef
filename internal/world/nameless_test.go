package world_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/world"
)

// TestCallersWithoutACallIDAreNotMixedUp protects two strangers whose messages name no call, as those of
// tutorials do: what one says must not reach the other's record, nor one's case number the other's ear.
//
// mission-part: A.2 A.14
func TestCallersWithoutACallIDAreNotMixedUp(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := world.New(world.Options{Dir: dir})
		if err := w.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		alpha := w.Org.Put("Contact", map[string]any{"LastName": "Alpha", "Phone": "+14155550111", "Email": "alpha@example.com"})
		beta := w.Org.Put("Contact", map[string]any{"LastName": "Beta", "Phone": "+14155550122", "Email": "beta@example.com"})

		ask(t, w, "+14155550111", `{"id":"t1","name":"update_contact","arguments":{"email":"a2@example.com"}}`)
		ask(t, w, "+14155550122", `{"id":"t1","name":"update_contact","arguments":{"email":"b2@example.com"}}`)
		first := ask(t, w, "+14155550111", `{"id":"t2","name":"create_case","arguments":{"accountNumber":"AC-1","issueType":"billing","description":"mine"}}`)
		second := ask(t, w, "+14155550122", `{"id":"t2","name":"create_case","arguments":{"accountNumber":"AC-2","issueType":"technical","description":"not yours"}}`)
		time.Sleep(time.Minute)

		for id, want := range map[string]string{alpha: "a2@example.com", beta: "b2@example.com"} {
			if r, _ := w.Org.Record(id); r.Str("Email") != want {
				t.Errorf("contact %s: e-mail %q, want %q", r.Str("LastName"), r.Str("Email"), want)
			}
		}
		if !strings.Contains(first, "00001026") || !strings.Contains(second, "00001027") {
			t.Errorf("heard %s and %s, want each a case of their own", first, second)
		}
		if err := w.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// ask posts one tool call of a caller, without a call id, and returns the answer's body.
func ask(t *testing.T, w *world.World, number, call string) string {
	t.Helper()
	body := fmt.Sprintf(`{"message":{"type":"tool-calls","customer":{"number":%q},"toolCallList":[%s]}}`, number, call)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://voice.example.com/webhook/vapi", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vapi-Secret", world.Secret)
	resp, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("answer: %d %s %v", resp.StatusCode, answer, err)
	}
	return string(answer)
}
