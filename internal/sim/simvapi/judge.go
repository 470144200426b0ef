package simvapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// maxContent is the longest message.content, in characters as JavaScript counts them: the
// stricter of the readings of "1000 characters".
const maxContent = 1000

// toolView is what the vendor makes of the answer to one tool call.
type toolView struct {
	result, err string
	message     string // spoken as it stands
	broken      bool   // nothing usable came: the caller hears a failure
	violations  []string
	ends        bool // message.endCallAfterSpokenEnabled
}

// say adds a violation that the vendor would overlook.
func (v *toolView) say(format string, args ...any) {
	v.violations = append(v.violations, fmt.Sprintf(format, args...))
}

// fail adds a violation that costs the caller the answer.
func (v *toolView) fail(format string, args ...any) {
	v.say(format, args...)
	v.broken = true
}

// reached says what kept an answer from being read at all; "" if it is there with status 200.
func reached(a answer) string {
	switch {
	case errors.Is(a.err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within the time limit (gave up after %s)", a.took)
	case a.err != nil:
		return fmt.Sprintf("no answer: %v", a.err)
	case a.status != 200:
		return fmt.Sprintf("HTTP %d: any status but 200 is ignored completely", a.status)
	default:
		return ""
	}
}

// members reads a JSON object. JSON in any other form is an error that says which.
func members(raw []byte) (map[string]json.RawMessage, error) {
	if !json.Valid(raw) {
		return nil, errors.New("is not JSON")
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil || m == nil {
		return nil, errors.New("is not an object")
	}
	return m, nil
}

// judgeTools judges the answer to a tool-calls event: one view for each ask, in order.
// A fault of the whole body costs every call its words: Vapi has nothing to pair then.
func judgeTools(asks []Ask, a answer) []toolView {
	views := make([]toolView, len(asks))
	all := func(f func(*toolView)) {
		for i := range views {
			f(&views[i])
		}
	}
	if why := reached(a); why != "" {
		all(func(v *toolView) { v.fail("%s", why) })
		return views
	}
	body, err := members(a.body)
	if err != nil {
		all(func(v *toolView) { v.fail("the body %v", err) })
		return views
	}
	// null decodes into no slice, and is as absent as the key.
	var results []json.RawMessage
	if raw, ok := body["results"]; !ok || json.Unmarshal(raw, &results) != nil || results == nil {
		all(func(v *toolView) { v.fail("no results array") })
	}
	for _, key := range unknown(body, "results", "error") {
		all(func(v *toolView) { v.say("unknown key %q beside results", key) })
	}
	if raw, ok := body["error"]; ok {
		if _, fault := line(raw); fault != "" {
			all(func(v *toolView) { v.say("error %s", fault) })
		}
	}
	pair(asks, views, results)
	return views
}

// pair gives each result to the ask with its id and says where ids and order are wrong.
func pair(asks []Ask, views []toolView, results []json.RawMessage) {
	// Ids pair results with calls; the order is a promise of its own, held against the server and not
	// needed to find the words.
	seen := map[string]bool{}
	for i, raw := range results {
		r, err := members(raw)
		id, fault := line(r["toolCallId"])
		at := slices.IndexFunc(asks, func(k Ask) bool { return k.ID == id })
		switch {
		case err != nil:
			strayed(views, "results[%d] %v", i, err)
		case fault != "":
			strayed(views, "results[%d].toolCallId %s", i, fault)
		case at < 0:
			strayed(views, "results[%d].toolCallId %q was not asked", i, id)
		case seen[id]:
			views[at].say("results[%d].toolCallId %q occurs twice", i, id)
		default:
			seen[id] = true
			if at != i {
				views[at].say("results[%d].toolCallId %q: the call was number %d; results keep the order of the calls", i, id, at)
			}
			judgeResult(&views[at], asks[at], r)
		}
	}
	// An answer without one of the results leaves that call alone without words.
	for i, k := range asks {
		if !seen[k.ID] && !views[i].broken {
			views[i].fail("no result for %q", k.ID)
		}
	}
}

// strayed notes an offence that belongs to no ask with all of them.
func strayed(views []toolView, format string, args ...any) {
	for i := range views {
		views[i].say(format, args...)
	}
}

// judgeResult judges one element of results against the ask that it answers. The name is
// required by the published description although the docs' examples leave it out: its absence
// is a violation, but the caller hears the result.
func judgeResult(v *toolView, k Ask, r map[string]json.RawMessage) {
	if name, fault := line(r["name"]); fault != "" {
		v.say("name %s", fault)
	} else if name != k.Tool {
		v.say("name %q: the tool asked for was %q", name, k.Tool)
	}
	for _, key := range unknown(r, "toolCallId", "name", "result", "error", "message", "metadata") {
		v.say("unknown key %q in a result", key)
	}
	result, hasResult := r["result"]
	failed, hasError := r["error"]
	switch {
	// A key that is there with null counts as there: a string was promised.
	case hasResult && hasError:
		v.fail("both result and error")
	case hasResult:
		v.result = v.text("result", result)
	case hasError:
		v.err = v.text("error", failed)
	default:
		v.fail("neither result nor error")
	}
	if raw, ok := r["metadata"]; ok {
		if _, err := members(raw); err != nil {
			v.say("metadata %v", err)
		}
	}
	if raw, ok := r["message"]; ok {
		v.judgeMessage(raw, hasError)
	}
}

// text is a result or error; anything but one line of text is "No result returned".
func (v *toolView) text(key string, raw json.RawMessage) string {
	s, fault := line(raw)
	if fault != "" {
		v.fail("%s %s", key, fault)
		return ""
	}
	return s
}

// judgeMessage judges results[].message. It is spoken only if its type fits: request-complete
// beside a result, request-failed beside an error.
func (v *toolView) judgeMessage(raw json.RawMessage, failed bool) {
	m, err := members(raw)
	if err != nil {
		v.say("message %v", err)
		return
	}
	for _, key := range unknown(m, "type", "content", "contents", "conditions", "role", "endCallAfterSpokenEnabled") {
		v.say("unknown key %q in message", key)
	}
	want := "request-complete"
	if failed {
		want = "request-failed"
	}
	kind, _ := line(m["type"])
	if role, ok := m["role"]; ok {
		if r, _ := line(role); r != "assistant" && r != "system" {
			v.say("message.role %s: want assistant or system", role)
		}
	}
	if end, ok := m["endCallAfterSpokenEnabled"]; ok && json.Unmarshal(end, &v.ends) != nil {
		v.say("message.endCallAfterSpokenEnabled %s: want true or false", end)
	}
	// contents and conditions are alternatives that pick a sentence by language or argument;
	// here only content is spoken, so that words have one source.
	content, fault := line(m["content"])
	if fault == "" {
		if n := len(utf16.Encode([]rune(content))); n > maxContent {
			fault = fmt.Sprintf("has %d characters, more than %d", n, maxContent)
		}
	}
	switch {
	case kind != "request-complete" && kind != "request-failed":
		v.say("message.type %q: want request-complete or request-failed", kind)
	case kind != want:
		v.say("message.type %q is not spoken here: want %s", kind, want)
	case fault != "":
		v.say("message.content %s", fault)
	default:
		v.message = content
	}
}

// line reads a JSON value as one line of text; fault says why it is none.
func line(raw json.RawMessage) (s, fault string) {
	switch {
	case raw == nil:
		return "", "is missing"
	case len(bytes.TrimSpace(raw)) == 0 || bytes.TrimSpace(raw)[0] != '"' || json.Unmarshal(raw, &s) != nil:
		return "", "is not a string"
	case strings.TrimSpace(s) == "":
		return s, "is empty"
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		return s, "is not a single line of text"
	default:
		return s, ""
	}
}

// unknown lists the keys of m that are not among those allowed, sorted.
func unknown[V any](m map[string]V, allowed ...string) []string {
	var keys []string
	for key := range m {
		if !slices.Contains(allowed, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// judgeFunction judges the answer to a legacy function-call: {"result":…}, no results.
func judgeFunction(a answer) toolView {
	var v toolView
	if why := reached(a); why != "" {
		v.fail("%s", why)
		return v
	}
	body, err := members(a.body)
	if err != nil {
		v.fail("the body %v", err)
		return v
	}
	for _, key := range unknown(body, "result") {
		v.say("unknown key %q: a function-call is answered with result alone", key)
	}
	v.result = v.text("result", body["result"])
	return v
}

// judgeInformed judges the answer to an event that needs none: a 2xx in time.
func judgeInformed(a answer) []string {
	switch {
	case a.err != nil:
		return []string{reached(a)}
	case a.status/100 != 2:
		return []string{fmt.Sprintf("HTTP %d to an event that asks nothing: want 2xx", a.status)}
	default:
		return nil
	}
}

// choice is what an assistant-request was answered with.
type choice struct {
	assistantID string
	assistant   map[string]any
	overrides   map[string]any
	destination map[string]any
	spoken      string // an error, spoken before the line drops
	ended       string // endedReason if the call cannot go on
	violations  []string
}

// targets are the eight things of which an assistant-request's answer has exactly one.
var targets = []string{"assistantId", "assistant", "squadId", "squad", "workflowId", "workflow", "destination", "error"}

// judgeAssistant judges the answer to an assistant-request.
func judgeAssistant(a answer) choice {
	var ch choice
	say := func(format string, args ...any) { ch.violations = append(ch.violations, fmt.Sprintf(format, args...)) }
	if why := reached(a); why != "" {
		ch.ended = "assistant-request-failed"
		say("%s", why)
		return ch
	}
	body, err := members(a.body)
	if err != nil {
		ch.ended = "assistant-request-failed"
		say("the body %v", err)
		return ch
	}
	for _, key := range unknown(body, append(slices.Clone(targets), "assistantOverrides", "squadOverrides", "workflowOverrides")...) {
		say("unknown key %q", key)
	}
	var got []string
	for _, t := range targets {
		if _, ok := body[t]; ok {
			got = append(got, t)
		}
	}
	// More than one is judged by what wins, and is a violation all the same.
	if len(got) != 1 {
		say("targets %v: want exactly one of %v", got, targets)
	}
	for key, of := range map[string]string{"assistantOverrides": "assistant", "squadOverrides": "squad", "workflowOverrides": "workflow"} {
		if _, ok := body[key]; ok && (len(got) == 0 || !strings.HasPrefix(got[0], of)) {
			say("%s without %sId or %s", key, of, of)
		}
	}
	ch.read(body, got, say)
	return ch
}

// read takes what wins: destination, then error, then the assistant.
func (ch *choice) read(body map[string]json.RawMessage, got []string, say func(string, ...any)) {
	object := func(key string, of rule) map[string]any {
		var v any
		if raw, ok := body[key]; !ok || json.Unmarshal(raw, &v) != nil {
			return nil
		}
		for _, f := range of.faults(key, v) {
			say("%s", f)
		}
		m, _ := v.(map[string]any)
		return m
	}
	ch.overrides = object("assistantOverrides", overridesRule())
	switch {
	case len(got) == 0:
		ch.ended = "assistant-request-returned-no-assistant"
	case slices.Contains(got, "destination"):
		ch.destination = object("destination", destinationRule())
		ch.ended = "assistant-request-returned-forwarding-phone-number"
	case slices.Contains(got, "error"):
		ch.ended = "assistant-request-returned-error"
		words, fault := line(body["error"])
		if ch.spoken = words; fault != "" {
			say("error %s", fault)
			ch.ended = "assistant-request-returned-unspeakable-error"
		}
	case slices.Contains(got, "assistantId"):
		id, fault := line(body["assistantId"])
		if ch.assistantID = id; fault != "" {
			say("assistantId %s", fault)
			ch.ended = "assistant-request-returned-invalid-assistant"
		}
	case slices.Contains(got, "assistant"):
		before := len(ch.violations)
		ch.assistant = object("assistant", assistantRule())
		// An inline assistant is checked as a stored one is: one field that does not exist refuses it.
		if ch.assistant == nil || len(ch.violations) > before {
			ch.ended = "assistant-request-returned-invalid-assistant"
		}
	}
}
