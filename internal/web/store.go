package web

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/store"
)

// putState keeps the sealed verifier of a visit to Salesforce under the hash of its state, and forgets
// visits that ended long ago.
func putState(ctx context.Context, db *store.DB, workspace, hash string, sealed []byte) error {
	now := time.Now()
	err := db.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM oauth_state WHERE workspace = ? AND created_at < ?`,
			workspace, now.Add(-24*time.Hour).UnixMicro()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO oauth_state (workspace, state_hash, sealed, created_at) VALUES (?, ?, ?, ?)`,
			workspace, hash, sealed, now.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the state of a sign-in: %w", err)
	}
	return nil
}

// useState marks a state as used and returns what was sealed with it. It returns false for a state that is
// unknown, used or too old; two callbacks with one state cannot both have it.
func useState(ctx context.Context, db *store.DB, workspace, hash string) (sealed []byte, good bool, err error) {
	now := time.Now()
	err = db.Write(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, `
UPDATE oauth_state SET used_at = ? WHERE workspace = ? AND state_hash = ? AND used_at IS NULL AND created_at > ? RETURNING sealed`,
			now.UnixMicro(), workspace, hash, now.Add(-stateLife).UnixMicro()).Scan(&sealed)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		good = err == nil
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("use the state of a sign-in: %w", err)
	}
	return sealed, good, nil
}
