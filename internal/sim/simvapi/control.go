package simvapi

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Control is one message that the server sent to a call's control URL.
type Control struct {
	At   time.Time
	Type string
	Body map[string]any
}

// Controls are the messages that the server sent to the control URL and that were taken.
func (k *Call) Controls() []Control {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.controls)
}

// controlRule is what a control message of a type may hold. Messages are bare: one wrapped
// in "message" has no type, and is refused.
func controlRule(kind string) (rule, bool) {
	of := map[string]rule{"type": text(0)}
	switch kind {
	case "say":
		return object(with(of, with(anyOf(rule{is: "boolean"}, "endCallAfterSpoken", "interruptAssistantEnabled", "interruptionsEnabled"),
			map[string]rule{"content": text(0)}))).needs("content"), true
	case "add-message":
		message := object(map[string]rule{"role": oneOf("assistant", "function", "user", "system", "tool"), "content": text(0)}).needs("role", "content")
		return object(with(of, map[string]rule{"message": message, "triggerResponseEnabled": {is: "boolean"}})).needs("message"), true
	case "control":
		verbs := oneOf("mute-assistant", "unmute-assistant", "mute-customer", "unmute-customer", "say-first-message")
		return object(with(of, map[string]rule{"control": verbs})).needs("control"), true
	case "end-call":
		return object(of), true
	case "transfer":
		return object(with(of, map[string]rule{"destination": destinationRule(), "content": text(0)})).needs("destination"), true
	case "handoff":
		return object(with(of, map[string]rule{"destination": object(nil).needs("type"), "content": text(0)})).needs("destination"), true
	case "send-transport-message":
		return object(with(of, map[string]rule{"message": object(nil).needs("transport")})).needs("message"), true
	default:
		return rule{}, false
	}
}

// control takes a message for a call that lives.
func (c *Cloud) control(w http.ResponseWriter, r *http.Request) {
	k, ok := c.Call(r.PathValue("id"))
	// The address dies with the call, and says the same of one that never was.
	if !ok || k.Status() == "ended" {
		refuse(w, http.StatusNotFound, "Call Not Found")
		return
	}
	m, ok := read(w, r)
	if !ok {
		return
	}
	kind, _ := m["type"].(string)
	of, ok := controlRule(kind)
	if !ok {
		refuse(w, http.StatusBadRequest, []string{"type must be one of the following values: say, add-message, control, end-call, transfer, handoff, send-transport-message"})
		return
	}
	if faults := of.faults("", m); len(faults) > 0 {
		refuse(w, http.StatusBadRequest, faults)
		return
	}
	k.mu.Lock()
	k.controls = append(k.controls, Control{At: time.Now(), Type: kind, Body: m})
	k.mu.Unlock()
	// First what the caller hears, then the answer: a server that gets 200 may take it as said.
	k.obey(m, kind)
	c.goOn(r.Context(), func(ctx context.Context) { k.follow(ctx, m, kind) })
	reply(w, http.StatusOK, map[string]any{})
}

// obey does what is done when the request is answered: words are spoken, messages added.
func (k *Call) obey(m map[string]any, kind string) {
	content, _ := m["content"].(string)
	now := time.Now()
	if content != "" {
		k.hear(Heard{At: now, Via: ViaControl, Said: content, Suspicious: suspicious(content, true)})
		k.mu.Lock()
		k.said("bot", content, now)
		if m["interruptAssistantEnabled"] == true {
			close(k.cut)
			k.cut = make(chan struct{})
		}
		k.mu.Unlock()
	}
	if added, ok := m["message"].(map[string]any); ok && kind == "add-message" {
		role, _ := added["role"].(string)
		// In the conversation the assistant is called bot; only the control message has the other name.
		if role == "assistant" {
			role = "bot"
		}
		content, _ := added["content"].(string)
		if role == "system" || role == "user" || role == "bot" {
			k.mu.Lock()
			k.said(role, content, now)
			k.mu.Unlock()
		}
	}
}

// follow is what the call does because of a message, and tells the server of. The reason
// of an end by control is a guess: the sources do not give it.
func (k *Call) follow(ctx context.Context, m map[string]any, kind string) {
	switch {
	case kind == "end-call":
		k.HangsUp(ctx, "manually-canceled")
	case kind == "say" && m["endCallAfterSpoken"] == true:
		k.HangsUp(ctx, "assistant-ended-call-after-message-spoken")
	case kind == "transfer":
		destination, _ := m["destination"].(map[string]any)
		k.mu.Lock()
		k.destination = destination
		k.mu.Unlock()
		k.tellStatus(ctx, "forwarding", map[string]any{"destination": destination})
		k.Ends(ctx, Ending{Reason: "assistant-forwarded-call", Transfers: []map[string]any{{
			"destination": destination, "mode": mode(destination), "status": "connected", "transcript": "", "messages": []any{},
		}}})
	}
}

// mode is how a transfer was made; without a plan the vendor's is blind.
func mode(destination map[string]any) string {
	plan, _ := destination["transferPlan"].(map[string]any)
	name, _ := plan["mode"].(string)
	return orElse(name, "blind-transfer")
}
