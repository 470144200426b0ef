package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
)

// check tests one want, and says what was found instead.
type check func(ctx context.Context, w *World, p Played) error

// Check tests every want of s, after its wait, and returns what is not as it should be.
func (s *Script) Check(ctx context.Context, w *World, p Played) []error {
	var faults []error
	for _, want := range s.Wants {
		if err := want.check(ctx, w, p); err != nil {
			faults = append(faults, fmt.Errorf("%s:%d: want %s: %w", s.Name, want.Line, want.Text, err))
		}
	}
	for _, v := range w.Cloud.Violations() {
		faults = append(faults, fmt.Errorf("%s: against the protocol: %s", s.Name, v))
	}
	for name, c := range p.Calls {
		for _, h := range c.Hears() {
			for _, odd := range h.Suspicious {
				faults = append(faults, fmt.Errorf("%s: %s heard %q: %s", s.Name, name, h.Said, odd))
			}
		}
	}
	return faults
}

// parseWant reads what must be true in the end:
//
//	heard LABEL "…"  or  /pattern/       the words, exactly or by a pattern
//	unheard LABEL /pattern/              words that must not be among them
//	unsaid /pattern/                     words that nobody may have heard, in any call
//	told LABEL /pattern/                 the result or error that the model was given
//	same LABEL OTHER                     the same words
//	took LABEL <= D  or  >= D            from the request to the answer
//	org OBJECT N [Field=value …]         so many records have these values; a value is JSON or /pattern/
//	ledger OBJECT create|update|delete N so many changes were committed by the server, since the scene began
//	review N · backlog N                 writes that wait for a person, or are due
//	promised N                           writes that were ever promised, whatever became of them
//	why /pattern/                        what a write that waits for a person says of itself, hint included
//	requests <= N                        requests to the org, tokens included
//	struck KIND N                        so often has a fault of that kind struck a request
//	wait D                               look at the org this long after the last step
func parseWant(t *tokens) (check, error) {
	switch verb := t.word(); verb {
	case "heard", "unheard", "told":
		return parseHeard(verb, t)
	case "same":
		return wantSame(t.word(), t.word()), nil
	case "took":
		return parseTook(t)
	case "org":
		return parseOrg(t)
	case "ledger":
		object, op := t.word(), simforce.Op(t.word())
		n, err := t.number()
		return wantLedger(object, op, n), err
	case "review":
		n, err := t.number()
		return wantIntents(n, journal.StateRefused), err
	case "backlog":
		n, err := t.number()
		return wantIntents(n, journal.StateSettling, journal.StateWaiting, journal.StateDue, journal.StateTrying, journal.StateRetry, journal.StateUnknown), err
	case "promised":
		n, err := t.number()
		return wantPromised(n), err
	case "why":
		match, err := matcher(t)
		return wantWhy(match), err
	case "unsaid":
		match, err := matcher(t)
		return wantUnsaid(match), err
	case "struck":
		kind := simforce.Kind(t.word())
		n, err := t.number()
		return func(_ context.Context, w *World, _ Played) error {
			if got := w.Org.Counts()[kind]; got != n {
				return fmt.Errorf("it struck %d times", got)
			}
			return nil
		}, err
	case "requests":
		if !t.is("<=") {
			return nil, errors.New("requests <= N")
		}
		n, err := t.number()
		return func(_ context.Context, w *World, _ Played) error {
			if got := len(w.Org.Requests()); got > n {
				return fmt.Errorf("there were %d", got)
			}
			return nil
		}, err
	default:
		return nil, fmt.Errorf("no want %q: use heard, unheard, unsaid, told, same, took, org, ledger, review, backlog, promised, why, requests, struck or wait", verb)
	}
}

// matcher reads a quoted text, which must be equal, or a pattern, which must match.
func matcher(t *tokens) (func(string) bool, error) {
	if m := patternText.FindStringSubmatch(t.rest); m != nil {
		t.rest = t.rest[len(m[0]):]
		p, err := regexp.Compile(m[1])
		if err != nil {
			return nil, err
		}
		return p.MatchString, nil
	}
	text, err := t.quoted()
	return func(s string) bool { return s == text }, err
}

func parseHeard(verb string, t *tokens) (check, error) {
	label := t.word()
	match, err := matcher(t)
	return func(_ context.Context, _ *World, p Played) error {
		h, ok := p.Heard[label]
		said := h.Said
		if verb == "told" {
			said = h.Result + h.Error
		}
		switch {
		case !ok:
			return fmt.Errorf("nothing was asked as %s", label)
		case match(said) == (verb == "unheard"):
			return fmt.Errorf("heard %q", said)
		}
		return nil
	}, err
}

