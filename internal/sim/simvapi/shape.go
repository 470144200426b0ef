package simvapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// rule is what one value of a request may be, in the manner of the vendor's validator:
// keys that are not listed "should not exist".
type rule struct {
	is        string // string, number, boolean, object, array, time; "" anything
	max       int    // longest text; 0: any
	low, high float64
	enum      []string
	like      *regexp.Regexp
	keys      map[string]rule // the only members; nil: any
	need      []string
	each      *rule // elements of an array
}

// decoded is a JSON text as values; nil if it is none.
func decoded(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return nil
	}
	return v
}

// faults lists what is wrong with v in the vendor's words. null is an absent value.
func (r rule) faults(path string, v any) []string {
	if v == nil || r.is == "" {
		return nil
	}
	name := path[strings.LastIndex(path, ".")+1:]
	parent := path[:len(path)-len(name)]
	bad := func(format string, args ...any) []string {
		return []string{parent + name + " " + fmt.Sprintf(format, args...)}
	}
	switch x := v.(type) {
	case string:
		return r.textFaults(x, bad)
	case float64:
		if r.is != "number" {
			return bad("must be a %s", r.is)
		}
		// Equal bounds are no bounds: a zero rule allows every number.
		if r.high > r.low && x < r.low {
			return bad("must not be less than %v", r.low)
		}
		if r.high > r.low && x > r.high {
			return bad("must not be greater than %v", r.high)
		}
	case bool:
		if r.is != "boolean" {
			return bad("must be a %s", r.is)
		}
	case []any:
		if r.is != "array" {
			return bad("must be a %s", r.is)
		}
		var out []string
		for i, e := range x {
			if r.each != nil {
				out = append(out, r.each.faults(fmt.Sprintf("%s.%d", path, i), e)...)
			}
		}
		return out
	case map[string]any:
		return r.memberFaults(path, x, bad)
	}
	return nil
}

// textFaults checks a text. Lengths are in characters, as the vendor counts them.
func (r rule) textFaults(s string, bad func(string, ...any) []string) []string {
	if r.is == "time" {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			return bad("must be a valid ISO 8601 date string")
		}
		return nil
	}
	if r.is != "string" {
		return bad("must be a %s", r.is)
	}
	if r.max > 0 && len([]rune(s)) > r.max {
		return bad("must be shorter than or equal to %d characters", r.max)
	}
	if r.enum != nil && !slices.Contains(r.enum, s) {
		return bad("must be one of the following values: %s", strings.Join(r.enum, ", "))
	}
	if r.like != nil && !r.like.MatchString(s) {
		return bad("must match %s regular expression", r.like)
	}
	return nil
}

// memberFaults checks an object's members in the order of their names, so that the same
// request is always refused in the same words.
func (r rule) memberFaults(path string, m map[string]any, bad func(string, ...any) []string) []string {
	if r.is != "object" {
		return bad("must be a %s", r.is)
	}
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	var out []string
	for _, key := range r.need {
		if m[key] == nil {
			out = append(out, prefix+key+" should not be empty")
		}
	}
	// Members that the description leaves open are not looked at.
	if r.keys == nil {
		return out
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		of, ok := r.keys[key]
		if !ok {
			out = append(out, prefix+"property "+key+" should not exist")
			continue
		}
		out = append(out, of.faults(prefix+key, m[key])...)
	}
	return out
}

// The rules below are written as they are read: object(…).needs("type").

func text(most int) rule                 { return rule{is: "string", max: most} }
func number(low, high float64) rule      { return rule{is: "number", low: low, high: high} }
func oneOf(enum ...string) rule          { return rule{is: "string", enum: enum} }
func list(each rule) rule                { return rule{is: "array", each: &each} }
func object(keys map[string]rule) rule   { return rule{is: "object", keys: keys} }
func (r rule) needs(need ...string) rule { r.need = need; return r }

// anyOf gives the same rule to many keys.
func anyOf(r rule, keys ...string) map[string]rule {
	m := map[string]rule{}
	for _, k := range keys {
		m[k] = r
	}
	return m
}

// with adds members to an object's; those added win.
func with(base map[string]rule, more map[string]rule) map[string]rule {
	out := maps.Clone(base)
	maps.Copy(out, more)
	return out
}

var (
	functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	e164         = regexp.MustCompile(`^\+[1-9]\d{6,14}$`)
	plainNumber  = regexp.MustCompile(`^\+?[a-zA-Z0-9]+$`)
)

