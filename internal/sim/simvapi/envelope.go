package simvapi

import "maps"

// Envelope is how an event's content is wrapped.
type Envelope string

// The vendor's envelope, and those that tutorials taught servers to expect.
const (
	EnvelopeVapi   Envelope = ""       // {"message":{"type":…,"call":…}}
	EnvelopeBare   Envelope = "bare"   // {"type":…,"call":…}
	EnvelopeBeside Envelope = "beside" // {"message":{"type":…},"call":{…}}
	EnvelopeEvent  Envelope = "event"  // {"event":"function.call","callId":…}
)

// wrap puts a message into an envelope.
func wrap(m map[string]any, e Envelope) map[string]any {
	switch e {
	case EnvelopeBare:
		return m
	case EnvelopeBeside:
		inner := maps.Clone(m)
		delete(inner, "call")
		return map[string]any{"message": inner, "call": m["call"]}
	case EnvelopeEvent:
		return tutorial(m)
	default:
		return map[string]any{"message": m}
	}
}

// tutorial is an event as the popular tutorials have it: their names, a callId instead of
// the call, text instead of transcript.
func tutorial(m map[string]any) map[string]any {
	out := map[string]any{"event": tutorialName(m)}
	if call, ok := m["call"].(map[string]any); ok {
		out["callId"] = call["id"]
	}
	// toolCallList and functionCall are their own; the rest of the envelope they do not know.
	for _, key := range []string{"timestamp", "role", "functionCall", "toolCallList", "toolWithToolCallList", "status", "endedReason", "customer"} {
		if v, ok := m[key]; ok {
			out[key] = v
		}
	}
	switch m["type"] {
	case "transcript":
		if m["transcriptType"] == "partial" {
			out["text"] = m["transcript"]
		} else {
			out["transcript"] = map[string]any{"text": m["transcript"]}
		}
	case "user-interrupted":
		out["status"] = "interrupted"
	case "end-of-call-report":
		out["transcript"] = map[string]any{"text": m["transcript"]}
		out["errorCode"] = nil
	}
	return out
}

// tutorialName is what tutorials call an event. They agree on none of these names with each
// other either; every one is in use somewhere.
func tutorialName(m map[string]any) string {
	kind, _ := m["type"].(string)
	status, _ := m["status"].(string)
	switch {
	case kind == "status-update" && status == "in-progress":
		return "call.started"
	case kind == "status-update" && status == "ended":
		return "call.ended"
	case kind == "transcript" && m["transcriptType"] == "partial":
		return "transcript.partial"
	case kind == "transcript":
		return "transcript.final"
	case kind == "speech-update" && status == "started":
		return "speech-started"
	case kind == "user-interrupted":
		return "speech-update"
	case kind == "function-call":
		return "function.call"
	case kind == "end-of-call-report":
		return "call-ended"
	default:
		return kind
	}
}
