package call

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/caller"
	"github.com/hookswitch/hookswitch/internal/store"
)

// Log is where calls and their events are kept.
type Log struct {
	db  *store.DB
	box *store.Box
}

// NewLog keeps calls in db and seals the callers' numbers with box.
func NewLog(db *store.DB, box *store.Box) *Log { return &Log{db: db, box: box} }

// Observe moves the call forward by what one message tells, and appends events to its timeline, in one
// transaction. It reports whether any event was new: false means that the message had been seen before.
func (l *Log) Observe(ctx context.Context, seen Seen, events ...Event) (fresh bool, err error) {
	sealed, err := l.sealEvents(seen, events)
	if err != nil {
		return false, fmt.Errorf("observe call %s: %w", seen.Call, err)
	}
	err = l.db.Write(ctx, func(tx *store.Tx) error {
		fresh = len(events) == 0
		if err := l.advance(ctx, tx, seen); err != nil {
			return err
		}
		for _, e := range sealed {
			kept, err := insertEvent(ctx, tx, seen, e)
			if err != nil {
				return err
			}
			fresh = fresh || kept
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("observe call %s: %w", seen.Call, err)
	}
	return fresh, nil
}

// Append adds events of our own to a call's timeline. They tell nothing new about the call itself.
func (l *Log) Append(ctx context.Context, seen Seen, events ...Event) error {
	sealed, err := l.sealEvents(seen, events)
	if err != nil {
		return fmt.Errorf("append to the timeline of call %s: %w", seen.Call, err)
	}
	err = l.db.Write(ctx, func(tx *store.Tx) error {
		for _, e := range sealed {
			if _, err := insertEvent(ctx, tx, seen, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("append to the timeline of call %s: %w", seen.Call, err)
	}
	return nil
}

// advance writes the call as it stands after seen, and nothing when seen tells nothing new.
func (l *Log) advance(ctx context.Context, tx *store.Tx, seen Seen) error {
	was, err := l.scan(tx.QueryRow(ctx, `SELECT `+columns+` FROM call WHERE workspace = ? AND id = ?`, seen.Workspace, seen.Call))
	if errors.Is(err, sql.ErrNoRows) {
		return l.put(ctx, tx, Call{Workspace: seen.Workspace, ID: seen.Call}.After(seen))
	}
	if err != nil {
		return err
	}
	now := was.After(seen)
	if now == was {
		return nil
	}
	return l.put(ctx, tx, now)
}

func (l *Log) put(ctx context.Context, tx *store.Tx, c Call) error {
	number, err := l.seal(c)
	if err != nil {
		return err
	}
	about, err := json.Marshal(c.About)
	if err != nil {
		return err
	}
	var ended any
	if !c.EndedAt.IsZero() {
		ended = c.EndedAt.UnixMicro()
	}
	_, err = tx.Exec(ctx, `
INSERT INTO call (workspace, id, person, playbook, state, direction, number, about, started_at, updated_at, ended_at, ended_reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (workspace, id) DO UPDATE SET
  person = excluded.person, playbook = excluded.playbook, state = excluded.state, direction = excluded.direction,
  number = excluded.number, about = excluded.about, started_at = excluded.started_at, updated_at = excluded.updated_at,
  ended_at = excluded.ended_at, ended_reason = excluded.ended_reason, version = call.version + 1`,
		c.Workspace, c.ID, c.Person, c.Playbook, string(c.State), c.Direction, number, string(about),
		c.StartedAt.UnixMicro(), c.UpdatedAt.UnixMicro(), ended, c.EndedReason)
	return err
}

// sealEvents seals what events hold: masking takes out what must never be kept, and leaves the names and
// numbers that people say. It is done before the write, because the store has one writer for everyone.
func (l *Log) sealEvents(seen Seen, events []Event) ([]Event, error) {
	sealed := make([]Event, len(events))
	for i, e := range events {
		data, err := l.box.Seal(e.Data, eventAAD(seen.Workspace, seen.Call, "data"))
		if err != nil {
			return nil, fmt.Errorf("seal event: %w", err)
		}
		e.Data = data
		if e.Body != nil {
			if e.Body, err = l.box.Seal(e.Body, eventAAD(seen.Workspace, seen.Call, "body")); err != nil {
				return nil, fmt.Errorf("seal event: %w", err)
			}
		}
		sealed[i] = e
	}
	return sealed, nil
}

func insertEvent(ctx context.Context, tx *store.Tx, seen Seen, e Event) (bool, error) {
	var key any
	if e.Key != "" {
		key = e.Key
	}
	res, err := tx.Exec(ctx, `
INSERT INTO event (workspace, call, person, at, type, key, version, data, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		seen.Workspace, seen.Call, seen.Person, e.At.UnixMicro(), e.Type, key, Version, []byte(e.Data), e.Body)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// openEvent is the reverse of sealEvents.
func (l *Log) openEvent(workspace, id string, e Event) (Event, error) {
	data, err := l.box.Open(e.Data, eventAAD(workspace, id, "data"))
	if err != nil {
		return Event{}, fmt.Errorf("open event: %w", err)
	}
	e.Data = data
	if e.Body == nil {
		return e, nil
	}
	if e.Body, err = l.box.Open(e.Body, eventAAD(workspace, id, "body")); err != nil {
		return Event{}, fmt.Errorf("open event: %w", err)
	}
	return e, nil
}

func eventAAD(workspace, id, part string) []byte {
	return []byte("event|" + workspace + "|" + id + "|" + part)
}

func (l *Log) seal(c Call) ([]byte, error) {
	if c.Number == "" {
		return nil, nil
	}
	sealed, err := l.box.Seal([]byte(c.Number), aad(c.Workspace, c.ID))
	if err != nil {
		return nil, fmt.Errorf("seal the number: %w", err)
	}
	return sealed, nil
}

func aad(workspace, id string) []byte { return []byte("call|" + workspace + "|" + id) }

const columns = `workspace, id, person, playbook, state, direction, number, about, started_at, updated_at, ended_at, ended_reason`

// Get returns the call, and false when it has never been seen.
func (l *Log) Get(ctx context.Context, workspace, id string) (c Call, found bool, err error) {
	err = l.db.Read(ctx, func(tx *store.Tx) error {
		c, err = l.scan(tx.QueryRow(ctx, `SELECT `+columns+` FROM call WHERE workspace = ? AND id = ?`, workspace, id))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		found = err == nil
		return err
	})
	if err != nil {
		return Call{}, false, fmt.Errorf("get call %s: %w", id, err)
	}
	return c, found, nil
}

// List returns the newest calls of a workspace, at most limit of them.
func (l *Log) List(ctx context.Context, workspace string, limit int) (calls []Call, err error) {
	err = l.db.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+columns+` FROM call WHERE workspace = ? ORDER BY started_at DESC, id LIMIT ?`, workspace, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			c, err := l.scan(rows)
			if err != nil {
				return err
			}
			calls = append(calls, c)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	return calls, nil
}

// Events returns the timeline of a call, in the order in which it was learnt.
func (l *Log) Events(ctx context.Context, workspace, id string) (events []Event, err error) {
	err = l.db.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT at, type, COALESCE(key, ''), data, body FROM event WHERE workspace = ? AND call = ? ORDER BY id`, workspace, id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var sealed Event
			var at int64
			if err := rows.Scan(&at, &sealed.Type, &sealed.Key, (*[]byte)(&sealed.Data), &sealed.Body); err != nil {
				return err
			}
			sealed.At = time.UnixMicro(at)
			e, err := l.openEvent(workspace, id, sealed)
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read the timeline of call %s: %w", id, err)
	}
	return events, nil
}

type row interface{ Scan(dest ...any) error }

func (l *Log) scan(r row) (Call, error) {
	var (
		c            Call
		number       []byte
		about        string
		started, upd int64
		ended        sql.NullInt64
		state        string
	)
	if err := r.Scan(&c.Workspace, &c.ID, &c.Person, &c.Playbook, &state, &c.Direction, &number, &about, &started, &upd, &ended, &c.EndedReason); err != nil {
		return Call{}, err
	}
	c.State, c.StartedAt, c.UpdatedAt = State(state), time.UnixMicro(started), time.UnixMicro(upd)
	if ended.Valid {
		c.EndedAt = time.UnixMicro(ended.Int64)
	}
	if about != "" {
		if err := json.Unmarshal([]byte(about), &c.About); err != nil {
			return Call{}, fmt.Errorf("what call %s is about: %w", c.ID, err)
		}
	}
	if len(number) > 0 {
		plain, err := l.box.Open(number, aad(c.Workspace, c.ID))
		if err != nil {
			return Call{}, fmt.Errorf("open the number of call %s: %w", c.ID, err)
		}
		c.Number = caller.Number(plain)
	}
	return c, nil
}
