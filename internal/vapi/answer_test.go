package vapi

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// sameJSON compares two JSON texts by what they say.
func sameJSON(t *testing.T, got, want []byte) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEncodeResultsAsDocumented(t *testing.T) {
	got := EncodeResults([]Result{
		{ToolCallID: "call_Xk2vQ0m1rT9sLw3bC5dE7fGh", Name: "sf_get_case", Result: "Case 00001026 is In Progress, owner Dana Ruiz, last updated 2026-08-19."},
		{
			ToolCallID: "call_Yp4nR8t2uV6wZa1cD3eF5gHi", Name: "sf_find_contact", Failed: true, Error: "No contact has this phone number.",
			Message: "I could not find your record, may I have your email?",
		},
	})
	want := strings.ReplaceAll(compact(t, payload(t, "response.tool-calls.full")), `,"metadata":{"caseId":"500Hs00000AbCdEIAV"}`, "")
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	sameJSON(t, EncodeResults([]Result{{ToolCallID: "abc123", Name: "sendEmail", Result: `{ "status": "sent" }`}}), payload(t, "response.tool-calls.docs"))
	sameJSON(t, EncodeLegacy(Result{Result: "Your email has been sent."}), payload(t, "response.function-call.legacy-docs-2024"))
	if got := string(EncodeResults(nil)); got != `{"results":[]}` {
		t.Errorf("no results: got %s", got)
	}
	if got := string(EncodeNothing()); got != `{}` {
		t.Errorf("nothing: got %s", got)
	}
}

// mission-part: P1.2
func TestResultTexts(t *testing.T) {
	tests := []struct {
		name string
		in   Result
		want string
	}{
		{"spoken", Result{Result: "r", Message: "m"}, `"result":"r","message":{"type":"request-complete","content":"m"}`},
		{"spoken failure", Result{Failed: true, Error: "e", Message: "m"}, `"error":"e","message":{"type":"request-failed","content":"m"}`},
		{"both texts, done", Result{Result: "r", Error: "e"}, `"result":"r"`},
		{"both texts, failed", Result{Result: "r", Error: "e", Failed: true}, `"error":"e"`},
		{"words alone", Result{Message: "m"}, `"result":"m","message":{"type":"request-complete","content":"m"}`},
		{"nothing", Result{}, `"result":"The tool returned no details."`},
		{"nothing, failed", Result{Failed: true}, `"error":"The tool failed and gave no reason."`},
		{"blank", Result{Result: " \n\t "}, `"result":"The tool returned no details."`},
		{"lines", Result{Result: "a\r\n\tb\nc\x00d\u2028e\u0085f"}, `"result":"a b c d e f"`},
		{"blanks inside stay", Result{Result: `{"a":"b  c"}`}, `"result":"{\"a\":\"b  c\"}"`},
		{"no HTML escapes", Result{Result: "AT&T <b>"}, `"result":"AT&T <b>"`},
		{"no UTF-8", Result{Result: "caf\xff"}, "\"result\":\"caf\uFFFD\""},
	}
	for _, tt := range tests {
		want := `{"results":[{"name":"","toolCallId":"",` + tt.want + `}]}`
		if got := string(EncodeResults([]Result{tt.in})); got != want {
			t.Errorf("%s: got %s, want %s", tt.name, got, want)
		}
	}
	if got := string(EncodeLegacy(Result{Failed: true, Error: "no\nway"})); got != `{"result":"no way"}` {
		t.Errorf("legacy failure: got %s", got)
	}
}

func TestToolCallIDIsReturnedExactly(t *testing.T) {
	for _, id := range []string{"call_1", "toolu_01DT", " padded ", "line\nbreak", `quo"te`, "ünï"} {
		var got struct{ Results []struct{ ToolCallID string } }
		if err := json.Unmarshal(EncodeResults([]Result{{ToolCallID: id}}), &got); err != nil || got.Results[0].ToolCallID != id {
			t.Errorf("got %q (%v), want %q", got.Results[0].ToolCallID, err, id)
		}
	}
}

