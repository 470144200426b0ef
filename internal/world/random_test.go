package world_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/store"
)

// life is one random script: calls, what the model asks in them, and what goes wrong meanwhile. It is made
// from its seed alone, so that a seed is enough to play it again.
type life struct {
	seed   uint64
	calls  []callPlan
	told   []telling // in the order of their times
	asks   []*askPlan
	org    []simforce.Fault
	stalls []stall
	power  []powerPlan
}

// callPlan is one call. Of several calls of one caller the later ones may overlap the first.
type callPlan struct {
	at     time.Duration
	caller int // index in callers
}

// telling is one message of the model to the server: asks side by side, and what becomes of its delivery.
type telling struct {
	at    time.Duration
	call  int
	asks  []*askPlan
	fault simvapi.Fault
	again bool // the same tool call ids as before
}

// askPlan is one tool call. Its mark stands in the texts that it would write: by it the oracle knows, in
// the org's ledger, whose effect an entry is. Asks that repeat one another have the same mark.
type askPlan struct {
	id, mark string
	call     int
	tool     string
	as       string // the name under which the model calls it, if another
	args     map[string]any
	at       time.Duration // of its first telling
	smooth   bool          // its first telling met no fault on its way to the server
	account  string        // create_case: as the org spells it
	issue    string
	field    string // update_contact: the field of the record that it changes
	seeded   bool   // find_case, add_case_comment: the case was there before
}

// stall holds an answer of the org in our own machine, though nobody waits for it any more.
type stall struct {
	method, object string
	nth            int
	hold           time.Duration
}

// powerPlan is one end and new beginning of the server.
type powerPlan struct {
	at     time.Duration
	kind   string // kill, cut-before, cut-after, graceful
	commit int64  // the one at which a cut comes, from at on
	off    time.Duration
}

// The ways in which a server ends.
const (
	byKill      = "kill"
	byCutBefore = "cut-before"
	byCutAfter  = "cut-after"
	byStop      = "graceful"
)

func (p powerPlan) stage() store.Stage {
	if p.kind == byCutAfter {
		return store.AfterCommit
	}
	return store.BeforeCommit
}

// person is somebody who calls.
type person struct{ number, contact, account string } // contact: last name; empty for a stranger

// callers are who calls. The last is a stranger to the org.
func callers() []person {
	return []person{{"+15550100142", "Abel", "AC-1001"}, {"+15550100143", "Baker", "AC-1002"}, {"+15550100144", "", ""}}
}

// horizon is when the last telling, fault or restart of a script may begin. What the journal gave up for a
// while then still meets faults until calm.
const (
	horizon = 45 * time.Second
	calm    = 200 * time.Second
)

// author draws a life.
type author struct {
	*rand.Rand
	life
	busy  int // the call into which the theme puts its asks
	marks int
}

// newLife is the life of a seed.
func newLife(seed uint64) *life {
	a := &author{Rand: rand.New(rand.NewPCG(seed, 0x5eed)), life: life{seed: seed}}
	a.draw()
	slices.SortStableFunc(a.told, func(x, y telling) int { return int(x.at - y.at) })
	return &a.life
}

func (a *author) draw() {
	first := a.IntN(3)
	a.calls = []callPlan{{a.within(0, 3), first}, {a.within(0, 8), first}, {a.within(0, 12), (first + 1 + a.IntN(2)) % 3}}
	if a.IntN(3) == 0 {
		a.calls = append(a.calls, callPlan{a.within(5, 20), a.IntN(3)})
	}
	a.busy = a.IntN(len(a.calls))
	switch a.IntN(6) {
	case 0:
		a.corrections()
	case 1:
		a.lateAnswer()
	case 2:
		a.slowOrg()
	}
	for len(a.asks) < 6+a.IntN(6) {
		a.someAsk()
	}
	for range 3 + a.IntN(3) {
		a.org = append(a.org, a.someFault())
	}
	if a.IntN(5) == 0 {
		a.stalls = append(a.stalls, stall{a.of("PATCH", "POST", "GET"), a.of("Lead", "Case", "Contact", "CaseComment", "Task"), 1 + a.IntN(3), a.within(2, 60)})
	}
	if len(a.power) == 0 {
		a.power = append(a.power, a.somePower(a.within(0, 40)))
	}
	if len(a.stalls) == 0 && a.IntN(3) == 0 {
		a.power = append(a.power, a.somePower(a.power[0].at+a.within(1, 30)))
	}
}

