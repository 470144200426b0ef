package simvapi

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// mission-part: A.11
func TestBadAnswersAreFlagged(t *testing.T) {
	ok := `"toolCallId":"call_1","name":"get_case","result":"Open."`
	long := strings.Repeat("a", 1001)
	tests := []struct {
		name, body string
		want       string // part of a violation
		via        Via    // what the caller hears nevertheless
	}{
		{"proper", `{"results":[{` + ok + `}]}`, "", ViaModel},
		{"message", `{"results":[{` + ok + `,"message":{"type":"request-complete","content":"It is open."}}]}`, "", ViaMessage},
		{"failed", `{"results":[{"toolCallId":"call_1","name":"get_case","error":"none","message":{"type":"request-failed","content":"I found none."}}]}`, "", ViaMessage},
		{"metadata", `{"results":[{` + ok + `,"metadata":{"id":"x"}}]}`, "", ViaModel},
		{"not JSON", `It is open.`, "is not JSON", ViaFailure},
		{"two values", `{"results":[{` + ok + `}]}{}`, "is not JSON", ViaFailure},
		{"array", `[]`, "is not an object", ViaFailure},
		{"null", `null`, "is not an object", ViaFailure},
		{"no results", `{"result":"Open."}`, "no results array", ViaFailure},
		{"results null", `{"results":null}`, "no results array", ViaFailure},
		{"results object", `{"results":{` + ok + `}}`, "no results array", ViaFailure},
		{"empty results", `{"results":[]}`, `no result for "call_1"`, ViaFailure},
		{"other id", `{"results":[{"toolCallId":"call_2","name":"get_case","result":"Open."}]}`, `"call_2" was not asked`, ViaFailure},
		{"id with a blank", `{"results":[{"toolCallId":"call_1 ","name":"get_case","result":"Open."}]}`, "was not asked", ViaFailure},
		{"id a number", `{"results":[{"toolCallId":1,"name":"get_case","result":"Open."}]}`, "toolCallId is not a string", ViaFailure},
		{"id missing", `{"results":[{"name":"get_case","result":"Open."}]}`, "toolCallId is missing", ViaFailure},
		{"twice", `{"results":[{` + ok + `},{` + ok + `}]}`, "occurs twice", ViaModel},
		{"one too many", `{"results":[{` + ok + `},{"toolCallId":"x","name":"get_case","result":"Open."}]}`, `"x" was not asked`, ViaModel},
		{"both", `{"results":[{` + ok + `,"error":"none"}]}`, "both result and error", ViaFailure},
		{"neither", `{"results":[{"toolCallId":"call_1","name":"get_case"}]}`, "neither result nor error", ViaFailure},
		{"result object", `{"results":[{"toolCallId":"call_1","name":"get_case","result":{"status":"Open"}}]}`, "result is not a string", ViaFailure},
		{"result null", `{"results":[{"toolCallId":"call_1","name":"get_case","result":null}]}`, "result is not a string", ViaFailure},
		{"result empty", `{"results":[{"toolCallId":"call_1","name":"get_case","result":""}]}`, "result is empty", ViaFailure},
		{"two lines", `{"results":[{"toolCallId":"call_1","name":"get_case","result":"Open.\nHigh."}]}`, "not a single line", ViaFailure},
		{"line separator", `{"results":[{"toolCallId":"call_1","name":"get_case","result":"Open.\u2028High."}]}`, "not a single line", ViaFailure},
		{"error of two lines", `{"results":[{"toolCallId":"call_1","name":"get_case","error":"a\r\nb"}]}`, "error is not a single line", ViaFailure},
		{"name missing", `{"results":[{"toolCallId":"call_1","result":"Open."}]}`, "name is missing", ViaModel},
		{"other name", `{"results":[{"toolCallId":"call_1","name":"getCase","result":"Open."}]}`, `name "getCase"`, ViaModel},
		{"unknown key", `{"results":[{` + ok + `,"success":true}]}`, `unknown key "success" in a result`, ViaModel},
		{"unknown top key", `{"results":[{` + ok + `}],"ok":true}`, `unknown key "ok"`, ViaModel},
		{"metadata text", `{"results":[{` + ok + `,"metadata":"x"}]}`, "metadata is not an object", ViaModel},
		{"message text", `{"results":[{` + ok + `,"message":"It is open."}]}`, "message is not an object", ViaModel},
		{"message type", `{"results":[{` + ok + `,"message":{"type":"say","content":"It is open."}}]}`, `message.type "say"`, ViaModel},
		{"message type of the other", `{"results":[{` + ok + `,"message":{"type":"request-failed","content":"No."}}]}`, "is not spoken here", ViaModel},
		{"message too long", `{"results":[{` + ok + `,"message":{"type":"request-complete","content":"` + long + `"}}]}`, "1001 characters", ViaModel},
		{"message of two lines", `{"results":[{` + ok + `,"message":{"type":"request-complete","content":"a\nb"}}]}`, "message.content is not a single line", ViaModel},
		{"message without content", `{"results":[{` + ok + `,"message":{"type":"request-complete"}}]}`, "message.content is missing", ViaModel},
		{"message key", `{"results":[{` + ok + `,"message":{"type":"request-complete","content":"a","message":"b"}}]}`, `unknown key "message" in message`, ViaMessage},
		{"message role", `{"results":[{` + ok + `,"message":{"type":"request-complete","content":"a","role":"bot"}}]}`, "message.role", ViaMessage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := saying(tt.body)
				c := account(d, Options{})
				k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
				h := k.Asks(t.Context(), "get_case", map[string]any{"caseNumber": "00001026"}, AskOptions{ID: "call_1"})
				if h.Via != tt.via {
					t.Errorf("%s: heard via %s (%q), want %s", tt.body, h.Via, h.Said, tt.via)
				}
				if h.Via == ViaFailure && h.Said != FailureWords {
					t.Errorf("said %q, want the words of a failure", h.Said)
				}
				if tt.want == "" && len(h.Violations) > 0 {
					t.Errorf("%s: violations %q, want none", tt.body, h.Violations)
				}
				if tt.want != "" && !has(h.Violations, tt.want) {
					t.Errorf("%s: violations %q, want one with %q", tt.body, h.Violations, tt.want)
				}
				if got := c.Violations(); (len(got) > 0) != (tt.want != "") {
					t.Errorf("the cloud's violations are %q", got)
				}
			})
		})
	}
}

