package intake

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/caller"
	"github.com/hookswitch/hookswitch/internal/redact"
	"github.com/hookswitch/hookswitch/internal/tool"
	"github.com/hookswitch/hookswitch/internal/vapi"
)

// Vapi is the door of Vapi's server messages in one workspace.
type Vapi struct {
	Workspace   string
	PublicURL   string // as configured: a signature may cover the address that Vapi called
	AssistantID string // answers assistant-request
	Gate        Gate
	Verifier    func() *vapi.Verifier
	Calls       *call.Log
	Clerk       *tool.Clerk
	Person      func(caller.Number) string    // keyed hash
	About       func(vapi.Message) call.About // checked record ids
	Playbook    func(callID string) string    // digest of what the call works by
	// Greet is what an assistant should know of a caller, within ctx: variables for its prompt, and the
	// records that the call is about. Nil tells nothing.
	Greet func(ctx context.Context, n caller.Number) (variables, metadata map[string]any)
	Log   *slog.Logger
}

// ServeHTTP hears one server message. Tool calls are answered 200 whatever became of them: Vapi ignores
// every other answer (Vapi documentation, "Custom tools troubleshooting"). An informational message that
// could not be kept is answered 500, so that Vapi delivers it again where a backoff plan says so.
func (v *Vapi) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !v.Gate.Admits(r) {
		v.Log.Warn("webhook.refused", "door", "vapi", "workspace", v.Workspace, "why", "address not allowed")
		refuse(w, http.StatusForbidden, "Forbidden")
		return
	}
	body, err := readBody(w, r)
	at := time.Now() // the deadline of an answer counts from the request's last byte
	switch {
	case errors.Is(err, errTooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "The body is larger than 1 MiB")
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "The body was cut short")
		return
	}
	req := vapi.Request{Method: r.Method, URL: v.PublicURL + r.URL.RequestURI(), Header: r.Header, Body: body}
	if err := v.Verifier().Verify(req); err != nil {
		v.Log.Warn("webhook.refused", "door", "vapi", "workspace", v.Workspace, "why", err)
		refuse(w, http.StatusUnauthorized, "Invalid signature")
		return
	}
	m, err := vapi.Parse(body)
	if err != nil { // 400, since the same body would be unreadable again
		v.Log.Warn("webhook.unreadable", "door", "vapi", "workspace", v.Workspace, "error", err)
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	v.hear(r.Context(), w, heard{Message: m, body: body, at: at})
}

// heard is one verified message.
type heard struct {
	vapi.Message
	body []byte
	at   time.Time
}

// hear gives the message on by what Vapi expects in return: results for tool calls, an assistant for
// assistant-request, nothing for the rest (https://docs.vapi.ai/server-url/events).
func (v *Vapi) hear(ctx context.Context, w http.ResponseWriter, m heard) {
	seen := v.seen(m)
	if m.Type == vapi.TypeToolCalls {
		v.answer(ctx, w, m, seen)
		return
	}
	err := v.keep(ctx, m, seen)
	if err != nil {
		v.Log.Error("event.lost", "workspace", v.Workspace, "call", seen.Call, "type", m.Type, "error", err)
	}
	switch {
	case m.Type == vapi.TypeAssistantRequest: // a call is answered whether or not it could be noted
		v.greet(ctx, w, m, seen)
	case err != nil:
		refuse(w, http.StatusInternalServerError, "Not kept, please send it again")
	default:
		write(w, vapi.EncodeNothing())
	}
}

// answer gives every tool call of the message to the clerk, side by side in time, and writes the results
// in the order of the calls. The message itself is kept meanwhile: the two commits share one write. That it could not
// be kept is no reason to withhold an answer, which the journal has recorded for itself.
func (v *Vapi) answer(ctx context.Context, w http.ResponseWriter, m heard, seen call.Seen) {
	results := make([]vapi.Result, len(m.ToolCalls))
	replies := make([]tool.Reply, len(m.ToolCalls))
	var all sync.WaitGroup
	all.Go(func() {
		if err := v.keep(ctx, m, seen); err != nil {
			v.Log.Error("event.lost", "workspace", v.Workspace, "call", seen.Call, "type", m.Type, "error", err)
		}
	})
	said := sync.OnceValue(func() []call.Turn { return turns(m.Message) })
	for i, c := range m.ToolCalls {
		all.Go(func() {
			ask := v.ask(m, seen, c)
			ask.Turns = said
			replies[i] = v.Clerk.Answer(ctx, ask)
			results[i] = result(replies[i])
		})
	}
	all.Wait()
	if m.Legacy && len(results) > 0 { // a function-call names one function, and its reply has no list
		write(w, vapi.EncodeLegacy(results[0]))
	} else {
		write(w, vapi.EncodeResults(results))
	}
	v.told(context.WithoutCancel(ctx), seen, replies) // the answer is out: Vapi may hang up
}

// ask takes from the envelope what the server can know, and from the model only the name and the arguments. These are
// masked here, before anything can be recorded of them.
func (v *Vapi) ask(m heard, seen call.Seen, c vapi.ToolCall) tool.Ask {
	return tool.Ask{
		Workspace: v.Workspace, Call: seen.Call, Nameless: m.CallID == "", ID: c.ID, Name: c.Name,
		Arguments: redact.Args(c.Arguments), Bad: c.Err,
		Number: seen.Number, Person: seen.Person, About: seen.About, At: m.at,
	}
}

