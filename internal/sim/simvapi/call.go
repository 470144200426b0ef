package simvapi

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// The types of call that are played; web calls and websockets have no telephone number and are not.
const (
	inbound  = "inboundPhoneCall"
	outbound = "outboundPhoneCall"
)

// Caller is the person at the other end and what the call was started with.
type Caller struct {
	Number, Name, Email, ExternalID string
	Metadata                        map[string]any // assistantOverrides.metadata
	Variables                       map[string]any // assistantOverrides.variableValues
	ServerMessages                  []string       // assistantOverrides.serverMessages
	Envelope                        Envelope       // of every event of the call
}

// Call is one conversation. Its methods play what happens in it, in the order in which
// they return; those that may overlap in life may be called at the same time. Each sends
// its events and returns when the server has answered or its time is up.
type Call struct {
	cloud   *Cloud
	id      string
	kind    string
	caller  Caller
	created time.Time

	mu            sync.Mutex     // guards what follows; taken before the Cloud's
	plan          map[string]any // schedulePlan
	status        string         // the true one
	updated       time.Time
	started, over time.Time
	reason        string
	name          string
	assistantID   string
	assistant     map[string]any // with the overrides in it; replaced, never changed
	overrides     map[string]any
	messages      []map[string]any
	heard         []Heard
	controls      []Control
	destination   map[string]any
	analysis      map[string]any
	report        map[string]any
	turn          int
	held          []held
	cut           chan struct{} // closed when the speech under way is interrupted
}

// newCall makes a call that nobody has been told about.
func (c *Cloud) newCall(kind string, who Caller) *Call {
	k := &Call{cloud: c, id: c.id(), kind: kind, caller: who, created: time.Now(), status: "queued", cut: make(chan struct{})}
	k.updated = k.created
	k.overrides = map[string]any{}
	if who.Metadata != nil {
		k.overrides["metadata"] = who.Metadata
	}
	if who.Variables != nil {
		k.overrides["variableValues"] = who.Variables
	}
	if who.ServerMessages != nil {
		var list []any
		for _, m := range who.ServerMessages {
			list = append(list, m)
		}
		k.overrides["serverMessages"] = list
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, k)
	return k
}

// Ring is an inbound call, told to the server until it is in progress. If the account asks
// the server for an assistant and gets none, the call is over when Ring returns.
func (c *Cloud) Ring(ctx context.Context, who Caller) *Call {
	k := c.newCall(inbound, who)
	if !c.o.AssistantRequests {
		k.take(c.o.AssistantID, nil)
	}
	k.tellStatus(ctx, "queued", nil)
	k.Connects(ctx)
	return k
}

// Connects lets the call ring and be answered: by the assistant if it came in, by the
// person if it was placed.
func (k *Call) Connects(ctx context.Context) {
	k.tellStatus(ctx, "ringing", nil)
	if k.kind == inbound && k.cloud.o.AssistantRequests && !k.requestAssistant(ctx) {
		return
	}
	// The call has begun before the server hears of it; durations count from here.
	k.mu.Lock()
	k.started = time.Now()
	k.mu.Unlock()
	k.tellStatus(ctx, "in-progress", nil)
	k.tell(ctx, "assistant.started", nil)
	if first, _ := k.field("firstMessage").(string); first != "" {
		k.Says(ctx, "assistant", first)
	}
}

// take gives the call its assistant; inline is one that is not kept by the account.
func (k *Call) take(id string, inline map[string]any) bool {
	base := inline
	if base == nil {
		base = k.cloud.assistant(id)
	}
	if base == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.assistantID = id
	k.assistant = merge(base, k.overrides)
	// A second assistant takes over the conversation that there is.
	if k.messages == nil {
		prompt := systemPrompt
		if model, ok := k.assistant["model"].(map[string]any); ok {
			prompt = promptOf(model)
		}
		k.said("system", prompt, time.Now())
	}
	return true
}

// promptOf is the system message of an assistant's model, with which every artifact begins.
func promptOf(model map[string]any) string {
	list, _ := model["messages"].([]any)
	for _, m := range list {
		if m, ok := m.(map[string]any); ok && m["role"] == "system" {
			text, _ := m["content"].(string)
			return text
		}
	}
	return ""
}

// lay puts one object over another, deeply: unlike PATCH, which replaces.
func lay(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	for key, v := range over {
		a, okA := out[key].(map[string]any)
		b, okB := v.(map[string]any)
		if okA && okB {
			v = lay(a, b)
		}
		out[key] = v
	}
	return out
}

// merge is an assistant with overrides; what is no field of an assistant stays with them.
func merge(base, over map[string]any) map[string]any {
	out := lay(base, over)
	delete(out, "variableValues")
	delete(out, "tools:append")
	return out
}