// serverMessageNames is the enumeration of serverMessages of the published description.
var serverMessageNames = []string{
	"assistant.started", "assistant.speechStarted", "conversation-update", "end-of-call-report", "function-call", "hang",
	"language-changed", "language-change-detected", "model-output", "phone-call-control", "speech-update", "status-update",
	"transcript", `transcript[transcriptType="final"]`, "tool-calls", "transfer-destination-request",
	"handoff-destination-request", "transfer-update", "user-interrupted", "voice-input", "chat.created", "chat.deleted",
	"session.created", "session.updated", "session.deleted", "call.deleted", "call.delete.failed", "call.artifact.upload",
}

// serverRule: the old field secret is gone from the published description, so it is refused;
// the legacy header is had by a bearer credential named X-Vapi-Secret.
func serverRule() rule {
	return object(map[string]rule{
		"url": text(0), "timeoutSeconds": number(1, 300), "credentialId": text(0), "headers": object(nil),
		"staticIpAddressesEnabled": {is: "boolean"}, "encryptedPaths": list(text(0)),
		"backoffPlan": object(map[string]rule{
			"type": oneOf("fixed", "exponential"), "maxRetries": number(0, 10), "baseDelaySeconds": number(0, 10),
			"excludedStatusCodes": list(rule{is: "number"}),
		}).needs("type", "maxRetries", "baseDelaySeconds"),
	})
}

// toolRule is strict for function tools; of other tools only the type is known here.
func toolRule(tool map[string]any) rule {
	if tool["type"] != "function" {
		return rule{is: "object", need: []string{"type"}}
	}
	message := object(with(anyOf(rule{}, "contents", "conditions", "blocking", "role", "endCallAfterSpokenEnabled", "timingMilliseconds"), map[string]rule{
		"type": oneOf("request-start", "request-complete", "request-failed", "request-response-delayed"), "content": text(maxContent),
	})).needs("type")
	return object(map[string]rule{
		"type": text(0), "async": {is: "boolean"}, "messages": list(message), "server": serverRule(),
		"parameters": list(object(map[string]rule{"key": text(0), "value": {}}).needs("key", "value")),
		"function": object(map[string]rule{
			"name": {is: "string", like: functionName}, "description": text(1000), "strict": {is: "boolean"}, "parameters": object(nil),
		}).needs("name"),
		"variableExtractionPlan": object(nil), "rejectionPlan": object(nil),
	}).needs("type", "function")
}

// assistantKeys are the fields of an assistant. Settings that old posts recommend
// (silenceTimeoutSeconds, backgroundDenoisingEnabled, responseDelaySeconds,
// numWordsToInterruptAssistant) are not among them and are refused by name.
func assistantKeys() map[string]rule {
	return with(anyOf(rule{}, "voicemailDetection", "backgroundSound", "observabilityPlan", "compliancePlan", "keypadInputPlan"), map[string]rule{
		"transcriber": object(nil).needs("provider"), "voice": object(nil).needs("provider"),
		"model":        {is: "object", need: []string{"provider", "model"}},
		"firstMessage": text(0), "firstMessageInterruptionsEnabled": {is: "boolean"},
		"firstMessageMode": oneOf("assistant-speaks-first", "assistant-speaks-first-with-model-generated-message", "assistant-waits-for-user"),
		"clientMessages":   list(text(0)), "serverMessages": list(oneOf(serverMessageNames...)),
		"maxDurationSeconds": number(10, 43200), "modelOutputInMessagesEnabled": {is: "boolean"},
		"transportConfigurations": list(rule{}), "credentials": list(rule{}), "hooks": list(object(nil).needs("on", "do")),
		"name": text(40), "voicemailMessage": text(1000), "endCallMessage": text(1000), "endCallPhrases": list(text(0)),
		"metadata": object(nil), "credentialIds": list(text(0)), "server": serverRule(),
		"backgroundSpeechDenoisingPlan": object(anyOf(object(nil), "smartDenoisingPlan", "fourierDenoisingPlan")),
		"analysisPlan": object(anyOf(rule{}, "minMessagesThreshold", "summaryPlan", "structuredDataPlan", "structuredDataMultiPlan",
			"successEvaluationPlan", "outcomeIds")),
		"artifactPlan": object(anyOf(rule{}, "recordingEnabled", "recordingFormat", "recordingUseCustomStorageEnabled", "videoRecordingEnabled",
			"fullMessageHistoryEnabled", "pcapEnabled", "pcapS3PathPrefix", "pcapUseCustomStorageEnabled", "loggingEnabled",
			"loggingUseCustomStorageEnabled", "transcriptPlan", "recordingPath", "structuredOutputIds", "structuredOutputs",
			"scorecardIds", "scorecards", "loggingPath")),
		"startSpeakingPlan": object(map[string]rule{
			"waitSeconds": number(0, 5), "smartEndpointingEnabled": {}, "smartEndpointingPlan": object(nil),
			"customEndpointingRules": list(rule{}), "transcriptionEndpointingPlan": object(nil),
		}),
		"stopSpeakingPlan": object(map[string]rule{
			"numWords": number(0, 10), "voiceSeconds": number(0, 0.5), "backoffSeconds": number(0, 10),
			"acknowledgementPhrases": list(text(0)), "interruptionPhrases": list(text(0)),
		}),
		"monitorPlan": object(with(anyOf(rule{is: "boolean"}, "listenEnabled", "listenAuthenticationEnabled", "controlEnabled",
			"controlAuthenticationEnabled"), map[string]rule{"monitorIds": list(text(0))})),
	})
}

