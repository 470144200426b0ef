package vapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestControlURLIsVapisAndThisCalls(t *testing.T) {
	const sim = "http://127.0.0.1:7070"
	tests := []struct {
		url, call string
		want      string // part of the error; empty: accepted
	}{
		{wireControl, wireCall, ""},
		{"https://X.VAPI.AI/c1/control", "c1", ""},
		{"https://x.vapi.ai:443/c1/control", "c1", ""},
		{sim + "/c1/control", "c1", ""},
		{sim + "/c2/control", "c1", "path"},
		{"http://127.0.0.1:7071/c1/control", "c1", "scheme"},
		{"", "c1", "there is none"},
		{"https://x.vapi.ai/c1/control\n", "c1", "not a URL"},
		{"http://x.vapi.ai/c1/control", "c1", "scheme"},
		{"https://vapi.ai/c1/control", "c1", "host"},
		{"https://.vapi.ai/c1/control", "c1", "host"},
		{"https://evilvapi.ai/c1/control", "c1", "host"},
		{"https://x.vapi.ai.evil.com/c1/control", "c1", "host"},
		{"https://evil.com/.vapi.ai/c1/control", "c1", "path"},
		{"https://x.vapi.ai@evil.com/c1/control", "c1", "user"},
		{"https://evil.com#.vapi.ai/c1/control", "c1", "fragment"},
		{"https://x.vapi.ai:8443/c1/control", "c1", "port"},
		{"https://169.254.169.254/c1/control", "c1", "host"},
		{"https://x.vapi.ai/c2/control", "c1", "path"},
		{"https://x.vapi.ai/c1%2Fcontrol", "c1", "path"},
		{"https://x.vapi.ai//control", "", "path"},
		{"https://x.vapi.ai/c1/listen", "c1", "path"},
		{"https://x.vapi.ai/a/b/control", "a/b", "path"},
		{"mailto:c1@x.vapi.ai", "c1", "opaque"},
	}
	for _, tt := range tests {
		err := ControlURL(tt.url).Check(tt.call, sim)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.url, err, tt.want)
		}
		if err != nil && tt.url != "" && strings.Contains(err.Error(), tt.url) {
			t.Errorf("%s: the error repeats the address: %v", tt.url, err)
		}
	}
	if err := ControlURL(sim + "/c1/control").Check("c1"); err == nil {
		t.Error("simulator that was not allowed: got nil, want an error")
	}
}

func TestControlURLIsNotPrinted(t *testing.T) {
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("call.started", "control", ControlURL(wireControl))
	fmt.Fprintf(&log, "%v %+v %s %#v", ControlURL(wireControl), Call{ControlURL: wireControl}, ControlURL(wireControl), ControlURL(wireControl))
	if strings.Contains(log.String(), "vapi.ai") {
		t.Errorf("got %s, want no address", log.String())
	}
}

func TestControlMessagesAsDocumented(t *testing.T) {
	transfer, err := Transfer{Destination: Destination{Number: "+1234567890"}, Content: "Transferring your call now"}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, transfer, payload(t, "control.transfer.docs"))
	sameJSON(t, EndCall{}.Encode(), payload(t, "control.end-call.docs"))
	sameJSON(t, AddMessage{Content: "New message added to conversation"}.Encode(), payload(t, "control.add-message.docs"))
	if got, want := string(AddMessage{Role: "user", Content: "two\nlines", Silent: true}.Encode()),
		`{"type":"add-message","message":{"role":"user","content":"two\nlines"},"triggerResponseEnabled":false}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Say writes every flag; what the documents show of it must be among them.
	for name, say := range map[string]Say{
		"control.say.docs":         {Content: "Welcome to Vapi, this message was injected during the call."},
		"control.say-interrupting": {Content: "One moment, I have\nan update on your case.", Interrupt: true},
	} {
		var got, want map[string]any
		if err := json.Unmarshal(say.Encode(), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(payload(t, name), &want); err != nil {
			t.Fatal(err)
		}
		for field, w := range want {
			if got[field] != w {
				t.Errorf("%s: %s: got %v, want %v", name, field, got[field], w)
			}
		}
	}
	if got, want := string(Say{Content: "Bye", EndAfter: true, Protected: true}.Encode()),
		`{"type":"say","content":"Bye","endCallAfterSpoken":true,"interruptAssistantEnabled":false,"interruptionsEnabled":false}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
