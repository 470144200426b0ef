package vapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// seedPayloads gives f every stored body.
func seedPayloads(f *testing.F, add func(body []byte)) {
	f.Helper()
	files, err := filepath.Glob("testdata/payloads/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("payloads: got %d, %v", len(files), err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		add(body)
	}
}

// FuzzParse holds what every reader of a Message relies on.
func FuzzParse(f *testing.F) {
	seedPayloads(f, func(body []byte) { f.Add(body) })
	for _, body := range []string{
		`{"event":"call.ended","callId":"c1","transcript":{"text":"x"}}`,
		`{"message":{"type":"tool-calls","toolCallList":[{"id":"a","name":"f","arguments":"{\"b\":[1]}"},null,7,"{}"]}}`,
		`{"type":"function-call","functionCall":{"name":"f","parameters":"[]"}}`,
		"{\"timestamp\":1e400,\"callId\":\"\\ud800\xff\"}",
		`{"a":[[[[`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Parse(body)
		if err != nil {
			var fault *BodyError
			if !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len(body) {
				t.Fatalf("got %v, want a BodyError inside %d bytes", err, len(body))
			}
			return
		}
		if !json.Valid(body) {
			t.Fatal("accepted what is not JSON")
		}
		for _, c := range m.ToolCalls {
			if c.ID == "" || !json.Valid(c.Arguments) || !bytes.HasPrefix(c.Arguments, []byte("{")) {
				t.Errorf("tool call: got id %q, arguments %s", c.ID, c.Arguments)
			}
			if c.Err == nil && c.Name == "" {
				t.Error("tool call without name or error")
			}
		}
		for _, raw := range []json.RawMessage{m.Variables, m.Metadata.Overrides, m.Metadata.Call, m.Metadata.Assistant, m.Report.StructuredData, m.Report.StructuredOutputs} {
			if raw != nil && !json.Valid(raw) {
				t.Errorf("got %s, want JSON", raw)
			}
		}
		texts := []string{string(m.Type), m.CallID, m.Status, m.EndedReason, m.Customer.Number, m.Transcript.Text, m.Report.Summary, m.DedupeKey()}
		for _, s := range m.Conversation() {
			texts = append(texts, s.Role, s.Text)
		}
		for _, s := range texts {
			if !utf8.ValidString(s) {
				t.Errorf("got %q, want UTF-8", s)
			}
		}
		if m.Report.Duration < 0 || !m.At.IsZero() && m.At.Year() > 9999 {
			t.Errorf("got duration %v, time %v", m.Report.Duration, m.At)
		}
	})
}

// FuzzVerify sends strangers' headers and bodies, of which none may pass, and then a signed copy, which must.
func FuzzVerify(f *testing.F) {
	f.Add("s3cret", "Bearer tok-en", sumRawBody, "946684800000", "id", []byte(hangBody))
	f.Add("", "", "v1,"+sumSvix, "2000-01-01T00:00:00Z", "msg_1", []byte{})
	f.Add("x", "Bearer ", "v1, v1,AAAA v1a,\xff", "-1e9", "", []byte("{"))
	standard, raw, svix := preset(f, "hmac-default", "k1", "k2"), preset(f, "hmac-raw-body", "k1"), preset(f, "hmac-svix", "a2V5")
	svix.Scheme.SignatureHeader, svix.Scheme.TimestampHeader = "x-signature", "x-timestamp"
	v := verifier(f, preset(f, "vapi-secret", "unguessable-1"), preset(f, "bearer", "unguessable-2"), standard, raw, svix)
	f.Fuzz(func(t *testing.T, secret, bearer, signature, timestamp, id string, body []byte) {
		req := Request{Method: "POST", Header: http.Header{}, Body: body}
		for name, value := range map[string]string{
			"X-Vapi-Secret": secret, "Authorization": bearer, "X-Signature": signature, "X-Vapi-Signature": signature,
			"X-Timestamp": timestamp, "Svix-Id": id,
		} {
			req.Header.Set(name, value)
		}
		if err := v.Verify(req); !errors.Is(err, ErrSignature) {
			t.Fatalf("unsigned request: got %v, want ErrSignature", err)
		}
		signed := sign(t, raw, "", string(body))
		if err := v.Verify(signed); err != nil {
			t.Fatalf("signed request: got %v, want nil", err)
		}
		signed.Body = append(bytes.Clone(body), 'x')
		if err := v.Verify(signed); !errors.Is(err, ErrSignature) {
			t.Fatalf("longer body: got %v, want ErrSignature", err)
		}
	})
}

// FuzzEncodeResults holds the shape that Vapi demands of an answer, whatever a tool returns.
func FuzzEncodeResults(f *testing.F) {
	f.Add("call_1", "find", "All\r\nwell", "", "Said\u2028so", uint16(1), false)
	f.Add("", "", "", "", "", uint16(0), true)
	f.Add("i\"d", "n\x00", "é ", "\xff", "😀", uint16(5000), true)
	// Long texts are made by repeating: long inputs would spend the fuzzer's time on being shortened.
	f.Fuzz(func(t *testing.T, id, name, result, fault, message string, times uint16, failed bool) {
		n := min(int(times), 1+20_000/(1+len(result)+len(fault)+len(message)))
		result, fault, message = strings.Repeat(result, n), strings.Repeat(fault, n), strings.Repeat(message, n)
		in := Result{ToolCallID: id, Name: name, Result: result, Error: fault, Message: message, Failed: failed}
		body := EncodeResults([]Result{in, {ToolCallID: "second"}})
		if !json.Valid(body) || bytes.ContainsAny(body, "\r\n") {
			t.Fatalf("got %q, want JSON on one line", body)
		}
		var got struct{ Results []wireResult }
		if err := json.Unmarshal(body, &got); err != nil || len(got.Results) != 2 || got.Results[1].ToolCallID != "second" {
			t.Fatalf("got %s, %v; want two results in order", body, err)
		}
		r := got.Results[0]
		if utf8.ValidString(id) && r.ToolCallID != id {
			t.Errorf("id: got %q, want %q", r.ToolCallID, id)
		}
		if (r.Result == nil) != failed || (r.Error == nil) == failed {
			t.Errorf("got result %v, error %v for failed %v; want one of them", r.Result, r.Error, failed)
		}
		said := r.Result
		if failed {
			said = r.Error
		}
		checkLine(t, *said, MaxResult)
		if r.Message != nil {
			checkLine(t, r.Message.Content, MaxMessage)
			if want := map[bool]string{false: "request-complete", true: "request-failed"}[failed]; r.Message.Type != want {
				t.Errorf("message: got type %s, want %s", r.Message.Type, want)
			}
		}
		if legacy := EncodeLegacy(in); !json.Valid(legacy) {
			t.Errorf("legacy: got %q, want JSON", legacy)
		}
	})
}

func checkLine(t *testing.T, line string, limit int) {
	t.Helper()
	if line == "" || utf8.RuneCountInString(line) > limit {
		t.Errorf("got %d characters, want 1 to %d", utf8.RuneCountInString(line), limit)
	}
	if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) {
		t.Errorf("got %q, want one line without control characters", line)
	}
}
