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
//	told LABEL /pattern/                 the result or error that the model was given
//	same LABEL LABEL                     the same words
//	took LABEL <= D  or  >= D            from the request to the answer
//	org OBJECT N [Field=value …]         so many records have these values; a value is JSON or /pattern/
//	ledger OBJECT create|update|delete N so many changes were committed by the server
//	review N · backlog N                 writes that wait for a person, or are due
//	requests <= N                        requests to the org, tokens included
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
		return nil, fmt.Errorf("no want %q: use heard, unheard, told, same, took, org, ledger, review, backlog, requests or wait", verb)
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
	return func(_ context.Context, w *World, _ Played) error {
		got := 0
		for _, e := range w.Org.Ledger() {
			if e.Object == object && e.Op == op && e.Who != "person" {
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
