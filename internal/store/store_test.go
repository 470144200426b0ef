package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func openIn(t testing.TB, path string, o Options) *DB {
	t.Helper()
	o.Path = path
	db, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestSQLiteConforms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "x.db")
	conform(t, func(t *testing.T, o Options) *DB { return openIn(t, path, o) })
	for name, want := range map[string]os.FileMode{path: 0o600, path + ".lock": 0o600, filepath.Dir(path): 0o700} {
		if fi, err := os.Stat(name); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want %v", filepath.Base(name), fi.Mode().Perm(), err, want)
		}
	}
}

func TestSecondServerIsRefusedByNameOfTheFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := openIn(t, path, Options{})
	_, err := Open(context.Background(), Options{Path: path})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("got %v, want ErrLocked naming process %d", err, os.Getpid())
	}
	shut(t, db)
	shut(t, openIn(t, path, Options{}))
}

func TestNewerSchemaIsRefused(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "x.db")
	db := openIn(t, path, Options{})
	err := db.Write(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	shut(t, db)
	if _, err := Open(ctx, Options{Path: path}); !errors.Is(err, ErrNewerSchema) || !strings.Contains(err.Error(), "9999") {
		t.Errorf("got %v, want ErrNewerSchema naming 9999", err)
	}
}

// TestFullDiskLosesNothing limits the file instead of the disk: SQLite reports both alike.
func TestFullDiskLosesNothing(t *testing.T) {
	ctx := context.Background()
	db := openIn(t, filepath.Join(t.TempDir(), "x.db"), Options{})
	defer shut(t, db)
	limit := func(pages int) {
		err := db.Write(ctx, func(tx *Tx) error {
			var n int
			return tx.QueryRow(ctx, fmt.Sprintf("PRAGMA max_page_count=%d", pages)).Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // SQLite takes the size that the file has already
	big := make([]byte, 1<<20)
	put := func(name string) error {
		return db.Write(ctx, func(tx *Tx) error {
			_ = putSetting(ctx, tx, name, big, 1) // swallowed: the store must notice by itself
			return nil
		})
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := put(fmt.Sprint("full", i)); !errors.Is(err, ErrFull) {
				t.Errorf("write %d: got %v, want ErrFull", i, err)
			}
		})
	}
	wg.Wait()
	limit(1 << 30)
	if err := put("room"); err != nil {
		t.Errorf("write with room again: %v", err)
	}
	var n int
	err := db.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM setting WHERE name LIKE 'full%'`).Scan(&n)
	})
	if err != nil || n != 0 {
		t.Errorf("left by refused writes: got %d, %v, want 0", n, err)
	}
}

func key(c byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(c), keySize)))
}

func TestRotatedKeysStillOpen(t *testing.T) {
	aad := []byte("place")
	old, _, err := OpenBox([]string{key('a')}, "")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := old.Seal([]byte("secret"), aad)
	if err != nil {
		t.Fatal(err)
	}
	both, _, err := OpenBox([]string{key('b'), key('a')}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := both.Open(sealed, aad); err != nil || string(got) != "secret" {
		t.Errorf("old value: got %q, %v, want secret", got, err)
	}
	if _, err := both.Open(sealed, []byte("another place")); err == nil {
		t.Error("a value moved to another place opened")
	}
	fresh, err := both.Seal([]byte("secret"), aad)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Open(fresh, aad); err == nil {
		t.Error("the old key opened a new value: the first key does not seal")
	}
}

func TestHashStaysTheSameThroughRotation(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "x.db")
	hash := func(keys ...string) (string, error) {
		db := openIn(t, path, Options{})
		defer shut(t, db)
		b, _, err := OpenBox(keys, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := db.HashKey(ctx, b); err != nil {
			return "", err
		}
		return b.Hash("person", "+15550100"), nil
	}
	first, err := hash(key('a'))
	if err != nil || len(first) != 22 {
		t.Fatalf("got %q, %v, want 22 characters", first, err)
	}
	for _, keys := range [][]string{{key('b'), key('a')}, {key('b')}} { // the second start resealed it
		if got, err := hash(keys...); err != nil || got != first {
			t.Errorf("after rotation: got %q, %v, want %q", got, err, first)
		}
	}
	if _, err := hash(key('z')); err == nil || !strings.Contains(err.Error(), "encryption_key") {
		t.Errorf("foreign key: got %v, want an error that names encryption_key", err)
	}
}

func TestKeyFileIsMadeOnceForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.key")
	_, made, err := OpenBox(nil, path)
	if err != nil || !made {
		t.Fatalf("first: got %v, %v, want a file made", made, err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v, want 0600", fi.Mode().Perm(), err)
	}
	if _, made, err = OpenBox(nil, path); err != nil || made {
		t.Errorf("second: got %v, %v, want the file read", made, err)
	}
	if _, _, err := OpenBox([]string{"short"}, ""); err == nil || !strings.Contains(err.Error(), "openssl") {
		t.Errorf("bad key: got %v, want how to make one", err)
	}
}

// BenchmarkGroupCommit is what one durable write of 600 bytes costs with 1, 64 and 1,000
// writers.
func BenchmarkGroupCommit(b *testing.B) {
	for _, writers := range []int{1, 64, 1000} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			ctx := context.Background()
			db := openIn(b, filepath.Join(b.TempDir(), "x.db"), Options{})
			defer db.Close()
			body := make([]byte, 600)
			next := make(chan int)
			go func() {
				for i := range b.N {
					next <- i
				}
				close(next)
			}()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					for range next {
						err := db.Write(ctx, func(tx *Tx) error {
							_, err := tx.Exec(ctx, `INSERT INTO event (workspace, call, at, type, body) VALUES (?, ?, ?, ?, ?)`, "default", "c1", 1, "test", body)
							return err
						})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}
