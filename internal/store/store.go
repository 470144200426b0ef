// Package store keeps everything that must outlive the process in one SQLite file.
//
// One goroutine owns the one writing connection. A Write is a closure; what has gathered
// while the last commit was on its way to the disk goes into the next one together (group
// commit), each closure inside a savepoint of its own:
//
//	BEGIN · savepoint fn₁ release · savepoint fn₂ release · … · COMMIT · answer all
//
// Write returns after COMMIT with synchronous=FULL: what was reported survives a power cut.
// A commit that fails is reported to every closure in it, and nothing of it remains.
// A Read sees one snapshot and never waits for a writer.
//
// The file is locked while it is open; a second process is refused by name of the first.
// SQL here and in the packages' store.go files uses `?` and the dialect that SQLite and
// PostgreSQL share; the schema has one folder of migrations for each engine. A second engine
// is a second constructor beside Open, held to the same conformance suite.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The errors on which a caller branches.
var (
	// ErrClosed is given by a store that was closed, or that a failed Options.Commit stopped.
	ErrClosed = errors.New("store is closed")
	// ErrNewerSchema means that a later version of the program has migrated the file.
	ErrNewerSchema = errors.New("database has a newer schema than this program knows")
	// ErrLocked means that another process has the file open.
	ErrLocked = errors.New("database is in use")
	// ErrFull means that the disk had no room. Nothing of the write remains; it may be repeated.
	ErrFull = errors.New("database has no room")
	// errTransactionLost means that the engine gave up the whole group for a fault of the disk or memory.
	errTransactionLost = errors.New("transaction was given up by the engine")
)

// Stage says on which side of a commit Options.Commit is called.
type Stage int

// The two sides of a commit.
const (
	BeforeCommit Stage = iota
	AfterCommit
)

// Options says where the store is.
type Options struct {
	// Path of the database file. Its directory is created 0700, the file 0600.
	Path string
	// Commit is nil in production. A test cuts the power with it: it is called before and
	// after each group commit with the running number of the commit, and an error closes the
	// store for good. An error before the commit loses the group; one after it keeps the
	// group and loses only the report.
	Commit func(n int64, stage Stage) error
}

// DB is an open store. It is safe for concurrent use.
type DB struct {
	options Options
	lock    *os.File
	pools   []*sql.DB
	conns   []*conn       // every connection, the writer's first
	reading chan struct{} // a place for each Read under way
	idle    []*conn       // readers that nobody uses, under mu
	pool    *sql.DB       // where more of them come from
	mu      sync.Mutex
	jobs    chan *job
	quit    chan struct{} // closed: take no more
	gone    chan struct{} // closed: the writer has ended
	once    sync.Once
	closing sync.Once
	closed  error
}

// readerCount is how many snapshots may be read at the same time.
// More would not be faster: reads come from memory, and the machines it is meant for have two cores.
const readerCount = 4

// Open locks the file, brings its schema up to date and starts the writer.
// A database whose migration fails is left as it was, and unlocked. ctx bounds the opening, not the
// life of the store.
func Open(ctx context.Context, o Options) (*DB, error) {
	lock, err := prepare(o.Path)
	if err != nil {
		return nil, err
	}
	db := &DB{
		options: o, lock: lock,
		reading: make(chan struct{}, readerCount),
		// As many as a few commits take up. Who comes later waits in Write, where its ctx can end it.
		jobs: make(chan *job, 1024),
		quit: make(chan struct{}),
		gone: make(chan struct{}),
	}
	writer, err := db.connect(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", o.Path, err), db.release())
	}
	go db.write(writer)
	return db, nil
}

// prepare makes the directory and an empty file with narrow permissions (SQLite gives its
// companion files those of the main one), and takes the lock.
func prepare(path string) (*os.File, error) {
	if path == "" {
		return nil, errors.New("open database: no path is given — set database: sqlite:./data/hookswitch.db")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return lockBeside(path)
}

// connect migrates and opens the writing connection. Readers are opened when they are needed.
func (db *DB) connect(ctx context.Context) (*conn, error) {
	// busy_timeout stays 0: with one writer nothing waits inside SQLite, where a test's
	// virtual clock cannot see it. FULL makes each commit reach the disk before it is reported.
	pool, err := sql.Open("sqlite", address(db.options.Path,
		"busy_timeout(0)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)", "temp_store(memory)",
		"cache_size(-32768)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)"))
	if err != nil {
		return nil, err
	}
	// The log is taken up into the file after 4,000 pages (16 MB), so that a burst of calls does not
	// stop for it, and keeps at most 64 MB of disk afterwards (SQLite documentation, "PRAGMA Statements").
	pool.SetMaxOpenConns(1)
	db.pools = append(db.pools, pool)
	if err := migrate(ctx, pool); err != nil {
		return nil, err
	}
	pool.SetMaxIdleConns(0) // ends the connection that migrated: it would keep the memory which that took
	writer, err := newConn(ctx, pool)
	if err != nil {
		return nil, err
	}
	db.conns = append(db.conns, writer)
	db.pool, err = sql.Open("sqlite", address(db.options.Path, "busy_timeout(0)", "query_only(1)", "cache_size(-8192)"))
	if err != nil {
		return nil, err
	}
	db.pools = append(db.pools, db.pool)
	return writer, nil
}

// reader is a connection that nobody uses, the one used last if there are several: most servers never read
// twice at once, and each connection has a cache of its own.
func (db *DB) reader(ctx context.Context) (*conn, error) {
	db.mu.Lock()
	if n := len(db.idle); n > 0 {
		c := db.idle[n-1]
		db.idle = db.idle[:n-1]
		db.mu.Unlock()
		return c, nil
	}
	db.mu.Unlock()
	return newConn(ctx, db.pool)
}

func (db *DB) putBack(c *conn) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.idle = append(db.idle, c)
}

