package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookswitch/hookswitch/internal/store"
)

// FirstSeen returns since when a door has had the secrets with this digest, in this order, and remembers now
// when it had others before. The grace of the secret that was replaced counts from then, so a restart does
// not prolong it, and rotating back begins a grace of its own. door names the secrets whatever their order;
// both are keyed hashes: the secrets themselves are never stored.
func FirstSeen(ctx context.Context, db *store.DB, workspace, door, digest string) (time.Time, error) {
	var micros int64
	now := time.Now()
	err := db.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM secret_seen WHERE workspace = ? AND door = ? AND digest <> ?`,
			workspace, door, digest); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
INSERT INTO secret_seen (workspace, door, digest, first_seen) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			workspace, door, digest, now.UnixMicro()); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
SELECT first_seen FROM secret_seen WHERE workspace = ? AND door = ? AND digest = ?`, workspace, door, digest).Scan(&micros)
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("remember since when a door has its secrets: %w", err)
	}
	return time.UnixMicro(micros), nil
}

// KeepDoors forgets since when doors had their secrets, but for those that are still configured. A list of
// secrets that comes back later is a new rotation, with a grace of its own.
func KeepDoors(ctx context.Context, db *store.DB, workspace string, doors []string) error {
	err := db.Write(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT DISTINCT door FROM secret_seen WHERE workspace = ?`, workspace)
		if err != nil {
			return err
		}
		var gone []string
		for rows.Next() {
			var door string
			if err := rows.Scan(&door); err != nil {
				return errors.Join(err, rows.Close())
			}
			if !slices.Contains(doors, door) {
				gone = append(gone, door)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, door := range gone {
			if _, err := tx.Exec(ctx, `DELETE FROM secret_seen WHERE workspace = ? AND door = ?`, workspace, door); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget the secrets of doors that are gone: %w", err)
	}
	return nil
}
