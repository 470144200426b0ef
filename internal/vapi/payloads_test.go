package vapi

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	wireCall    = "0198b3a2-6c1e-7aa0-9f51-3d0c5a7e9b10"
	wireControl = "https://phone-call-websocket.aws-us-west-2-backend-production2.vapi.ai/" + wireCall + "/control"
)

func payload(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "payloads", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func compact(t testing.TB, raw []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return b.String()
}

// facts are what the table below states of a payload, in a form that compares.
type facts struct {
	Type     Type
	At       int64 // milliseconds
	Call     string
	Caller   string
	Status   string
	Ended    string
	Words    Transcript
	Said     int
	Asks     string // name and arguments of each
	Legacy   bool
	Key      string
	Duration time.Duration
}

func factsOf(t *testing.T, m Message) facts {
	t.Helper()
	f := facts{
		Type: m.Type, Call: m.CallID, Caller: m.Customer.Number, Status: m.Status, Ended: m.EndedReason,
		Words: m.Transcript, Said: len(m.Conversation()), Legacy: m.Legacy, Key: m.DedupeKey(), Duration: m.Report.Duration,
	}
	if !m.At.IsZero() {
		f.At = m.At.UnixMilli()
	}
	for _, c := range m.ToolCalls {
		if c.Err != nil || c.ID == "" {
			t.Errorf("tool call %q: got id %q, error %v", c.Name, c.ID, c.Err)
		}
		f.Asks += c.Name + compact(t, c.Arguments)
	}
	return f
}

// payloadFacts has an entry for each server message in testdata/payloads.
var payloadFacts = map[string]facts{
	"assistant-request.skills":          {Type: TypeAssistantRequest, Call: "call-uuid", Caller: "+11234567890"},
	"assistant-request.spec":            {Type: TypeAssistantRequest, At: 1787270400600, Call: wireCall, Caller: "+12125550123"},
	"assistant-speech-started.docs":     {Type: TypeAssistantSpeech, Words: Transcript{Role: "assistant", Text: "Hello world, how can I help you today?"}},
	"assistant-started.composed":        {Type: TypeAssistantStarted, At: 1787270401100, Call: wireCall, Caller: "+12125550123", Key: "assistant.started||2026-08-21T00:00:01.1Z||"},
	"call-endpointing-request.composed": {Type: TypeEndpointingRequest, At: 1787270408300, Call: wireCall, Caller: "+12125550123", Said: 3},
	"campaign-predial.spec":             {Type: TypeCampaignPredial, At: 1787270400000, Caller: "+12125550123"},
	"chat-created.composed":             {Type: "chat.created", At: 1787270400000, Key: "chat.created||2026-08-21T00:00:00Z||"},
	"conversation-update.spec":          {Type: TypeConversationUpdate, At: 1787270408400, Call: wireCall, Caller: "+12125550123", Said: 3, Key: "conversation-update||2026-08-21T00:00:08.4Z||"},
	"end-of-call-report.docs":           {Type: TypeEndOfCallReport, Ended: "hangup", Said: 2, Key: "end-of-call-report"},
	"end-of-call-report.forwarded":      {Type: TypeEndOfCallReport, At: 1787270490000, Call: wireCall, Caller: "+12125550123", Ended: "assistant-forwarded-call", Said: 3, Key: "end-of-call-report", Duration: 72 * time.Second},
	"end-of-call-report.no-answer":      {Type: TypeEndOfCallReport, At: 1787270432000, Call: wireCall, Caller: "+12125550123", Ended: "customer-did-not-answer", Key: "end-of-call-report"},
	"end-of-call-report.skills":         {Type: TypeEndOfCallReport, Call: "call-uuid", Ended: "customer-ended-call", Said: 2, Key: "end-of-call-report", Duration: 3 * time.Minute},
	"end-of-call-report.spec-full":      {Type: TypeEndOfCallReport, At: 1787270464000, Call: wireCall, Caller: "+12125550123", Ended: "customer-ended-call", Said: 7, Key: "end-of-call-report", Duration: 17430 * time.Millisecond},
	"function-call.legacy-docs-2024":    {Type: TypeToolCalls, Legacy: true, Asks: `sendEmail{"emailAddress":"john@example.com"}`},
	"handoff-destination-request.spec":  {Type: TypeHandoffDestination, At: 1787270440000, Call: wireCall, Caller: "+12125550123", Said: 3},
	"hang.skills":                       {Type: TypeHang, Call: "call-uuid"},
	"knowledge-base-request.spec":       {Type: TypeKnowledgeBaseRequest, At: 1787270408500, Call: wireCall, Caller: "+12125550123", Said: 3},
	"language-change-detected.docs":     {Type: TypeLanguageChange},
	"model-output.docs":                 {Type: TypeModelOutput},
	"phone-call-control.docs-forward":   {Type: TypePhoneCallControl},
	"phone-call-control.docs-hang-up":   {Type: TypePhoneCallControl},
	"speech-update.docs":                {Type: TypeSpeechUpdate, Status: StatusStarted, Words: Transcript{Role: "assistant"}},
	"speech-update.skills":              {Type: TypeSpeechUpdate, Status: StatusStarted, Call: "call-uuid", Words: Transcript{Role: "user"}},
	"status-update.docs-ended":          {Type: TypeStatusUpdate, Status: StatusEnded, Key: "status-update|ended|"},
	"status-update.ended":               {Type: TypeStatusUpdate, At: 1787270461000, Call: wireCall, Caller: "+12125550123", Status: StatusEnded, Ended: "customer-ended-call", Said: 3, Key: "status-update|ended|customer-ended-call"},
	"status-update.in-progress":         {Type: TypeStatusUpdate, At: 1787270401200, Call: wireCall, Caller: "+12125550123", Status: StatusInProgress, Said: 1, Key: "status-update|in-progress|"},
	"status-update.skills-in-progress":  {Type: TypeStatusUpdate, Call: "call-uuid", Status: StatusInProgress, Key: "status-update|in-progress|"},
	"tool-calls.docs-flat-arguments":    {Type: TypeToolCalls, At: 1678901234567, Call: "call-uuid", Asks: `get_weather{"location":"San Francisco"}`},
	"tool-calls.docs-flat-parameters":   {Type: TypeToolCalls, Asks: `sendEmail{"emailAddress":"john@example.com","message":"Hi!"}`},
	"tool-calls.skills-flat-parameters": {Type: TypeToolCalls, Call: "call-uuid", Asks: `function_name{"key":"value"}`},
	"tool-calls.spec-string-arguments":  {Type: TypeToolCalls, At: 1787270409000, Call: wireCall, Caller: "+12125550123", Said: 3, Asks: `sf_get_case{"caseNumber":"00001026"}`},
	"transcript.docs-partial":           {Type: TypeTranscript, Words: Transcript{Role: "user", Text: "I'd like to book..."}},
	"transcript.skills-final":           {Type: TypeTranscript, Call: "call-uuid", Words: Transcript{Role: "user", Final: true, Text: "I need help with my order"}},
	"transfer-destination-request.docs": {Type: TypeTransferDestination},
	"transfer-destination-request.spec": {Type: TypeTransferDestination, At: 1787270440000, Call: wireCall, Caller: "+12125550123", Said: 3},
	"transfer-update.spec":              {Type: TypeTransferUpdate, At: 1787270442000, Call: wireCall, Caller: "+12125550123", Said: 3, Key: "transfer-update||2026-08-21T00:00:42Z||"},
	"user-interrupted.docs":             {Type: TypeUserInterrupted, Words: Transcript{Role: "user"}},
	"voice-input.docs":                  {Type: TypeVoiceInput},
	"voice-request.docs":                {Type: TypeVoiceRequest},
	"tool-calls.wire-parallel-object-arguments": {
		Type: TypeToolCalls, At: 1787270409000, Call: wireCall, Caller: "+12125550123", Said: 4,
		Asks: `sf_get_case{"caseNumber":"00001026"}sf_find_contact{"phone":"+12125550123"}`,
	},
}

func TestEveryPayloadParses(t *testing.T) {
	files, err := filepath.Glob("testdata/payloads/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("payloads: got %d, %v", len(files), err)
	}
	seen := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		m, err := Parse(payload(t, name))
		if err != nil {
			t.Errorf("%s: got %v, want nil", name, err)
			continue
		}
		want, ok := payloadFacts[name]
		if !ok {
			if !strings.HasPrefix(name, "response.") && !strings.HasPrefix(name, "control.") && !strings.HasPrefix(name, "rest.") {
				t.Errorf("%s: has no entry in payloadFacts", name)
			}
			continue
		}
		seen++
		if diff := cmp.Diff(want, factsOf(t, m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if seen != len(payloadFacts) {
		t.Errorf("payloads with an entry: got %d, want %d", seen, len(payloadFacts))
	}
}

func TestWireMessageInFull(t *testing.T) {
	m, err := Parse(payload(t, "tool-calls.wire-parallel-object-arguments"))
	if err != nil {
		t.Fatal(err)
	}
	wantCall := Call{
		Type: "outboundPhoneCall", AssistantID: "0198b3a2-0000-7000-8000-0000000a5515",
		PhoneNumberID: "0198b3a2-0000-7000-8000-0000000000f1", PhoneNumber: "+14155550100",
		CallSID: "CA00000000000000000000000000000001", ControlURL: wireControl,
	}
	if diff := cmp.Diff(wantCall, m.Call, cmp.Comparer(func(a, b ControlURL) bool { return string(a) == string(b) })); diff != "" {
		t.Errorf("call (-want +got):\n%s", diff)
	}
	if err := m.Call.ControlURL.Check(m.CallID); err != nil {
		t.Errorf("control url: got %v, want nil", err)
	}
	wantCustomer := Customer{Number: "+12125550123", Name: "Jordan Lee", ExternalID: "003Hs00000AbCdEIAV"}
	if diff := cmp.Diff(wantCustomer, m.Customer); diff != "" {
		t.Errorf("customer (-want +got):\n%s", diff)
	}
	if got, want := m.Metadata.Value("salesforceTaskId"), "00THs00000XyZ12MAD"; got != want {
		t.Errorf("metadata: got %q, want %q", got, want)
	}
	if got, want := compact(t, m.Variables), `{"firstName":"Jordan","accountName":"Acme Corp"}`; got != want {
		t.Errorf("variables: got %s, want %s", got, want)
	}
	if got, want := m.ToolCalls[1].ID, "call_Yp4nR8t2uV6wZa1cD3eF5gHi"; got != want {
		t.Errorf("second id: got %q, want %q", got, want)
	}
	said := m.Conversation()[1]
	want := Said{Role: RoleAssistant, Text: "Hello, this is Acme support. How can I help?", At: time.UnixMilli(1787270401520).UTC()}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("second entry (-want +got):\n%s", diff)
	}
}

func TestReportInFull(t *testing.T) {
	m, err := Parse(payload(t, "end-of-call-report.spec-full"))
	if err != nil {
		t.Fatal(err)
	}
	r := m.Report
	if !strings.HasPrefix(r.Transcript, "AI: Hello") || !strings.HasPrefix(r.Summary, "The caller asked") {
		t.Errorf("got transcript %q, summary %q", r.Transcript, r.Summary)
	}
	if got, want := compact(t, r.StructuredData), `{"caseNumber":"00001026","resolved":false,"callbackRequested":false}`; got != want {
		t.Errorf("structured data: got %s, want %s", got, want)
	}
	if !json.Valid(r.StructuredOutputs) || r.Success != "true" || r.Cost != 0.0271 {
		t.Errorf("got outputs %s, success %q, cost %v", r.StructuredOutputs, r.Success, r.Cost)
	}
	if !strings.HasSuffix(r.RecordingURL, "-mono.wav") || !strings.HasSuffix(r.StereoRecordingURL, "-stereo.wav") {
		t.Errorf("got recordings %q, %q", r.RecordingURL, r.StereoRecordingURL)
	}
	if got := m.Conversation()[4]; got.Role != "tool_call_result" || !strings.HasPrefix(got.Text, "Case 00001026 is In") {
		t.Errorf("tool's result in the conversation: got %+v", got)
	}

	forwarded, err := Parse(payload(t, "end-of-call-report.forwarded"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]TransferOutcome{{"connected", "+14155550142"}}, forwarded.Report.Transfers); diff != "" {
		t.Errorf("transfers (-want +got):\n%s", diff)
	}
}

func BenchmarkVerifyAndParse(b *testing.B) {
	body := payload(b, "tool-calls.wire-parallel-object-arguments")
	c := preset(b, "hmac-raw-body", "topsecret")
	v, req := verifier(b, c), sign(b, c, "", string(body))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Verify(req); err != nil {
			b.Fatal(err)
		}
		if _, err := Parse(req.Body); err != nil {
			b.Fatal(err)
		}
	}
}
