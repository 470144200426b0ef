package store_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookswitch/hookswitch/internal/store"
)

// TestCloseLeavesTheFileAtRest: SQLite removes its log when the last connection is closed. One that stays open
// would keep its file for as long as the process lives.
func TestCloseLeavesTheFileAtRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the log after Close: got %v, want it gone", err)
	}
}
