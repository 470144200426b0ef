package web

import (
	"sync"
	"time"
)

// sessions keeps the sessions of those who have signed in, in memory. It is an scs.Store without a goroutine of
// its own: what has ended is forgotten when the next one begins.
type sessions struct {
	mu   sync.Mutex
	kept map[string]session
}

// session is opaque here: scs encodes what it holds.
type session struct {
	data []byte
	ends time.Time
}

func newSessions() *sessions { return &sessions{kept: map[string]session{}} }

// Find returns a session that has not ended.
func (s *sessions) Find(token string) (data []byte, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, found := s.kept[token]
	if !found || !time.Now().Before(k.ends) {
		return nil, false, nil
	}
	return k.data, true, nil
}

// Commit keeps a session until it ends.
func (s *sessions) Commit(token string, data []byte, ends time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for other, k := range s.kept {
		if !now.Before(k.ends) {
			delete(s.kept, other)
		}
	}
	s.kept[token] = session{data, ends}
	return nil
}

// Delete ends a session.
func (s *sessions) Delete(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, token)
	return nil
}
