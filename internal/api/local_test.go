package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/store"
)

const workspace = "default"

// refusing refuses what is called "refused", and has done everything else.
type refusing struct{}

func (refusing) Do(_ context.Context, a journal.Attempt) journal.Outcome {
	if a.Intent.Name == "refused" {
		return journal.Outcome{Verdict: journal.Refused, Why: "REQUIRED_FIELD_MISSING", Hint: "fill it in"}
	}
	return journal.Outcome{Verdict: journal.Done, Effect: "5005g00000ABCDEAA4", Facts: map[string]string{"CaseNumber": "00001026", "ContactPhone": "+15550100142"}}
}

func (r refusing) Look(ctx context.Context, a journal.Attempt) journal.Outcome { return r.Do(ctx, a) }

// keep makes a database at path with one call and three writes of it: 1 done; 2 refused; 3 needs 2 and fell
// with it. Its body, cause and facts hold personal data.
func keep(t *testing.T, path string) *Book {
	t.Helper()
	ctx := t.Context()
	db, err := store.Open(ctx, store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	box, _, err := store.OpenBox(nil, filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	j := journal.New(db, box, journal.Options{})
	j.Register("test.write", journal.Kind{Doer: refusing{}})
	if err := j.Start(ctx); err != nil {
		t.Fatal(err)
	}
	b := &Book{Journal: j, Log: call.NewLog(db, box)}
	seen := call.Seen{Workspace: workspace, Call: "c1", Number: "+15550100142", Person: box.Hash("p"), State: call.InProgress, At: time.Now()}
	events := []call.Event{
		{At: seen.At, Type: "transcript", Data: json.RawMessage(`{"role":"user","text":"mail jordan@example.com or ring +1 555 010 0142"}`)},
		{
			At: seen.At.Add(1500 * time.Millisecond), Type: "tool-calls", Data: json.RawMessage(`{"names":["create_case","create_lead"]}`),
			Body: []byte(`{"message":{"toolCallList":[{"id":"t1","arguments":{"customerName":"Jordan Lee","issueType":"billing"}},{"id":"t2","function":{"arguments":"{\"phone\":\"+15550100142\"}"}}]}}`),
		},
	}
	if _, err := b.Log.Observe(ctx, seen, events...); err != nil {
		t.Fatal(err)
	}
	promise := func(name string, needs ...string) journal.Promise {
		return journal.Promise{
			Name: name, Kind: "test.write", Key: name, Subject: journal.Subject{Kind: "Case"}, Lane: journal.Live, Needs: needs,
			Body:  json.RawMessage(`{"object":"Lead","fields":{"LastName":"Lee","Email":"jordan@example.com","Phone":"+15550100142","Amount":1250000,"Description":"<b>call (555) 010-0142</b>"}}`),
			Cause: journal.Cause{Call: "c1", ToolCall: "t1", Words: "I am at jordan@example.com"},
		}
	}
	_, err = j.Record(ctx, journal.Draft{
		Ask: journal.Ask{Workspace: workspace, Call: "c1", ID: "t1"}, Tool: "create_case", Deadline: time.Now().Add(10 * time.Second),
		Promises:  []journal.Promise{promise("done"), promise("refused"), promise("after", "refused")},
		Sentences: []journal.Sentence{{Say: "It is open.", Needs: map[string]journal.Need{"refused": journal.NeedDone, "done": journal.NeedDone}}, {Say: "Noted."}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Settle(ctx, journal.Ask{Workspace: workspace, Call: "c1", ID: "t1"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	return b
}

// overSocket serves b on the local socket of path, and returns who asks there.
func overSocket(t *testing.T, b *Book, path string) *Client {
	t.Helper()
	l, err := ListenLocal(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: LocalHandler(b), ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(l) }() // until the test ends
	c, err := DialLocal(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.Close(), srv.Close()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestSocketAnswersAsTheFileDoes asks everything of both. Whoever adds a question to the one side must add it
// to the other for the program to build.
//
// mission-part: A.12
func TestSocketAnswersAsTheFileDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hookswitch.db")
	file := keep(t, path)
	socket := overSocket(t, file, path)
	ctx := t.Context()
	same := func(what string, file, socket any, errs ...error) {
		t.Helper()
		if diff := cmp.Diff(file, socket, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-file +socket):\n%s", what, diff)
		}
		if err := errors.Join(errs...); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, f := range []journal.Filter{
		{Workspace: workspace},
		{Workspace: workspace, States: []journal.State{journal.StateDone, journal.StateLapsed}},
		{Workspace: workspace, Limit: 2},
		{Workspace: workspace, Call: "c1", Before: 3},
		{Workspace: workspace, Call: "another"},
		{Workspace: "another"},
	} {
		a, err := file.Intents(ctx, f)
		b, err2 := socket.Intents(ctx, f)
		same("Intents", a, b, err, err2)
	}
	for id := journal.IntentID(1); id <= 3; id++ {
		a, err := file.Intent(ctx, workspace, id)
		b, err2 := socket.Intent(ctx, workspace, id)
		same("Intent", a, b, err, err2)
		c, err := file.Attempts(ctx, workspace, id)
		d, err2 := socket.Attempts(ctx, workspace, id)
		same("Attempts", c, d, err, err2)
	}
	a, err := file.Counts(ctx, workspace)
	b, err2 := socket.Counts(ctx, workspace)
	same("Counts", a, b, err, err2)
	c, err := file.Calls(ctx, workspace, 10)
	d, err2 := socket.Calls(ctx, workspace, 10)
	same("Calls", c, d, err, err2)
	e, err := file.Call(ctx, workspace, "c1")
	f, err2 := socket.Call(ctx, workspace, "c1")
	same("Call", e, f, err, err2)
	g, err := file.Export(ctx, workspace, "c1")
	h, err2 := socket.Export(ctx, workspace, "c1")
	same("Export", string(g), string(h), err, err2)
}

// TestSocketTellsTheSameErrors protects the operator from an answer that depends on how it was asked.
func TestSocketTellsTheSameErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hookswitch.db")
	file := keep(t, path)
	socket := overSocket(t, file, path)
	ctx := t.Context()
	_, unknown := file.Intent(ctx, workspace, 99)
	_, unknown2 := socket.Intent(ctx, workspace, 99)
	_, noCall := file.Call(ctx, workspace, "c 9/ü")
	_, noCall2 := socket.Call(ctx, workspace, "c 9/ü")
	_, late := file.Discard(ctx, workspace, 1, "why")
	_, late2 := socket.Discard(ctx, workspace, 1, "why")
	for _, pair := range [][2]error{{unknown, unknown2}, {noCall, noCall2}, {late, late2}, {file.Retry(ctx, workspace, 1), socket.Retry(ctx, workspace, 1)}} {
		if pair[0] == nil || pair[1] == nil || pair[0].Error() != pair[1].Error() {
			t.Errorf("file: %v, socket: %v, want the same error", pair[0], pair[1])
		}
	}
}

// TestRetryAndDiscardByEitherWay changes on one side and looks on the other.
func TestRetryAndDiscardByEitherWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hookswitch.db")
	file := keep(t, path)
	socket := overSocket(t, file, path)
	ctx := t.Context()
	if err := socket.Retry(ctx, workspace, 2); err != nil {
		t.Fatal(err)
	}
	if in, err := file.Intent(ctx, workspace, 2); err != nil || in.State != journal.StateDue {
		t.Errorf("after a retry over the socket: %v %v, want due", in.State, err)
	}
	fell, err := socket.Discard(ctx, workspace, 2, "the customer wrote to us")
	if diff := cmp.Diff([]journal.IntentID{3}, fell); err != nil || diff != "" {
		t.Errorf("fell with 2: %v (-want +got):\n%s", err, diff)
	}
	in, err := file.Intent(ctx, workspace, 2)
	if err != nil || in.State != journal.StateWithdrawn || !strings.Contains(in.Why, "the customer wrote to us") {
		t.Errorf("after a discard over the socket: %v, why %q, %v, want withdrawn with the reason", in.State, in.Why, err)
	}
}

func TestSocketIsTheOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the folder's permissions hold there")
	}
	path := filepath.Join(t.TempDir(), "hookswitch.db")
	l, err := ListenLocal(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(strings.TrimSuffix(path, ".db") + ".sock")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket beside the database: %v %v, want mode 0600", info, err)
	}
}

// TestSocketOfALongPath protects who keeps databases in deep folders: a socket's path is short by law.
func TestSocketOfALongPath(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	path := filepath.Join(t.TempDir(), strings.Repeat("deep", 30), "hookswitch.db")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	b := keep(t, path)
	if _, err := overSocket(t, b, path).Counts(t.Context(), workspace); err != nil {
		t.Error(err)
	}
}

// TestFolderOpenToOthersIsNotBelieved protects an operator on a shared machine: a stranger who made the folder of
// the second place could answer there as the server.
func TestFolderOpenToOthersIsNotBelieved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	path := filepath.Join(t.TempDir(), strings.Repeat("deep", 30), "hookswitch.db")
	second := sockets(path)[1]
	if err := os.Mkdir(filepath.Dir(second), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := listen(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := DialLocal(t.Context(), path); err != nil {
		t.Errorf("in a folder of our own: %v", err)
	}
	if err := os.Chmod(filepath.Dir(second), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := DialLocal(t.Context(), path); !errors.Is(err, ErrNoServer) {
		t.Errorf("in a folder open to others: %v, want %v", err, ErrNoServer)
	}
	if _, err := ListenLocal(t.Context(), path); err == nil || !strings.Contains(err.Error(), "0700") {
		t.Errorf("listen there: %v, want the mend", err)
	}
}

// TestDeadSocketIsReplaced protects the start after kill -9, which leaves the socket's file behind.
func TestDeadSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hookswitch.db")
	for range 2 {
		l, err := ListenLocal(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if at, want := l.Addr().String(), strings.TrimSuffix(path, ".db")+".sock"; at != want {
			t.Errorf("the socket is at %s, want %s, where the dead one was", at, want)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := DialLocal(t.Context(), path); !errors.Is(err, ErrNoServer) {
			t.Errorf("dial a closed socket: %v, want %v", err, ErrNoServer)
		}
	}
}

// TestNothingIsRemovedForTheSocket protects a file that happens to have the socket's name.
func TestNothingIsRemovedForTheSocket(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	path := filepath.Join(t.TempDir(), "hookswitch.db")
	precious := strings.TrimSuffix(path, ".db") + ".sock"
	if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := ListenLocal(t.Context(), path)
	if err != nil {
		t.Fatalf("with a file in the way: %v, want the other place", err)
	}
	defer l.Close()
	if text, err := os.ReadFile(precious); err != nil || string(text) != "precious" {
		t.Errorf("the file in the way: %q %v, want it untouched", text, err)
	}
}
