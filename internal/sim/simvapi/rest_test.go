package simvapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	theAssistant = "0198b3a2-0000-7000-8000-0000000a5515"
	thePhone     = "0198b3a2-0000-7000-8000-0000000000f1"
)

// asked sends one request with the key and returns the status and the decoded body.
func askREST(t *testing.T, h http.Handler, method, path, body string) (int, any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer vapi-private-key")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var v any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
	}
	return w.Code, v
}

func restCloud(d *desk, more Options) *Cloud {
	more.AssistantID, more.PhoneNumberID = theAssistant, thePhone
	return account(d, more)
}

// mission-part: A.11
func TestRESTRefusesWhoHasNoKey(t *testing.T) {
	h := restCloud(&desk{}, Options{}).Handler()
	for _, key := range []string{"", "Bearer", "Bearer ", "Bearer wrong-private-key", "vapi-private-key", "bearer vapi-private-key", "Bearer vapi-private-key2"} {
		for _, on := range [][2]string{
			{"POST", "/call"},
			{"GET", "/call"},
			{"GET", "/call/x"},
			{"PATCH", "/call/x"},
			{"POST", "/assistant"},
			{"GET", "/assistant"},
			{"GET", "/assistant/" + theAssistant},
			{"PATCH", "/assistant/x"},
			{"DELETE", "/assistant/x"},
		} {
			r := httptest.NewRequestWithContext(t.Context(), on[0], on[1], strings.NewReader(`{}`))
			r.Header.Set("Authorization", key)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `"statusCode":401`) {
				t.Errorf("%v with %q: got %d %s, want 401", on, key, w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "Support Assistant") {
				t.Errorf("%v: refused and answered", on)
			}
		}
	}
}

func TestPostCallRefusals(t *testing.T) {
	base := func(more string) string {
		return `{"assistantId":"` + theAssistant + `","phoneNumberId":"` + thePhone + `","customer":{"number":"+12125550123"}` + more + `}`
	}
	tests := []struct{ body, want string }{
		{base(`,"metadata":{"a":"b"}`), "property metadata should not exist"},
		{base(`,"idempotencyKey":"x"`), "property idempotencyKey should not exist"},
		{base(`,"name":"` + strings.Repeat("n", 41) + `"`), "name must be shorter than or equal to 40 characters"},
		{base(`,"name":7`), "name must be a string"},
		{base(`,"assistantOverrides":{"variables":{}}`), "assistantOverrides.property variables should not exist"},
		{base(`,"assistantOverrides":{"serverMessages":["call-started"]}`), "assistantOverrides.serverMessages.0 must be one of"},
		{base(`,"assistantOverrides":{"metadata":"x"}`), "assistantOverrides.metadata must be a object"},
		{base(`,"schedulePlan":{"latestAt":"2026-09-20T15:00:00Z"}`), "schedulePlan.earliestAt should not be empty"},
		{base(`,"schedulePlan":{"earliestAt":"tomorrow"}`), "schedulePlan.earliestAt must be a valid ISO 8601"},
		{base(`,"squadId":"x"`), "Need Exactly One Of"},
		{`{"phoneNumberId":"` + thePhone + `","customer":{"number":"+12125550123"}}`, "Need Exactly One Of"},
		{`{"assistantId":"other","phoneNumberId":"` + thePhone + `","customer":{"number":"+12125550123"}}`, "Couldn't Get Assistant"},
		{`{"assistantId":"` + theAssistant + `","phoneNumberId":"` + thePhone + `"}`, "Couldn't Get Customer. Need Either `customerId` Or `customer`."},
		{`{"assistantId":"` + theAssistant + `","customer":{"number":"+12125550123"}}`, "Couldn't Get Phone Number"},
		{`{"assistantId":"` + theAssistant + `","phoneNumberId":"other","customer":{"number":"+12125550123"}}`, "Couldn't Get Phone Number"},
		{`{"assistantId":"` + theAssistant + `","phoneNumberId":"` + thePhone + `","customer":{"number":"2125550123"}}`, "customer.number must match"},
		{`{"assistantId":"` + theAssistant + `","phoneNumberId":"` + thePhone + `","customer":{"number":"+12125550123","id":"003"}}`, "customer.property id should not exist"},
		{`{"assistantId":"` + theAssistant + `","phoneNumberId":"` + thePhone + `","customer":{"number":"+12125550123","externalId":"` + strings.Repeat("0", 41) + `"}}`, "customer.externalId must be shorter"},
		{`{"assistantId":"` + theAssistant + `","phoneNumberId":"` + thePhone + `","customer":{"name":"Jo"}}`, "Need Either `number` Or `sipUri`"},
		{`[]`, "must be an object"},
		{`{"a":`, "unexpected end"},
	}
	for _, tt := range tests {
		c := restCloud(&desk{}, Options{})
		status, body := askREST(t, c.Handler(), "POST", "/call", tt.body)
		m, _ := body.(map[string]any)
		if status != 400 || !strings.Contains(fmt.Sprint(m["message"]), tt.want) || m["error"] != "Bad Request" || m["statusCode"] != 400.0 {
			t.Errorf("%s: got %d %v, want 400 with %q", tt.body, status, body, tt.want)
		}
		if n := len(c.Calls()); n != 0 {
			t.Errorf("%s: refused and placed %d calls", tt.body, n)
		}
	}
}

func TestPostCallPlacesACallEachTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		dialled := 0
		c := restCloud(d, Options{OnDial: func(ctx context.Context, k *Call) {
			dialled++
			k.Connects(ctx)
		}})
		body, err := json.Marshal(fixture(t, "rest.create-call.request.json"))
		if err != nil {
			t.Fatal(err)
		}
		status, got := askREST(t, c.Handler(), "POST", "/call", string(body))
		if status != 201 {
			t.Fatalf("got %d %v, want 201", status, got)
		}
		want, have := map[string]string{}, map[string]string{}
		paths("", fixture(t, "rest.create-call.response-201.json"), want)
		paths("", got, have)
		for p := range want {
			if have[p] != want[p] && !strings.Contains(p, "salesforceTaskId") {
				t.Errorf("%s is %q, want a %s", p, have[p], want[p])
			}
		}
		call := got.(map[string]any)
		if call["status"] != "queued" || call["assistantOverrides"].(map[string]any)["metadata"].(map[string]any)["salesforceContactId"] == nil {
			t.Errorf("got %v, want it queued with its metadata", call)
		}
		c.Wait()
		askREST(t, c.Handler(), "POST", "/call", string(body))
		c.Wait()
		if len(c.Calls()) != 2 || dialled != 2 {
			t.Errorf("%d calls, %d dialled; want 2: nothing makes a repeat the same call", len(c.Calls()), dialled)
		}
		_, one := askREST(t, c.Handler(), "GET", "/call/"+fmt.Sprint(call["id"]), "")
		if s := one.(map[string]any)["status"]; s != "in-progress" {
			t.Errorf("GET shows %v, want the true status", s)
		}
		// The fixture wants three kinds; conversation-update is none of them.
		if n := len(d.messages("conversation-update")) + len(d.messages("assistant.started")); n != 0 {
			t.Errorf("%d events outside the call's serverMessages", n)
		}
	})
}

func TestConcurrencyIsLimited(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := restCloud(&desk{}, Options{Concurrency: 1})
		body := `{"assistantId":"` + theAssistant + `","phoneNumberId":"` + thePhone + `","customer":{"number":"+12125550123"}}`
		if status, _ := askREST(t, c.Handler(), "POST", "/call", body); status != 201 {
			t.Fatalf("got %d, want 201", status)
		}
		if status, got := askREST(t, c.Handler(), "POST", "/call", body); status != 400 || !strings.Contains(fmt.Sprint(got), "Concurrency") {
			t.Errorf("got %d %v, want 400", status, got)
		}
		c.Calls()[0].HangsUp(t.Context(), "customer-busy")
		if status, _ := askREST(t, c.Handler(), "POST", "/call", body); status != 201 {
			t.Errorf("got %d after the first ended, want 201", status)
		}
		c.Wait()
	})
}

func TestMagicNumbersChooseFaults(t *testing.T) {
	c := restCloud(&desk{}, Options{MagicNumbers: true})
	srv := httptest.NewServer(c.Handler())
	defer srv.Close()
	post := func(number string) (int, error) {
		body := `{"assistantId":"` + theAssistant + `","phoneNumberId":"` + thePhone + `","customer":{"number":"` + number + `"}}`
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/call", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer vapi-private-key")
		r.Header.Set("Content-Type", "application/json")
		res, err := srv.Client().Do(r)
		if err != nil {
			return 0, err
		}
		defer res.Body.Close()
		return res.StatusCode, nil
	}
	for _, tt := range []struct {
		number string
		status int
		placed int
	}{{"+12125550503", 503, 0}, {"+12125550429", 429, 0}, {"+12125550408", 0, 1}, {"+12125550123", 201, 2}} {
		status, err := post(tt.number)
		if status != tt.status || (err != nil) != (tt.status == 0) || len(c.Calls()) != tt.placed {
			t.Errorf("%s: got %d, %v, %d placed; want %d and %d", tt.number, status, err, len(c.Calls()), tt.status, tt.placed)
		}
	}
	c.Wait()
}