func wantSame(a, b string) check {
	return func(_ context.Context, _ *World, p Played) error {
		if p.Heard[a].Said == "" || p.Heard[a].Said != p.Heard[b].Said {
			return fmt.Errorf("heard %q and %q", p.Heard[a].Said, p.Heard[b].Said)
		}
		return nil
	}
}

func parseTook(t *tokens) (check, error) {
	label, sign := t.word(), t.word()
	d, err := t.duration()
	if sign != "<=" && sign != ">=" {
		return nil, errors.New("took LABEL <= D, or >= D")
	}
	return func(_ context.Context, _ *World, p Played) error {
		h, ok := p.Heard[label]
		if got := h.Took; !ok || sign == "<=" && got > d || sign == ">=" && got < d {
			return fmt.Errorf("took %v", got.Round(time.Millisecond))
		}
		return nil
	}, err
}

func wantLedger(object string, op simforce.Op, n int) check {
	return func(_ context.Context, w *World, p Played) error {
		got := 0
		for _, e := range w.Org.Ledger() {
			if e.Object == object && e.Op == op && e.Who != "person" && !e.At.Before(p.Began) {
				got++
			}
		}
		if got != n {
			return fmt.Errorf("there were %d", got)
		}
		return nil
	}
}

func wantIntents(n int, states ...journal.State) check {
	return func(ctx context.Context, w *World, _ Played) error {
		all, err := w.app.Journal().Counts(ctx, "default")
		if err != nil {
			return err
		}
		got := 0
		for _, s := range states {
			got += all[s]
		}
		if got != n {
			return fmt.Errorf("there are %d: %v", got, all)
		}
		return nil
	}
}

// wantPromised counts what was ever promised, settled writes too.
func wantPromised(n int) check {
	return func(ctx context.Context, w *World, _ Played) error {
		all, err := w.app.Journal().List(ctx, journal.Filter{Workspace: "default"})
		if err == nil && len(all) != n {
			err = fmt.Errorf("there were %d", len(all))
		}
		return err
	}
}

// wantWhy looks for a write that waits for a person and says why.
func wantWhy(match func(string) bool) check {
	return func(ctx context.Context, w *World, _ Played) error {
		all, err := w.app.Journal().List(ctx, journal.Filter{Workspace: "default", States: []journal.State{journal.StateRefused}})
		if err != nil {
			return err
		}
		var found []string
		for _, in := range all {
			said := in.Why + " — " + in.Hint
			if match(said) {
				return nil
			}
			found = append(found, said)
		}
		return fmt.Errorf("what waits says %q", found)
	}
}

func wantUnsaid(match func(string) bool) check {
	return func(_ context.Context, _ *World, p Played) error {
		for name, c := range p.Calls {
			for _, h := range c.Hears() {
				if match(h.Said) {
					return fmt.Errorf("%s heard %q", name, h.Said)
				}
			}
		}
		return nil
	}
}

// parseOrg reads a count and the values that records must have to be counted.
func parseOrg(t *tokens) (check, error) {
	object := t.word()
	n, err := t.number()
	if err != nil {
		return nil, err
	}
	type field struct {
		name  string
		match func(any) bool
	}
	var fields []field
	for strings.TrimSpace(t.rest) != "" {
		name, rest, ok := strings.Cut(strings.TrimSpace(t.rest), "=")
		if !ok {
			return nil, errors.New("org OBJECT N Field=value …")
		}
		t.rest = rest
		match, err := valueMatcher(t)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{name, match})
	}
	return func(_ context.Context, w *World, _ Played) error {
		got := 0
		all := w.Org.Records(object)
	records:
		for _, r := range all {
			if r.Deleted {
				continue
			}
			for _, f := range fields {
				if !f.match(r.Fields[f.name]) {
					continue records
				}
			}
			got++
		}
		if got != n {
			return fmt.Errorf("there are %d among %s", got, describe(all))
		}
		return nil
	}, nil
}

func valueMatcher(t *tokens) (func(any) bool, error) {
	if m := patternText.FindStringSubmatch(t.rest); m != nil {
		t.rest = t.rest[len(m[0]):]
		p, err := regexp.Compile(m[1])
		return func(v any) bool {
			s, isText := v.(string)
			return isText && p.MatchString(s)
		}, err
	}
	var want any
	err := t.json(&want)
	return func(v any) bool { return text(v) == text(want) }, err
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func describe(records []simforce.Record) string {
	b, err := json.Marshal(records)
	if err != nil {
		return fmt.Sprint(records)
	}
	return string(b)
}
