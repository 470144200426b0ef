package journal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Parked says until when a lane stands still, and why.
type Parked struct {
	Until time.Time
	Why   string
}

// parking is one lane of one workspace that a transaction has parked or freed.
type parking struct {
	workspace string
	lane      Lane
	Parked
}

// lanes is what stands still, as the database has it: read at the start, and set after each
// commit that parks or frees one. It is asked at every decision, which would be too often for a
// statement. An old end stays in the map and does no harm; there are three a workspace.
type lanes struct {
	mu     sync.Mutex
	parked map[string]map[Lane]Parked
}

// set takes over what a transaction has committed; a lane that was freed has a zero end.
func (s *lanes) set(workspace string, lane Lane, p Parked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parked == nil {
		s.parked = map[string]map[Lane]Parked{}
	}
	if s.parked[workspace] == nil {
		s.parked[workspace] = map[Lane]Parked{}
	}
	s.parked[workspace][lane] = p
}

// until is when the lane moves again; a time that has passed, or zero, if it does. Every
// workspace stands still for itself: one customer's limit is not another's.
func (s *lanes) until(workspace string, lane Lane) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parked[workspace][lane].Until
}

// Park stops a lane of a workspace, or all of them with lane "", until a time. What is under
// way is not stopped; what is recorded meanwhile waits, and its answers do not.
func (j *Journal) Park(ctx context.Context, workspace string, lane Lane, until time.Time, why string) error {
	which := []Lane{lane}
	if lane == "" {
		which = Live.behind()
	}
	err := j.write(ctx, func(l *ledger) error { return l.park(workspace, which, Parked{until, why}) })
	if err != nil {
		return fmt.Errorf("park %s of workspace %s: %w", lane, workspace, err)
	}
	j.options.Log.Warn("lane.parked", "workspace", workspace, "lane", lane, "until", until, "why", why)
	return nil
}

// park stops lanes until a time, which replaces the one they had.
// The newest word counts, also when it is an earlier end: a vendor that says how long its limit
// lasts knows better than the pause that we took first.
func (l *ledger) park(workspace string, which []Lane, p Parked) error {
	for _, lane := range which {
		if err := l.putLane(workspace, lane, p.Until, p.Why); err != nil {
			return err
		}
		l.news.parked = append(l.news.parked, parking{workspace, lane, p})
	}
	return nil
}

// Unpark lets a lane move again, or all with lane "".
func (j *Journal) Unpark(ctx context.Context, workspace string, lane Lane) error {
	which := []Lane{lane}
	if lane == "" {
		which = Live.behind()
	}
	err := j.write(ctx, func(l *ledger) error {
		for _, lane := range which {
			if err := l.dropLane(workspace, lane); err != nil {
				return err
			}
			l.news.parked = append(l.news.parked, parking{workspace, lane, Parked{}})
		}
		return hurry(l, workspace, which)
	})
	if err == nil {
		err = j.wakeAll(ctx, workspace)
	}
	if err != nil {
		return fmt.Errorf("unpark %s of workspace %s: %w", lane, workspace, err)
	}
	j.options.Log.Info("lane.unparked", "workspace", workspace, "lane", lane)
	return nil
}

// hurry lets those go at once that ran into the limit and paused until its end: at most one
// for each place of the engine.
// What pauses for another reason goes on pausing: the limit was not its trouble.
func hurry(l *ledger, workspace string, which []Lane) error {
	paused, err := l.list(Filter{Workspace: workspace, States: []State{StateRetry, StateUnknown}, Limit: 10_000})
	if err != nil {
		return err
	}
	for _, in := range paused {
		if in.Blame != Limit || !slices.Contains(which, in.Lane) {
			continue
		}
		old := in
		in.Due = l.now
		if err := l.save(old, in); err != nil {
			return err
		}
	}
	return nil
}

// Parked is which lanes of a workspace stand still now.
func (j *Journal) Parked(workspace string) map[Lane]Parked {
	j.lanes.mu.Lock()
	defer j.lanes.mu.Unlock()
	now := time.Now()
	all := maps.Clone(j.lanes.parked[workspace])
	maps.DeleteFunc(all, func(_ Lane, p Parked) bool { return !p.Until.After(now) })
	return all
}