// assistantRule is an assistant as POST /assistant or a call takes it inline.
func assistantRule() rule { return object(assistantKeys()) }

// overridesRule is assistantOverrides: any field of an assistant, variables, and tools to add.
func overridesRule() rule {
	return object(with(assistantKeys(), map[string]rule{"variableValues": object(nil), "tools:append": list(object(nil))}))
}

// destinationRule is where a call may be transferred to.
func destinationRule() rule {
	return object(with(anyOf(rule{}, "message", "transferPlan", "description", "sipHeaders", "numberE164CheckEnabled"), map[string]rule{
		"type": oneOf("number", "sip"), "number": text(40), "extension": text(10), "callerId": text(40), "sipUri": text(0),
	})).needs("type")
}

// settings are the bounded fields of the providers that assistants here are made of; other
// providers' fields pass.
func settings(provider string) map[string]rule {
	switch provider {
	case "openai":
		return with(anyOf(rule{}, "messages", "tools", "toolIds", "toolRefs", "knowledgeBase", "provider", "model", "fallbackModels",
			"toolStrictCompatibilityMode", "promptCacheRetention", "promptCacheKey", "reasoningEffort", "emotionRecognitionEnabled", "numFastTurns"),
			map[string]rule{"temperature": number(0, 2), "maxTokens": number(50, 10000)})
	case "11labs":
		return with(anyOf(rule{}, "cachingEnabled", "provider", "voiceId", "useSpeakerBoost", "enableSsmlParsing", "autoMode", "model",
			"language", "chunkPlan", "pronunciationDictionaryLocators", "fallbackPlan"),
			map[string]rule{"stability": number(0, 1), "similarityBoost": number(0, 1), "style": number(0, 1), "speed": number(0.7, 1.2), "optimizeStreamingLatency": number(0, 4)})
	case "deepgram":
		return with(anyOf(rule{}, "provider", "model", "language", "languages", "smartFormat", "mipOptOut", "numerals", "profanityFilter",
			"redaction", "keywords", "keyterm", "fallbackPlan"),
			map[string]rule{"confidenceThreshold": number(0, 1), "eotThreshold": number(0.5, 0.9), "eotTimeoutMs": number(500, 10000), "endpointing": number(10, 500)})
	default:
		return nil
	}
}

// assistantFaults is what POST and PATCH /assistant find wrong.
func (c *Cloud) assistantFaults(a map[string]any) []string {
	out := assistantRule().faults("", a)
	for _, part := range []string{"model", "voice", "transcriber"} {
		m, _ := a[part].(map[string]any)
		provider, _ := m["provider"].(string)
		if keys := settings(provider); keys != nil {
			out = append(out, object(keys).faults(part, m)...)
		}
	}
	model, _ := a["model"].(map[string]any)
	if _, ok := model["functions"]; ok && !slices.Contains(out, "model.property functions should not exist") {
		out = append(out, "model.property functions should not exist")
	}
	servers := []any{a["server"]}
	tools, _ := model["tools"].([]any)
	for i, t := range tools {
		tool, ok := t.(map[string]any)
		if !ok {
			out = append(out, fmt.Sprintf("model.tools.%d must be an object", i))
			continue
		}
		out = append(out, toolRule(tool).faults(fmt.Sprintf("model.tools.%d", i), tool)...)
		servers = append(servers, tool["server"])
	}
	for _, s := range servers {
		if s, ok := s.(map[string]any); ok && s["credentialId"] != nil && s["credentialId"] != c.o.CredentialID {
			out = append(out, fmt.Sprintf("Couldn't find credential %v", s["credentialId"]))
		}
	}
	return out
}
