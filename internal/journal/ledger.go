package journal

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hookswitch/hookswitch/internal/store"
)

// ledger is one transaction over the journal's tables: it maps rows and decides nothing. Its
// statements stand in store.go; here is how values become columns and are sealed.
type ledger struct {
	ctx  context.Context
	tx   *store.Tx
	box  *store.Box
	now  time.Time
	news news
}

// micros and when map times to their column and back; zero is 0. A microsecond is what the
// columns hold, so that a time that was read is not the one that was written to the nanosecond.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func when(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us)
}

// seal and unseal keep a value in the row it belongs to: sealed bytes that are moved to another
// row do not open there. Nothing stays NULL.
func (l *ledger) seal(plain []byte, place string) ([]byte, error) {
	if len(plain) == 0 {
		return nil, nil
	}
	return l.box.Seal(plain, []byte(place))
}

func (l *ledger) unseal(sealed []byte, place string) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	return l.box.Open(sealed, []byte(place))
}

// place is what the sealed columns of a row are tied to: the row's own name, which never changes.
func (in Intent) place() string { return in.Workspace + "|" + in.Kind + "|" + in.Key }
func (a Ask) place() string     { return a.Workspace + "|" + a.Call + "|" + a.ID }

// sealJSON and unsealJSON are seal and unseal for what belongs to an answer.
func (l *ledger) sealJSON(v any, k Ask) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return l.seal(plain, k.place())
}

func (l *ledger) unsealJSON(sealed []byte, k Ask, v any) error {
	plain, err := l.unseal(sealed, k.place())
	if err != nil || plain == nil {
		return err
	}
	return json.Unmarshal(plain, v)
}
