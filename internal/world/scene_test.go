package world_test

import (
	"testing"
	"testing/synctest"

	"github.com/hookswitch/hookswitch/internal/world"
)

// TestScenesHold plays each scene of the demonstration as the demonstration does, in a world of its own.
func TestScenesHold(t *testing.T) {
	scenes, err := world.Scenes()
	if err != nil {
		t.Fatal(err)
	}
	for _, scene := range scenes {
		t.Run(scene.Name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { performScene(t, scene) }) })
	}
}

func performScene(t *testing.T, scene world.Scene) {
	ctx := t.Context()
	w := world.New(world.Options{Dir: t.TempDir()})
	if err := w.Start(ctx); err != nil {
		t.Fatal(err)
	}
	r := scene.Perform(ctx, w, func(m world.Moment) { t.Logf("%s %s: %s", m.At.Format("05.00"), m.Who, m.Text) })
	for _, fault := range r.Faults {
		t.Error(fault)
	}
	if r.Duplicates != 0 || r.Promised == 0 || r.Kept != r.Promised {
		t.Errorf("got %d duplicates, %d of %d promises kept; want none, and all of some", r.Duplicates, r.Kept, r.Promised)
	}
	if err := w.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
