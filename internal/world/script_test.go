package world_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

// TestScripts plays each script of testdata/scripts in a world of its own. The rows of the mission that a
// script proves stand in its comment.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts found: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, err := world.ParseScript(filepath.Base(file), text)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
		w := world.New(world.Options{Dir: dir, Log: log, Cloud: simvapi.Options{ServerMessages: simvapi.EveryServerMessage()}})
		playScript(t, w, script)
	})
}

// playScript plays a script in a bubble and reports every want that is not met.
func playScript(t *testing.T, w *world.World, script *world.Script) {
	t.Helper()
	ctx := t.Context()
	if err := script.Prepare(w); err != nil {
		t.Error(err)
		_ = w.Close() // the script is at fault, and is reported
		return
	}
	if err := w.Start(ctx); err != nil {
		t.Error(err)
		_ = w.Close() // the start is reported
		return
	}
	played, err := script.Play(ctx, w, nil)
	if err != nil {
		t.Error(err)
	}
	time.Sleep(script.Wait)
	for _, fault := range script.Check(ctx, w, played) {
		t.Error(fault)
	}
	if err := w.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
