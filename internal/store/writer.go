package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// groupLimit bounds one commit, so that a flood delays each caller by a few milliseconds only.
const groupLimit = 256

// job is one closure on its way through the writer.
type job struct {
	ctx   context.Context
	fn    func(*Tx) error
	taken atomic.Bool // by the writer, or by a caller who left
	err   error
	done  chan error
}

// Write runs fn on the writer goroutine and returns when the commit that holds it is durable.
// fn's error takes back fn alone. A caller whose ctx ends leaves if fn has not begun;
// otherwise it waits, so that the result is never in doubt.
func (db *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case <-db.quit:
		return db.why()
	default:
	}
	select {
	case db.jobs <- j:
	case <-db.quit:
		return db.why()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-j.done:
		return err
	case <-db.gone:
		return db.lateAnswer(j)
	case <-ctx.Done():
		if j.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
	}
	select {
	case err := <-j.done:
		return err
	case <-db.gone:
		return db.lateAnswer(j)
	}
}

// lateAnswer is the result of a job when the writer has ended: its answer, or, if the writer
// never took it, ErrClosed.
func (db *DB) lateAnswer(j *job) error {
	select {
	case err := <-j.done:
		return err
	default:
		return db.why()
	}
}

// why says that the store is closed, and what closed it if that was not Close.
func (db *DB) why() error {
	<-db.quit
	if db.closed != nil {
		return fmt.Errorf("%w: %w", ErrClosed, db.closed)
	}
	return ErrClosed
}

// Read runs fn on a snapshot. It waits for its turn no longer than ctx lasts.
// What fn writes is refused by the connection, which is opened for queries only.
func (db *DB) Read(ctx context.Context, fn func(tx *Tx) error) error {
	select {
	case <-db.quit:
		return db.why()
	default:
	}
	select {
	case db.reading <- struct{}{}:
	case <-db.quit:
		return db.why()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-db.reading }()
	outer := context.WithoutCancel(ctx)
	c, err := db.reader(outer)
	if err != nil {
		return fmt.Errorf("open a reader: %w", err)
	}
	defer db.putBack(c)
	if err := c.begin(outer); err != nil {
		return fmt.Errorf("begin snapshot: %w", err)
	}
	err = fn(&Tx{c: c, ctx: outer})
	// A snapshot that stays open would keep the log from being taken up into the file, which then
	// grows without end.
	return errors.Join(err, c.rollback(outer))
}

// write is the writer goroutine.
// What is queued goes before the word to stop: who was let in by Write is answered by a commit.
func (db *DB) write(c *conn) {
	defer close(db.gone)
	for n := int64(1); ; n++ {
		select {
		case j := <-db.jobs:
			db.group(c, j, n)
			continue
		default:
		}
		select {
		case j := <-db.jobs:
			db.group(c, j, n)
		case <-db.quit:
			return
		}
	}
}

// group commits first and whatever has gathered behind it, then answers them all.
func (db *DB) group(c *conn, first *job, n int64) {
	group := make([]*job, 0, 16)
	ctx := context.WithoutCancel(first.ctx)
	err := db.stopped()
	if err == nil {
		err = c.begin(ctx)
	}
	for j := first; j != nil; j = db.nextJob(len(group)) {
		if !j.taken.CompareAndSwap(false, true) {
			continue
		}
		group = append(group, j)
		if err == nil {
			err = run(ctx, c, j)
		}
	}
	if err == nil {
		err = db.commit(ctx, c, n)
	} else {
		_ = c.rollback(ctx) // the cause is already in err; there may be nothing left to take back
	}
	for _, j := range group {
		if err != nil {
			j.done <- named(err)
		} else {
			j.done <- named(j.err)
		}
	}
}

// nextJob is the next that waits, or nil if none does or the group is large enough.
func (db *DB) nextJob(have int) *job {
	if have >= groupLimit {
		return nil
	}
	select {
	case j := <-db.jobs:
		return j
	default:
		return nil
	}
}

// run performs one closure inside a savepoint. It returns an error only if the whole group
// is lost with it.
func run(ctx context.Context, c *conn, j *job) error {
	if err := c.mark(ctx); err != nil {
		return err
	}
	tx := &Tx{c: c, ctx: ctx}
	j.err = j.fn(tx)
	if j.err == nil {
		j.err = tx.broken // swallowed by fn; the group may be gone
	}
	if j.err == nil {
		return c.keep(ctx)
	}
	if err := c.drop(ctx); err != nil {
		return fmt.Errorf("%w: %w", errTransactionLost, j.err)
	}
	return nil
}

// commit makes the group durable, with the test's power cut around it.
func (db *DB) commit(ctx context.Context, c *conn, n int64) error {
	if err := db.cut(n, BeforeCommit); err != nil {
		_ = c.rollback(ctx) // the store is closed; what is not committed is lost in any case
		return err
	}
	if err := c.commit(ctx); err != nil {
		_ = c.rollback(ctx) // a failed COMMIT may leave the transaction open
		return fmt.Errorf("commit: %w", err)
	}
	return db.cut(n, AfterCommit)
}

// cut asks the test whether the power fails here.
func (db *DB) cut(n int64, stage Stage) error {
	if db.options.Commit == nil {
		return nil
	}
	err := db.options.Commit(n, stage)
	if err == nil {
		return nil
	}
	db.stop(err)
	return db.why()
}

// stopped is the reason why nothing may be written any more, if a power cut was the reason.
// After Close, by contrast, what had been queued before is still written.
func (db *DB) stopped() error {
	select {
	case <-db.quit:
		if db.closed != nil {
			return db.why()
		}
	default:
	}
	return nil
}

// stop lets nobody in any more.
func (db *DB) stop(cause error) {
	db.once.Do(func() {
		db.closed = cause
		close(db.quit)
	})
}

// Close writes what was queued, waits for readers and gives the file back.
func (db *DB) Close() error {
	var err error
	db.closing.Do(func() {
		db.stop(nil)
		<-db.gone
		for range cap(db.reading) {
			db.reading <- struct{}{}
		}
		err = db.release()
	})
	return err
}

// release closes the connections, then the lock: the next owner finds the file at rest.
func (db *DB) release() error {
	var errs []error
	for _, c := range slices.Backward(db.conns) { // the writer last: it takes the log into the file
		errs = append(errs, c.close())
	}
	for _, p := range slices.Backward(db.pools) {
		errs = append(errs, p.Close())
	}
	errs = append(errs, db.lock.Close())
	return errors.Join(errs...)
}
