package vapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parse(t testing.TB, body string) Message {
	t.Helper()
	m, err := Parse([]byte(body))
	if err != nil {
		t.Fatalf("Parse(%s): %v", body, err)
	}
	return m
}

// envelopeCase is a body and what it must read as.
type envelopeCase struct {
	body string
	want facts
}

func checkEnvelopes(t *testing.T, tests []envelopeCase) {
	t.Helper()
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, factsOf(t, parse(t, tt.body))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.body, diff)
		}
	}
}

// mission-part: A.14
func TestTutorialWordsReadLikeVapis(t *testing.T) {
	user := func(text string, final bool) Transcript { return Transcript{Role: RoleUser, Final: final, Text: text} }
	checkEnvelopes(t, []envelopeCase{
		{
			`{"type":"transcript","call":{"id":"c1"},"transcript":"hi","transcriptType":"partial","role":"user"}`,
			facts{Type: TypeTranscript, Call: "c1", Words: user("hi", false)},
		},
		{
			`{"event":"transcript.partial","callId":"c1","text":"No, mark it"}`,
			facts{Type: TypeTranscript, Call: "c1", Words: user("No, mark it", false)},
		},
		{
			`{"event":"transcript.final","callId":"c1","transcript":{"text":"closed-won"},"timestamp":1700000000000}`,
			facts{Type: TypeTranscript, Call: "c1", Words: user("closed-won", true), At: 1700000000000, Key: "transcript|user|2023-11-14T22:13:20Z|final"},
		},
		{
			`{"type":"transcript-partial","call":{"id":"c1"},"transcript":{"text":"I need","role":"assistant"}}`,
			facts{Type: TypeTranscript, Call: "c1", Words: Transcript{Role: RoleAssistant, Text: "I need"}},
		},
		{
			`{"message":{"type":"transcript","text":"We have a $50k budget"},"call":{"id":"c1","customer":{"number":"+15550100"}}}`,
			facts{Type: TypeTranscript, Call: "c1", Caller: "+15550100", Words: user("We have a $50k budget", true)},
		},
		{
			`{"message":{"type":"transcript[transcriptType=\"final\"]","role":"user","transcript":"yes","callId":"c1"}}`,
			facts{Type: TypeTranscript, Call: "c1", Words: user("yes", true)},
		},
		{
			`{"event":"speech-started","callId":"c1"}`,
			facts{Type: TypeSpeechUpdate, Call: "c1", Status: StatusStarted, Words: user("", false)},
		},
		{
			`{"message":{"type":"speech-update","status":"interrupted","transcript":"wait"},"call":{"id":"c1"}}`,
			facts{Type: TypeUserInterrupted, Call: "c1", Words: user("wait", false)},
		},
		{
			`{"event":"transcript.final","callId":"c1","role":"customer","text":"yes"}`,
			facts{Type: TypeTranscript, Call: "c1", Words: user("yes", true)},
		},
	})
}

// mission-part: A.14
func TestTutorialCallsReadLikeVapis(t *testing.T) {
	checkEnvelopes(t, []envelopeCase{
		{
			`{"type":"call.started","call":{"id":"c1","customer":{"number":"+15550100"}}}`,
			facts{Type: TypeStatusUpdate, Call: "c1", Caller: "+15550100", Status: StatusInProgress, Key: "status-update|in-progress|"},
		},
		{
			`{"event":"call.error","callId":"c1","errorCode":"pipeline-error"}`,
			facts{Type: TypeStatusUpdate, Call: "c1", Status: StatusEnded, Ended: "pipeline-error", Key: "status-update|ended|pipeline-error"},
		},
		{
			`{"event":"call.error","callId":"c1"}`,
			facts{Type: TypeStatusUpdate, Call: "c1", Status: StatusEnded, Ended: "call.error", Key: "status-update|ended|call.error"},
		},
		{
			`{"event":"call.ended","call":{"id":"c1","endedReason":"customer-busy"},"duration":42.5}`,
			facts{Type: TypeStatusUpdate, Call: "c1", Status: StatusEnded, Ended: "customer-busy", Key: "status-update|ended|customer-busy", Duration: 42500 * time.Millisecond},
		},
		{
			`{"type":"call-ended","call":{"id":"c1"},"endedReason":"customer-ended-call","summary":"All well."}`,
			facts{Type: TypeEndOfCallReport, Call: "c1", Ended: "customer-ended-call", Key: "end-of-call-report"},
		},
		{
			`{"event":"function.call","call":{"id":"c1"},"functionCall":{"id":"f1","name":"find","parameters":{"a":1}}}`,
			facts{Type: TypeToolCalls, Call: "c1", Legacy: true, Asks: `find{"a":1}`},
		},
		{
			`{"type":"function.call","callId":"c1","function":{"name":"find","arguments":"{\"a\":1}"}}`,
			facts{Type: TypeToolCalls, Call: "c1", Legacy: true, Asks: `find{"a":1}`},
		},
		{
			`{"type":"function-call","callId":"c1","name":"find","arguments":{"a":1}}`,
			facts{Type: TypeToolCalls, Call: "c1", Legacy: true, Asks: `find{"a":1}`},
		},
		{
			`{"event":"something.new","callId":"c1","timestamp":"2024-07-26T22:20:57.931Z"}`,
			facts{Type: "something.new", Call: "c1", At: 1722032457931, Key: "something.new||2024-07-26T22:20:57.931Z||"},
		},
		{`{}`, facts{}},
		{`{"message":"hello","type":7,"call":"c1","customer":[],"timestamp":{},"artifact":3}`, facts{Type: "7"}},
		{`{"customer":"{\"number\":\"+15550100\"}","artifact":"[{\"messages\":[{}]}]"}`, facts{}},
		{`{"message":{"type":null,"call":null,"timestamp":null}}`, facts{}},
	})
	m := parse(t, `{"event":"call.error","callId":"c1","errorCode":31005}`)
	if m.OriginalType != "call.error" || m.ErrorCode != "31005" {
		t.Errorf("got type %q, code %q; want call.error, 31005", m.OriginalType, m.ErrorCode)
	}
}

