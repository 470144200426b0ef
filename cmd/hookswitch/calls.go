package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookswitch/hookswitch/internal/call"
)

func callsCommand() *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List calls, newest first", Args: takes(0, 0), RunE: listCalls}
	list.Flags().Int("limit", 100, "at most this many")
	list.Flags().Bool("json", false, "print JSON")
	show := &cobra.Command{Use: "show ID", Short: "Show a call's timeline, in milliseconds since it began", Args: takes(1, 1), RunE: showCall}
	show.Flags().Bool("json", false, `print JSON: {"events":[{"timestamp":…,"type":…}]}`)
	c := group(&cobra.Command{
		Use: "calls", Short: "Calls that the server knows: list, show",
		Long: "Calls that the server knows.\n\nThe commands ask the running server; while none runs they open its database.",
	}, list, show)
	c.PersistentFlags().String("workspace", "default", "the workspace")
	return withConfig(c)
}

// talk is a call as it is printed in JSON, with the number masked. As with writes, names are never changed.
type talk struct {
	ID          string     `json:"id"`
	State       call.State `json:"state"`
	Direction   string     `json:"direction,omitempty"`
	Number      string     `json:"number,omitempty"`
	About       call.About `json:"about"`
	Started     time.Time  `json:"started"`
	Ended       *time.Time `json:"ended,omitempty"`
	EndedReason string     `json:"ended_reason,omitempty"`
	Playbook    string     `json:"playbook,omitempty"`
}

func listCalls(c *cobra.Command, _ []string) error {
	limit, err := c.Flags().GetInt("limit")
	if err != nil {
		return err // unreachable: list defines it
	}
	if limit < 1 {
		return misuse{fmt.Errorf("--limit: %d is no number of calls — write 1 or more", limit)}
	}
	return asked(c, func(ctx context.Context, l ledger, workspace string) error {
		calls, err := l.Calls(ctx, workspace, limit)
		if err != nil {
			return err
		}
		if !inJSON(c) {
			return tableOfCalls(c.OutOrStdout(), calls)
		}
		out := make([]talk, len(calls))
		for i, k := range calls {
			out[i] = talk{
				ID: k.ID, State: k.State, Direction: k.Direction, Number: string(k.Number), About: k.About,
				Started: k.StartedAt.UTC(), Ended: moment(k.EndedAt), EndedReason: k.EndedReason, Playbook: k.Playbook,
			}
		}
		return printJSON(c.OutOrStdout(), out)
	})
}

// tableOfCalls prints calls in lines. A call that goes on has no length yet.
func tableOfCalls(out io.Writer, calls []call.Call) error {
	if len(calls) == 0 {
		_, err := fmt.Fprintln(out, "no calls in this workspace yet")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CALL\tSTATE\tDIRECTION\tNUMBER\tBEGAN\tLASTED\tENDED BY")
	for _, k := range calls {
		lasted := "-"
		if !k.EndedAt.IsZero() {
			lasted = k.EndedAt.Sub(k.StartedAt).Round(time.Second).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, orDash(string(k.State)), orDash(k.Direction), orDash(string(k.Number)), stamp(k.StartedAt), lasted, k.EndedReason)
	}
	return w.Flush()
}

// showCall prints the exported timeline itself, or the same for people to read: both come of one document, so that
// neither knows more than the other.
func showCall(c *cobra.Command, args []string) error {
	return asked(c, func(ctx context.Context, l ledger, workspace string) error {
		doc, err := l.Export(ctx, workspace, args[0])
		if err != nil {
			return err
		}
		if inJSON(c) {
			return printJSON(c.OutOrStdout(), json.RawMessage(doc))
		}
		k, err := l.Call(ctx, workspace, args[0])
		if err != nil {
			return err
		}
		if err := tableOfCalls(c.OutOrStdout(), []call.Call{k}); err != nil {
			return err
		}
		return timeline(c.OutOrStdout(), doc)
	})
}

// timeline prints a call's exported events, a line each.
func timeline(out io.Writer, doc []byte) error {
	var exported struct {
		Events []struct {
			Timestamp int64           `json:"timestamp"`
			Type      string          `json:"type"`
			Text      string          `json:"text"`
			Name      string          `json:"name"`
			Status    string          `json:"status"`
			Args      json.RawMessage `json:"args"`
			Data      map[string]any  `json:"data"`
		} `json:"events"`
	}
	if err := json.Unmarshal(doc, &exported); err != nil {
		return fmt.Errorf("read the timeline: %w", err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w)
	for _, e := range exported.Events {
		var parts []string
		if role, ok := e.Data["role"].(string); ok {
			parts = append(parts, role+":")
			delete(e.Data, "role")
		}
		for _, part := range []string{e.Name, string(e.Args), e.Status, e.Text, compact(e.Data)} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		fmt.Fprintf(w, "%d ms\t  %s\n", e.Timestamp, strings.Join(append([]string{e.Type}, parts...), "  "))
	}
	return w.Flush()
}

// compact is what else an event tells, on one line.
func compact(data map[string]any) string {
	if len(data) == 0 {
		return ""
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(data); err != nil {
		return "" // unreachable: it was decoded from JSON
	}
	return strings.TrimSpace(b.String())
}