// corrections are values of one field that follow one another while the org is slow with the first.
func (a *author) corrections() {
	call := a.callOf(func(p person) bool { return p.contact != "" })
	at, field := a.calls[call].at+a.within(0, 10), a.of("email", "street", "billing")
	for range 2 + a.IntN(2) {
		a.tell(at, call, a.contact(call, field))
		at += a.of3(a.millis(50, 450), a.millis(500, 900), a.millis(900, 5000))
	}
	if a.IntN(2) == 0 {
		a.org = append(a.org, simforce.Fault{Kind: simforce.Latency, Method: "PATCH", Delay: a.within(1, 20), Nth: 1, Object: a.of("Contact", "Account", "")})
	}
}

// lateAnswer is an answer that comes when the attempt has long been taken over, and the next is under way.
func (a *author) lateAnswer() {
	a.tell(a.calls[a.busy].at+a.within(6, 14), a.busy, a.comment(a.busy))
	a.power = append(a.power, a.somePower(a.within(0, 4))) // a restart in between would end what is stuck
	a.stalls = append(a.stalls, stall{"POST", "CaseComment", 1, a.within(89, 110)})
	a.org = append(a.org, simforce.Fault{Kind: simforce.Latency, Method: "POST", Object: "CaseComment", Nth: 2, Delay: a.within(10, 28)})
	if a.IntN(4) > 0 {
		a.org = append(a.org, simforce.Fault{Kind: simforce.LockRow, Method: "POST", Object: "CaseComment"})
	}
}

// slowOrg makes answers promise what comes true only later, and lets the power fail about then: what was said
// must be remembered.
func (a *author) slowOrg() {
	a.org = append(a.org, simforce.Fault{Kind: simforce.Latency, Method: a.of("PATCH", "POST"), Delay: a.within(2, 8), For: horizon})
	at := a.calls[a.busy].at + a.within(2, 8)
	a.tell(at, a.busy, a.someTool(a.busy))
	a.power = append(a.power, powerPlan{at: at + a.millis(1, 3500), kind: a.of(byCutBefore, byCutBefore, byCutAfter), commit: 1 + a.Int64N(4), off: a.within(0, 5)})
}

// someAsk adds one ask or several that belong together.
func (a *author) someAsk() {
	call := a.IntN(len(a.calls))
	at := min(a.calls[call].at+a.within(0, 20), horizon)
	first := a.someTool(call)
	switch a.IntN(8) {
	case 0: // side by side, in one message
		a.tell(at, call, first, a.someTool(call), a.someTool(call))
		return
	case 1: // the same again under a new id: the model has not heard the answer
		a.tell(at, call, first)
		a.tell(at+a.millis(20, 450), call, a.repeat(first, call))
		return
	case 2: // the same from another call
		other := a.IntN(len(a.calls))
		a.tell(at, call, first)
		if first.tool == "create_case" {
			a.tell(max(at+a.millis(0, 4000), a.calls[other].at), other, a.sameCase(first, other))
		}
		return
	case 3: // corrected while it settles, or soon after
		if next := a.corrected(first, call); next != nil {
			a.tell(at, call, first)
			a.tell(at+a.millis(50, 1500), call, next)
			return
		}
	case 4: // delivered again much later, as a vendor does that saw no answer
		a.tell(at, call, first)
		a.told = append(a.told, telling{at: at + a.within(0, 30), call: call, asks: []*askPlan{first}, again: true})
		return
	}
	a.tell(at, call, first)
}

// tell adds a message with asks, and sometimes a fault of its delivery.
func (a *author) tell(at time.Duration, call int, asks ...*askPlan) {
	t := telling{at: at, call: call, asks: asks, fault: a.someDelivery()}
	for _, k := range asks {
		k.call, k.at, k.smooth = call, at, t.fault == (simvapi.Fault{})
		if k.id == "" {
			k.id = fmt.Sprintf("call_%d_%02d", a.seed, len(a.asks))
		}
		a.asks = append(a.asks, k)
	}
	a.told = append(a.told, t)
}

