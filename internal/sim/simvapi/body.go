package simvapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Values that webhooks carry and nobody may keep.
const (
	secretTwilioToken     = "sim7twilio0auth0token0never0kept"
	secretTwilioAPISecret = "simTwilioApiSecretNeverKept000000"
	secretOldServer       = "sim-old-server-secret-never-kept"
	secretHeader          = "sim-tool-header-token-never-kept"
)

// systemPrompt stands at the head of every artifact: a server that mistakes it for something said is found out.
const systemPrompt = "You are the Acme support assistant. Ask one question at a time. Never make up a case number."

// wireTime is the vendor's form of a moment: UTC, milliseconds.
func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// message is the content of one webhook: the event's own fields over the envelope that
// most events share. The caller holds k.mu.
func (k *Call) message(kind string, own map[string]any) map[string]any {
	m := map[string]any{
		"type": kind, "timestamp": time.Now().UnixMilli(), "call": k.object(),
		"phoneNumber": k.cloud.phoneNumber(), "customer": k.customer(), "assistantVersion": nil,
	}
	if k.cloud.o.ISOTimestamps {
		m["timestamp"] = wireTime(time.Now())
	}
	if k.assistant != nil { // absent until the call has one
		m["assistant"] = k.assistant
		m["artifact"] = k.artifact()
	}
	maps.Copy(m, own)
	return m
}

// object is the call as webhooks show it: call.status is as it was when the call was made.
func (k *Call) object() map[string]any {
	o := map[string]any{
		"id": k.id, "orgId": k.cloud.o.OrgID, "type": k.kind,
		"createdAt": wireTime(k.created), "updatedAt": wireTime(k.created),
		"transport": map[string]any{
			"provider": "twilio", "conversationType": "voice", "callSid": k.sid(), "accountSid": twilioAccount,
		},
		"phoneCallProvider": "twilio", "phoneCallProviderId": k.sid(), "phoneCallTransport": "pstn",
		"status": "ringing", "phoneNumberId": k.cloud.o.PhoneNumberID, "customer": k.customer(),
	}
	// Stale on purpose: inside webhooks the status stays what it was when the call was made.
	if k.kind == outbound {
		o["status"] = "queued"
	}
	if k.assistant != nil {
		o["monitor"] = k.monitor()
	}
	if k.assistantID != "" {
		o["assistantId"] = k.assistantID
	}
	if len(k.overrides) > 0 {
		o["assistantOverrides"] = k.overrides
	}
	if k.name != "" {
		o["name"] = k.name
	}
	return o
}

// twilioAccount has the form of an AccountSid and belongs to nobody.
const twilioAccount = "AC00000000000000000000000000000001"

// sid is the Twilio CallSid. On the wire it stands twice: in transport.callSid and, deprecated
// but still sent, in phoneCallProviderId.
func (k *Call) sid() string {
	return "CA" + strings.ReplaceAll(k.id, "-", "")
}

// controlURL has the form of captures, host and all: servers must check scheme, host and path
// before they post to an address that came in a body.
func (k *Call) controlURL() string { return k.cloud.o.ControlBase + "/" + k.id + "/control" }

// monitor is call.monitor. It is absent before the call has an assistant.
func (k *Call) monitor() map[string]any {
	listen := "ws" + strings.TrimPrefix(k.cloud.o.ControlBase, "http") + "/" + k.id + "/listen"
	return map[string]any{"listenUrl": listen, "controlUrl": k.controlURL()}
}

// customer stands both beside the call and inside it. Names that were not given are absent,
// not empty.
func (k *Call) customer() map[string]any {
	c := map[string]any{"number": k.caller.Number}
	for name, v := range map[string]string{"name": k.caller.Name, "email": k.caller.Email, "externalId": k.caller.ExternalID} {
		if v != "" {
			c[name] = v
		}
	}
	return c
}

// phoneNumber is the number object, which on the wire includes Twilio's credentials.
func (c *Cloud) phoneNumber() map[string]any {
	return map[string]any{
		"id": c.o.PhoneNumberID, "orgId": c.o.OrgID, "provider": "twilio", "number": c.o.Number, "name": "Support line",
		"twilioAccountSid": twilioAccount, "twilioAuthToken": secretTwilioToken,
		"twilioApiKey": nil, "twilioApiSecret": secretTwilioAPISecret,
		"server": map[string]any{"url": c.o.ServerURL, "timeoutSeconds": c.o.Timeout.Seconds()},
	}
}

