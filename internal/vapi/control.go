package vapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// ControlURL is the address at which a running call takes commands. Whoever has it controls the call, so it prints
// as a placeholder; convert it to a string to use it, after Check.
type ControlURL string

// String hides the address.
func (ControlURL) String() string { return "[control url]" }

// GoString hides the address from %#v.
func (ControlURL) GoString() string { return "[control url]" }

// LogValue hides the address from slog.
func (ControlURL) LogValue() slog.Value { return slog.StringValue("[control url]") }

// Check refuses an address that is not Vapi's for the call callID. It arrives in a webhook's body, and posting to
// whatever stands there would let a forged body direct our requests. Accepted are
// https://<anything>.vapi.ai/<callID>/control and, for simulators, the same path below one of origins
// ("http://127.0.0.1:7070"). The error does not contain the address.
func (u ControlURL) Check(callID string, origins ...string) error {
	if u == "" {
		return errors.New("vapi: control url: there is none; turn monitorPlan.controlEnabled on in the assistant")
	}
	p, err := url.Parse(string(u))
	if err != nil { // the cause is left out: it quotes the address
		return errors.New("vapi: control url: is not a URL; the call cannot be controlled")
	}
	if p.User != nil || p.Fragment != "" || p.Opaque != "" {
		return errors.New("vapi: control url: has user, fragment or opaque part, which Vapi's never have")
	}
	if callID == "" || strings.Contains(callID, "/") || p.EscapedPath() != "/"+url.PathEscape(callID)+"/control" {
		return errors.New("vapi: control url: path is not that of this call")
	}
	// The path has been checked by now: even a simulator is posted to at its own call's address only.
	if slices.Contains(origins, p.Scheme+"://"+p.Host) {
		return nil
	}
	if p.Scheme != "https" {
		return fmt.Errorf("vapi: control url: scheme is %q, must be https", p.Scheme)
	}
	if port := p.Port(); port != "" && port != "443" {
		return fmt.Errorf("vapi: control url: port is %q, must be 443", port)
	}
	if name, ok := strings.CutSuffix(strings.ToLower(p.Hostname()), ".vapi.ai"); !ok || name == "" {
		return fmt.Errorf("vapi: control url: host %q is not below vapi.ai", p.Hostname())
	}
	return nil
}

// Say makes the assistant speak Content.
type Say struct {
	Content   string
	EndAfter  bool // the call ends when it is spoken
	Interrupt bool // replaces what the assistant is saying
	Protected bool // the caller cannot interrupt it
}

// Encode makes the body to post to the control URL. Every flag is written out: Vapi documents no default for
// interruptionsEnabled.
func (s Say) Encode() []byte {
	return encode(struct {
		Type                      string `json:"type"`
		Content                   string `json:"content"`
		EndCallAfterSpoken        bool   `json:"endCallAfterSpoken"`
		InterruptAssistantEnabled bool   `json:"interruptAssistantEnabled"`
		InterruptionsEnabled      bool   `json:"interruptionsEnabled"`
	}{"say", oneLine(s.Content), s.EndAfter, s.Interrupt, !s.Protected})
}

// AddMessage puts a message into the conversation that the model sees.
type AddMessage struct {
	Role    string // system, user or assistant; empty: system
	Content string // may have several lines: it is read by the model, not spoken
	Silent  bool   // the model is not asked to respond to it now
}

// Encode makes the body to post to the control URL.
func (a AddMessage) Encode() []byte {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	return encode(struct {
		Type                   string  `json:"type"`
		Message                message `json:"message"`
		TriggerResponseEnabled bool    `json:"triggerResponseEnabled"`
	}{"add-message", message{orElse(a.Role, "system"), a.Content}, !a.Silent})
}

// EndCall hangs up. (DELETE on the call's resource deletes its data and hangs up nothing.)
type EndCall struct{}

// Encode makes the body to post to the control URL.
func (EndCall) Encode() []byte { return []byte(`{"type":"end-call"}`) }

// Transfer hands the call to Destination, after Content is spoken to the caller.
type Transfer struct {
	Destination Destination
	Content     string
}

// Encode makes the body to post to the control URL.
func (t Transfer) Encode() ([]byte, error) {
	if err := t.Destination.check(); err != nil {
		return nil, fmt.Errorf("vapi: transfer: %w", err)
	}
	return encode(struct {
		Type        string      `json:"type"`
		Destination Destination `json:"destination"`
		Content     string      `json:"content,omitempty"`
	}{"transfer", t.Destination, oneLine(t.Content)}), nil
}
