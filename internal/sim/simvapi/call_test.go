package simvapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestACallIsToldInTheVendorsOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		k.Says(t.Context(), "user", "My case, please")
		k.Asks(t.Context(), "get_case", nil, AskOptions{})
		k.HangsUp(t.Context(), "customer-ended-call")
		turn := []string{"speech-update started", "transcript", "transcript", "speech-update stopped", "conversation-update"}
		want := slices.Concat([]string{"status-update queued", "status-update ringing", "status-update in-progress", "assistant.started"},
			turn, turn, []string{"tool-calls", "status-update ended", "end-of-call-report"})
		if diff := cmp.Diff(want, d.order()); diff != "" {
			t.Error(diff)
		}
		for _, m := range d.messages("") {
			if s := m["call"].(map[string]any)["status"]; s != "ringing" {
				t.Errorf("%s shows call.status %v, want it stale: ringing", m["type"], s)
			}
		}
		if got := c.Violations(); len(got) > 0 {
			t.Errorf("violations %q, want none", got)
		}
		if n := c.Counts(); n["transcript"] != 4 || n["tool-calls"] != 1 {
			t.Errorf("counts %v, want 4 transcripts and 1 tool-calls", n)
		}
	})
}

func TestOnlyWhatIsSubscribedIsSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{ServerMessages: DefaultServerMessages()})
		c.Ring(t.Context(), Caller{Number: "+15550100100"}).Says(t.Context(), "user", "Hello")
		if n := len(d.messages("transcript")); n != 0 {
			t.Errorf("%d transcripts by default, want none", n)
		}
		k := c.Ring(t.Context(), Caller{Number: "+15550100100", ServerMessages: []string{`transcript[transcriptType="final"]`}})
		before := len(d.got)
		k.Says(t.Context(), "user", "Hello")
		if got := d.messages("")[before:]; len(got) != 1 || got[0]["type"] != `transcript[transcriptType="final"]` {
			t.Errorf("got %v, want the final transcript alone", got)
		}
		if h := k.Asks(t.Context(), "get_case", nil, AskOptions{}); h.Via != ViaFailure || !has(h.Violations, "do not name tool-calls") {
			t.Errorf("got %+v, want a failure for want of a subscription", h)
		}
	})
}

func TestSpeechTakesItsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		k := account(d, Options{ServerMessages: []string{"transcript"}}).Ring(t.Context(), Caller{Number: "+15550100100"})
		before := len(d.got)
		began := time.Now()
		k.Speaks(t.Context(), Speech{Role: "user", Text: "close it as won", Over: 2 * time.Second})
		var got []string
		for i, m := range d.messages("")[before:] {
			got = append(got, fmt.Sprintf("%s %s %s", d.at[before+i].Sub(began), m["transcriptType"], m["transcript"]))
		}
		want := []string{
			"500ms partial close", "1s partial close it", "1.5s partial close it as", "2s final close it as won",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnInterruptionStopsTheAssistant(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		done := make(chan time.Duration)
		began := time.Now()
		go func() {
			k.Speaks(t.Context(), Speech{Role: "assistant", Text: "The deal is in negotiation and closes in June", Over: 9 * time.Second})
			done <- time.Since(began)
		}()
		time.Sleep(3500 * time.Millisecond)
		k.Interrupts(t.Context(), "No, mark it closed-won")
		if took := <-done; took != 3500*time.Millisecond {
			t.Errorf("the assistant spoke for %s, want 3.5s", took)
		}
		if n := len(d.messages("user-interrupted")); n != 1 {
			t.Errorf("%d interruptions, want 1", n)
		}
		var finals []string
		for _, m := range d.messages("transcript") {
			if m["transcriptType"] == "final" {
				finals = append(finals, fmt.Sprint(m["role"], ": ", m["transcript"]))
			}
		}
		slices.Sort(finals)
		want := []string{"assistant: Hello, this is Acme support. How can I help?", "assistant: The deal is", "user: No, mark it closed-won"}
		if diff := cmp.Diff(want, finals); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBodiesHaveEverythingThatPublishedExamplesHave(t *testing.T) {
	// What is configured at the vendor or by an account, and no part of the protocol.
	optional := []string{
		"externalId", "assistantOverrides.variableValues.accountName", "salesforceTaskId", "structuredOutputs", "structuredData.",
		"nodes", "assistantActivations", "performanceMetrics", "variableValues.now", "variableValues.accountName", "costs[]", "metadata.salesforce",
		"function.parameters.", "toolWithToolCallList[].messages[]",
	}
	tests := []struct{ file, kind string }{
		{"tool-calls.wire-parallel-object-arguments.json", "tool-calls"},
		{"status-update.in-progress.json", "status-update"},
		{"end-of-call-report.spec-full.json", "end-of-call-report"},
	}
	bubble(t, func(t *testing.T) {
		d := &desk{}
		k := account(d, Options{}).Ring(t.Context(), Caller{
			Number: "+12125550123", Name: "Jordan Lee", Metadata: map[string]any{"leadId": "x"}, Variables: map[string]any{"firstName": "Jordan"},
		})
		k.Says(t.Context(), "user", "Can you check my case status?")
		k.AsksMany(t.Context(), []Ask{{Tool: "sf_get_case", Args: map[string]any{"caseNumber": "00001026"}}, {Tool: "sf_find_contact", Args: map[string]any{"phone": "x"}}}, AskOptions{})
		k.Ends(t.Context(), Ending{Summary: "s", StructuredData: map[string]any{}, SuccessEvaluation: "true"})
		for _, tt := range tests {
			want := map[string]string{}
			paths("", fixture(t, tt.file), want)
			got := map[string]string{}
			for _, m := range d.messages(tt.kind) {
				paths("", map[string]any{"message": m}, got)
			}
			for _, p := range slices.Sorted(maps.Keys(want)) {
				if slices.ContainsFunc(optional, func(o string) bool { return strings.Contains(p, o) }) {
					continue
				}
				if got[p] != want[p] {
					t.Errorf("%s: %s is %q, want a %s", tt.kind, p, got[p], want[p])
				}
			}
		}
	})
}

// paths lists the type of each member of a JSON value by its path.
func paths(at string, v any, into map[string]string) {
	switch x := v.(type) {
	case map[string]any:
		for name, e := range x {
			paths(at+"."+name, e, into)
		}
	case []any:
		for _, e := range x {
			paths(at+"[]", e, into)
		}
	}
	into[at] = fmt.Sprintf("%T", v)
}

func TestArgumentsAreAnObjectInListsAndTextInTheArtifact(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		k := account(d, Options{}).Ring(t.Context(), Caller{Number: "+15550100100"})
		k.Asks(t.Context(), "get_case", map[string]any{"caseNumber": "00001026"}, AskOptions{})
		m := d.messages("tool-calls")[0]
		dig := func(v any, path ...any) any {
			for _, p := range path {
				if i, ok := p.(int); ok {
					v = v.([]any)[i]
				} else {
					v = v.(map[string]any)[p.(string)]
				}
			}
			return v
		}
		object := map[string]any{"caseNumber": "00001026"}
		last := len(dig(m, "artifact", "messages").([]any)) - 1
		for _, tt := range []struct {
			got, want any
		}{
			{dig(m, "toolCallList", 0, "function", "arguments"), object},
			{dig(m, "toolCalls", 0, "function", "arguments"), object},
			{dig(m, "toolWithToolCallList", 0, "toolCall", "function", "arguments"), object},
			{dig(m, "artifact", "messages", last, "toolCalls", 0, "function", "arguments"), `{"caseNumber":"00001026"}`},
			{dig(m, "artifact", "messagesOpenAIFormatted", last, "tool_calls", 0, "function", "arguments"), `{"caseNumber":"00001026"}`},
		} {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Error(diff)
			}
		}
	})
}

