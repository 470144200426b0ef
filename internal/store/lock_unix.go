//go:build unix

package store

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock without waiting (flock(2), LOCK_NB). It belongs to the open file, so that
// it is also refused to a second Open in the same process, which a lock of fcntl would grant. On
// NFS some systems keep it on the one machine only: a database does not belong there.
func tryLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return err
}