// mission-part: P1.2
func TestLongTextsAreCutAtAWord(t *testing.T) {
	tests := []struct {
		name, in  string
		limit     int
		want      string
		wantRunes int
	}{
		{"fits", "one two", 7, "one two", 7},
		{"many bytes, few characters", "ééééé", 5, "ééééé", 5},
		{"at a word", "aaaaaaaa bb", 10, "aaaaaaaa…", 9},
		{"no word near", "aaa bbbbbbbbbbbb", 10, "aaa bbbbb…", 10},
		{"characters stay whole", "ééééééééééé", 10, "ééééééééé…", 10},
		{"blanks before the cut", "aaaaaaaa   b", 10, "aaaaaaaa…", 9},
	}
	for _, tt := range tests {
		got := cut(tt.in, tt.limit)
		if got != tt.want || utf8.RuneCountInString(got) != tt.wantRunes {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	long := strings.Repeat("wörd ", 2000)
	var body struct {
		Results []struct {
			Result  string
			Message struct{ Content string }
		}
	}
	if err := json.Unmarshal(EncodeResults([]Result{{Result: long, Message: long}}), &body); err != nil {
		t.Fatal(err)
	}
	content, result := body.Results[0].Message.Content, body.Results[0].Result
	if n := utf8.RuneCountInString(content); n > MaxMessage || n < MaxMessage-10 || !strings.HasSuffix(content, " wörd…") {
		t.Errorf("content: got %d characters ending %q, want at most %d ending at a word", n, content[len(content)-12:], MaxMessage)
	}
	if n := utf8.RuneCountInString(result); n > MaxResult || n < MaxResult-10 {
		t.Errorf("result: got %d characters, want at most %d", n, MaxResult)
	}
}

func TestRepliesAsDocumented(t *testing.T) {
	assistant := func(r AssistantReply) []byte {
		t.Helper()
		body, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	sameJSON(t, assistant(AssistantReply{AssistantID: "your-saved-assistant-id"}), payload(t, "response.assistant-request.assistantId.docs"))
	sameJSON(t, assistant(AssistantReply{Error: "Sorry, not enough credits on your account, please refill."}), payload(t, "response.assistant-request.error.docs"))
	sameJSON(t, assistant(AssistantReply{Destination: &Destination{
		Number: "+14155552671", CallerID: "{{phoneNumber.number}}", Extension: "101", Message: "Connecting you to support.",
	}}), payload(t, "response.assistant-request.destination.docs"))
	sameJSON(t, assistant(AssistantReply{AssistantID: "0198b3a2-0000-7000-8000-0000000a5515", Overrides: &Overrides{
		FirstMessage:   "Hi Jordan, are you calling about case 00001026?",
		VariableValues: map[string]any{"firstName": "Jordan", "openCase": "00001026"},
		Metadata:       map[string]any{"salesforceContactId": "003Hs00000AbCdEIAV"},
	}}), payload(t, "response.assistant-request.overrides"))
	sameJSON(t, EncodeEligible(true), payload(t, "response.campaign-predial.spec"))

	transfer, err := TransferReply{Destination: &Destination{Number: "+11234567890"}, Message: "Transferring\nyou now"}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// The documentation's example has message.message where the API reference has message.content.
	want := strings.Replace(string(payload(t, "response.transfer-destination-request.docs")), `"message": "Trans`, `"content": "Trans`, 1)
	sameJSON(t, transfer, []byte(want))
}

func TestReplyThatSaysNothingIsRefused(t *testing.T) {
	both := &Destination{Number: "+11234567890", SIPURI: "sip:a@example.com"}
	for name, encode := range map[string]func() ([]byte, error){
		"assistant, nobody":          AssistantReply{}.Encode,
		"assistant, no destination":  AssistantReply{Destination: &Destination{}}.Encode,
		"assistant, unencodable":     AssistantReply{AssistantID: "a", Overrides: &Overrides{Metadata: map[string]any{"f": func() {}}}}.Encode,
		"transfer, nobody":           TransferReply{}.Encode,
		"transfer and error":         TransferReply{Destination: &Destination{Number: "+1"}, Error: "no"}.Encode,
		"transfer, two destinations": TransferReply{Destination: both}.Encode,
		"control transfer, nobody":   Transfer{}.Encode,
	} {
		if body, err := encode(); err == nil {
			t.Errorf("%s: got %s, want an error", name, body)
		}
	}
}

func TestDestinationForms(t *testing.T) {
	for want, d := range map[string]Destination{
		`{"type":"number","number":"+1415"}`:                     {Number: "+1415"},
		`{"type":"number","number":"+1415","message":""}`:        {Number: "+1415", Silent: true},
		`{"type":"sip","sipUri":"sip:a@b","message":"One line"}`: {SIPURI: "sip:a@b", Message: "One\nline"},
		`{"type":"number","number":"+1","transferPlan":{"mode":"warm-transfer-say-message","message":"Jo, case 7"}}`: {
			Number: "+1", Plan: &TransferPlan{Mode: WarmSayMessage, Message: "Jo, case 7"},
		},
	} {
		if got, err := json.Marshal(d); err != nil || string(got) != want {
			t.Errorf("got %s (%v), want %s", got, err, want)
		}
	}
}