// address is the driver's name for a file: a URI, so that a path may hold any character.
func address(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas, "_txlock": {"deferred"}}
	p := filepath.ToSlash(path)
	if runtime.GOOS == "windows" && filepath.IsAbs(path) {
		p = "/" + p
	}
	return "file:" + (&url.URL{Path: p}).EscapedPath() + "?" + q.Encode()
}

// conn is one connection with its prepared statements. One goroutine uses it at a time.
type conn struct {
	c     *sql.Conn
	stmts map[string]*sql.Stmt
}

// newConn takes a connection out of its pool for good: statements are prepared once for each, and
// the pool could otherwise give them to somebody else in between.
func newConn(ctx context.Context, pool *sql.DB) (*conn, error) {
	c, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{c: c, stmts: map[string]*sql.Stmt{}}, nil
}

// prepare keeps every statement it has seen. Statements are constants of the program, a few
// dozen in all; a caller that builds one for each value would grow the map without bound.
func (c *conn) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.c.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

// exec runs one of the statements below, which have neither arguments nor a result.
// close gives the connection back to its pool, which is closed next. A pool does not close what is in use.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

func (c *conn) exec(ctx context.Context, query string) error {
	s, err := c.prepare(ctx, query)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(ctx)
	return err
}

// A transaction is deferred: one that only reads takes no lock, and the writer has no rival for one.
func (c *conn) begin(ctx context.Context) error    { return c.exec(ctx, "BEGIN") }
func (c *conn) commit(ctx context.Context) error   { return c.exec(ctx, "COMMIT") }
func (c *conn) rollback(ctx context.Context) error { return c.exec(ctx, "ROLLBACK") }
func (c *conn) mark(ctx context.Context) error     { return c.exec(ctx, "SAVEPOINT one") }
func (c *conn) keep(ctx context.Context) error     { return c.exec(ctx, "RELEASE one") }

// drop takes back what was done since mark. It fails if the engine has ended the whole
// transaction by itself, which it may do when the disk is full or broken.
func (c *conn) drop(ctx context.Context) error {
	if err := c.exec(ctx, "ROLLBACK TO one"); err != nil {
		return err
	}
	return c.keep(ctx)
}

// Result is what a statement changed.
type Result = sql.Result

// Tx is a transaction as a closure sees it; it must not be used after the closure returns.
// Rows must be read to their end or closed before the same statement is run again.
//
// Statements are not interrupted when their ctx ends: a group must not stop half way, and to watch a ctx
// costs as much as most reads do. Who reads a long list can look at its ctx between rows.
type Tx struct {
	c      *conn
	ctx    context.Context // of whoever began the transaction, without its end
	broken error           // the engine may have ended the transaction
}

// Exec runs a statement that returns no rows.
func (tx *Tx) Exec(_ context.Context, query string, args ...any) (Result, error) {
	if tx.broken != nil {
		return nil, tx.broken
	}
	s, err := tx.c.prepare(tx.ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.ExecContext(tx.ctx, args...)
	if err != nil && endsTransaction(err) {
		tx.broken = err
	}
	return r, err
}

// Query runs a statement that returns rows.
// A fault of the engine shows when the rows are read; the next Exec finds it, or the commit does.
func (tx *Tx) Query(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	if tx.broken != nil {
		return nil, tx.broken
	}
	s, err := tx.c.prepare(tx.ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(tx.ctx, args...)
}

// QueryRow runs a statement that returns at most one row.
func (tx *Tx) QueryRow(_ context.Context, query string, args ...any) *sql.Row {
	s, err := tx.c.prepare(tx.ctx, query)
	if err != nil {
		return tx.c.c.QueryRowContext(tx.ctx, query, args...) // carries the same error to Scan
	}
	return s.QueryRowContext(tx.ctx, args...)
}

// endsTransaction names the faults after which SQLite may have rolled back everything.
// SQLite documentation, "Response To Errors Within A Transaction".
func endsTransaction(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CORRUPT:
		return true
	}
	return false
}

// named gives a full disk the error on which callers branch.
// The others have no name: what a caller could do about them is the same.
func named(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL && !errors.Is(err, ErrFull) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// setting and putSetting read and write one value of table setting that belongs to the whole
// database, not to one workspace. A setting that is not there is nil.
func setting(ctx context.Context, tx *Tx, name string) ([]byte, error) {
	var value []byte
	err := tx.QueryRow(ctx, `SELECT value FROM setting WHERE workspace = '' AND name = ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, err
}

func putSetting(ctx context.Context, tx *Tx, name string, value []byte, at int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO setting (workspace, name, value, updated_at) VALUES ('', ?, ?, ?)
		ON CONFLICT (workspace, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, name, value, at)
	return err
}
