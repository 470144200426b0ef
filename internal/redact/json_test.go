package redact

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mission-part: A.8
//
// TestJSONMasksInPlace: what is masked, with every other byte as it was.
func TestJSONMasksInPlace(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"text", `{"a": "card 4111 1111 1111 1111" , "b":1}`, `{"a": "card [card •••• 1111]" , "b":1}`},
		{"escapes stay", `{"a":"\u00e9\n4111\u00201111 1111 1111\t\"x\" é"}`, `{"a":"\u00e9\n[card •••• 1111]\t\"x\" é"}`},
		{"escaped digits", `["\u0034111 1111 1111 1111"]`, `["[card •••• 1111]"]`},
		{"words after an escape", `["a\nfour one one one one one one one one one one one one one one one"]`, `["a\n[card •••• 1111]"]`},
		{"number", `{"n":4111111111111111,"t":1787270400000,"f":0.4111111111111111}`, `{"n":"[card •••• 1111]","t":1787270400000,"f":0.4111111111111111}`},
		{"key", `{"4111111111111111":true}`, `{"[card •••• 1111]":true}`},
		{
			"arguments in a string", `{"arguments":"{\"cvv\": \"123\", \"apiKey\":\"abc\", \"note\":\"4111111111111111\", \"n\":4111111111111111}"}`,
			`{"arguments":"{\"cvv\": \"[cvv]\", \"apiKey\":\"[secret]\", \"note\":\"[card •••• 1111]\", \"n\":\"[card •••• 1111]\"}"}`,
		},
		{
			"codes by key", `{"cvv":123,"securityCode":"one two three","ssn":"123456789","SSN":123456789,"card_number":"4111 1111 1111 1112","cvc":null,"caseNumber":"00001026"}`,
			`{"cvv":"[cvv]","securityCode":"[cvv]","ssn":"[ssn]","SSN":"[ssn]","card_number":"[card •••• 1112]","cvc":null,"caseNumber":"00001026"}`,
		},
		{
			"credentials", `{"phoneNumber":{"twilioAccountSid":"AC1","twilioAuthToken":"abc","twilioApiKey":"SK1","twilioApiSecret":["x",{"y":5}]},"serverUrlSecret":"z","credentialId":"keep","password":null,"X-Vapi-Secret":"q","completionTokens":61}`,
			`{"phoneNumber":{"twilioAccountSid":"AC1","twilioAuthToken":"[secret]","twilioApiKey":"[secret]","twilioApiSecret":["[secret]",{"y":"[secret]"}]},"serverUrlSecret":"[secret]","credentialId":"keep","password":null,"X-Vapi-Secret":"[secret]","completionTokens":61}`,
		},
		{"server headers", `{"server":{"url":"https://a","headers":{"X-Env":"prod"}}}`, `{"server":{"url":"https://a","headers":{"X-Env":"[secret]"}}}`},
		{
			"prompts", `{"assistant":{"model":{"provider":"openai","messages":[{"role":"system","content":"You are"},{"role":"user","content":[{"type":"text","text":"hi"}]}]},"firstMessage":"Hello"}}`,
			`{"assistant":{"model":{"provider":"openai","messages":[{"role":"system","content":"[prompt]"},{"role":"user","content":[{"type":"text","text":"[prompt]"}]}]},"firstMessage":"Hello"}}`,
		},
		{"system message, role last", `[{"message":"You have card 4111111111111111","time":1,"role":"system"},{"role":"user","message":"hi"}]`, `[{"message":"[prompt]","time":1,"role":"system"},{"role":"user","message":"hi"}]`},
		{"system message in parts", `[{"role":"system","content":[{"type":"text","text":"You"}]}]`, `[{"role":"system","content":"[prompt]"}]`},
		{
			"split over messages", `{"messages":[{"role":"user","message":"it's four one one one, 1111"},{"role":"bot","message":"mm-hmm"},{"role":"user","message":"then 1111 1111 \u00e9"}]}`,
			`{"messages":[{"role":"user","message":"it's [card]"},{"role":"bot","message":"mm-hmm"},{"role":"user","message":"then [card •••• 1111] \u00e9"}]}`,
		},
		{"asked for", `[{"role":"assistant","content":"What's the security code?"},{"role":"user","content":"one two three"}]`, `[{"role":"assistant","content":"What's the security code?"},{"role":"user","content":"[cvv]"}]`},
		{
			"words one by one", `{"metadata":{"wordLevelConfidence":[{"word":"four","confidence":0.99},{"word":"visa","punctuated_word":"4111"}]}}`,
			`{"metadata":{"wordLevelConfidence":[{"word":"•","confidence":0.99},{"word":"visa","punctuated_word":"•"}]}}`,
		},
		{"no JSON", `not json 4111111111111111`, `not json [card •••• 1111]`},
		{"cut", `{"a":"4111111111111111"`, `{"a":"[card •••• 1111]"`},
	} {
		got := string(JSON([]byte(c.in)))
		if got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
		if json.Valid([]byte(c.in)) != json.Valid([]byte(got)) {
			t.Errorf("%s: validity changed: %s", c.name, got)
		}
		if again := string(JSON([]byte(got))); again != got {
			t.Errorf("%s: twice:\ngot  %s\nwant %s", c.name, again, got)
		}
	}
}

// TestJSONReturnsCleanBodyItself: no copy where there is nothing to mask.
func TestJSONReturnsCleanBodyItself(t *testing.T) {
	body := []byte(`{"message":{"type":"tool-calls","customer":{"number":"+12125550123"}}}`)
	if got := JSON(body); &got[0] != &body[0] || len(got) != len(body) {
		t.Error("got a copy, want the body itself")
	}
	if got := string(Args(json.RawMessage(`{"note":"cvv 123"}`))); got != `{"note":"cvv [cvv]"}` {
		t.Errorf("args: got %s", got)
	}
}

// monitor is what a message says of live control: whoever has these addresses has the call.
var monitor = regexp.MustCompile(`("(?:controlUrl|listenUrl)":\s*)"[^"]*"`)

// TestVapiMessageKeepsItsFacts: a message as Vapi sends it loses its prompt and its control addresses, and
// nothing else.
func TestVapiMessageKeepsItsFacts(t *testing.T) { // mission-part: A.8
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages: %v", err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(string(body), "You are the Acme support assistant.", "[prompt]")
		want = monitor.ReplaceAllString(want, `$1"[secret]"`)
		if got := string(JSON(body)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}