// someDelivery is what goes wrong with a delivery; for most, nothing.
func (a *author) someDelivery() simvapi.Fault {
	switch a.IntN(16) {
	case 0:
		return simvapi.Fault{Copies: 1 + a.IntN(2)}
	case 1:
		return simvapi.Fault{Copies: 1, CopiesAfter: a.millis(1, 8000)}
	case 2:
		return simvapi.Fault{DropResponse: true, Copies: a.IntN(2), CopiesAfter: a.millis(100, 5000)}
	case 3:
		return simvapi.Fault{CutAfter: a.millis(1, 3000), Copies: a.IntN(2), CopiesAfter: a.millis(100, 5000)}
	case 4:
		return simvapi.Fault{Slow: a.millis(10, 6000)}
	case 5:
		return simvapi.Fault{SlowAnswer: a.millis(10, 3000)}
	case 6:
		return simvapi.Fault{Lose: true}
	}
	return simvapi.Fault{}
}

// someFault is one that the org makes. Commits that come later than a minute after their request are left out:
// no quiet period can be long enough for every one of them.
func (a *author) someFault() simforce.Fault {
	kinds := []simforce.Kind{
		simforce.Latency, simforce.Latency, simforce.Answer, simforce.Answer, simforce.HTML, simforce.LockRow, simforce.LimitTotal,
		simforce.LimitConcurrent, simforce.Expire, simforce.BusyRefresh, simforce.ResetBefore, simforce.ResetAfter, simforce.ResetAfter,
		simforce.CommitLate, simforce.Down, simforce.LagQuery,
	}
	f := simforce.Fault{
		Kind: kinds[a.IntN(len(kinds))], Object: a.of("", "Lead", "Case", "CaseComment", "Contact", "Task", "Account"),
		After: a.within(0, 30), Delay: a.of3(a.millis(50, 1500), a.within(1, 10), a.within(5, 58)), Nth: 1 + a.IntN(2),
	}
	if a.IntN(2) == 0 {
		f.Method = a.of("PATCH", "POST", "GET")
	}
	if a.IntN(3) > 0 {
		f.Times = 1 + a.IntN(3)
	} else {
		f.For = a.within(1, 120)
	}
	switch f.Kind {
	case simforce.Answer:
		f.Status, f.Code, f.Message = a.refusal()
	case simforce.HTML, simforce.Down:
		f.Status = []int{0, 503, 502}[a.IntN(3)]
	case simforce.LockRow: // reads take no locks
		f.Method = a.of("PATCH", "POST")
	case simforce.BusyRefresh: // only the door of the tokens knows it
		f.Object, f.Method = "", ""
		a.org = append(a.org, simforce.Fault{Kind: simforce.Expire, After: f.After})
	}
	return f
}

// refusal is an answer that is an error. The last two are about the record itself and never mend.
func (a *author) refusal() (status int, code, message string) {
	switch a.IntN(8) {
	case 0, 1:
		return 500, "", ""
	case 2, 3:
		return 500, "UNKNOWN_EXCEPTION", "An unexpected error occurred."
	case 4:
		return 503, "SERVER_UNAVAILABLE", "Server is too busy."
	case 5:
		return 503, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "Maintenance."
	case 6:
		return 400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not on Sundays."
	}
	return 403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
}

func (a *author) somePower(at time.Duration) powerPlan {
	return powerPlan{at: at, kind: a.of(byKill, byCutBefore, byCutAfter, byStop), commit: 1 + a.Int64N(12), off: a.of3(a.millis(1, 500), a.within(0, 5), a.within(5, 20))}
}

// within is a time between two numbers of seconds, to the millisecond.
func (a *author) within(low, high int) time.Duration { return a.millis(low*1000, high*1000) }

func (a *author) millis(low, high int) time.Duration {
	return time.Duration(low+a.IntN(high-low)) * time.Millisecond
}

func (a *author) of(list ...string) string { return list[a.IntN(len(list))] }

func (a *author) of3(list ...time.Duration) time.Duration { return list[a.IntN(len(list))] }

// callOf is a call of somebody of whom fit is true; the first call is given another caller if there is none.
func (a *author) callOf(fit func(person) bool) int {
	who := callers()
	for i, c := range a.calls {
		if fit(who[c.caller]) {
			return i
		}
	}
	a.calls[0].caller = slices.IndexFunc(who, fit)
	return 0
}