func TestToolCallsComeInFiveShapes(t *testing.T) {
	tests := []struct {
		shape         Shape
		element, call string // as JSON; "" absent
	}{
		{ShapeWire, `{"id":"c1","type":"function","function":{"name":"t","arguments":{"a":1}}}`, `{"id":"c1","type":"function","function":{"name":"t","arguments":{"a":1}}}`},
		{ShapeSpec, `{"id":"c1","type":"function","function":{"name":"t","arguments":"{\"a\":1}"}}`, `{"id":"c1","type":"function","function":{"name":"t","arguments":"{\"a\":1}"}}`},
		{ShapeFlatParameters, `{"id":"c1","name":"t","parameters":{"a":1}}`, `{"id":"c1","parameters":{"a":1}}`},
		{ShapeFlatArguments, `{"id":"c1","name":"t","arguments":{"a":1}}`, `{"id":"c1","type":"function","function":{"name":"t","parameters":{"a":1}}}`},
		{ShapeToolsOnly, ``, `{"id":"c1","parameters":{"a":1}}`},
	}
	for _, tt := range tests {
		bubble(t, func(t *testing.T) {
			d := &desk{}
			k := account(d, Options{}).Ring(t.Context(), Caller{Number: "+15550100100"})
			k.Asks(t.Context(), "t", map[string]any{"a": 1}, AskOptions{ID: "c1", Shape: tt.shape})
			m := d.messages("tool-calls")[0]
			var element any
			if l, ok := m["toolCallList"].([]any); ok {
				element = l[0]
			}
			if diff := cmp.Diff(decoded(tt.element), element); diff != "" {
				t.Errorf("%s: toolCallList: %s", tt.shape, diff)
			}
			if diff := cmp.Diff(decoded(tt.call), m["toolWithToolCallList"].([]any)[0].(map[string]any)["toolCall"]); diff != "" {
				t.Errorf("%s: toolCall: %s", tt.shape, diff)
			}
			if _, ok := m["toolCalls"]; ok != (tt.shape == ShapeWire) {
				t.Errorf("%s: toolCalls present is %v", tt.shape, ok)
			}
		})
	}
}

func TestBrokenArgumentsGoOutAsTheModelWroteThem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		k := account(d, Options{}).Ring(t.Context(), Caller{Number: "+15550100100"})
		k.Asks(t.Context(), "t", json.RawMessage(`{"a":`), AskOptions{})
		f := d.messages("tool-calls")[0]["toolCallList"].([]any)[0].(map[string]any)["function"].(map[string]any)
		if f["arguments"] != `{"a":` {
			t.Errorf("got %v, want the broken text", f["arguments"])
		}
	})
}

func TestTheModelRepeatsItselfUnderANewID(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		k.Asks(t.Context(), "create_lead", map[string]any{"a": 1}, AskOptions{ID: "c1", Again: 2, AgainAfter: time.Second})
		c.Wait()
		ids := map[string]bool{}
		for _, h := range k.Hears() {
			ids[h.ToolCallID] = true
		}
		if len(ids) != 3 || len(d.messages("tool-calls")) != 3 {
			t.Errorf("ids %v, want 3", ids)
		}
	})
}

func TestSecretsStandInBodies(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		k.Asks(t.Context(), "t", nil, AskOptions{})
		raw, err := json.Marshal(d.got)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.Secrets() {
			if !strings.Contains(string(raw), s) {
				t.Errorf("no body carries %s", s)
			}
		}
	})
}

