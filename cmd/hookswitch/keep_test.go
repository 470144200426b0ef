package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/store"
)

// verdicts does what is called "done" and refuses everything else.
type verdicts struct{}

func (verdicts) Do(_ context.Context, a journal.Attempt) journal.Outcome {
	if a.Intent.Name == "done" {
		return journal.Outcome{Verdict: journal.Done, Effect: "5005g00000ABCDEAA4", Facts: map[string]string{"CaseNumber": "00001026"}}
	}
	return journal.Outcome{Verdict: journal.Refused, Why: "REQUIRED_FIELD_MISSING: Reason__c", Hint: "give the playbook a value for Reason__c"}
}

func (v verdicts) Look(ctx context.Context, a journal.Attempt) journal.Outcome { return v.Do(ctx, a) }

// keep makes a database with one call and four writes, as a server would have left it: 1 done, 2 refused, 3
// fell with 2, 4 refused. The key is the file that a server would use.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1)
	path, ctx := ts.MkAbs(args[0]), context.Background()
	db, err := store.Open(ctx, store.Options{Path: path})
	ts.Check(err)
	box, _, err := store.OpenBox(nil, filepath.Join(filepath.Dir(path), "hookswitch.key"))
	ts.Check(err)
	ts.Check(errors.Join(fill(ctx, db, box), db.Close()))
}

func fill(ctx context.Context, db *store.DB, box *store.Box) error {
	j := journal.New(db, box, journal.Options{})
	j.Register("crm.create", journal.Kind{Doer: verdicts{}})
	if err := j.Start(ctx); err != nil {
		return err
	}
	began := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	seen := call.Seen{
		Workspace: "default", Call: "call-1", Number: "+15550100142", Person: box.Hash("p"), Direction: "inbound",
		State: call.Ended, EndedReason: "customer-ended-call", At: began,
	}
	said := call.Event{At: began.Add(1200 * time.Millisecond), Type: "transcript", Data: json.RawMessage(`{"role":"user","text":"I was charged twice"}`)}
	if _, err := call.NewLog(db, box).Observe(ctx, seen, said); err != nil {
		return err
	}
	promise := func(name string, needs ...string) journal.Promise {
		return journal.Promise{
			Name: name, Kind: "crm.create", Key: "hs:" + name, Subject: journal.Subject{Kind: "Case"}, Lane: journal.Live, Needs: needs,
			Body:  json.RawMessage(`{"object":"Case","fields":{"Subject":"Voice AI Case: billing","SuppliedName":"Jordan Lee"}}`),
			Cause: journal.Cause{Call: "call-1", ToolCall: "t1", Rule: "customer-support/create_case", Words: "I was charged twice"},
		}
	}
	ask := journal.Ask{Workspace: "default", Call: "call-1", ID: "t1"}
	_, err := j.Record(ctx, journal.Draft{
		Ask: ask, Tool: "create_case", Deadline: time.Now().Add(patienceOfTests),
		Promises: []journal.Promise{promise("done"), promise("refused"), promise("after", "refused"), promise("too")},
		Sentences: []journal.Sentence{
			{Say: "All done.", Needs: map[string]journal.Need{"done": journal.NeedDone, "refused": journal.NeedDone, "too": journal.NeedDone}},
			{Say: "Noted.", Needs: map[string]journal.Need{"refused": journal.NeedRefused, "too": journal.NeedRefused, "done": journal.NeedDone}},
			{Say: "Hm."},
		},
	})
	if err != nil {
		return err
	}
	if _, err = j.Settle(ctx, ask); err != nil {
		return err
	}
	return j.Stop(ctx)
}

// newer leaves a database as a later program would: with a migration that this one does not know.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1)
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	ts.Check(errors.Join(err, db.Close()))
}