func TestAStatusOtherThan200IsNoAnswer(t *testing.T) {
	for _, status := range []int{201, 301, 302, 400, 401, 404, 429, 500, 503} {
		bubble(t, func(t *testing.T) {
			d := &desk{answer: func(w http.ResponseWriter, _ *http.Request, m map[string]any) {
				if m["type"] == "tool-calls" {
					w.Header().Set("Location", hook)
					w.WriteHeader(status)
				}
				_, _ = io.WriteString(w, properly(m))
			}}
			k := account(d, Options{}).Ring(t.Context(), Caller{Number: "+15550100100"})
			h := k.Asks(t.Context(), "get_case", nil, AskOptions{})
			if h.Via != ViaFailure || h.Status != status || !has(h.Violations, "HTTP ") {
				t.Errorf("status %d: got %+v, want a failure for the status", status, h)
			}
		})
	}
}

func TestALateAnswerIsNoAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{answer: func(w http.ResponseWriter, _ *http.Request, m map[string]any) {
			if m["type"] == "tool-calls" {
				time.Sleep(20*time.Second + time.Millisecond)
			}
			_, _ = io.WriteString(w, properly(m))
		}}
		k := account(d, Options{}).Ring(t.Context(), Caller{Number: "+15550100100"})
		h := k.Asks(t.Context(), "get_case", nil, AskOptions{})
		if h.Via != ViaFailure || h.Took != 20*time.Second || !has(h.Violations, "no answer within the time limit") {
			t.Errorf("got %+v, want a failure after 20s", h)
		}
	})
}