// result says in Message what is spoken as written. Result and Error carry the same facts to the model, and Vapi wants
// exactly one of the two.
func result(r tool.Reply) vapi.Result {
	out := vapi.Result{ToolCallID: r.ID, Name: r.Name, Message: r.Say, Failed: r.Failed}
	if r.Failed {
		out.Error = r.Result
	} else {
		out.Result = r.Result
	}
	return out
}

// told adds the answers to the timeline. They are already durable as answers; the line here only puts
// them in their place among the events, so it follows the response.
func (v *Vapi) told(ctx context.Context, seen call.Seen, replies []tool.Reply) {
	events := make([]call.Event, 0, len(replies))
	now := time.Now()
	for _, r := range replies {
		data, err := json.Marshal(map[string]any{
			"name": r.Name, "toolCall": r.ID, "say": redact.Text(r.Say), "failed": r.Failed, "again": r.Again,
			"tookMs": now.Sub(seen.At).Milliseconds(),
		})
		if err != nil {
			continue // unreachable: plain values
		}
		events = append(events, call.Event{At: now, Type: "tool.answered", Data: data})
	}
	if err := v.Calls.Append(ctx, seen, events...); err != nil {
		v.Log.Error("event.lost", "workspace", v.Workspace, "call", seen.Call, "type", "tool.answered", "error", err)
	}
}

// noCall begins the timeline of messages that name no call: one for each caller, because nothing else is
// known to belong together.
const noCall = "none:"

// seen is what the message tells of its call. A number that cannot be read leaves the caller unknown, and an unknown
// type of call its direction: the message is heard all the same.
func (v *Vapi) seen(m heard) call.Seen {
	s := call.Seen{Workspace: v.Workspace, Call: m.CallID, At: m.at, About: v.About(m.Message)}
	s.Playbook = v.Playbook(m.CallID)
	if n, err := caller.ParseNumber(m.Customer.Number, ""); err == nil {
		s.Number, s.Person = n, v.Person(n)
	}
	if s.Call == "" {
		s.Call = noCall + s.Person
	}
	switch m.Call.Type {
	case "inboundPhoneCall":
		s.Direction = "inbound"
	case "outboundPhoneCall":
		s.Direction = "outbound"
	case "webCall", "vapi.websocketCall":
		s.Direction = "web"
	}
	switch m.Type {
	case vapi.TypeStatusUpdate:
		s.State, s.EndedReason = call.State(m.Status), m.EndedReason
	case vapi.TypeEndOfCallReport:
		s.State, s.EndedReason = call.Ended, m.EndedReason
	}
	return s
}

// keep appends the message to the timeline of its call; what has a key is kept once, however often it is delivered.
// Tool calls have no key of the message's own, because a repeat wants its reply; here their ids are the key.
func (v *Vapi) keep(ctx context.Context, m heard, seen call.Seen) error {
	e := call.Event{At: m.at, Type: string(m.Type), Key: m.DedupeKey(), Data: data(m.Message)}
	if e.Key == "" && m.Type == vapi.TypeToolCalls {
		e.Key = "tool-calls|" + ids(m.ToolCalls)
	}
	if wantsBody(m.Message) {
		e.Body = redact.JSON(m.body)
	}
	_, err := v.Calls.Observe(ctx, seen, e)
	return err
}

// wantsBody spares the store the bodies that come many times a second and repeat the conversation so far.
func wantsBody(m vapi.Message) bool {
	switch m.Type {
	case vapi.TypeConversationUpdate, vapi.TypeSpeechUpdate, vapi.TypeModelOutput, vapi.TypeVoiceInput, vapi.TypeAssistantSpeech:
		return false
	case vapi.TypeTranscript:
		return m.Transcript.Final
	}
	return true
}

// data is what the timeline shows of a message. Its names are those that an export takes apart.
func data(m vapi.Message) json.RawMessage {
	d := map[string]any{}
	if m.Status != "" {
		d["status"] = m.Status
	}
	if m.EndedReason != "" {
		d["endedReason"] = m.EndedReason
	}
	if m.Transcript.Text != "" {
		d["text"], d["role"] = redact.Text(m.Transcript.Text), m.Transcript.Role
	}
	if len(m.ToolCalls) > 0 {
		names := make([]string, len(m.ToolCalls))
		for i, c := range m.ToolCalls {
			names[i] = c.Name
		}
		d["names"] = names
	}
	b, err := json.Marshal(d)
	if err != nil {
		return json.RawMessage("{}") // unreachable: plain values
	}
	return b
}

// ids puts each id's length before it: ids are opaque, and two lists must not read alike.
func ids(calls []vapi.ToolCall) string {
	var b strings.Builder
	for _, c := range calls {
		b.WriteString(strconv.Itoa(len(c.ID)) + ":" + c.ID)
	}
	return b.String()
}

// turns are what the two on the line said. The system's messages and the tools' results were not heard by anybody, so
// nothing is confirmed by them.
func turns(m vapi.Message) []call.Turn {
	said := m.Conversation()
	out := make([]call.Turn, 0, len(said))
	for _, s := range said {
		if s.Role == vapi.RoleUser || s.Role == vapi.RoleAssistant {
			out = append(out, call.Turn{Role: s.Role, Text: s.Text, At: s.At})
		}
	}
	return out
}

// write sends the whole answer now: what the handler does after it must not make the caller wait.
func write(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)                      // a sender that has gone hears the same answer when it comes again
	_ = http.NewResponseController(w).Flush() // where it cannot be, it follows when the handler returns
}

// refuse answers in the form that tutorials taught people to expect: {"error": "…"}.
func refuse(w http.ResponseWriter, status int, why string) {
	body, err := json.Marshal(map[string]string{"error": why})
	if err != nil {
		body = []byte(`{}`) // unreachable: a string
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
