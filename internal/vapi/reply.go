package vapi

import (
	"encoding/json"
	"errors"
	"fmt"
)

// AssistantReply answers an assistant-request: who takes the inbound call. Vapi waits 7.5 seconds for it, a limit
// that cannot be configured. Of several fields Error wins over Destination, and Destination over the assistants.
type AssistantReply struct {
	AssistantID string          `json:"assistantId,omitempty"`
	Assistant   json.RawMessage `json:"assistant,omitempty"` // a whole assistant instead of a stored one
	Overrides   *Overrides      `json:"assistantOverrides,omitempty"`
	Destination *Destination    `json:"destination,omitempty"` // transfer at once, without an assistant
	Error       string          `json:"error,omitempty"`       // spoken to the caller, then the call ends
}

// Overrides changes an assistant for one call; what is absent stays as it is.
type Overrides struct {
	FirstMessage   string         `json:"firstMessage,omitempty"`
	VariableValues map[string]any `json:"variableValues,omitempty"`
	Metadata       map[string]any `json:"metadata,omitempty"` // comes back in Message.Metadata
	ServerMessages []string       `json:"serverMessages,omitempty"`
}

// Encode makes the body of the answer. A reply that names nobody is an error: Vapi would end the call with
// assistant-request-returned-no-assistant.
func (r AssistantReply) Encode() ([]byte, error) {
	if r.AssistantID == "" && len(r.Assistant) == 0 && r.Destination == nil && r.Error == "" {
		return nil, errors.New("vapi: assistant reply: names neither assistant, destination nor error; give one")
	}
	if err := r.Destination.check(); err != nil {
		return nil, fmt.Errorf("vapi: assistant reply: %w", err)
	}
	r.Error = oneLine(r.Error)
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("vapi: assistant reply: %w", err)
	}
	return body, nil
}

// Destination is a telephone number or a SIP address that a call is transferred to.
type Destination struct {
	Number    string // E.164
	SIPURI    string // instead of Number
	Extension string // dialled after Number answers
	CallerID  string // shown to the destination; with Twilio an owned or verified number
	Message   string // spoken to the caller first; empty: Vapi's own sentence
	Silent    bool   // nothing is spoken
	Plan      *TransferPlan
}

// TransferPlan says what the destination hears before the caller is put through.
type TransferPlan struct {
	Mode    TransferMode `json:"mode"`
	Message string       `json:"message,omitempty"` // for WarmSayMessage and the modes that follow its form
}

// TransferMode is a way to hand a call over. Vapi knows more than are named here.
type TransferMode string

// The modes in use: nothing is said; Message is said; a summary made by Vapi is said.
const (
	Blind          TransferMode = "blind-transfer"
	WarmSayMessage TransferMode = "warm-transfer-say-message"
	WarmSaySummary TransferMode = "warm-transfer-say-summary"
)

// check refuses a destination that Vapi would refuse; none at all is left to the reply.
func (d *Destination) check() error {
	if d != nil && (d.Number == "") == (d.SIPURI == "") {
		return errors.New("destination: needs either a number or a SIP address; give one of them")
	}
	return nil
}

// MarshalJSON writes d as Vapi's TransferDestinationNumber or TransferDestinationSip.
func (d Destination) MarshalJSON() ([]byte, error) {
	wire := struct {
		Type      string        `json:"type"`
		Number    string        `json:"number,omitempty"`
		SIPURI    string        `json:"sipUri,omitempty"`
		Extension string        `json:"extension,omitempty"`
		CallerID  string        `json:"callerId,omitempty"`
		Message   *string       `json:"message,omitempty"`
		Plan      *TransferPlan `json:"transferPlan,omitempty"`
	}{"number", d.Number, d.SIPURI, d.Extension, d.CallerID, nil, d.Plan}
	if d.SIPURI != "" {
		wire.Type = "sip"
	}
	if message := oneLine(d.Message); message != "" || d.Silent {
		wire.Message = &message
	}
	return json.Marshal(wire)
}

// TransferReply answers a transfer-destination-request: Destination, or Error when there is to be no transfer.
type TransferReply struct {
	Destination *Destination
	Message     string // spoken while the transfer begins
	Error       string
}

// Encode makes the body of the answer. The spoken words go into "content", as Vapi's API reference has it; the
// "message" of the documentation's example is no field of ToolMessageStart.
func (r TransferReply) Encode() ([]byte, error) {
	if (r.Destination == nil) == (r.Error == "") {
		return nil, errors.New("vapi: transfer reply: needs either a destination or an error; give one of them")
	}
	if err := r.Destination.check(); err != nil {
		return nil, fmt.Errorf("vapi: transfer reply: %w", err)
	}
	wire := struct {
		Destination *Destination `json:"destination,omitempty"`
		Message     *wireMessage `json:"message,omitempty"`
		Error       string       `json:"error,omitempty"`
	}{Destination: r.Destination, Error: cut(oneLine(r.Error), MaxResult)}
	if content := cut(oneLine(r.Message), MaxMessage); content != "" {
		wire.Message = &wireMessage{Type: "request-start", Content: content}
	}
	return encode(wire), nil
}

// EncodeEligible answers a campaign.predial: whether the contact may be dialled. Anything else than this body
// counts as a failure at Vapi, and the contact is not dialled.
func EncodeEligible(eligible bool) []byte {
	return encode(struct {
		Eligible bool `json:"eligible"`
	}{eligible})
}