// requestAssistant asks the server who shall answer and says whether somebody will.
func (k *Call) requestAssistant(ctx context.Context) bool {
	var ch choice
	k.mu.Lock()
	ev := event{
		call: k, kind: "assistant-request", message: k.message("assistant-request", nil),
		envelope: k.caller.Envelope, to: k.serverOf(nil), answers: true,
	}
	k.mu.Unlock()
	// Not the server's own timeout: no setting reaches this one ("Server URLs", assistant-request).
	ev.to.timeout = assistantTimeout
	ev.judge = func(a answer) []string {
		judged := judgeAssistant(a)
		if !a.copy {
			ch = judged
		}
		return judged.violations
	}
	a := k.cloud.deliver(ctx, ev)
	k.mu.Lock()
	if ch.overrides != nil {
		k.overrides = lay(k.overrides, ch.overrides)
	}
	k.mu.Unlock()
	// Whether an id exists is only known here: the judge sees the answer, not the account.
	if ch.ended == "" && (ch.assistantID != "" || ch.assistant != nil) && !k.take(ch.assistantID, ch.assistant) {
		ch.ended = "assistant-request-returned-invalid-assistant"
		ch.violations = append(ch.violations, "assistantId "+ch.assistantID+" is unknown")
		k.cloud.blame(k, "assistant-request", a, ch.violations[len(ch.violations)-1])
	}
	if ch.ended == "" && ch.assistantID == "" && ch.assistant == nil {
		k.take(k.cloud.o.AssistantID, nil) // squads and workflows are played by the account's assistant
	}
	if ch.ended == "" {
		return true
	}
	k.fallThrough(ctx, ch, a)
	return false
}

// fallThrough ends a call that found no assistant: forwarded, told why, or dropped.
func (k *Call) fallThrough(ctx context.Context, ch choice, a answer) {
	if ch.spoken != "" {
		k.hear(Heard{At: time.Now(), Via: ViaAssistantRequest, Said: ch.spoken, Took: a.took, Status: a.status, Suspicious: suspicious(ch.spoken, true)})
	}
	if ch.destination != nil {
		k.mu.Lock()
		k.destination = ch.destination
		k.mu.Unlock()
		k.tellStatus(ctx, "forwarding", map[string]any{"destination": ch.destination})
	}
	k.end(ctx, Ending{Reason: ch.ended}, map[string]any{"inboundPhoneCallDebuggingArtifacts": map[string]any{
		"error": "Couldn't get assistant.", "assistantRequestError": strings.Join(ch.violations, "; "), "assistantRequestResponse": string(a.body),
	}})
}

// blame adds a violation to what has been delivered, when it is only found out later.
func (c *Cloud) blame(k *Call, kind string, a answer, violation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, d := range slices.Backward(c.deliveries) {
		if d.Call == k.id && d.Kind == kind && d.At.Equal(a.at) && !a.spoilt {
			c.deliveries[i].Violations = append(slices.Clone(d.Violations), violation)
			return
		}
	}
}

// ID is the call's id.
func (k *Call) ID() string { return k.id }

// ControlURL is where the server may speak into the call; whoever has it controls the call.
func (k *Call) ControlURL() string { return k.controlURL() }

// Status is the call's true state, which call.status in webhooks is not.
func (k *Call) Status() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

// EndedReason is why the call ended; "" while it lives.
func (k *Call) EndedReason() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reason
}

// Caller is who the call is with.
func (k *Call) Caller() Caller { return k.caller }

// Overrides are the call's assistantOverrides, with the server's own if it gave some.
func (k *Call) Overrides() map[string]any {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.overrides)
}

// AssistantID is the assistant that answered, "" if none or one given inline.
func (k *Call) AssistantID() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.assistantID
}

// field is one field of the call's assistant; nil before it has one.
func (k *Call) field(name string) any {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.assistant[name]
}

// tellStatus moves the call to a state and sends a status-update. A call that is over
// stays so.
func (k *Call) tellStatus(ctx context.Context, status string, own map[string]any) {
	k.mu.Lock()
	if !k.over.IsZero() && status != "ended" {
		k.mu.Unlock()
		return
	}
	k.status, k.updated = status, time.Now()
	k.mu.Unlock()
	fields := map[string]any{"status": status}
	maps.Copy(fields, own)
	k.tell(ctx, "status-update", fields)
}

// tell sends an event that asks nothing, if the server is to hear of its kind.
func (k *Call) tell(ctx context.Context, kind string, own map[string]any) {
	name, ok := k.subscribed(kind, own)
	if !ok {
		return
	}
	k.mu.Lock()
	ev := event{
		call: k, kind: kind, message: k.message(name, own), envelope: k.caller.Envelope, to: k.serverOf(nil), judge: judgeInformed,
	}
	k.mu.Unlock()
	k.cloud.deliver(ctx, ev)
}

