package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/store"
)

// FirstSeen returns when the secret with this digest was first loaded for a door, and remembers now when
// it never was. The grace of the secret before it counts from then, so a restart does not prolong it.
// digest is a keyed hash: the secret itself is never stored.
func FirstSeen(ctx context.Context, db *store.DB, workspace, door, digest string) (time.Time, error) {
	var micros int64
	now := time.Now()
	err := db.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `
INSERT INTO secret_seen (workspace, door, digest, first_seen) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			workspace, door, digest, now.UnixMicro()); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
SELECT first_seen FROM secret_seen WHERE workspace = ? AND door = ? AND digest = ?`, workspace, door, digest).Scan(&micros)
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("remember when a secret of the %s door was first loaded: %w", door, err)
	}
	return time.UnixMicro(micros), nil
}