// firstAssistant is the assistant that the account begins with.
func (c *Cloud) firstAssistant() map[string]any {
	var tools []any
	for _, name := range c.o.Tools {
		tools = append(tools, map[string]any{"type": "function", "function": map[string]any{
			"name": name, "description": "Sends what the caller asked for to the server.",
			"parameters": map[string]any{"type": "object", "properties": map[string]any{}},
		}})
	}
	return map[string]any{
		"id": c.o.AssistantID, "orgId": c.o.OrgID, "name": "Support Assistant",
		"firstMessage": "Hello, this is Acme support. How can I help?",
		"model": map[string]any{
			"provider": "openai", "model": "gpt-4o", "tools": tools,
			"messages": []any{map[string]any{"role": "system", "content": systemPrompt}},
		},
		"voice": map[string]any{"provider": "vapi", "voiceId": "Elliot"},
		"server": map[string]any{
			"url": c.o.ServerURL, "timeoutSeconds": c.o.Timeout.Seconds(), "credentialId": c.o.CredentialID,
			"secret": secretOldServer, "headers": map[string]any{"X-Internal-Token": secretHeader},
		},
	}
}

// artifact is the live artifact: everything said and asked until now.
func (k *Call) artifact() map[string]any {
	return map[string]any{"messages": slices.Clone(k.messages), "messagesOpenAIFormatted": k.openAI()}
}

// said puts one message into the conversation. Roles are the wire's: the assistant is "bot".
func (k *Call) said(role string, text string, began time.Time) {
	now := time.Now()
	m := map[string]any{"role": role, "message": text, "time": began.UnixMilli(), "secondsFromStart": k.since(began)}
	if role == "bot" || role == "user" {
		m["endTime"] = now.UnixMilli()
		m["duration"] = now.Sub(began).Milliseconds()
	}
	if role == "bot" {
		m["source"] = ""
	}
	k.messages = append(k.messages, m)
}

// since is secondsFromStart: a float, counted from when the call was answered.
func (k *Call) since(t time.Time) float64 {
	if k.started.IsZero() {
		return 0
	}
	return float64(t.Sub(k.started).Milliseconds()) / 1000
}

// asked puts the model's calls into the conversation, where their arguments are text.
func (k *Call) asked(asks []Ask) {
	var calls []any
	for _, a := range asks {
		calls = append(calls, map[string]any{
			"id": a.ID, "type": "function", "function": map[string]any{"name": a.Tool, "arguments": argsText(a.Args)},
		})
	}
	now := time.Now()
	k.messages = append(k.messages, map[string]any{
		"role": "tool_calls", "toolCalls": calls, "message": "", "time": now.UnixMilli(), "secondsFromStart": k.since(now),
	})
}

// returned puts a tool's answer into the conversation. Where there was none, the vendor's own
// words stand in its place; they are what operators search its dashboard for.
func (k *Call) returned(h Heard) {
	text := orElse(h.Result, h.Error)
	if text == "" {
		text = "No result returned."
	}
	k.messages = append(k.messages, map[string]any{
		"role": "tool_call_result", "toolCallId": h.ToolCallID, "name": h.Tool, "result": text,
		"time": h.At.UnixMilli(), "secondsFromStart": k.since(h.At), "metadata": map[string]any{},
	})
}

// openAI is the conversation in the other form that every artifact carries.
func (k *Call) openAI() []map[string]any {
	roles := map[string]string{"system": "system", "bot": "assistant", "user": "user"}
	out := []map[string]any{}
	for _, m := range k.messages {
		switch role, _ := m["role"].(string); role {
		case "tool_calls":
			out = append(out, map[string]any{"role": "assistant", "content": "", "tool_calls": m["toolCalls"]})
		case "tool_call_result":
			out = append(out, map[string]any{"role": "tool", "content": m["result"], "tool_call_id": m["toolCallId"]})
		default:
			out = append(out, map[string]any{"role": roles[role], "content": m["message"]})
		}
	}
	return out
}

// transcript is the call as one text, as reports carry it.
func (k *Call) transcript() string {
	var b strings.Builder
	for _, m := range k.messages {
		words, _ := m["message"].(string)
		switch m["role"] {
		case "bot":
			b.WriteString("AI: " + words + "\n")
		case "user":
			b.WriteString("User: " + words + "\n")
		}
	}
	return b.String()
}

