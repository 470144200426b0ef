package call_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/store"
)

// TestTimelineIsSealedAtRest looks at the bytes of the files: whoever copies the database learns nothing of
// what was said, and by whom.
//
// mission-part: A.8
func TestTimelineIsSealedAtRest(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "hookswitch.db")})
	if err != nil {
		t.Fatal(err)
	}
	box, _, err := store.OpenBox(nil, filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.HashKey(t.Context(), box); err != nil {
		t.Fatal(err)
	}
	calls := call.NewLog(db, box)
	at := time.UnixMicro(1_763_640_000_000_000)
	seen := call.Seen{Workspace: "default", Call: "c1", Number: "+15550100142", Person: box.Hash("+15550100142"), At: at}
	said := call.Event{At: at, Type: "transcript", Key: "k", Data: []byte(`{"text":"I am Ada Byron"}`), Body: []byte(`{"customer":{"number":"+15550100142"}}`)}
	for i, want := range []bool{true, false} { // the second delivery is the first once more
		if fresh, err := calls.Observe(t.Context(), seen, said); err != nil || fresh != want {
			t.Errorf("delivery %d: fresh %v, %v; want %v", i+1, fresh, err, want)
		}
	}
	events, err := calls.Events(t.Context(), "default", "c1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]call.Event{said}, events); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
	if c, found, err := calls.Get(t.Context(), "default", "c1"); err != nil || !found || c.Number != seen.Number {
		t.Errorf("call: %+v, %v, %v; want its number back", c, found, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of the database: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"5550100142", "Ada", "Byron"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %q in clear", filepath.Base(file), secret)
			}
		}
	}
}
