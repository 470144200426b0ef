// Package vapi speaks Vapi's wire protocol from the side of the server that Vapi calls: it proves who sent a
// request, reads the message in it, and writes the answers and live-control commands that Vapi accepts.
//
//	bytes, header ── Verifier.Verify ── Parse ── Message ── (the caller's decision) ── EncodeResults … ── bytes
//
// Vapi's published description is good for names and too strict for traffic: fields that it requires are missing
// from Vapi's own examples, tool arguments arrive as an object where it says string, and five shapes of one tool
// call are in use. Parse therefore refuses only what is not a JSON object; every field may be absent, and a type
// that it does not know is kept as it came. The envelopes that popular tutorials teach (no "message" wrapper,
// "event" for "type", names such as call.ended) are read as the Vapi messages that they stand for.
//
// Promised: nothing is accepted when no credential is configured; a signature is computed over the bytes as
// received; one unreadable tool call never spoils the others of its message; every answer is valid JSON, one line
// long, with texts inside Vapi's limits and results in the order given.
//
// Not covered: Vapi's REST interface, raw audio replies (voice-request), and decryption of encryptedPaths.
//
// Field names and behaviour follow the Vapi API reference and "Server URLs", "Custom Tools" and "Live Call
// Control" of the Vapi documentation; where those disagree, the comment at the place says which was followed.
package vapi

// Type is the kind of a message, in Vapi's spelling. Types not listed here occur and are kept as sent.
type Type string

// The types that have a meaning to a server. "Server URL events" in the Vapi documentation lists them all.
const (
	TypeAssistantRequest      Type = "assistant-request"
	TypeToolCalls             Type = "tool-calls"
	TypeTransferDestination   Type = "transfer-destination-request"
	TypeHandoffDestination    Type = "handoff-destination-request"
	TypeKnowledgeBaseRequest  Type = "knowledge-base-request"
	TypeCampaignPredial       Type = "campaign.predial"
	TypeEndpointingRequest    Type = "call.endpointing.request"
	TypeVoiceRequest          Type = "voice-request"
	TypeStatusUpdate          Type = "status-update"
	TypeEndOfCallReport       Type = "end-of-call-report"
	TypeConversationUpdate    Type = "conversation-update"
	TypeTranscript            Type = "transcript"
	TypeSpeechUpdate          Type = "speech-update"
	TypeAssistantSpeech       Type = "assistant.speechStarted"
	TypeAssistantStarted      Type = "assistant.started"
	TypeUserInterrupted       Type = "user-interrupted"
	TypeHang                  Type = "hang"
	TypeTransferUpdate        Type = "transfer-update"
	TypePhoneCallControl      Type = "phone-call-control"
	TypeLanguageChange        Type = "language-change-detected"
	TypeModelOutput           Type = "model-output"
	TypeVoiceInput            Type = "voice-input"
	typeFunctionCall          Type = "function-call"
	typeTranscriptFinalFilter Type = `transcript[transcriptType="final"]`
)

// Statuses of a status-update that steer a call; others (scheduled, queued, ringing, forwarding, not-found,
// deletion-failed) are passed through as sent. StatusStarted and StatusStopped belong to a speech-update.
const (
	StatusInProgress = "in-progress"
	StatusEnded      = "ended"
	StatusStarted    = "started"
	StatusStopped    = "stopped"
)

// Roles of a speaker. Vapi writes "assistant" in transcripts and "bot" in lists of messages; both are read as
// RoleAssistant.
const (
	RoleUser      = "user"
	RoleAssistant = "assistant"
)

// NeedsReply reports whether Vapi does something with the body of the answer to a message of type t. All other
// messages, unknown ones too, are answered 200 with an empty object.
func (t Type) NeedsReply() bool {
	switch t {
	case TypeAssistantRequest, TypeToolCalls, TypeTransferDestination, TypeHandoffDestination,
		TypeKnowledgeBaseRequest, TypeCampaignPredial, TypeEndpointingRequest, TypeVoiceRequest:
		return true
	default:
		return false
	}
}
