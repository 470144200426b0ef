package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
)

// opener opens the same database each time it is called, with the hooks of o.
type opener func(t *testing.T, o Options) *DB

// conform holds an engine to what the journal relies on.
func conform(t *testing.T, open opener) {
	for name, fn := range map[string]func(*testing.T, opener){
		"what was written is there after a restart":                  conformWhatWasWrittenIsThere,
		"an error takes back its own closure alone":                  conformAnErrorTakesBackIts,
		"a reader sees one moment":                                   conformAReaderSeesOneMoment,
		"a reader cannot write":                                      conformAReaderCannotWrite,
		"power cut before the commit loses it and after it keeps it": conformPowerCutBeforeTheCommit,
		"a caller who leaves the queue has written nothing":          conformACallerWhoLeavesThe,
		"close writes what was queued":                               conformCloseWritesWhatWasQueued,
	} {
		t.Run(name, func(t *testing.T) { fn(t, open) })
	}
}

// put writes one value, get reads it.
func put(db *DB, name, value string) error {
	ctx := context.Background()
	return db.Write(ctx, func(tx *Tx) error { return putSetting(ctx, tx, name, []byte(value), 1) })
}

func get(t *testing.T, db *DB, name string) string {
	t.Helper()
	ctx := context.Background()
	var got []byte
	err := db.Read(ctx, func(tx *Tx) (err error) {
		got, err = setting(ctx, tx, name)
		return err
	})
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return string(got)
}

func conformWhatWasWrittenIsThere(t *testing.T, open opener) {
	db := open(t, Options{})
	if err := put(db, "restart", "kept"); err != nil {
		t.Fatal(err)
	}
	shut(t, db)
	db = open(t, Options{})
	defer shut(t, db)
	if got := get(t, db, "restart"); got != "kept" {
		t.Errorf("got %q, want %q", got, "kept")
	}
}

func conformAnErrorTakesBackIts(t *testing.T, open opener) {
	ctx := context.Background()
	db := open(t, Options{})
	defer shut(t, db)
	sorry := errors.New("sorry")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			err := db.Write(ctx, func(tx *Tx) error {
				if err := putSetting(ctx, tx, fmt.Sprint("alone", i), []byte("x"), 1); err != nil {
					return err
				}
				if i%2 == 1 {
					return sorry
				}
				return nil
			})
			if want := map[int]error{0: nil, 1: sorry}[i%2]; !errors.Is(err, want) {
				t.Errorf("write %d: got %v, want %v", i, err, want)
			}
		})
	}
	wg.Wait()
	for i := range 200 {
		if got, want := get(t, db, fmt.Sprint("alone", i)), map[int]string{0: "x", 1: ""}[i%2]; got != want {
			t.Errorf("value %d: got %q, want %q", i, got, want)
		}
	}
}

func conformAReaderSeesOneMoment(t *testing.T, open opener) {
	ctx := context.Background()
	db := open(t, Options{})
	defer shut(t, db)
	if err := put(db, "moment", "before"); err != nil {
		t.Fatal(err)
	}
	err := db.Read(ctx, func(tx *Tx) error {
		first, err := setting(ctx, tx, "moment")
		if err != nil {
			return err
		}
		if err := put(db, "moment", "after"); err != nil {
			return err
		}
		second, err := setting(ctx, tx, "moment")
		if string(first) != "before" || string(second) != "before" {
			t.Errorf("got %q then %q, want before twice", first, second)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, db, "moment"); got != "after" {
		t.Errorf("got %q, want after", got)
	}
}

func conformAReaderCannotWrite(t *testing.T, open opener) {
	ctx := context.Background()
	db := open(t, Options{})
	defer shut(t, db)
	err := db.Read(ctx, func(tx *Tx) error { return putSetting(ctx, tx, "sneaked", []byte("x"), 1) })
	if err == nil || get(t, db, "sneaked") != "" {
		t.Errorf("a write on a snapshot: got %v and %q, want a refusal", err, get(t, db, "sneaked"))
	}
}

func conformPowerCutBeforeTheCommit(t *testing.T, open opener) {
	ctx := context.Background()
	for stage, want := range map[Stage]string{BeforeCommit: "", AfterCommit: "x"} {
		name := fmt.Sprint("cut", stage)
		dark := errors.New("power cut")
		db := open(t, Options{Commit: func(_ int64, s Stage) error {
			if s == stage {
				return dark
			}
			return nil
		}})
		if err := put(db, name, "x"); !errors.Is(err, ErrClosed) || !errors.Is(err, dark) {
			t.Errorf("write into the cut: got %v, want ErrClosed by the cut", err)
		}
		if err := put(db, name, "y"); !errors.Is(err, ErrClosed) {
			t.Errorf("write after the cut: got %v, want ErrClosed", err)
		}
		if err := db.Read(ctx, func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
			t.Errorf("read after the cut: got %v, want ErrClosed", err)
		}
		shut(t, db)
		db = open(t, Options{})
		if got := get(t, db, name); got != want {
			t.Errorf("after a cut at stage %d: got %q, want %q", stage, got, want)
		}
		shut(t, db)
	}
}

func conformACallerWhoLeavesThe(t *testing.T, open opener) {
	ctx := context.Background()
	synctest.Test(t, func(t *testing.T) {
		db := open(t, Options{})
		defer shut(t, db)
		hold, held := make(chan struct{}), make(chan error)
		go func() { held <- db.Write(ctx, func(*Tx) error { <-hold; return nil }) }()
		synctest.Wait()
		leaving, leave := context.WithCancel(ctx)
		left := make(chan error)
		go func() {
			left <- db.Write(leaving, func(tx *Tx) error { return putSetting(ctx, tx, "left", []byte("x"), 1) })
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		close(hold)
		if err := <-held; err != nil {
			t.Errorf("the write in front: %v", err)
		}
		if got := get(t, db, "left"); got != "" {
			t.Errorf("got %q, want nothing", got)
		}
	})
}

func conformCloseWritesWhatWasQueued(t *testing.T, open opener) {
	ctx := context.Background()
	synctest.Test(t, func(t *testing.T) {
		db := open(t, Options{})
		hold := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { _ = db.Write(ctx, func(*Tx) error { <-hold; return nil }) })
		synctest.Wait()
		var late error
		wg.Go(func() { late = put(db, "queued", "x") })
		synctest.Wait()
		wg.Go(func() { close(hold) })
		shut(t, db)
		wg.Wait()
		if late != nil {
			t.Errorf("queued write: %v", late)
		}
		if err := put(db, "queued", "y"); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		db = open(t, Options{})
		defer shut(t, db)
		if got := get(t, db, "queued"); got != "x" {
			t.Errorf("got %q, want x", got)
		}
	})
}

func shut(t *testing.T, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