func TestGetCallFiltersAndRefuses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := restCloud(&desk{}, Options{})
		h := c.Handler()
		var ids []string
		for range 3 {
			ids = append(ids, c.Ring(t.Context(), Caller{Number: "+15550100100"}).ID())
			time.Sleep(time.Minute)
		}
		ask := func(query string) []string {
			status, v := askREST(t, h, "GET", "/call"+query, "")
			if status != 200 {
				t.Fatalf("%s: %d %v", query, status, v)
			}
			got := []string{}
			for _, o := range v.([]any) {
				got = append(got, o.(map[string]any)["id"].(string))
			}
			return got
		}
		for _, tt := range []struct {
			query string
			want  []string
		}{
			{"", []string{ids[2], ids[1], ids[0]}},
			{"?limit=1", []string{ids[2]}},
			{"?createdAtGe=2000-01-01T00:01:00Z", []string{ids[2], ids[1]}},
			{"?createdAtGt=2000-01-01T00:01:00Z", []string{ids[2]}},
			{"?createdAtLt=2000-01-01T00:01:00Z", []string{ids[0]}},
			{"?assistantId=" + theAssistant + "&createdAtLe=2000-01-01T00:00:00Z", []string{ids[0]}},
			{"?assistantId=other", []string{}},
			{"?phoneNumberId=other", []string{}},
		} {
			if diff := cmp.Diff(tt.want, ask(tt.query)); diff != "" {
				t.Errorf("%s: %s", tt.query, diff)
			}
		}
		for _, query := range []string{"?limit=1001", "?limit=x", "?status=ended", "?createdAtGe=yesterday", "?customer=x"} {
			if status, v := askREST(t, h, "GET", "/call"+query, ""); status != 400 {
				t.Errorf("%s: got %d %v, want 400", query, status, v)
			}
		}
		if status, _ := askREST(t, h, "GET", "/call/none", ""); status != 404 {
			t.Errorf("a call that does not exist: got %d, want 404", status)
		}
	})
}

func TestPatchCallTakesTheNameAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := restCloud(&desk{}, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		for _, body := range []string{`{"status":"ended"}`, `{"name":"x","metadata":{}}`, `{"name":"` + strings.Repeat("n", 41) + `"}`} {
			if status, v := askREST(t, c.Handler(), "PATCH", "/call/"+k.ID(), body); status != 400 {
				t.Errorf("%s: got %d %v, want 400", body, status, v)
			}
		}
		if _, v := askREST(t, c.Handler(), "PATCH", "/call/"+k.ID(), `{"name":"Follow-up"}`); v.(map[string]any)["name"] != "Follow-up" {
			t.Errorf("got %v, want the name changed", v)
		}
	})
}

func TestPatchAssistantReplacesFieldsWholesale(t *testing.T) {
	h := restCloud(&desk{}, Options{}).Handler()
	status, v := askREST(t, h, "POST", "/assistant", `{"name":"A","firstMessage":"Hi.","model":{"provider":"openai","model":"gpt-4o","temperature":0.3,
		"tools":[{"type":"function","function":{"name":"create_lead"}}]}}`)
	if status != 201 {
		t.Fatalf("got %d %v, want 201", status, v)
	}
	id := v.(map[string]any)["id"].(string)
	askREST(t, h, "PATCH", "/assistant/"+id, `{"model":{"provider":"openai","model":"gpt-4.1"}}`)
	_, v = askREST(t, h, "GET", "/assistant/"+id, "")
	a := v.(map[string]any)
	if diff := cmp.Diff(map[string]any{"provider": "openai", "model": "gpt-4.1"}, a["model"]); diff != "" {
		t.Error(diff)
	}
	if a["firstMessage"] != "Hi." {
		t.Errorf("firstMessage is %v, want what was not sent to stay", a["firstMessage"])
	}
	if status, _ := askREST(t, h, "DELETE", "/assistant/"+id, ""); status != 200 {
		t.Errorf("DELETE gave %d, want 200", status)
	}
	if status, _ := askREST(t, h, "GET", "/assistant/"+id, ""); status != 404 {
		t.Errorf("GET after DELETE gave %d, want 404", status)
	}
}

