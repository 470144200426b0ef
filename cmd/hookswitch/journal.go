package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookswitch/hookswitch/internal/journal"
)

func journalCommand() *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List writes, newest first", Args: takes(0, 0), RunE: listIntents}
	list.Flags().StringSlice("state", nil, "only writes in these states, such as refused,retry")
	list.Flags().String("call", "", "only writes of this call")
	list.Flags().Int("limit", 100, "at most this many")
	list.Flags().Bool("json", false, "print JSON")
	show := &cobra.Command{Use: "show ID", Short: "Show a write: what, why, each attempt, what to do", Args: takes(1, 1), RunE: showIntent}
	show.Flags().Bool("json", false, "print JSON")
	retry := &cobra.Command{Use: "retry ID…", Short: "Try writes again that wait for a person", Args: takes(1, many), RunE: retryIntents}
	discard := &cobra.Command{Use: "discard ID… --why TEXT", Short: "Give writes up, and those that need them", Args: takes(1, many), RunE: discardIntents}
	discard.Flags().String("why", "", "the reason, which is kept")
	c := group(&cobra.Command{
		Use: "journal", Short: "Writes that were promised: list, show, retry, discard",
		Long: `Writes that were promised to callers, and what became of them.

The commands ask the running server; while none runs they open its database. States: ` + strings.Join(states(), ", ") + `.`,
	}, list, show, retry, discard)
	c.PersistentFlags().String("workspace", "default", "the workspace")
	return withConfig(c)
}

// states are those that a write can be found in.
func states() []string {
	var all []string
	for s := range journal.Transitions() {
		if s != journal.StateRecorded { // passes before it can be seen
			all = append(all, string(s))
		}
	}
	slices.Sort(all)
	return all
}

// promised is a write as it is printed in JSON. Its names are a promise to scripts: they are added to, and never
// changed. Times are in UTC, and absent where there is none.
type promised struct {
	ID       journal.IntentID  `json:"id"`
	State    journal.State     `json:"state"`
	Kind     string            `json:"kind"`
	Key      string            `json:"key"`
	Lane     journal.Lane      `json:"lane"`
	Call     string            `json:"call,omitempty"`
	ToolCall string            `json:"tool_call,omitempty"`
	Rule     string            `json:"rule,omitempty"`
	Recorded time.Time         `json:"recorded"`
	Due      *time.Time        `json:"due,omitempty"`
	Settled  *time.Time        `json:"settled,omitempty"`
	Attempts int               `json:"attempts"`
	Verdict  journal.Verdict   `json:"verdict,omitempty"`
	Record   string            `json:"record,omitempty"`
	Facts    map[string]string `json:"facts,omitempty"`
	Why      string            `json:"why,omitempty"`
	Hint     string            `json:"hint,omitempty"`
	FellBy   journal.IntentID  `json:"fell_by,omitempty"`
	MergedIn journal.IntentID  `json:"merged_into,omitempty"`
	Undoes   journal.IntentID  `json:"undoes,omitempty"`
	Words    string            `json:"words,omitempty"`
	Body     json.RawMessage   `json:"body,omitempty"`
	Before   json.RawMessage   `json:"before,omitempty"`
	History  []attempt         `json:"history,omitempty"`
}

// attempt is one line of a write's history.
type attempt struct {
	Number  int             `json:"number"`
	Action  string          `json:"action"`
	Started time.Time       `json:"started"`
	Ended   *time.Time      `json:"ended,omitempty"`
	Verdict journal.Verdict `json:"verdict,omitempty"`
	Why     string          `json:"why,omitempty"`
}

