package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// lockBeside takes the lock that says "this process has the database open". The lock belongs
// to the open file and falls with the process, however it ends; the file itself stays, with
// the number of its last owner in it.
func lockBeside(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock database %s: %w", path, err)
	}
	switch err := tryLock(f); {
	case errors.Is(err, errHeld):
		owner := owner(f)
		return nil, errors.Join(fmt.Errorf("%w: %s is open in %s — stop that server, or give this one another database", ErrLocked, path, owner), f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock database %s: %w", path, err), f.Close())
	}
	if err := sign(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock database %s: %w", path, err), f.Close())
	}
	return f, nil
}

// errHeld is tryLock's answer when another process has the lock.
var errHeld = errors.New("lock is held")

// sign writes our number into the file, for the message that the next one gets. It is a hint for a
// person and nothing more: the lock alone decides, since a number outlives its process.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// owner reads the number that sign wrote. A file that is being signed at this moment, or that
// somebody has edited, names nobody.
func owner(f *os.File) string {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	pid, numErr := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || numErr != nil {
		return "another process"
	}
	return "process " + strconv.Itoa(pid)
}
