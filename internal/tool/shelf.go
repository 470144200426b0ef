package tool

import (
	"slices"
	"sync"
	"time"

	"github.com/hookswitch/hookswitch/internal/caller"
	"github.com/hookswitch/hookswitch/internal/playbook"
)

// idleCall is how long a call that says nothing keeps the playbooks that it began with.
const idleCall = 10 * time.Minute

// Shelf holds the playbooks of a workspace, and what each call began with. New calls get the newest; a call
// that has begun keeps what it began with, so that an operator's change never alters the rules in the middle
// of a conversation. What a call began with is not kept over a restart of the server.
type Shelf struct {
	mu    sync.Mutex
	books []*playbook.Playbook
	pins  map[string]*pin // by call
	swept time.Time
}

// pin is what one call works by and with. It ends by idleness: messages of one call come in any
// order, so that a report of its end need not be the last.
type pin struct {
	books []*playbook.Playbook
	who   caller.Identity // whom the call's number belonged to when it was first looked up
	last  time.Time
}

// NewShelf holds books; the first that has a tool of a name answers for it.
func NewShelf(books ...*playbook.Playbook) *Shelf {
	return &Shelf{books: books, pins: map[string]*pin{}}
}

// Replace gives calls that begin from now on other playbooks.
func (s *Shelf) Replace(books ...*playbook.Playbook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books = books
}

// of are the playbooks of a call.
func (s *Shelf) of(call string) []*playbook.Playbook {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pin(call).books
}

// Who is whom the number was found to belong to earlier in the call. A caller who changes the number on their
// record is the same caller afterwards.
func (s *Shelf) Who(call string, n caller.Number) (caller.Identity, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.pin(call).who
	return who, who.Known() && who.Number == n
}

// Recognise keeps whom the call's number belongs to. The first answer counts.
func (s *Shelf) Recognise(call string, who caller.Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.pin(call); !p.who.Known() {
		p.who = who
	}
}

// pin is what the shelf knows of a call. Calls that have been idle are forgotten as others come. The caller
// holds the lock.
func (s *Shelf) pin(call string) *pin {
	if call == "" { // messages that name no call have nothing in common
		return &pin{books: s.books}
	}
	now := time.Now()
	if now.Sub(s.swept) > idleCall {
		s.swept = now
		for id, p := range s.pins {
			if now.Sub(p.last) > idleCall {
				delete(s.pins, id)
			}
		}
	}
	p, ok := s.pins[call]
	if !ok {
		p = &pin{books: s.books}
		s.pins[call] = p
	}
	p.last = now
	return p
}

// Tool finds a tool by one of its names, for a call.
func (s *Shelf) Tool(call, name string) (*playbook.Playbook, *playbook.Tool, bool) {
	for _, b := range s.of(call) {
		if t, ok := b.Tool(name); ok {
			return b, t, true
		}
	}
	return nil, nil, false
}

// Names are the tools that a call has, for a model that asked for another: told them, it can ask again.
func (s *Shelf) Names(call string) []string {
	var names []string
	for _, b := range s.of(call) {
		for _, t := range b.Tools {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Digest tells which playbooks a call works by.
func (s *Shelf) Digest(call string) string {
	digest := ""
	for _, b := range s.of(call) {
		if digest != "" {
			digest += "+"
		}
		digest += b.Digest
	}
	return digest
}

// Offer is the offer of a person, in the words of the playbook that has the tool, or of any.
func (s *Shelf) Offer(call, tool string) string {
	if book, _, ok := s.Tool(call, tool); ok {
		if offer := book.Transfer.Spoken(book.Language); offer != "" {
			return offer
		}
	}
	for _, b := range s.of(call) {
		if offer := b.Transfer.Spoken(b.Language); offer != "" {
			return offer
		}
	}
	return ""
}
