package vapi

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// Limits of an answer, in characters (Unicode code points).
const (
	// MaxMessage is the longest content of a spoken message that Vapi accepts (API reference, ToolMessageComplete
	// and ToolMessageFailed, maxLength).
	MaxMessage = 1000

	// MaxResult is the longest result or error that we send. Vapi publishes no limit, but warns of
	// "oversized-tool-response" from some number of tokens on, because the text stays in the model's context for
	// the rest of the call. 4,000 characters are about 1,000 tokens. A result that is JSON must be made shorter
	// by its maker: cut text is no longer JSON.
	MaxResult = 4000
)

// Result answers one tool call.
type Result struct {
	ToolCallID string // as received: Vapi drops a result whose id differs in any way
	Name       string // the function's name
	Result     string // facts for the model, when not Failed
	Error      string // what went wrong, for the model, when Failed
	Message    string // spoken as written instead of a reply by the model; "" leaves the words to the model
	Failed     bool
}

// wireResult is Result as Vapi reads it: exactly one of Result and Error is there.
type wireResult struct {
	Name       string       `json:"name"`
	ToolCallID string       `json:"toolCallId"`
	Result     *string      `json:"result,omitempty"`
	Error      *string      `json:"error,omitempty"`
	Message    *wireMessage `json:"message,omitempty"`
}

// wireMessage is Vapi's ToolMessageComplete, ToolMessageFailed or ToolMessageStart.
type wireMessage struct {
	Type    string `json:"type"`
	Content string `json:"content"`
}

// EncodeResults makes the body that answers a tool-calls message, with results in the order given, which is to be
// the order of the calls. It must be sent with status 200, also for failures: Vapi ignores the body of any other
// ("Custom tools troubleshooting"). Texts become single lines within MaxResult and MaxMessage. A result without
// text is given one, because Vapi tells the model "No result returned" for an empty string.
func EncodeResults(results []Result) []byte {
	wire := struct {
		Results []wireResult `json:"results"`
	}{Results: make([]wireResult, 0, len(results))}
	for _, r := range results {
		w := wireResult{Name: oneLine(r.Name), ToolCallID: r.ToolCallID}
		content := cut(oneLine(r.Message), MaxMessage)
		said := r.text()
		kind := "request-complete"
		if r.Failed {
			kind = "request-failed"
			w.Error = &said
		} else {
			w.Result = &said
		}
		if content != "" {
			w.Message = &wireMessage{Type: kind, Content: content}
		}
		wire.Results = append(wire.Results, w)
	}
	return encode(wire)
}

// EncodeLegacy makes the body that answers a function-call message. That form has one text and no word for failure
// or for speech, so the model is told what went wrong in the place of the result.
func EncodeLegacy(r Result) []byte {
	return encode(struct {
		Result string `json:"result"`
	}{r.text()})
}

// EncodeNothing is the answer to a message that needs none.
// Vapi does not look into it, but it is JSON like every other answer.
func EncodeNothing() []byte { return []byte("{}") }

// text is what the model is told: the error or the result, else the other, else the spoken words.
func (r Result) text() string {
	texts := []string{r.Result, r.Error, r.Message, "The tool returned no details."}
	if r.Failed {
		texts = []string{r.Error, r.Result, r.Message, "The tool failed and gave no reason."}
	}
	for _, t := range texts {
		if line := cut(oneLine(t), MaxResult); line != "" {
			return line
		}
	}
	return "" // unreachable: the last text is not empty
}

// oneLine folds each run of line breaks and control characters into one space: Vapi reads single-line strings
// only. Other blanks are kept, since they may stand inside a value. What is not UTF-8 becomes U+FFFD.
func oneLine(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	folded := false
	for _, r := range text {
		fold := unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
		switch {
		case !fold:
			b.WriteRune(r)
		case !folded:
			b.WriteByte(' ')
		}
		folded = fold
	}
	return strings.TrimSpace(b.String())
}

// cut shortens text to limit characters, at the end of a word if there is one in the last fifth, and shows by an
// ellipsis that something is missing.
func cut(text string, limit int) string {
	if len(text) <= limit { // bytes are never fewer than characters
		return text
	}
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	end := limit - 1 // room for the ellipsis
	for i := end; i > limit-limit/5; i-- {
		if unicode.IsSpace(runes[i]) {
			end = i
			break
		}
	}
	return strings.TrimRightFunc(string(runes[:end]), unicode.IsSpace) + "…"
}

// encode writes v, which consists of types of this package without an encoding error, on one line. Characters
// special to HTML are left readable.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return EncodeNothing() // unreachable for the types passed here
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
