package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/journal"
)

// line is one event of a call in the form in which it is exported. Timestamp is in milliseconds since the
// call began. What was said is Text; what was asked has a Name and Args; how something stands is Status;
// everything else is Data.
type line struct {
	Timestamp int64           `json:"timestamp"`
	Type      string          `json:"type"`
	Text      string          `json:"text,omitempty"`
	Name      string          `json:"name,omitempty"`
	Args      json.RawMessage `json:"args,omitempty"`
	Status    string          `json:"status,omitempty"`
	Data      map[string]any  `json:"data,omitempty"`
}

// maxWrites bounds how many of a call's writes stand in its timeline. A call makes a few; messages that name no call
// share one for each caller, which may grow for months.
const maxWrites = 1000

// Export is a call's timeline as a JSON document, masked:
//
//	{"events":[{"timestamp":4210,"type":"tool-calls","name":"create_case","args":{…}}, …]}
//
// It holds what was heard and answered, and what the journal did for the call: each write when it was
// recorded, each attempt with its verdict, and how the write was settled.
func (b *Book) Export(ctx context.Context, workspace, id string) ([]byte, error) {
	c, err := b.Call(ctx, workspace, id)
	if err != nil {
		return nil, err
	}
	events, err := b.Log.Events(ctx, workspace, id)
	if err != nil {
		return nil, err
	}
	since := func(t time.Time) int64 { return t.Sub(c.StartedAt).Milliseconds() }
	lines := []line{} // an empty timeline is a list all the same
	for _, e := range events {
		lines = append(lines, heard(e, since(e.At))...)
	}
	writes, err := b.writes(ctx, workspace, id, since)
	if err != nil {
		return nil, err
	}
	lines = append(lines, writes...)
	slices.SortStableFunc(lines, func(x, y line) int { return cmp.Compare(x.Timestamp, y.Timestamp) })
	return encode(struct {
		Events []line `json:"events"`
	}{lines}), nil
}

// heard is one event as the call keeps it. A message with several tool calls is a line for each. What the event
// tells under a name of its own is taken out of Data, so that nothing stands twice; what is left is masked by the
// names of its fields.
func heard(e call.Event, at int64) []line {
	data := map[string]any{}
	if json.Unmarshal(e.Data, &data) != nil {
		data = map[string]any{} // of a version that this program does not know: the type and the time remain
	}
	l := line{Timestamp: at, Type: e.Type}
	take := func(into *string, names ...string) {
		for _, name := range names {
			if text, ok := data[name].(string); ok && *into == "" {
				*into = maskedWords(text)
				delete(data, name)
			}
		}
	}
	take(&l.Text, "text", "say")
	take(&l.Status, "status")
	take(&l.Name, "name")
	names, several := data["names"].([]any)
	delete(data, "names")
	for k, v := range data {
		data[k] = maskedValue(k, v)
	}
	l.Data = data
	if !several {
		return []line{l}
	}
	args := arguments(e.Body)
	var lines []line
	for i, name := range names {
		l.Name = fmt.Sprint(name)
		if l.Args = nil; i < len(args) {
			l.Args = args[i]
		}
		lines = append(lines, l)
	}
	return lines
}

// arguments are those of a message's tool calls, in their order, masked. The body is as it was received: the
// arguments of a tool call are an object, or a string that holds one.
// https://docs.vapi.ai/server-url/events
func arguments(body []byte) []json.RawMessage {
	type toolCall struct {
		Arguments json.RawMessage `json:"arguments"`
		Function  struct {
			Arguments json.RawMessage `json:"arguments"`
		} `json:"function"`
	}
	var m struct {
		Message struct {
			List      []toolCall `json:"toolCallList"`
			ToolCalls []toolCall `json:"toolCalls"`
		} `json:"message"`
	}
	if json.Unmarshal(body, &m) != nil {
		return nil
	}
	calls := m.Message.List
	if len(calls) == 0 {
		calls = m.Message.ToolCalls
	}
	args := make([]json.RawMessage, len(calls))
	for i, c := range calls {
		raw := c.Arguments
		if len(raw) == 0 {
			raw = c.Function.Arguments
		}
		var text string
		if bytes.HasPrefix(raw, []byte(`"`)) && json.Unmarshal(raw, &text) == nil {
			raw = json.RawMessage(text)
		}
		args[i] = masked(raw)
	}
	return args
}

// writes is what the journal did for a call. A write that a rule or another call caused is not among them, and of a
// call with more than maxWrites the oldest are left out. What is still open has no line for its end.
func (b *Book) writes(ctx context.Context, workspace, id string, since func(time.Time) int64) ([]line, error) {
	intents, err := b.Journal.List(ctx, journal.Filter{Workspace: workspace, Call: id, Limit: maxWrites})
	if err != nil {
		return nil, err
	}
	slices.Reverse(intents) // in the order of recording
	var lines []line
	for _, in := range intents {
		data := func(more map[string]any) map[string]any {
			more["intent"] = in.ID
			return more
		}
		lines = append(lines, line{Timestamp: since(in.Recorded), Type: "write.recorded", Name: in.Kind, Data: data(map[string]any{"toolCall": in.Cause.ToolCall, "lane": in.Lane})})
		attempts, err := b.Journal.Attempts(ctx, workspace, in.ID)
		if err != nil {
			return nil, err
		}
		for _, a := range attempts {
			l := line{Timestamp: since(a.Started), Type: "write.attempted", Name: in.Kind, Status: string(a.Verdict), Data: data(map[string]any{"attempt": a.Number, "action": a.Action})}
			if !a.Ended.IsZero() {
				l.Data["tookMs"] = a.Ended.Sub(a.Started).Milliseconds()
			}
			lines = append(lines, l)
		}
		if !in.Settled.IsZero() {
			l := line{Timestamp: since(in.Settled), Type: "write.settled", Name: in.Kind, Status: string(in.State), Data: data(map[string]any{})}
			if in.Effect != "" {
				l.Data["record"] = in.Effect
			}
			if in.Why != "" {
				l.Data["why"] = in.Why
			}
			lines = append(lines, l)
		}
	}
	return lines, nil
}
