package simvapi

import (
	"context"
	"slices"
	"strings"
	"time"
)

// FailureWords are what the caller hears when the server's answer was no answer. The model
// makes them up at the vendor; here they are always these.
const FailureWords = "I'm sorry, I wasn't able to do that just now."

// Via is how words reached the caller.
type Via string

// The ways.
const (
	ViaMessage          Via = "message"      // results[].message, as it stands
	ViaTool             Via = "tool-message" // the tool's own request-complete or request-failed
	ViaModel            Via = "model"        // the model speaks the result or error
	ViaFailure          Via = "failure"      // there was nothing to speak
	ViaControl          Via = "control"      // the server spoke through the control URL
	ViaAssistantRequest Via = "assistant-request"
	ViaNothing          Via = "nothing" // an async tool: the conversation went on without it
)

// Heard is one thing that the caller was told, or would have been had a copy of the
// delivery been the first.
// It is the simulator's witness: what is not in a Heard, no caller has heard, whatever a server believes.
type Heard struct {
	At         time.Time
	Via        Via
	ToolCallID string
	Tool       string
	Said       string
	Result     string // for the model
	Error      string // likewise
	Took       time.Duration
	Status     int
	Copy       bool     // a duplicated delivery's answer: not spoken
	EndsCall   bool     // message.endCallAfterSpokenEnabled
	Violations []string // of the protocol; empty if a Fault spoilt the delivery
	Suspicious []string // words that do not sound like a person's
}

// Ask is one tool call by the model.
type Ask struct {
	ID   string // "" gets one
	Tool string
	Args any // marshalled; a json.RawMessage goes out as it is, broken or not
}

// AskOptions vary how the model asks. The zero value is a single call as it is on the wire.
type AskOptions struct {
	ID       string // of the first call
	Shape    Shape
	With     []Ask    // asked in parallel, in the same message
	Legacy   bool     // function-call events, one for each call
	Envelope Envelope // default the call's

	// Again is how often the model asks the same once more, under new ids, each time
	// AgainAfter later. Those answers are in Hears.
	Again      int
	AgainAfter time.Duration
}

// Asks is the model calling a tool; it returns what the caller heard.
func (k *Call) Asks(ctx context.Context, tool string, args any, o AskOptions) Heard {
	return k.AsksMany(ctx, []Ask{{ID: o.ID, Tool: tool, Args: args}}, o)[0]
}

// AsksMany is the model calling tools in parallel; what was heard is in the order of the calls.
func (k *Call) AsksMany(ctx context.Context, asks []Ask, o AskOptions) []Heard {
	asks = append(slices.Clone(asks), o.With...)
	for i := range asks {
		if asks[i].ID == "" {
			asks[i].ID = "call_" + k.cloud.token(24)
		}
		asks[i].Args = k.withStatic(asks[i])
	}
	// A model that repeats itself has not heard the answer, so the repeats do not wait for it.
	for n := range o.Again {
		again := slices.Clone(asks)
		for i := range again {
			again[i].ID = ""
		}
		k.cloud.goOn(ctx, func(ctx context.Context) {
			if pause(ctx, o.AgainAfter*time.Duration(n+1)) == nil {
				k.AsksMany(ctx, again, AskOptions{Shape: o.Shape, Legacy: o.Legacy, Envelope: o.Envelope})
			}
		})
	}
	k.mu.Lock()
	k.asked(asks)
	k.mu.Unlock()
	var heard []Heard
	if o.Legacy {
		for _, a := range asks {
			heard = append(heard, k.ask(ctx, []Ask{a}, o)...)
		}
	} else {
		heard = k.ask(ctx, asks, o)
	}
	k.mu.Lock()
	for _, h := range heard {
		k.returned(h)
		if h.Said != "" {
			k.said("bot", h.Said, h.At)
		}
	}
	k.mu.Unlock()
	// After the words were said, or the line would drop in the middle of them.
	if slices.ContainsFunc(heard, func(h Heard) bool { return h.EndsCall }) {
		k.HangsUp(ctx, "assistant-ended-call-after-message-spoken")
	}
	return heard
}

// withStatic merges the tool's static parameters into the arguments; the model never
// sees them. The few Liquid names that servers rely on are filled in.
func (k *Call) withStatic(a Ask) any {
	k.mu.Lock()
	tool := toolNamed(k.assistant, a.Tool)
	k.mu.Unlock()
	static, _ := tool["parameters"].([]any)
	args, ok := decoded(argsText(a.Args)).(map[string]any)
	if len(static) == 0 || !ok {
		return a.Args
	}
	liquid := strings.NewReplacer("{{customer.number}}", k.caller.Number, "{{ customer.number }}", k.caller.Number,
		"{{call.id}}", k.id, "{{ call.id }}", k.id, "{{phoneNumber.number}}", k.cloud.o.Number)
	for _, p := range static {
		if p, ok := p.(map[string]any); ok {
			key, _ := p["key"].(string)
			args[key] = p["value"]
			if text, ok := p["value"].(string); ok {
				args[key] = liquid.Replace(text)
			}
		}
	}
	return args
}

