package intake

import (
	"context"
	"net/http"
	"time"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/vapi"
)

// greetWithin is how long a caller waits for an assistant. Vapi gives up after 7.5 s, and a caller hears
// silence meanwhile.
const greetWithin = 1800 * time.Millisecond

// greet answers an assistant-request: the default assistant, with what is known of the caller so far.
// Whatever goes wrong, the call gets its assistant; a caller whom nobody could look up is a stranger, not a
// dead line.
func (v *Vapi) greet(ctx context.Context, w http.ResponseWriter, m heard, seen call.Seen) {
	reply := vapi.AssistantReply{AssistantID: v.AssistantID}
	if v.Greet != nil && seen.Number != "" {
		ctx, cancel := context.WithDeadline(ctx, m.at.Add(greetWithin))
		defer cancel()
		variables, metadata := v.Greet(ctx, seen.Number)
		reply.Overrides = &vapi.Overrides{VariableValues: variables, Metadata: metadata}
	}
	body, err := reply.Encode()
	if err != nil {
		v.Log.Error("call.unanswered", "workspace", v.Workspace, "call", seen.Call, "error", err,
			"mend", "set vapi.assistant_id: inbound calls of a number without an assistant end at once")
		body = vapi.EncodeNothing()
	}
	write(w, body)
}
