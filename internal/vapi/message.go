package vapi

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// Message is one server message, whatever shape it came in. A field that the sender left out is zero.
//
// Strings and raw JSON in it are copies: keeping one does not keep the body. The body itself is held only for
// Conversation, and is let go with the Message.
type Message struct {
	Type         Type      // Vapi's own name; an unknown type as sent
	OriginalType string    // as sent, such as call.ended
	At           time.Time // when Vapi sent it, by the envelope; zero when it does not say
	CallID       string
	Call         Call
	Customer     Customer
	Metadata     Metadata
	Variables    json.RawMessage // variable values of the call, final ones where known; nil or an object

	ToolCalls []ToolCall // tool-calls, and function-call which is read as tool-calls
	Legacy    bool       // the sender wants EncodeLegacy's reply: it asked with function-call

	Transcript Transcript // transcript, speech-update, user-interrupted, assistant.speechStarted
	Status     string     // status-update, speech-update
	TurnID     string     // turnId or turn, where sent

	EndedReason string // open string: Vapi lists some 600 values and adds more
	ErrorCode   string // errorCode of call.error
	Report      Report // end-of-call-report, and what of it a status-update carries

	conversation string // raw JSON array, for Conversation
}

// Call is what an envelope says of its call. Its status is left out on purpose: inside a webhook it is stale
// ("queued" in the report of a call that has ended); Message.Status is the true one.
type Call struct {
	Type          string // inboundPhoneCall, outboundPhoneCall, webCall, vapi.websocketCall
	AssistantID   string
	PhoneNumberID string
	PhoneNumber   string // our number: called on inbound calls, shown on outbound ones
	CallSID       string // Twilio's id of the phone call
	ControlURL    ControlURL
}

// Customer is the other party of the call. Number comes from the telephone network through Vapi's envelope and is
// the identity to go by; ID and ExternalID are what whoever placed the call wrote there.
type Customer struct {
	Number     string
	SIPURI     string
	Name       string
	ExternalID string
	ID         string
}

// Metadata holds the three places where correlation data comes back, each nil or a JSON object. Vapi documents the
// first only; older accounts and some messages show the others.
type Metadata struct {
	Overrides json.RawMessage // call.assistantOverrides.metadata
	Call      json.RawMessage // call.metadata
	Assistant json.RawMessage // assistant.metadata
}

// Value returns the text of key from the first place that has it and is not null, or "". Numbers and booleans
// come as their JSON text, objects and lists as their JSON.
func (m Metadata) Value(key string) string {
	path := gjson.Escape(key)
	for _, place := range []json.RawMessage{m.Overrides, m.Call, m.Assistant} {
		switch r := gjson.GetBytes(place, path); r.Type {
		case gjson.Null:
		case gjson.JSON:
			return r.Raw
		default:
			return text(r)
		}
	}
	return ""
}

// ToolCall is one thing that the model asks for.
type ToolCall struct {
	// ID is the key of the answer and the idempotency key of the ask; opaque, never empty. Where the sender gave
	// none, it is derived from call, name and arguments, so that a redelivery carries the same.
	ID        string
	Name      string
	Arguments json.RawMessage // always an object; {} when there are none or Err is set
	Err       error           // why this call cannot be carried out as sent; worded for the model
}

// Transcript is something said, or the beginning or end of saying it.
type Transcript struct {
	Role  string // RoleUser, RoleAssistant
	Final bool
	Text  string
}

// Report is what is known of a call that has ended.
type Report struct {
	StartedAt  time.Time // zero: never connected
	EndedAt    time.Time
	Duration   time.Duration // as sent, else from StartedAt to EndedAt
	Cost       float64       // US dollars
	Summary    string
	Transcript string // the whole conversation as one text
	Success    string // analysis.successEvaluation, a string whatever the rubric

	StructuredData    json.RawMessage // analysis.structuredData; nil or an object
	StructuredOutputs json.RawMessage // artifact.structuredOutputs, id → {name, result}; nil or an object

	// Recording addresses are neither public nor permanent.
	RecordingURL       string
	StereoRecordingURL string

	Transfers []TransferOutcome
}

// TransferOutcome is what became of one transfer. Only it tells whether a person picked up: the ended reason
// assistant-forwarded-call does not.
type TransferOutcome struct {
	Status string // connected, no-answer, busy, voicemail, failed, completed, cancelled
	Number string // or SIP address
}

// Said is one entry of a conversation.
type Said struct {
	Role string // RoleUser, RoleAssistant, or as sent: system, tool_calls, tool_call_result
	Text string
	At   time.Time
}

// Conversation reads the list of messages that came with m: the artifact's, else the message's own, else the one
// in OpenAI's form. It is read anew at each call; most events are never asked for it.
func (m Message) Conversation() []Said {
	var all []Said
	gjson.Parse(m.conversation).ForEach(func(_, entry gjson.Result) bool {
		if !entry.IsObject() {
			return true
		}
		all = append(all, said(entry))
		return true
	})
	return all
}

// said reads one entry in one pass: looking up each field by itself would walk the entry six times.
func said(entry gjson.Result) Said {
	var s Said
	var message, content, result gjson.Result
	entry.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "role":
			s.Role = role(value)
		case "time":
			s.At = instantOf(value)
		case "message":
			message = value
		case "content":
			content = value
		case "result":
			result = value
		}
		return true
	})
	s.Text = text(first(message, content, result))
	return s
}

// DedupeKey returns a key that two deliveries of one event share and no other event of the same call has, or ""
// where there is none: Vapi sends no delivery id, and a hash of the body will not do because signed addresses in
// it differ between deliveries. Requests that want a reply have none, since the repeat wants the same reply; a
// tool call is known by its ID. An event without a timestamp has none unless it occurs once.
func (m Message) DedupeKey() string {
	switch m.Type {
	case TypeEndOfCallReport:
		return string(m.Type)
	case TypeStatusUpdate:
		return join(string(m.Type), m.Status, m.EndedReason)
	}
	if m.Type.NeedsReply() || m.At.IsZero() {
		return ""
	}
	at := m.At.Format(time.RFC3339Nano)
	switch m.Type {
	case TypeTranscript:
		kind := "partial"
		if m.Transcript.Final {
			kind = "final"
		}
		return join(string(m.Type), m.Transcript.Role, at, kind)
	default:
		return join(string(m.Type), m.Transcript.Role, at, m.Status, m.TurnID)
	}
}

// join makes one key of parts; a bar inside a part is escaped so that two lists never make the same key.
func join(parts ...string) string {
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "|")
}
