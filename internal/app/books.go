package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hookswitch/hookswitch/internal/playbook"
)

// loadBooks loads playbooks as the configuration names them: one that ships, or a file.
func (a *App) loadBooks(names []string) ([]*playbook.Playbook, error) {
	books := make([]*playbook.Playbook, 0, len(names))
	for _, name := range names {
		b, err := a.book(name)
		if err != nil {
			return nil, fmt.Errorf("playbook %s: %w", name, err)
		}
		books = append(books, b)
	}
	return books, nil
}

// loadBook goes by the ending: without one it is the name of a playbook that ships, and no file in the working
// directory can stand in for that.
func loadBook(name string) (*playbook.Playbook, error) {
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		return playbook.Load(os.DirFS(filepath.Dir(name)), filepath.Base(name))
	}
	return playbook.Shipped(name)
}

// Reload reads the playbooks again and gives them to calls that begin from now on. A playbook with a fault
// changes nothing: all workspaces keep what they have.
func (a *App) Reload() error {
	// All are read before the first is replaced.
	fresh := map[*workspace][]*playbook.Playbook{}
	for name, w := range a.workspaces {
		books, err := a.loadBooks(w.cfg.Playbooks)
		if err != nil {
			return fmt.Errorf("reload: workspace %s: %w", name, err)
		}
		fresh[w] = books
	}
	for w, books := range fresh {
		w.shelf.Replace(books...)
	}
	a.log.Info("playbooks.reloaded")
	return nil
}