func TestParallelAnswersKeepTheOrderOfTheCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := saying(`{"results":[{"toolCallId":"b","name":"t2","result":"two"},{"toolCallId":"a","name":"t1","result":"one"}]}`)
		k := account(d, Options{}).Ring(t.Context(), Caller{Number: "+15550100100"})
		heard := k.AsksMany(t.Context(), []Ask{{ID: "a", Tool: "t1"}, {ID: "b", Tool: "t2"}}, AskOptions{})
		if len(heard) != 2 || heard[0].Said != "one" || heard[1].Said != "two" {
			t.Fatalf("got %+v, want the results by id", heard)
		}
		if !has(heard[0].Violations, "keep the order") {
			t.Errorf("violations %q, want the order named", heard[0].Violations)
		}
		if n := len(d.messages("tool-calls")); n != 1 {
			t.Errorf("%d messages, want one for both calls", n)
		}
	})
}

func TestInformationalEventsWant2xx(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{answer: func(w http.ResponseWriter, _ *http.Request, m map[string]any) {
			if m["type"] == "transcript" {
				w.WriteHeader(http.StatusBadRequest)
			}
		}}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		before := len(c.Violations())
		k.Says(t.Context(), "user", "Hello")
		if got := c.Violations()[before:]; len(got) != 2 || !has(got, "HTTP 400 to an event that asks nothing") {
			t.Errorf("got %q, want both transcripts flagged", got)
		}
	})
}

func TestLegacyFunctionCallWantsResultAlone(t *testing.T) {
	tests := []struct{ body, want string }{
		{`{"result":"Sent."}`, ""},
		{`{"results":[{"toolCallId":"x","name":"send","result":"Sent."}]}`, "unknown key"},
		{`{"result":{"ok":true}}`, "is not a string"},
		{`{"result":"Sent.","success":true}`, "unknown key"},
	}
	for _, tt := range tests {
		bubble(t, func(t *testing.T) {
			d := &desk{answer: func(w http.ResponseWriter, _ *http.Request, m map[string]any) {
				if m["type"] == "function-call" {
					_, _ = io.WriteString(w, tt.body)
				}
			}}
			k := account(d, Options{}).Ring(t.Context(), Caller{Number: "+15550100100"})
			h := k.Asks(t.Context(), "send", map[string]any{"to": "x"}, AskOptions{Legacy: true})
			if tt.want == "" && (h.Said != "Sent." || len(h.Violations) > 0) || tt.want != "" && !has(h.Violations, tt.want) {
				t.Errorf("%s: got %+v, want a violation with %q", tt.body, h, tt.want)
			}
			f := d.messages("function-call")[0]["functionCall"].(map[string]any)
			if f["name"] != "send" || f["parameters"] != `{"to":"x"}` {
				t.Errorf("got %v, want the parameters as text", f)
			}
		})
	}
}