func TestAssistantRefusals(t *testing.T) {
	tool := func(s string) string {
		return `{"model":{"provider":"openai","model":"gpt-4o","tools":[` + s + `]}}`
	}
	for _, tt := range []struct{ body, want string }{
		{`{"silenceTimeoutSeconds":30}`, "property silenceTimeoutSeconds should not exist"},
		{`{"endpointing":255}`, "property endpointing should not exist"},
		{`{"backgroundDenoisingEnabled":true}`, "property backgroundDenoisingEnabled should not exist"},
		{`{"stopSpeakingPlan":{"minSpeechDuration":1}}`, "stopSpeakingPlan.property minSpeechDuration should not exist"},
		{`{"stopSpeakingPlan":{"voiceSeconds":0.7}}`, "stopSpeakingPlan.voiceSeconds must not be greater than 0.5"},
		{`{"startSpeakingPlan":{"waitSeconds":6}}`, "must not be greater than 5"},
		{`{"maxDurationSeconds":5}`, "maxDurationSeconds must not be less than 10"},
		{`{"name":"` + strings.Repeat("n", 41) + `"}`, "name must be shorter"},
		{`{"serverMessages":["tool-call"]}`, "serverMessages.0 must be one of"},
		{`{"server":{"url":"https://x","secret":"s"}}`, "server.property secret should not exist"},
		{`{"server":{"url":"https://x","timeoutSeconds":301}}`, "server.timeoutSeconds must not be greater than 300"},
		{`{"server":{"url":"https://x","credentialId":"none"}}`, "Couldn't find credential none"},
		{`{"server":{"url":"https://x","backoffPlan":{"type":"linear","maxRetries":11,"baseDelaySeconds":1}}}`, "server.backoffPlan.maxRetries must not be greater than 10"},
		{`{"model":{"model":"gpt-4o"}}`, "model.provider should not be empty"},
		{`{"model":{"provider":"openai","model":"gpt-4o","functions":[]}}`, "model.property functions should not exist"},
		{`{"model":{"provider":"openai","model":"gpt-4o","temperature":2.5}}`, "model.temperature must not be greater than 2"},
		{`{"voice":{"provider":"11labs","voiceId":"x","stability":2}}`, "voice.stability must not be greater than 1"},
		{`{"transcriber":{"provider":"deepgram","endpointing":5}}`, "transcriber.endpointing must not be less than 10"},
		{tool(`{"type":"function","name":"a","function":{"name":"a"}}`), "property name should not exist"},
		{tool(`{"type":"function","maxTokens":5,"function":{"name":"a"}}`), "property maxTokens should not exist"},
		{tool(`{"type":"function"}`), "function should not be empty"},
		{tool(`{"type":"function","function":{"name":"create lead"}}`), "must match"},
		{tool(`{"type":"function","function":{"name":"a","description":"` + strings.Repeat("d", 1001) + `"}}`), "must be shorter"},
		{tool(`{"type":"function","function":{"name":"a"},"messages":[{"type":"complete","content":"x"}]}`), "type must be one of"},
		{tool(`{"function":{"name":"a"}}`), "type should not be empty"},
	} {
		status, v := askREST(t, restCloud(&desk{}, Options{}).Handler(), "POST", "/assistant", tt.body)
		m, _ := v.(map[string]any)
		if status != 400 || !strings.Contains(fmt.Sprint(m["message"]), tt.want) {
			t.Errorf("%s: got %d %v, want 400 with %q", tt.body, status, v, tt.want)
		}
	}
}