func TestTutorialEnvelopes(t *testing.T) {
	tests := []struct {
		envelope Envelope
		legacy   bool
		want     []string // members of the body, and the names of types
	}{
		{EnvelopeBare, false, []string{"type=tool-calls", "call", "toolCallList"}},
		{EnvelopeBeside, false, []string{"message", "call"}},
		{EnvelopeEvent, false, []string{"event=tool-calls", "callId", "toolCallList"}},
		{EnvelopeEvent, true, []string{"event=function.call", "callId", "functionCall"}},
	}
	for _, tt := range tests {
		bubble(t, func(t *testing.T) {
			d := &desk{}
			k := account(d, Options{}).Ring(t.Context(), Caller{Number: "+15550100100"})
			k.Asks(t.Context(), "t", nil, AskOptions{Envelope: tt.envelope, Legacy: tt.legacy})
			body := d.got[len(d.got)-1]
			for _, want := range tt.want {
				name, value, _ := strings.Cut(want, "=")
				if v, ok := body[name]; !ok || value != "" && v != value {
					t.Errorf("%s: %s is %v, want %s", tt.envelope, name, v, want)
				}
			}
		})
	}
	bubble(t, func(t *testing.T) {
		d := &desk{}
		k := account(d, Options{}).Ring(t.Context(), Caller{Number: "+15550100100", Envelope: EnvelopeEvent})
		k.Interrupts(t.Context(), "stop")
		k.HangsUp(t.Context(), "")
		var names []string
		for _, body := range d.got {
			names = append(names, fmt.Sprint(body["event"]))
		}
		for _, want := range []string{"call.started", "transcript.partial", "transcript.final", "speech-started", "speech-update", "call.ended", "call-ended"} {
			if !slices.Contains(names, want) {
				t.Errorf("no event %s in %v", want, names)
			}
		}
	})
}

func TestReportsHaveOldAndNewPlaces(t *testing.T) {
	tests := []struct {
		report   Report
		top, art bool // transcript and messages found there
	}{{ReportBoth, true, true}, {ReportSpec, false, true}, {ReportOld, true, false}}
	for _, tt := range tests {
		bubble(t, func(t *testing.T) {
			d := &desk{}
			k := account(d, Options{ReportAfter: 3 * time.Second}).Ring(t.Context(), Caller{Number: "+15550100100"})
			k.Says(t.Context(), "user", "Hello")
			time.Sleep(90 * time.Second)
			k.Ends(t.Context(), Ending{Reason: "silence-timed-out", Report: tt.report})
			k.HangsUp(t.Context(), "customer-ended-call") // over already
			r := d.messages("end-of-call-report")
			if len(r) != 1 || r[0]["endedReason"] != "silence-timed-out" {
				t.Fatalf("reports %v, want one", r)
			}
			art := r[0]["artifact"].(map[string]any)
			if _, ok := r[0]["transcript"]; ok != tt.top {
				t.Errorf("%q: transcript at the top is %v", tt.report, ok)
			}
			if got := len(art["messages"].([]any)) > 0; got != tt.art {
				t.Errorf("%q: messages in the artifact is %v", tt.report, got)
			}
			if tt.top && r[0]["durationSeconds"] != 90.0 {
				t.Errorf("lasted %v s, want 90", r[0]["durationSeconds"])
			}
			ended := d.messages("status-update")
			if wait := r[0]["timestamp"].(float64) - ended[len(ended)-1]["timestamp"].(float64); wait != 3000 {
				t.Errorf("the report came %v ms after the end, want 3000", wait)
			}
		})
	}
}

func TestACallThatNeverConnectedHasNoDuration(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{})
		k := c.place(t.Context(), map[string]any{}, map[string]any{"number": "+12125550123"})
		k.HangsUp(t.Context(), "customer-did-not-answer")
		r := d.messages("end-of-call-report")[0]
		for _, key := range []string{"startedAt", "durationSeconds", "recordingUrl"} {
			if _, ok := r[key]; ok {
				t.Errorf("the report has %s", key)
			}
		}
		if s := r["call"].(map[string]any)["status"]; s != "queued" {
			t.Errorf("call.status is %v, want it stale: queued", s)
		}
	})
}

func TestAnAssistantRequestComesBeforeTheAssistant(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		account(d, Options{AssistantRequests: true}).Ring(t.Context(), Caller{Number: "+12125550123"})
		m := d.messages("assistant-request")[0]
		want, got := map[string]string{}, map[string]string{}
		paths("", fixture(t, "assistant-request.spec.json"), want)
		paths("", map[string]any{"message": m}, got)
		for p, kind := range want {
			if got[p] != kind {
				t.Errorf("%s is %q, want a %s", p, got[p], kind)
			}
		}
		for _, p := range []string{".message.assistant", ".message.artifact", ".message.call.assistantId", ".message.call.monitor"} {
			if _, ok := got[p]; ok {
				t.Errorf("%s is there before there is an assistant", p)
			}
		}
	})
}
