package store

import (
	"context"
	"fmt"
	"time"
)

// Probe writes and commits a row that means nothing. A file that can be read and not written, on a full disk
// or a broken one, looks well to everything else until a promise is due to be kept in it.
func (db *DB) Probe(ctx context.Context) error {
	now := time.Now().UnixMicro()
	err := db.Write(ctx, func(tx *Tx) error { return putSetting(ctx, tx, "probe", []byte{1}, now) })
	if err != nil {
		return fmt.Errorf("probe the store: %w", err)
	}
	return nil
}