func TestAnAssistantsServerAndToolsAreUsed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := saying(`{"results":[{"toolCallId":"c1","name":"create_lead","result":"facts"}]}`)
		c := restCloud(d, Options{Auth: VapiSecret("s3"), CredentialID: "cred"})
		status, v := askREST(t, c.Handler(), "PATCH", "/assistant/"+theAssistant, `{"model":{"provider":"openai","model":"gpt-4o","tools":[{"type":"function",
			"server":{"url":"https://bridge.example.com/tools","timeoutSeconds":5,"headers":{"X-Env":"prod"}},
			"messages":[{"type":"request-complete","content":"You are saved."}],
			"parameters":[{"key":"caller","value":"{{customer.number}}"}],"function":{"name":"create_lead"}}]},
			"server":{"url":"https://bridge.example.com/events","credentialId":"cred"},"serverMessages":["tool-calls","status-update"]}`)
		if status != 200 {
			t.Fatalf("got %d %v", status, v)
		}
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		h := k.Asks(t.Context(), "create_lead", map[string]any{"caller": "+19999999999"}, AskOptions{ID: "c1"})
		if h.Said != "You are saved." || h.Via != ViaTool || h.Result != "facts" {
			t.Errorf("got %+v, want the tool's own words", h)
		}
		args := d.messages("tool-calls")[0]["toolCallList"].([]any)[0].(map[string]any)["function"].(map[string]any)["arguments"]
		if diff := cmp.Diff(map[string]any{"caller": "+15550100100"}, args); diff != "" {
			t.Errorf("static parameters: %s", diff)
		}
		if got := d.heads[0].Get("X-Vapi-Secret"); got != "s3" {
			t.Errorf("the assistant's server names the credential and was sent %q", got)
		}
		last := d.heads[len(d.heads)-1]
		if last.Get("X-Vapi-Secret") != "" || last.Get("X-Env") != "prod" {
			t.Errorf("the tool's server names none and was sent %v", last)
		}
	})
}

func TestControlMessages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := restCloud(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		post := func(path, body string) int {
			r := httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			c.Handler().ServeHTTP(w, r)
			return w.Code
		}
		for _, body := range []string{
			`{"message":{"type":"say","content":"x"}}`, `{"type":"interrupt"}`, `{"type":"flush"}`, `{"type":"say"}`, `{"type":"say","text":"x"}`,
			`{"type":"add-message","message":{"role":"bot","content":"x"}}`, `{"type":"add-message","message":"x"}`,
			`{"type":"control","control":"hang-up"}`, `{"type":"transfer"}`, `{"type":"transfer","destination":{"number":"+1"}}`, `[]`, `{`,
		} {
			if status := post("/"+k.ID()+"/control", body); status != 400 {
				t.Errorf("%s: got %d, want 400", body, status)
			}
		}
		if len(k.Controls()) != 0 {
			t.Fatalf("refused and kept: %v", k.Controls())
		}
		for _, path := range []string{"/none/control", "/call/" + k.ID() + "/control"} {
			if status := post(path, `{"type":"end-call"}`); status != 404 {
				t.Errorf("%s: got %d, want 404", path, status)
			}
		}
		for _, body := range []string{
			`{"type":"say","content":"One moment.","interruptAssistantEnabled":true,"interruptionsEnabled":true}`,
			`{"type":"add-message","message":{"role":"system","content":"The case is open."},"triggerResponseEnabled":false}`,
			`{"type":"control","control":"mute-assistant"}`,
			`{"type":"transfer","destination":{"type":"number","number":"+14155550142"},"content":"Transferring you."}`,
		} {
			if status := post("/"+k.ID()+"/control", body); status != 200 {
				t.Errorf("%s: got %d, want 200", body, status)
			}
		}
		c.Wait()
		var said []string
		for _, h := range k.Hears() {
			said = append(said, h.Said)
		}
		if diff := cmp.Diff([]string{"One moment.", "Transferring you."}, said); diff != "" {
			t.Error(diff)
		}
		r := d.messages("end-of-call-report")
		if len(r) != 1 || r[0]["endedReason"] != "assistant-forwarded-call" || len(k.Controls()) != 4 {
			t.Errorf("reports %v, controls %v; want a forwarded call and 4", r, k.Controls())
		}
		if status := post("/"+k.ID()+"/control", `{"type":"end-call"}`); status != 404 {
			t.Errorf("after the end: got %d, want 404", status)
		}
	})
}

func TestControlMayNeedThePublicKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := restCloud(&desk{}, Options{ControlAuth: true})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		for key, want := range map[string]int{"": 401, "Bearer vapi-private-key": 401, "Bearer vapi-public-key": 200} {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/"+k.ID()+"/control", strings.NewReader(`{"type":"control","control":"mute-customer"}`))
			r.Header.Set("Authorization", key)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			c.Handler().ServeHTTP(w, r)
			if body, _ := io.ReadAll(w.Body); w.Code != want {
				t.Errorf("%q: got %d %s, want %d", key, w.Code, body, want)
			}
		}
	})
}
