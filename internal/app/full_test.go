package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/store"
)

// direct carries requests to an org without a network.
type direct struct{ org http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), r.Body)
	in.Header = r.Header
	out := httptest.NewRecorder()
	d.org.ServeHTTP(out, in)
	res := out.Result()
	res.Request = r
	return res, nil
}

const aLead = `{"message":{"type":"tool-calls","call":{"id":"c%d","customer":{"number":"+15550100%d"}},"toolCallList":[{"id":"t%d","name":"create_lead",
"arguments":{"firstName":"Ada","lastName":"Byron","phone":"555-867-5309","propertyType":"house","budget":450000,"location":"Austin","timeline":"immediate"}}]}}`

// TestFullDiskIsSaidAndLosesNothing fills the disk under a running server. A tool call is answered 200 with the
// truth and the offer of a person, nothing is written that could not be recorded, an event is sent back to be sent
// again, and what was promised before is kept. With room again everything goes on by itself.
func TestFullDiskIsSaidAndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		org := simforce.New(simforce.Options{Duplicates: []simforce.DuplicateRule{}})
		cfg := config.Default()
		cfg.Database = config.Database{Engine: config.SQLite, Path: filepath.Join(dir, "hookswitch.db")}
		cfg.Playbooks = []string{"real-estate"}
		cfg.Vapi.WebhookAuth = []config.WebhookAuth{{Secret: config.Secrets{config.NewSecret("secret")}}}
		cfg.Salesforce.LoginURL, cfg.Salesforce.ClientID = "http://acme.my.salesforce.com", "simforce-client"
		cfg.Salesforce.ClientSecret = config.Secrets{config.NewSecret("simforce-secret")}
		a, err := New(t.Context(), Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Transport: direct{org}})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		say := func(body string) (int, string) {
			r := httptest.NewRequest(http.MethodPost, "/webhook/vapi", strings.NewReader(body))
			r.Header.Set("X-Vapi-Secret", "secret")
			w := httptest.NewRecorder()
			a.Handler().ServeHTTP(w, r)
			return w.Code, w.Body.String()
		}
		// What is promised while the org is away must outlive what follows.
		org.Fault(simforce.Fault{Kind: simforce.HTML, Method: http.MethodPatch, For: 5 * time.Minute})
		noted, unsaid := 0, 0
		ask := func(n int) {
			code, body := say(fmt.Sprintf(aLead, n, n, n))
			switch {
			case code == 200 && strings.Contains(body, "I have noted your details"):
				noted++
			case code == 200 && strings.Contains(body, "I can't do that right now, and I have not saved it. I can connect you to a colleague now. Shall I?"):
				unsaid++
			default:
				t.Errorf("ask %d: got %d %s, want a true sentence", n, code, body)
			}
		}
		ask(100)
		if noted != 1 {
			t.Errorf("with room, %d leads are noted, want 1", noted)
		}
		room(t, a.db, 1)
		fill(t, a.db)
		for n := 101; unsaid < 3 && n < 130; n++ { // the last pages of the tables have a little room still
			ask(n)
		}
		if unsaid != 3 {
			t.Errorf("the disk never filled up: %d noted", noted)
		}
		ask(199) // again, as an unanswered model would
		if code, body := say(`{"message":{"type":"status-update","status":"ringing","call":{"id":"c9"},"pad":"` + strings.Repeat("a", 1<<16) + `"}}`); code != 500 || !strings.Contains(body, "send it again") {
			t.Errorf("an event on a full disk: got %d %s, want it sent back", code, body)
		}
		time.Sleep(10 * time.Minute)
		room(t, a.db, 1<<30)
		time.Sleep(5 * time.Minute)
		if leads := org.Records("Lead"); len(leads) != noted {
			t.Errorf("the org has %d leads, want the %d that were promised", len(leads), noted)
		}
		if code, body := say(fmt.Sprintf(aLead, 500, 500, 500)); code != 200 || !strings.Contains(body, "Your details are saved") {
			t.Errorf("after: got %d %s, want it saved", code, body)
		}
		if leads := org.Records("Lead"); len(leads) != noted+1 {
			t.Errorf("the org has %d leads, want %d", len(leads), noted+1)
		}
		counts, err := a.Journal().Counts(t.Context(), "default")
		if err != nil || counts[journal.StateRefused] != 0 {
			t.Errorf("what waits: %v, %v; want nothing for a person", counts, err)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// room limits the database to so many pages, or to what it has: SQLite reports that as a full disk.
func room(t *testing.T, db *store.DB, pages int) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		var n int
		return tx.QueryRow(t.Context(), fmt.Sprintf("PRAGMA max_page_count=%d", pages)).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fill takes up what is free inside the file, until the store says that it is full.
func fill(t *testing.T, db *store.DB) {
	t.Helper()
	for i := range 10_000 {
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO setting (workspace, name, value, updated_at) VALUES ('default', ?, zeroblob(3000), 1)`, fmt.Sprint("junk", i))
			return err
		})
		if errors.Is(err, store.ErrFull) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("the store never said that it is full")
}