// subscribed says whether events of a kind are sent, and under which type: the call's list
// of serverMessages goes before the assistant's, which goes before the account's.
func (k *Call) subscribed(kind string, own map[string]any) (string, bool) {
	// The enumeration knows both forms; who subscribes to finals alone gets that type.
	const finals = `transcript[transcriptType="final"]`
	list := k.cloud.o.ServerMessages
	if own, ok := k.field("serverMessages").([]any); ok { // overrides are merged into it
		list = nil
		for _, m := range own {
			s, _ := m.(string)
			list = append(list, s)
		}
	}
	if kind == "transcript" && own["transcriptType"] == "final" && slices.Contains(list, finals) && !slices.Contains(list, kind) {
		return finals, true
	}
	return kind, slices.Contains(list, kind)
}

// Speech is one utterance.
type Speech struct {
	Role string // user or assistant
	Text string
	// Over is how long it takes; partial transcripts are spread over it, word by word.
	// 0: at once, with one partial.
	Over time.Duration
	// Interrupting: the assistant was speaking, and stops.
	Interrupting bool
}

// Says is an utterance that takes no time.
func (k *Call) Says(ctx context.Context, role, text string) {
	k.Speaks(ctx, Speech{Role: role, Text: text})
}

// Interrupts is the caller speaking into the assistant's sentence: the assistant's speech
// under way stops where it is, and the server is told of the interruption.
func (k *Call) Interrupts(ctx context.Context, text string) {
	k.Speaks(ctx, Speech{Role: "user", Text: text, Interrupting: true})
}

// Speaks is an utterance: speech-update started, transcripts partial and final, speech-update
// stopped, conversation-update. An assistant who is interrupted gets as far as the words
// that were out.
func (k *Call) Speaks(ctx context.Context, s Speech) {
	began := time.Now()
	k.mu.Lock()
	k.turn++
	turn, cut := k.turn, k.cut
	if s.Interrupting {
		// Whoever speaks now stops; the next speech has a channel of its own.
		close(k.cut)
		k.cut = make(chan struct{})
	}
	k.mu.Unlock()
	update := func(role, status string) {
		k.tell(ctx, "speech-update", map[string]any{"status": status, "role": role, "turn": turn})
	}
	update(s.Role, "started")
	words := strings.Fields(s.Text)
	if s.Interrupting {
		k.tell(ctx, "user-interrupted", map[string]any{"turnId": k.cloud.id()})
		update("assistant", "stopped")
	}
	text := s.Text
	if s.Over == 0 {
		if len(words) > 0 {
			k.transcribed(ctx, s.Role, "partial", text)
		}
	} else if n := k.wordByWord(ctx, s, words, cut); n < len(words) {
		text = strings.Join(words[:n], " ")
	}
	if text != "" {
		k.mu.Lock()
		if s.Role == "assistant" {
			k.said("bot", text, began)
		} else {
			k.said("user", text, began)
		}
		k.mu.Unlock()
		k.transcribed(ctx, s.Role, "final", text)
	}
	update(s.Role, "stopped")
	if text != "" {
		k.converse(ctx)
	}
}

// wordByWord lets time pass and tells each word as it comes; it returns how many came.
func (k *Call) wordByWord(ctx context.Context, s Speech, words []string, cut <-chan struct{}) int {
	if s.Role == "user" {
		cut = nil // people are not cut off
	}
	began := time.Now()
	for i := range words {
		t := time.NewTimer(time.Until(began.Add(s.Over * time.Duration(i+1) / time.Duration(len(words)))))
		select {
		case <-t.C:
		case <-cut:
			t.Stop()
			return i
		case <-ctx.Done():
			t.Stop()
			return i
		}
		if i+1 < len(words) {
			k.transcribed(ctx, s.Role, "partial", strings.Join(words[:i+1], " "))
		}
	}
	return len(words)
}

// transcribed sends one transcript. detectedThreats and originalTranscript are there even when
// nothing was filtered, as in the published example.
func (k *Call) transcribed(ctx context.Context, role, kind, text string) {
	k.tell(ctx, "transcript", map[string]any{
		"role": role, "transcriptType": kind, "transcript": text,
		"isFiltered": false, "detectedThreats": []any{}, "originalTranscript": text,
	})
}

// converse sends the whole conversation, as the vendor does after each turn.
func (k *Call) converse(ctx context.Context) {
	k.mu.Lock()
	own := map[string]any{"messages": slices.Clone(k.messages), "messagesOpenAIFormatted": k.openAI()}
	k.mu.Unlock()
	k.tell(ctx, "conversation-update", own)
}