// printed leaves out when a settled write was due: it tells nothing any more, and reads as if it were.
func printed(in journal.Intent) promised {
	p := promised{
		ID: in.ID, State: in.State, Kind: in.Kind, Key: in.Key, Lane: in.Lane,
		Call: in.Cause.Call, ToolCall: in.Cause.ToolCall, Rule: in.Cause.Rule, Words: in.Cause.Words,
		Recorded: in.Recorded.UTC(), Settled: moment(in.Settled), Attempts: in.Attempts, Verdict: in.Verdict,
		Record: in.Effect, Facts: in.Facts, Why: in.Why, Hint: in.Hint,
		FellBy: in.FellBy, MergedIn: in.MergedInto, Undoes: in.Undoes, Body: in.Body, Before: in.Before,
	}
	if in.Settled.IsZero() {
		p.Due = moment(in.Due)
	}
	return p
}

// moment is t in UTC; nil if there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// listIntents prints a page of writes and, for people, how much is open beyond it.
func listIntents(c *cobra.Command, _ []string) error {
	filter, err := filterOf(c)
	if err != nil {
		return err
	}
	return asked(c, func(ctx context.Context, l ledger, workspace string) error {
		filter.Workspace = workspace
		all, err := l.Intents(ctx, filter)
		if err != nil {
			return err
		}
		if inJSON(c) {
			out := make([]promised, len(all))
			for i, in := range all {
				out[i] = printed(in)
			}
			return printJSON(c.OutOrStdout(), out)
		}
		counts, err := l.Counts(ctx, workspace)
		if err != nil {
			return err
		}
		return tableOf(c.OutOrStdout(), all, counts)
	})
}

// filterOf reads the flags of list.
func filterOf(c *cobra.Command) (journal.Filter, error) {
	named, err := c.Flags().GetStringSlice("state")
	if err != nil {
		return journal.Filter{}, err // unreachable: list defines it, as the two below
	}
	call, err := c.Flags().GetString("call")
	if err != nil {
		return journal.Filter{}, err
	}
	limit, err := c.Flags().GetInt("limit")
	if err != nil {
		return journal.Filter{}, err
	}
	f := journal.Filter{Call: call, Limit: limit}
	if limit < 1 {
		return f, misuse{fmt.Errorf("--limit: %d is no number of writes — write 1 or more", limit)}
	}
	for _, s := range named {
		if !slices.Contains(states(), s) {
			return f, misuse{fmt.Errorf("--state: there is no state %q — write one of %s", s, strings.Join(states(), ", "))}
		}
		f.States = append(f.States, journal.State(s))
	}
	return f, nil
}