// Shape is one of the five forms in which tool calls are found in the sources.
type Shape string

// The five shapes.
const (
	ShapeWire           Shape = "wire"            // captures: nested, arguments an object; a second list toolCalls
	ShapeSpec           Shape = "spec"            // published description: nested, arguments a JSON text
	ShapeFlatParameters Shape = "flat-parameters" // events page: {id, name, parameters}
	ShapeFlatArguments  Shape = "flat-arguments"  // custom-tools page: {id, name, arguments}
	ShapeToolsOnly      Shape = "tools-only"      // only toolWithToolCallList, its toolCall without a name
)

// toolCalls are the event's own fields for asks in a shape.
func (k *Call) toolCalls(asks []Ask, shape Shape) map[string]any {
	var list, with []any
	for _, a := range asks {
		element, inTool := shaped(a, shape)
		list = append(list, element)
		with = append(with, k.toolWith(a, shape, inTool))
	}
	own := map[string]any{"toolCallList": list, "toolWithToolCallList": with}
	switch shape {
	case ShapeToolsOnly:
		delete(own, "toolCallList")
	case ShapeWire, "":
		own["toolCalls"] = list
	}
	return own
}

// shaped is one ask as an element of toolCallList, and as the toolCall of its tool.
func shaped(a Ask, shape Shape) (element, inTool map[string]any) {
	nested := func(key string, v any) map[string]any {
		return map[string]any{"id": a.ID, "type": "function", "function": map[string]any{"name": a.Tool, key: v}}
	}
	switch shape {
	case ShapeSpec:
		m := nested("arguments", argsText(a.Args))
		return m, m
	case ShapeFlatParameters:
		return map[string]any{"id": a.ID, "name": a.Tool, "parameters": argsValue(a.Args)},
			map[string]any{"id": a.ID, "parameters": argsValue(a.Args)}
	case ShapeFlatArguments:
		return map[string]any{"id": a.ID, "name": a.Tool, "arguments": argsValue(a.Args)}, nested("parameters", argsValue(a.Args))
	case ShapeToolsOnly:
		return nil, map[string]any{"id": a.ID, "parameters": argsValue(a.Args)}
	default:
		m := nested("arguments", argsValue(a.Args))
		return m, m
	}
}

// toolWith is the tool's configuration with the call inside, secrets included.
func (k *Call) toolWith(a Ask, shape Shape, call map[string]any) map[string]any {
	t := map[string]any{
		"type": "function", "async": false, "messages": []any{}, "toolCall": call,
		"server": map[string]any{
			"url": k.cloud.o.ServerURL, "timeoutSeconds": k.cloud.o.Timeout.Seconds(), "credentialId": k.cloud.o.CredentialID,
			"secret": secretOldServer, "headers": map[string]any{"X-Internal-Token": secretHeader},
		},
		"function": map[string]any{
			"name": a.Tool, "description": "Sends what the caller asked for to the server.",
			"parameters": map[string]any{"type": "object", "properties": map[string]any{}},
		},
	}
	maps.Copy(t, toolNamed(k.assistant, a.Tool))
	if shape == ShapeFlatParameters { // the events page has the name outside and no function
		t["name"] = a.Tool
		delete(t, "function")
	}
	return t
}

// toolNamed is the tool of an assistant that the model may ask for by this name.
func toolNamed(assistant map[string]any, name string) map[string]any {
	model, _ := assistant["model"].(map[string]any)
	tools, _ := model["tools"].([]any)
	for _, t := range tools {
		tool, _ := t.(map[string]any)
		f, _ := tool["function"].(map[string]any)
		if f["name"] == name {
			return tool
		}
	}
	return nil
}

// argsText is the arguments as the JSON text that models produce. A RawMessage goes out
// as it is: models produce broken JSON too.
func argsText(args any) string {
	if raw, ok := args.(json.RawMessage); ok {
		return string(raw)
	}
	if args == nil {
		return "{}"
	}
	b, err := json.Marshal(args)
	if err != nil {
		return "{}"
	}
	return string(b)
}

// argsValue is the arguments as an object; broken JSON can only be text.
func argsValue(args any) any {
	text := argsText(args)
	if !json.Valid([]byte(text)) {
		return text
	}
	return json.RawMessage(text)
}
