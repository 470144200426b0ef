package vapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// ask is one element of a list of tool calls, with the tool's configuration where the list carries it.
type ask struct {
	call gjson.Result
	tool gjson.Result
}

// setToolCalls reads the asks of m. Vapi sends the same calls in up to three lists, and its documents show five
// shapes of an element; the first list that has elements is taken, in the order toolCallList, toolCalls,
// toolWithToolCallList. Without any, it is a function-call.
func (m *Message) setToolCalls(e envelope) {
	configured := e.get("toolWithToolCallList")
	asks := plain(e.get("toolCallList"), configured)
	if len(asks) == 0 {
		asks = plain(e.get("toolCalls"), configured)
	}
	if len(asks) == 0 {
		for _, c := range configured.Array() {
			asks = append(asks, ask{call: member(c, "toolCall"), tool: c})
		}
	}
	// A tool-calls message with empty lists asks for nothing; only the older form is an ask by itself.
	if len(asks) == 0 && m.OriginalType != string(TypeToolCalls) {
		m.Legacy = true
		asks = []ask{{call: e.function()}}
	}
	for _, a := range asks {
		m.ToolCalls = append(m.ToolCalls, m.toolCall(a))
	}
}

// plain pairs each call of list with its tool, which matters only where the call has no name of its own.
func plain(list, configured gjson.Result) []ask {
	var asks []ask
	for _, call := range list.Array() {
		a := ask{call: call}
		if id := member(call, "id"); present(id) && !present(a.name()) {
			for _, c := range configured.Array() {
				if member(c, "toolCall.id").Raw == id.Raw {
					a.tool = c
				}
			}
		}
		asks = append(asks, a)
	}
	return asks
}

// function finds the one call of a function-call: in functionCall as Vapi sent it until 2025, or in function, or
// among the message's own fields, as tutorials do.
func (e envelope) function() gjson.Result {
	for _, name := range []string{"functionCall", "function"} {
		if f := e.get(name); f.IsObject() {
			return f
		}
	}
	return e.self
}

// name is the called function's, by the call itself or else by its tool.
func (a ask) name() gjson.Result {
	return first(member(a.call, "function.name"), member(a.call, "name"),
		member(a.tool, "function.name"), member(a.tool, "name"))
}

// arguments is the first of the four places that has something: Vapi's own, then those of its documents' examples.
func (a ask) arguments() gjson.Result {
	return first(member(a.call, "function.arguments"), member(a.call, "function.parameters"),
		member(a.call, "arguments"), member(a.call, "parameters"))
}

// toolCall reads a. What is wrong with it goes into Err, so that the other calls of the message are still served
// and this one is answered under its id.
func (m *Message) toolCall(a ask) ToolCall {
	t := ToolCall{
		ID:        text(first(member(a.call, "id"), member(a.call, "toolCallId"))),
		Name:      text(a.name()),
		Arguments: json.RawMessage("{}"),
	}
	raw := a.arguments()
	arguments, err := argumentsOf(raw)
	switch {
	case !a.call.IsObject():
		t.Err = errors.New("tool call is no object; call the tool again")
	case t.Name == "":
		t.Err = errors.New("tool call has no function name; call the tool again by its name")
	case err != nil:
		t.Err = fmt.Errorf("arguments of %s %w; call it again with a JSON object", t.Name, err)
	default:
		t.Arguments = arguments
	}
	if t.ID == "" {
		t.ID = m.derivedID(t.Name, raw)
	}
	return t
}

// argumentsOf returns raw as a JSON object. The wire carries an object; Vapi's description says a string that
// holds one, and some senders follow it.
func argumentsOf(raw gjson.Result) (json.RawMessage, error) {
	switch {
	case !present(raw):
		return json.RawMessage("{}"), nil
	case raw.IsObject():
		return json.RawMessage(raw.Raw), nil
	case raw.Type != gjson.String:
		return nil, fmt.Errorf("are of type %s, not an object", kind(raw))
	}
	inner := []byte(strings.TrimSpace(raw.Str))
	if len(inner) == 0 || bytes.Equal(inner, []byte("null")) {
		return json.RawMessage("{}"), nil
	}
	// A string hides its brackets from the check of the body, so its contents are checked by themselves.
	if err := checkBody(inner); err != nil {
		return nil, errors.New("are a string that holds no JSON object")
	}
	return inner, nil
}

// derivedID names an ask whose sender gave it no id. The same ask delivered twice gets the same name, since the
// time of sending is part of it; where no time is sent either, two asks of one call with the same function and
// arguments are answered alike. Without a call id the customer's number takes its place.
func (m *Message) derivedID(name string, arguments gjson.Result) string {
	digest := sha256.New()
	writePart(digest, m.CallID)
	if m.CallID == "" {
		writePart(digest, m.Customer.Number)
	}
	if !m.At.IsZero() {
		writePart(digest, m.At.Format(time.RFC3339Nano))
	}
	writePart(digest, name)
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(arguments.Raw)); err != nil {
		compact.Reset() // nothing was sent
	}
	writePart(digest, compact.String())
	return "fn_" + hex.EncodeToString(digest.Sum(nil)[:16])
}

// writePart writes part after its length, so that parts cannot run into each other.
func writePart(w io.Writer, part string) {
	fmt.Fprintf(w, "%d:%s", len(part), part)
}

// kind names the JSON type of r as a model would.
func kind(r gjson.Result) string {
	switch {
	case r.IsArray():
		return "list"
	case r.Type == gjson.Number:
		return "number"
	default:
		return "boolean"
	}
}