// tableOf prints writes in lines. The last column is what an operator looks for: the record that was made, or
// why there is none.
func tableOf(out io.Writer, all []journal.Intent, counts map[journal.State]int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(all) > 0 {
		fmt.Fprintln(w, "ID\tSTATE\tKIND\tCALL\tRECORDED\tTRIES\tRECORD OR REASON")
	}
	for _, in := range all {
		last := in.Effect
		if last == "" {
			last = in.Why
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%s\n", in.ID, in.State, in.Kind, orDash(in.Cause.Call), stamp(in.Recorded), in.Attempts, last)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var open []string
	for _, s := range slices.Sorted(maps.Keys(counts)) {
		if counts[s] > 0 {
			open = append(open, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	if len(open) == 0 {
		open = []string{"nothing"}
	}
	_, err := fmt.Fprintf(out, "open in this workspace: %s\n", strings.Join(open, ", "))
	return err
}

// showIntent prints all that is known of a write, its masked body included: a person decides by it.
func showIntent(c *cobra.Command, args []string) error {
	ids, err := intentIDs(args)
	if err != nil {
		return err
	}
	return asked(c, func(ctx context.Context, l ledger, workspace string) error {
		in, err := l.Intent(ctx, workspace, ids[0])
		if err != nil {
			return err
		}
		history, err := l.Attempts(ctx, workspace, ids[0])
		if err != nil {
			return err
		}
		p := printed(in)
		for _, a := range history {
			p.History = append(p.History, attempt{a.Number, a.Action, a.Started.UTC(), moment(a.Ended), a.Verdict, a.Why})
		}
		if inJSON(c) {
			return printJSON(c.OutOrStdout(), p)
		}
		return page(c.OutOrStdout(), p)
	})
}

// page is a write for a person who must decide about it.
func page(out io.Writer, p promised) error {
	fmt.Fprintf(out, "write %d is %s\n\n", p.ID, p.State)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %s\t%s\n", name, value)
		}
	}
	row("kind", p.Kind)
	row("key", p.Key)
	row("call", p.Call)
	row("tool call", p.ToolCall)
	row("rule", p.Rule)
	row("words", p.Words)
	row("recorded", stamp(p.Recorded))
	if p.Due != nil {
		row("due", stamp(*p.Due))
	}
	if p.Settled != nil {
		row("settled", stamp(*p.Settled))
	}
	row("record", p.Record)
	for _, name := range slices.Sorted(maps.Keys(p.Facts)) {
		row(name, p.Facts[name])
	}
	row("why", p.Why)
	row("mend", p.Hint)
	other := func(name string, id journal.IntentID) {
		if id != 0 {
			row(name, fmt.Sprintf("write %d", id))
		}
	}
	other("fell with", p.FellBy)
	other("merged into", p.MergedIn)
	other("undoes", p.Undoes)
	for _, a := range p.History {
		took := "under way"
		if a.Ended != nil {
			took = fmt.Sprintf("%s after %d ms", a.Verdict, a.Ended.Sub(a.Started).Milliseconds())
		}
		row(fmt.Sprintf("attempt %d", a.Number), strings.TrimSpace(fmt.Sprintf("%s %s: %s  %s", a.Action, stamp(a.Started), took, a.Why)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		body json.RawMessage
	}{{"what is written", p.Body}, {"what was there before", p.Before}} {
		if len(part.body) > 0 {
			fmt.Fprintf(out, "\n%s:\n", part.name)
			if err := printJSON(out, part.body); err != nil {
				return err
			}
		}
	}
	return nil
}

// retryIntents goes on after a write that can't be retried: the others are no worse for it.
func retryIntents(c *cobra.Command, args []string) error {
	ids, err := intentIDs(args)
	if err != nil {
		return err
	}
	return asked(c, func(ctx context.Context, l ledger, workspace string) error {
		var all error
		for _, id := range ids {
			err := l.Retry(ctx, workspace, id)
			if all = errors.Join(all, err); err == nil {
				fmt.Fprintf(c.OutOrStdout(), "write %d is tried again\n", id)
			}
		}
		return all
	})
}

// discardIntents gives writes up, each with what needs it. A write that fell with one before it is not asked for
// again: it is gone, as the operator wanted.
func discardIntents(c *cobra.Command, args []string) error {
	ids, err := intentIDs(args)
	if err != nil {
		return err
	}
	why, err := c.Flags().GetString("why")
	if err != nil {
		return err // unreachable: discard defines it
	}
	if strings.TrimSpace(why) == "" {
		return misuse{errors.New("--why is missing: what was promised to a caller is given up for a reason that is kept")}
	}
	return asked(c, func(ctx context.Context, l ledger, workspace string) error {
		var all error
		fallen := map[journal.IntentID]bool{}
		for _, id := range ids {
			if fallen[id] {
				continue // with one before it
			}
			fell, err := l.Discard(ctx, workspace, id, why)
			if all = errors.Join(all, err); err != nil {
				continue
			}
			fmt.Fprintf(c.OutOrStdout(), "write %d is discarded\n", id)
			for _, with := range fell {
				fallen[with] = true
				fmt.Fprintf(c.OutOrStdout(), "  with it fell write %d\n", with)
			}
		}
		return all
	})
}

// intentIDs reads the numbers of writes.
func intentIDs(args []string) ([]journal.IntentID, error) {
	ids := make([]journal.IntentID, len(args))
	for i, arg := range args {
		n, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || n < 1 {
			return nil, misuse{fmt.Errorf("%q is not the number of a write — `hookswitch journal list` shows them", arg)}
		}
		ids[i] = journal.IntentID(n)
	}
	return ids, nil
}
