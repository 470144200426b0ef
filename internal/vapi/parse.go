package vapi

import "strings"

// alias says which of Vapi's messages a type stands for, and what its name tells besides.
type alias struct {
	as     Type
	status string
	final  string // transcriptType, when the name has it
}

// aliases are the types that are not read under their own name: Vapi's older spellings, and the names that popular
// tutorials use, which Vapi never sent.
var aliases = map[string]alias{
	string(typeFunctionCall):          {as: TypeToolCalls},
	string(typeTranscriptFinalFilter): {as: TypeTranscript, final: "final"},
	"function.call":                   {as: TypeToolCalls},
	"transcript.partial":              {as: TypeTranscript, final: "partial"},
	"transcript-partial":              {as: TypeTranscript, final: "partial"},
	"transcript.final":                {as: TypeTranscript, final: "final"},
	"transcript-final":                {as: TypeTranscript, final: "final"},
	"speech-started":                  {as: TypeSpeechUpdate, status: StatusStarted},
	"call.started":                    {as: TypeStatusUpdate, status: StatusInProgress},
	"call.error":                      {as: TypeStatusUpdate, status: StatusEnded},
	"call.ended":                      {as: TypeStatusUpdate, status: StatusEnded},
	"call-ended":                      {as: TypeStatusUpdate, status: StatusEnded},
}

// Parse reads a body. It fails, with a *BodyError, only for what is not a JSON object or nests too deep; a field
// of an unexpected type counts as absent. Bytes that are not UTF-8 become U+FFFD.
func Parse(body []byte) (Message, error) {
	if err := checkBody(body); err != nil {
		return Message{}, err
	}
	e := open(strings.ToValidUTF8(string(body), "\uFFFD"))
	m := Message{
		OriginalType: e.text("type", "event"),
		At:           instantOf(e.get("timestamp")),
		CallID:       text(first(member(e.call, "id"), e.get("callId"))),
		Status:       e.text("status"),
		TurnID:       e.text("turnId", "turn"),
		EndedReason:  e.text("endedReason"),
		ErrorCode:    e.text("errorCode"),
		conversation: e.conversation().Raw,
	}
	known := m.setType(e)
	// Only what the type needs is read further: a busy server's traffic is mostly speech events.
	m.Call = e.callFacts()
	m.Customer = e.customer()
	m.setMetadata(e)
	switch m.Type {
	case TypeToolCalls:
		m.setToolCalls(e)
	case TypeTranscript, TypeSpeechUpdate, TypeUserInterrupted, TypeAssistantSpeech:
		m.setTranscript(e, known)
	case TypeEndOfCallReport, TypeStatusUpdate:
		m.setReport(e)
	}
	return m, nil
}

// setType settles what m is. It returns the alias under which it came, if any.
// The order matters: what the older name tells is put in first, so that the report's contents can
// decide last.
func (m *Message) setType(e envelope) alias {
	a, ok := aliases[m.OriginalType]
	if !ok {
		m.Type = Type(m.OriginalType)
		if m.Type == TypeSpeechUpdate && m.Status == "interrupted" {
			m.Type, m.Status = TypeUserInterrupted, ""
		}
		return a
	}
	m.Type = a.as
	if a.status != "" {
		m.Status = a.status
	}
	// Vapi has no message for an error: its calls end, with a reason.
	if m.OriginalType == "call.error" && m.EndedReason == "" {
		m.EndedReason = orElse(m.ErrorCode, m.OriginalType)
	}
	// Who sends call.ended sends no report after it: with a report's contents, it is the report.
	if a.status == StatusEnded && e.has("artifact", "analysis", "transcript", "summary", "recordingUrl", "messages") {
		m.Type, m.Status = TypeEndOfCallReport, ""
	}
	return a
}

// setTranscript reads the words under the names of Vapi (transcript; text for the assistant's speech) and of
// tutorials (text, transcript.text). Without a role it is the caller who spoke. Without a transcriptType the
// words are final: a partial always says so, and a sentence mistaken for one would be lost.
func (m *Message) setTranscript(e envelope, known alias) {
	words := e.get("transcript")
	kind := orElse(known.final, e.text("transcriptType"))
	m.Transcript = Transcript{
		Role:  role(first(e.get("role"), member(words, "role"))),
		Final: m.Type == TypeTranscript && kind != "partial",
		Text:  orElse(text(first(member(words, "text"), words)), e.text("text")),
	}
	if m.Transcript.Role == "" {
		m.Transcript.Role = RoleUser
		if m.Type == TypeAssistantSpeech {
			m.Transcript.Role = RoleAssistant
		}
	}
}

// setMetadata takes what whoever placed the call sent along. Final variable values stand in the artifact, under a
// second name in reports of 2025; before the end there are only those that the call began with.
func (m *Message) setMetadata(e envelope) {
	m.Metadata = Metadata{
		Overrides: object(member(e.call, "assistantOverrides.metadata")),
		Call:      object(member(e.call, "metadata")),
		Assistant: object(first(member(e.get("assistant"), "metadata"), member(e.call, "assistant.metadata"))),
	}
	artifact := e.get("artifact")
	m.Variables = object(first(member(artifact, "variableValues"), member(artifact, "variables"),
		member(e.call, "assistantOverrides.variableValues")))
}