// ask sends one message with asks and keeps what every delivery of it brought.
func (k *Call) ask(ctx context.Context, asks []Ask, o AskOptions) []Heard {
	kind := "tool-calls"
	if o.Legacy {
		kind = "function-call"
	}
	// Whoever leaves tool-calls out of serverMessages never hears of an ask: a common slip in overrides.
	_, sent := k.subscribed(kind, nil)
	k.mu.Lock()
	var own map[string]any
	if o.Legacy {
		own = map[string]any{"functionCall": map[string]any{"name": asks[0].Tool, "parameters": legacyArgs(asks[0], o.Shape)}}
	} else {
		own = k.toolCalls(asks, o.Shape)
	}
	ev := event{
		call: k, kind: kind, message: k.message(kind, own), answers: true,
		envelope: orElse(o.Envelope, k.caller.Envelope), to: k.serverOf(toolNamed(k.assistant, asks[0].Tool)),
	}
	k.mu.Unlock()
	var first []Heard
	ev.judge = func(a answer) []string {
		heard, violations := k.listen(asks, a, o.Legacy)
		if !a.copy {
			first = heard
		}
		for _, h := range heard {
			k.hear(h)
		}
		return violations
	}
	// The caller hears a failure, though no request was made.
	if !sent {
		ev.judge(answer{at: time.Now(), err: errUnsubscribed(kind)})
		return first
	}
	k.cloud.deliver(ctx, ev)
	return first
}

// errUnsubscribed is why an ask never left: whether a tool with its own server would need the
// subscription is not documented, so the simulator takes it that it does.
type errUnsubscribed string

func (kind errUnsubscribed) Error() string {
	return "the assistant's serverMessages do not name " + string(kind)
}

// legacyArgs: the docs had a JSON text, samples of the time an object.
func legacyArgs(a Ask, shape Shape) any {
	if shape == ShapeWire || shape == ShapeFlatParameters || shape == ShapeFlatArguments {
		return argsValue(a.Args)
	}
	return argsText(a.Args)
}

// listen turns an answer into what the caller hears for each ask.
func (k *Call) listen(asks []Ask, a answer, legacy bool) (heard []Heard, violations []string) {
	var views []toolView
	if legacy {
		views = []toolView{judgeFunction(a)}
	} else {
		views = judgeTools(asks, a)
	}
	for i, v := range views {
		h := Heard{
			At: a.at.Add(a.took), ToolCallID: asks[i].ID, Tool: asks[i].Tool, Result: v.result, Error: v.err,
			Took: a.took, Status: a.status, Copy: a.copy, EndsCall: v.ends && v.message != "", Violations: v.violations,
		}
		if legacy {
			h.ToolCallID = "" // function-call has none
		}
		h.Said, h.Via = k.spoken(asks[i].Tool, v)
		h.Suspicious = append(suspicious(h.Said, true), suspicious(h.Result+" "+h.Error, false)...)
		slices.Sort(h.Suspicious)
		h.Suspicious = slices.Compact(h.Suspicious)
		// The server did nothing wrong; what the caller heard stands.
		if a.spoilt {
			h.Violations = nil
		}
		for _, one := range v.violations {
			if !slices.Contains(violations, one) {
				violations = append(violations, one)
			}
		}
		heard = append(heard, h)
	}
	return heard, violations
}

// spoken is the vendor's order of precedence: the result's message, the tool's own, the
// model's words, which here are the result's.
func (k *Call) spoken(tool string, v toolView) (string, Via) {
	k.mu.Lock()
	t := toolNamed(k.assistant, tool)
	k.mu.Unlock()
	// The model does not wait for an async tool, so that its message is never spoken, whatever it says.
	if t["async"] == true {
		return "", ViaNothing
	}
	if v.broken {
		return FailureWords, ViaFailure
	}
	if v.message != "" {
		return v.message, ViaMessage
	}
	want := "request-complete"
	if v.err != "" {
		want = "request-failed"
	}
	messages, _ := t["messages"].([]any)
	for _, m := range messages {
		m, _ := m.(map[string]any)
		if content, _ := m["content"].(string); m["type"] == want && content != "" {
			return content, ViaTool
		}
	}
	return orElse(v.result, v.err), ViaModel
}

// hear keeps what was said. Deliveries of one tool call must be told the same words; which of
// them was answered first does not matter, so each is compared with all before it. A failure
// is no difference: those are not the server's words.
func (k *Call) hear(h Heard) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, other := range k.heard { // whichever of the deliveries was answered first
		if h.ToolCallID != "" && other.ToolCallID == h.ToolCallID && h.Via != ViaFailure && other.Via != ViaFailure && other.Said != h.Said {
			h.Suspicious = append(h.Suspicious, "other words than another delivery of the same call heard: "+other.Said)
		}
	}
	k.heard = append(k.heard, h)
}

// Hears is everything that the caller was told, in the order in which it came, copies included.
func (k *Call) Hears() []Heard {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.heard)
}