func TestAssistantRequestAnswersAreJudged(t *testing.T) {
	const id = "0198b3a2-0000-7000-8000-0000000a5515"
	tests := []struct {
		body, want, ended string
	}{
		{`{"assistantId":"` + id + `"}`, "", ""},
		{`{"assistantId":"` + id + `","assistantOverrides":{"variableValues":{"a":"b"},"firstMessage":"Hi."}}`, "", ""},
		{`{"assistant":{"model":{"provider":"openai","model":"gpt-4o"},"firstMessage":"Hi."}}`, "", ""},
		{`{"squadId":"x"}`, "", ""},
		{`{"destination":{"type":"number","number":"+14155552671"}}`, "", "assistant-request-returned-forwarding-phone-number"},
		{`{"error":"We are closed today."}`, "", "assistant-request-returned-error"},
		{`{}`, "want exactly one", "assistant-request-returned-no-assistant"},
		{`{"assistantId":"` + id + `","error":"x"}`, "want exactly one", "assistant-request-returned-error"},
		{`{"assistantId":"` + id + `","squadId":"x"}`, "want exactly one", ""},
		{`{"assistantId":"` + id + `","variableValues":{}}`, `unknown key "variableValues"`, ""},
		{`{"assistantId":"` + id + `","squadOverrides":{}}`, "squadOverrides without", ""},
		{`{"assistantId":"` + id + `","assistantOverrides":{"variables":{}}}`, "assistantOverrides.property variables should not exist", ""},
		{`{"assistantId":""}`, "assistantId is empty", "assistant-request-returned-invalid-assistant"},
		{`{"assistantId":"other"}`, "is unknown", "assistant-request-returned-invalid-assistant"},
		{`{"assistant":{"prompt":"x"}}`, "property prompt should not exist", "assistant-request-returned-invalid-assistant"},
		{`{"error":{"message":"x"}}`, "error is not a string", "assistant-request-returned-unspeakable-error"},
		{`assistant`, "is not JSON", "assistant-request-failed"},
	}
	for _, tt := range tests {
		bubble(t, func(t *testing.T) {
			d := &desk{answer: func(w http.ResponseWriter, _ *http.Request, m map[string]any) {
				if m["type"] == "assistant-request" {
					_, _ = io.WriteString(w, tt.body)
				}
			}}
			c := account(d, Options{AssistantRequests: true, AssistantID: id})
			k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
			if got := c.Violations(); tt.want == "" && len(got) > 0 || tt.want != "" && !has(got, tt.want) {
				t.Errorf("%s: violations %q, want %q", tt.body, got, tt.want)
			}
			if k.EndedReason() != tt.ended {
				t.Errorf("%s: ended %q, want %q", tt.body, k.EndedReason(), tt.ended)
			}
			if tt.ended == "" && k.Status() != "in-progress" {
				t.Errorf("%s: status %s, want the call in progress", tt.body, k.Status())
			}
		})
	}
}

func TestAssistantRequestHasSevenAndAHalfSeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{answer: func(_ http.ResponseWriter, _ *http.Request, m map[string]any) {
			if m["type"] == "assistant-request" {
				time.Sleep(8 * time.Second)
			}
		}}
		c := account(d, Options{AssistantRequests: true, Timeout: 60 * time.Second, Retry: Backoff{MaxRetries: 3}})
		start := time.Now()
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		if took := time.Since(start); took != 7500*time.Millisecond || k.EndedReason() != "assistant-request-failed" {
			t.Errorf("ended %q after %s, want assistant-request-failed after 7.5s", k.EndedReason(), took)
		}
		ended := d.messages("status-update")
		if got := ended[len(ended)-1]["inboundPhoneCallDebuggingArtifacts"]; got == nil {
			t.Error("no debugging artifacts in the last status-update")
		}
	})
}

func TestWordsNotMeantForPeopleAreSuspicious(t *testing.T) {
	for _, words := range []string{
		"Error: INVALID_SESSION_ID", "the token gave INVALID_SESSION_ID", "salesforce: context deadline exceeded", "dial tcp 10.0.0.1:443",
		`{"status":"open"}`, `["a"]`, "panic: runtime error", "goroutine 12 [running]", "desk.go:41", "*url.Error", "got <nil>",
		"map[a:b]", "%!s(int=3)", "System.NullPointerException", "TypeError", "HTTP 503", "the owner is undefined", "the amount is null",
		"case 500Hs00000AbCdEIAV", "see https://example.com", "due 2026-08-21T00:00:00Z", "Hello {name}", "Hello {{name}}", "**bold**",
	} {
		if got := suspicious(words, true); len(got) == 0 {
			t.Errorf("%q: nothing suspicious, want something", words)
		}
	}
	for _, words := range []string{
		"Case 00001026 is open and assigned to Dana.", "I've noted it; a colleague will confirm the number.", "Your next step is on file: 40% done.",
		"I made a mistake there, sorry.", "Your acknowledgement was received, and the responsibilities are clear.", "You can reach us at +1 555 867 5309.",
	} {
		if got := suspicious(words, true); len(got) > 0 {
			t.Errorf("%q: got %q, want nothing", words, got)
		}
	}
	if got := suspicious(`{"caseId":"500Hs00000AbCdEIAV"}`, false); len(got) > 0 {
		t.Errorf("facts for the model: got %q, want nothing", got)
	}
}