func TestToolCallShapes(t *testing.T) {
	in := func(list string) string { return `{"message":{"type":"tool-calls",` + list + `}}` }
	tests := []struct {
		name, body, want string
	}{
		{"arguments as string", in(`"toolCallList":[{"id":"t1","function":{"name":"f","arguments":"{\"a\":1}"}}]`), `t1 f {"a":1}`},
		{"arguments as object", in(`"toolCallList":[{"id":"t1","function":{"name":"f","arguments":{"a":1}}}]`), `t1 f {"a":1}`},
		{"flat parameters", in(`"toolCallList":[{"id":"t1","name":"f","parameters":{"a":1}}]`), `t1 f {"a":1}`},
		{"flat arguments", in(`"toolCallList":[{"id":"t1","name":"f","arguments":{"a":1}}]`), `t1 f {"a":1}`},
		{"function.parameters", in(`"toolCallList":[{"id":"t1","function":{"name":"f","parameters":{"a":1}}}]`), `t1 f {"a":1}`},
		{"null arguments beside parameters", in(`"toolCallList":[{"id":"t1","name":"f","arguments":null,"parameters":{"a":1}}]`), `t1 f {"a":1}`},
		{"toolCalls alone", in(`"toolCalls":[{"id":"t1","function":{"name":"f","arguments":{"a":1}}}]`), `t1 f {"a":1}`},
		{"empty toolCallList", in(`"toolCallList":[],"toolCalls":[{"id":"t1","name":"f","arguments":{}}]`), `t1 f {}`},
		{"toolCallList wins", in(`"toolCalls":[{"id":"t2","name":"g"}],"toolCallList":[{"id":"t1","name":"f"}]`), `t1 f {}`},
		{"name from the nested tool", in(`"toolWithToolCallList":[{"function":{"name":"f"},"toolCall":{"id":"t1","parameters":{"a":1}}}]`), `t1 f {"a":1}`},
		{"name from the flat tool", in(`"toolWithToolCallList":[{"name":"f","parameters":{"x":{}},"toolCall":{"id":"t1","parameters":{"a":1}}}]`), `t1 f {"a":1}`},
		{"name of the same id", in(`"toolCallList":[{"id":"t1"}],"toolWithToolCallList":[{"name":"g","toolCall":{"id":"t0"}},{"name":"f","toolCall":{"id":"t1"}}]`), `t1 f {}`},
		{"no arguments", in(`"toolCallList":[{"id":"t1","name":"f"}]`), `t1 f {}`},
		{"empty string", in(`"toolCallList":[{"id":"t1","name":"f","arguments":" "}]`), `t1 f {}`},
		{"null in a string", in(`"toolCallList":[{"id":"t1","name":"f","arguments":"null"}]`), `t1 f {}`},
		{"list not in a list", in(`"toolCallList":{"id":"t1","name":"f","arguments":{"a":1}}`), `t1 f {"a":1}`},
		{"numeric id", in(`"toolCallList":[{"id":12345678901234567890,"name":"f"}]`), `12345678901234567890 f {}`},
		{"unwrapped", `{"type":"tool-calls","toolCallList":[{"id":"t1","name":"f"}]}`, `t1 f {}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := parse(t, tt.body)
			if len(m.ToolCalls) != 1 || m.Legacy {
				t.Fatalf("got %d calls, legacy %v; want 1, false", len(m.ToolCalls), m.Legacy)
			}
			c := m.ToolCalls[0]
			if got := c.ID + " " + c.Name + " " + string(c.Arguments); got != tt.want || c.Err != nil {
				t.Errorf("got %s (%v), want %s", got, c.Err, tt.want)
			}
		})
	}
}

func TestOneBadCallLeavesTheOthersAlone(t *testing.T) {
	deep := strings.Repeat(`[`, maxDepth) + strings.Repeat(`]`, maxDepth)
	deepText, err := json.Marshal(`{"a":` + deep + `}`)
	if err != nil {
		t.Fatal(err)
	}
	m := parse(t, `{"message":{"type":"tool-calls","call":{"id":"c1"},"toolCallList":[
		{"id":"good","name":"f","arguments":{"a":1}},
		{"id":"list","name":"f","arguments":[1]},
		{"id":"boolean","name":"f","arguments":true},
		{"id":"number","name":"f","arguments":7},
		{"id":"cut","name":"f","arguments":"{\"a\":"},
		{"id":"words","name":"f","arguments":"tomorrow"},
		{"id":"deep","name":"f","arguments":`+string(deepText)+`},
		{"id":"nameless","arguments":{}},
		"no call at all",
		{"id":"last","name":"g"}]}}`)
	want := []struct{ id, err string }{
		{"good", ""},
		{"list", "arguments of f are of type list, not an object; call it again with a JSON object"},
		{"boolean", "arguments of f are of type boolean, not an object; call it again with a JSON object"},
		{"number", "arguments of f are of type number, not an object; call it again with a JSON object"},
		{"cut", "arguments of f are a string that holds no JSON object; call it again with a JSON object"},
		{"words", "arguments of f are a string that holds no JSON object; call it again with a JSON object"},
		{"deep", "arguments of f are a string that holds no JSON object; call it again with a JSON object"},
		{"nameless", "tool call has no function name; call the tool again by its name"},
		{"", "tool call is no object; call the tool again"},
		{"last", ""},
	}
	if len(m.ToolCalls) != len(want) {
		t.Fatalf("got %d calls, want %d", len(m.ToolCalls), len(want))
	}
	for i, w := range want {
		c, said := m.ToolCalls[i], ""
		if c.Err != nil {
			said = c.Err.Error()
		}
		if w.id != "" && c.ID != w.id || c.ID == "" || said != w.err {
			t.Errorf("call %d: got %q, %q; want %q, %q", i, c.ID, said, w.id, w.err)
		}
		if c.Err != nil && string(c.Arguments) != "{}" {
			t.Errorf("call %d: got arguments %s, want {}", i, c.Arguments)
		}
	}
}

func TestRedeliveredFunctionCallKeepsItsID(t *testing.T) {
	id := func(body string) string { return parse(t, body).ToolCalls[0].ID }
	first := id(`{"message":{"type":"function-call","call":{"id":"c1"},"timestamp":1,"functionCall":{"name":"f","parameters":{"a":1}}}}`)
	if again := id(`{"type":"function-call","callId":"c1","timestamp":1,"functionCall":{"name":"f","parameters": {"a": 1}}}`); again != first {
		t.Errorf("same ask: got %s, want %s", again, first)
	}
	ids := map[string]bool{first: true}
	for name, body := range map[string]string{
		"asked later":     `{"type":"function-call","callId":"c1","timestamp":2,"functionCall":{"name":"f","parameters":{"a":1}}}`,
		"other call":      `{"type":"function-call","callId":"c2","functionCall":{"name":"f","parameters":{"a":1}}}`,
		"other function":  `{"type":"function-call","callId":"c1","functionCall":{"name":"g","parameters":{"a":1}}}`,
		"other arguments": `{"type":"function-call","callId":"c1","functionCall":{"name":"f","parameters":{"a":2}}}`,
		"no call id":      `{"type":"function-call","timestamp":1700000000,"functionCall":{"name":"f","parameters":{"a":1}}}`,
		"later, no id":    `{"type":"function-call","timestamp":1700000001,"functionCall":{"name":"f","parameters":{"a":1}}}`,
	} {
		other := id(body)
		if ids[other] {
			t.Errorf("%s: got the id %s of another ask", name, other)
		}
		ids[other] = true
	}
	if got := id(`{"type":"function-call","callId":"c1","functionCall":{"id":"f1","name":"f"}}`); got != "f1" {
		t.Errorf("given id: got %s, want f1", got)
	}
}

func TestMetadataIsReadInOrder(t *testing.T) {
	m := parse(t, `{"message":{"type":"hang","assistant":{"metadata":{"leadId":"A","caseId":"A","plan":{"x":1}}},
		"call":{"metadata":{"leadId":"C","caseId":"C","interruptCount":3,"vip":true},
		"assistantOverrides":{"metadata":{"leadId":"O","caseId":null,"a.b":"dotted"}}}}}`)
	for key, want := range map[string]string{
		"leadId": "O", "caseId": "C", "interruptCount": "3", "vip": "true", "a.b": "dotted", "plan": `{"x":1}`, "none": "", "": "", "#": "", "@this": "",
	} {
		if got := m.Metadata.Value(key); got != want {
			t.Errorf("Value(%q): got %q, want %q", key, got, want)
		}
	}
	if got := parse(t, `{"call":{"metadata":"text"}}`).Metadata; got.Call != nil || got.Value("text") != "" {
		t.Errorf("metadata that is no object: got %s, want none", got.Call)
	}
}

func TestCustomerIsMergedFromBothPlaces(t *testing.T) {
	m := parse(t, `{"message":{"type":"hang","customer":{"number":"+15550100"},
		"call":{"customer":{"number":"+15550199","name":"Jo","id":"003A"},"phoneCallProviderId":"CA1","phoneNumber":{"number":"+15550111"}}}}`)
	if diff := cmp.Diff(Customer{Number: "+15550100", Name: "Jo", ID: "003A"}, m.Customer); diff != "" {
		t.Errorf("customer (-want +got):\n%s", diff)
	}
	if m.Call.CallSID != "CA1" || m.Call.PhoneNumber != "+15550111" {
		t.Errorf("got sid %q, our number %q; want CA1, +15550111", m.Call.CallSID, m.Call.PhoneNumber)
	}
}

func TestReportOfOlderAccountsIsReadFromTheTop(t *testing.T) {
	m := parse(t, `{"message":{"type":"end-of-call-report","call":{"id":"c1"},"endedReason":"customer-ended-call",
		"artifact":{"messages":[],"variables":{"x":"1"}},"analysis":{},"durationMs":61500,"durationSeconds":60,"cost":0.5,
		"summary":"Sum","transcript":"AI: Hi","recordingUrl":"https://r/m.wav","stereoRecordingUrl":"https://r/s.wav",
		"messages":[{"role":"bot","message":"Hi","time":1700000000000},{"role":"user","message":"Ho"}],"timestamp":"2024-07-26T22:20:57.931Z"}}`)
	want := Report{Duration: 61500 * time.Millisecond, Cost: 0.5, Summary: "Sum", Transcript: "AI: Hi", RecordingURL: "https://r/m.wav", StereoRecordingURL: "https://r/s.wav"}
	if diff := cmp.Diff(want, m.Report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	said := []Said{{Role: RoleAssistant, Text: "Hi", At: time.UnixMilli(1700000000000).UTC()}, {Role: RoleUser, Text: "Ho"}}
	if diff := cmp.Diff(said, m.Conversation()); diff != "" {
		t.Errorf("conversation (-want +got):\n%s", diff)
	}
	if string(m.Variables) != `{"x":"1"}` {
		t.Errorf("variables: got %s", m.Variables)
	}
}

func TestTimesInEveryUnit(t *testing.T) {
	want := time.Date(2023, 11, 14, 22, 13, 20, 500e6, time.UTC)
	for _, sent := range []string{
		"1700000000.5", "1700000000500", "1700000000500.0", "1.7000000005e12", `"1700000000500"`, `"1700000000.5"`,
		`"2023-11-14T22:13:20.5Z"`, `"2023-11-15T00:13:20.500+02:00"`,
	} {
		if got := parse(t, `{"timestamp":`+sent+`}`).At; !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: got %v, want %v", sent, got, want)
		}
	}
	for _, sent := range []string{"0", "-1", "1e300", "1e14", `"inf"`, `"0x10"`, `"1e9"`, `"now"`, `""`, "true", "[]"} {
		if got := parse(t, `{"timestamp":`+sent+`}`).At; !got.IsZero() {
			t.Errorf("%s: got %v, want no time", sent, got)
		}
	}
}

// mission-part: P3.8
func TestDedupeKeyTellsEventsOfACallApart(t *testing.T) {
	transcript := func(kind, role, at string) string {
		return `{"message":{"type":"transcript","transcriptType":"` + kind + `","role":"` + role + `","transcript":"x","timestamp":` + at + `}}`
	}
	bodies := []string{
		transcript("partial", "user", "1700000000001"),
		transcript("final", "user", "1700000000001"),
		transcript("final", "assistant", "1700000000001"),
		transcript("final", "user", "1700000000002"),
		`{"message":{"type":"status-update","status":"in-progress"}}`,
		`{"message":{"type":"status-update","status":"ended"}}`,
		`{"message":{"type":"status-update","status":"ended","endedReason":"voicemail"}}`,
		`{"message":{"type":"end-of-call-report","endedReason":"voicemail"}}`,
		`{"message":{"type":"speech-update","status":"started","role":"user","timestamp":1700000000001}}`,
		`{"message":{"type":"speech-update","status":"stopped","role":"user","timestamp":1700000000001}}`,
		`{"message":{"type":"user-interrupted","turnId":"1","timestamp":1700000000001}}`,
		`{"message":{"type":"user-interrupted","turnId":"2","timestamp":1700000000001}}`,
		`{"message":{"type":"status-update","status":"a|b"}}`,
		`{"message":{"type":"status-update","status":"a","endedReason":"b|"}}`,
	}
	of := map[string]string{}
	for _, b := range bodies {
		key := parse(t, b).DedupeKey()
		if key == "" || of[key] != "" {
			t.Errorf("%s: got key %q, which %s has", b, key, of[key])
		}
		of[key] = b
		// A second delivery differs in its signed addresses.
		again := strings.Replace(b, `{"message":{`, `{"message":{"artifact":{"recordingUrl":"https://r/other"},`, 1)
		if got := parse(t, again).DedupeKey(); got != key {
			t.Errorf("%s delivered twice: got %q, want %q", b, got, key)
		}
	}
	for _, b := range []string{
		`{"message":{"type":"tool-calls","timestamp":1700000000001,"toolCallList":[{"id":"t1","name":"f"}]}}`,
		`{"message":{"type":"assistant-request","timestamp":1700000000001}}`,
		`{"message":{"type":"transcript","role":"user","transcript":"x"}}`,
	} {
		if got := parse(t, b).DedupeKey(); got != "" {
			t.Errorf("%s: got key %q, want none", b, got)
		}
	}
}

func TestBodyThatIsNoMessage(t *testing.T) {
	open := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	tests := []struct {
		name, body string
		offset     int
	}{
		{"empty", "", 0},
		{"blanks", "  ", 2},
		{"truncated", `{"message":{"type":"hang"`, 25},
		{"form", "a=b&c=d", 1},
		{"two objects", `{} {}`, 4},
		{"trailing comma", `{"a":1,}`, 8},
		{"list", ` [1]`, 1},
		{"null", `null`, 0},
		{"string", `"{}"`, 0},
		{"too deep", open(maxDepth + 1), maxDepth * 5},
		{"too deep and cut short", strings.Repeat("[", 1<<20), maxDepth},
	}
	for _, tt := range tests {
		_, err := Parse([]byte(tt.body))
		var fault *BodyError
		if !errors.As(err, &fault) || !errors.Is(err, ErrBody) || fault.Offset != tt.offset {
			t.Errorf("%s: got %v, want ErrBody at byte %d", tt.name, err, tt.offset)
			continue
		}
		if place := fmt.Sprintf("at byte %d", tt.offset); !strings.Contains(err.Error(), place) || strings.Contains(err.Error(), "hang") {
			t.Errorf("%s: got %q, want %q and nothing of the body", tt.name, err, place)
		}
	}
	if _, err := Parse([]byte(open(maxDepth))); err != nil {
		t.Errorf("deepest allowed: got %v, want nil", err)
	}
	if _, err := Parse([]byte(`{"a":"` + strings.Repeat(`{[\"`, 300) + `"}`)); err != nil {
		t.Errorf("brackets in a string: got %v, want nil", err)
	}
}

func TestTextsAreUTF8AndLeaveTheBodyAlone(t *testing.T) {
	body := []byte("{\"message\":{\"type\":\"transcript\",\"text\":\"caf\xff \\ud800 ok\",\"call\":{\"id\":\"c1\"}}}")
	before := string(body)
	m := parse(t, before)
	if got, want := m.Transcript.Text, "caf\uFFFD \uFFFD ok"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	m, err := Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if m.CallID != "c1" {
		t.Errorf("after the body was overwritten: got call %q, want c1", m.CallID)
	}
}
