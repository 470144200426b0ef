package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the schema to this program's version. A file that a later program has
// migrated is refused: its rows may mean what this one does not understand.
// An earlier file is migrated before anything is served, each step in a transaction: a process
// that dies half way is followed by one that goes on.
func migrate(ctx context.Context, pool *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	// Without goose's global registry: what is migrated is what is embedded, whatever a library that
	// was linked in may have registered.
	p, err := goose.NewProvider(goose.DialectSQLite3, pool, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	has, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	sources := p.ListSources()
	if ours := sources[len(sources)-1].Version; has > ours {
		return fmt.Errorf("%w: it has version %d, this program knows %d — run the newer program, or restore the backup made before it", ErrNewerSchema, has, ours)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
