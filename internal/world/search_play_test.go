package world_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/playbook"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

// outcome is what the outside saw of a life: words, ledger, and the list of what waits for a person.
type outcome struct {
	*life
	began    time.Time
	calls    []*simvapi.Call
	heard    map[string][]simvapi.Heard // by tool call id, in the order in which they came
	ledger   []simforce.Entry
	requests []simforce.Request
	seeds    map[string]string // record ids of the org before the first call, by name
	org      *simforce.Org
	review   map[string]string // tool call id → why it waits for a person
	open     map[journal.State]int
	down     []span
	counts   counts
	faults   []string // what the player itself could not do

	deliveries []simvapi.Delivery
}

type span struct{ from, to time.Time }

// counts says how often each thing happened.
type counts map[string]int

func (c counts) add(other counts) {
	for k, n := range other {
		c[k] += n
	}
}

// library reads each playbook once for all lives.
type library map[string]*playbook.Playbook

func newLibrary() (library, error) {
	books := library{}
	for _, name := range []string{"customer-support", "real-estate"} {
		b, err := playbook.Shipped(name)
		if err != nil {
			return nil, err
		}
		books[name] = b
	}
	return books, nil
}

func (l library) book(name string) (*playbook.Playbook, error) {
	if b, ok := l[name]; ok {
		return b, nil
	}
	return nil, fmt.Errorf("no playbook %s", name)
}

// player plays one life.
type player struct {
	*life
	w       *world.World
	began   time.Time
	calls   []*simvapi.Call
	ringing []chan struct{} // closed when the call is there
	steps   sync.WaitGroup
	server  sync.Mutex // held while the server is being ended or begun; only ever tried, never waited for

	mu   sync.Mutex
	out  *outcome
	nth  []int // requests that each stall has seen
	dead bool  // the server could not be begun again
}

// scratch is where a database may lie: in memory, where the machine has such a place.
func scratch() (string, error) {
	dir := "/dev/shm"
	if _, err := os.Stat(dir); err != nil {
		dir = ""
	}
	return os.MkdirTemp(dir, "hookswitch-search-")
}

// playLife lives a life in a fresh world. It must be called in a bubble: a life takes hours.
func (l *life) playLife(ctx context.Context, books library, log *slog.Logger) (*outcome, error) {
	dir, err := scratch()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p := &player{life: l, began: time.Now(), nth: make([]int, len(l.stalls)), out: &outcome{
		life: l, began: time.Now(), heard: map[string][]simvapi.Heard{}, seeds: map[string]string{}, review: map[string]string{}, counts: counts{},
	}}
	p.w = world.New(world.Options{
		Dir: dir, Log: log, Books: books.book, Wrap: p.wrap,
		Cloud: simvapi.Options{ServerMessages: simvapi.EveryServerMessage(), Seed: l.seed + 1},
		Org:   simforce.Options{Seed: int64(l.seed % 1000)},
	})
	p.plant()
	if err := p.beginServer(ctx); err != nil {
		return nil, err
	}
	for _, f := range l.org {
		p.w.Org.Fault(f)
	}
	if p.playScript(ctx); p.dead {
		return p.out, p.w.Close()
	}
	p.calmDown(ctx)
	p.collect(ctx)
	return p.out, errors.Join(p.w.Stop(ctx), p.w.Close())
}

// beginServer begins the server, and lets a millisecond pass: what it has started then is there to be stopped.
func (p *player) beginServer(ctx context.Context) error {
	err := p.w.Start(ctx)
	time.Sleep(time.Millisecond)
	return err
}

// plant puts into the org whom the callers are.
func (p *player) plant() {
	put := func(name, object string, fields map[string]any) string {
		id := p.w.Org.Put(object, fields)
		p.out.seeds[name] = id
		return id
	}
	for _, who := range callers() {
		if who.contact == "" {
			continue
		}
		account := put("account "+who.account, "Account", map[string]any{"Name": "Company " + who.contact, "AccountNumber": who.account})
		put("contact "+who.contact, "Contact", map[string]any{"LastName": who.contact, "Phone": who.number, "AccountId": account})
		put("case "+who.account, "Case", map[string]any{"CaseNumber": seededCases()[who.account], "AccountId": account, "Subject": "Voice AI Case: billing", "Status": "New", "Priority": "High"})
	}
}

// playScript plays calls, tellings and restarts at their times, until all have ended.
func (p *player) playScript(ctx context.Context) {
	p.calls, p.ringing = make([]*simvapi.Call, len(p.life.calls)), make([]chan struct{}, len(p.life.calls))
	for i, c := range p.life.calls {
		p.ringing[i] = make(chan struct{})
		p.atTime(c.at, func() {
			p.calls[i] = p.w.Cloud.Ring(ctx, simvapi.Caller{Number: callers()[c.caller].number})
			close(p.ringing[i])
			if p.seed%3 == uint64(i) { // arrives after what came after it
				p.inject("hold", simvapi.Fault{Kind: "conversation-update", Call: p.calls[i].ID(), Times: 1, Hold: 2})
			}
			p.calls[i].Says(ctx, "user", "Hello, it is me.")
		})
		p.atTime(horizon+30*time.Second, func() {
			if <-p.ringing[i]; i%2 == 0 {
				p.calls[i].HangsUp(ctx, "")
			}
		})
	}
	for _, t := range p.told {
		p.atTime(t.at, func() { p.letModelAsk(ctx, t) })
	}
	p.steps.Go(func() {
		for _, one := range p.power {
			if !p.dead {
				p.restartServer(ctx, one)
			}
		}
	})
	for at := time.Second; at < calm; at += 3700 * time.Millisecond {
		p.atTime(at, func() { p.sampleStates(ctx) })
	}
	p.steps.Wait()
}

// atTime does a step at its time.
func (p *player) atTime(at time.Duration, do func()) {
	p.steps.Go(func() {
		time.Sleep(time.Until(p.began.Add(at)))
		do()
	})
}

func (p *player) inject(name string, f simvapi.Fault) {
	p.w.Cloud.Inject(f)
	p.count("vapi " + name)
}

func (p *player) count(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.counts[what]++
}

// letModelAsk lets the model ask.
func (p *player) letModelAsk(ctx context.Context, t telling) {
	<-p.ringing[t.call]
	c := p.calls[t.call]
	if f := t.fault; f != (simvapi.Fault{}) && !t.again {
		f.Kind, f.Call, f.Times = "tool-calls", c.ID(), 1
		p.inject(faultName(f), f)
	}
	var asks []simvapi.Ask
	for _, k := range t.asks {
		tool := k.tool
		if k.as != "" {
			tool = k.as
		}
		asks = append(asks, simvapi.Ask{ID: k.id, Tool: tool, Args: k.args})
	}
	c.AsksMany(ctx, asks, simvapi.AskOptions{})
}

func faultName(f simvapi.Fault) string {
	switch {
	case f.Lose:
		return "lose"
	case f.DropResponse:
		return "drop response"
	case f.CutAfter > 0:
		return "cut"
	case f.Slow > 0:
		return "slow"
	case f.SlowAnswer > 0:
		return "slow answer"
	case f.CopiesAfter > 0:
		return "later copy"
	}
	return "concurrent copy"
}

// restartServer ends the server in one of the ways, and begins it anew.
func (p *player) restartServer(ctx context.Context, one powerPlan) {
	time.Sleep(time.Until(p.began.Add(one.at)))
	kind := one.kind
	if kind == byCutBefore || kind == byCutAfter {
		p.w.CutAt(one.commit, one.stage())
		select {
		case <-p.w.Dark():
		case <-time.After(20 * time.Second): // nothing more to commit
			kind = byKill
		}
	}
	p.server.Lock()
	defer p.server.Unlock()
	down := time.Now()
	var err error
	if kind == byStop {
		err = p.w.Stop(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = nil // an attempt took longer than a stop waits
		}
	} else {
		err = p.w.Kill()
	}
	if err != nil {
		p.fault("end by %s: %v", kind, err)
	}
	p.count("restart " + kind)
	time.Sleep(one.off)
	if err := p.beginServer(ctx); err != nil {
		p.fault("start: %v", err)
		p.dead = true
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.down = append(p.out.down, span{down, time.Now()})
}

func (p *player) fault(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.faults = append(p.out.faults, fmt.Sprintf(format, args...))
}

// sampleStates looks at the operator's counts, where intents are seen that do not rest.
func (p *player) sampleStates(ctx context.Context) {
	if !p.server.TryLock() {
		return
	}
	defer p.server.Unlock()
	states, err := p.w.App().Journal().Counts(ctx, "default")
	if err != nil {
		return // the power has just failed
	}
	for s, n := range states {
		p.mu.Lock()
		p.out.counts["state "+string(s)] += n
		p.mu.Unlock()
	}
}

// calmDown lifts every fault, gives the server hours, and lets each telling that was answered be delivered once
// more. One that was not answered would be a new ask by now.
func (p *player) calmDown(ctx context.Context) {
	time.Sleep(time.Until(p.began.Add(calm)))
	p.w.Org.ClearFaults()
	p.w.Cloud.Mend()
	p.w.Cloud.Wait()
	time.Sleep(3 * time.Hour)
	for _, t := range p.told {
		if !t.again && p.answered(t) {
			t.again = true
			p.letModelAsk(ctx, t)
		}
	}
	time.Sleep(time.Minute)
	p.w.Cloud.Wait()
}

func (p *player) answered(t telling) bool {
	heard := p.calls[t.call].Hears()
	for _, k := range t.asks {
		if !slices.ContainsFunc(heard, func(h simvapi.Heard) bool { return h.ToolCallID == k.id && h.Via != simvapi.ViaFailure }) {
			return false
		}
	}
	return true
}

// collect takes down what can be seen from outside.
func (p *player) collect(ctx context.Context) {
	o := p.out
	o.calls, o.org, o.ledger, o.requests = p.calls, p.w.Org, p.w.Org.Ledger(), p.w.Org.Requests()
	for _, c := range p.calls {
		for _, h := range c.Hears() {
			o.heard[h.ToolCallID] = append(o.heard[h.ToolCallID], h)
			if h.Copy {
				o.counts["heard by a copy"]++
			}
		}
	}
	o.deliveries = p.w.Cloud.Deliveries()
	for kind, n := range p.w.Org.Counts() {
		o.counts["org "+string(kind)] += n
	}
	j := p.w.App().Journal()
	all, err := j.List(ctx, journal.Filter{Workspace: "default", Limit: 1000})
	if err != nil {
		p.fault("list: %v", err)
	}
	o.open = map[journal.State]int{}
	for _, in := range all {
		o.counts["lane "+string(in.Lane)]++
		o.counts["state "+string(in.State)]++
		switch in.State {
		case journal.StateRefused:
			o.review[in.Cause.ToolCall+"/"+in.Name] = in.Why
		case journal.StateDone, journal.StateWithdrawn, journal.StateMerged, journal.StateUndone, journal.StateLapsed:
		default:
			o.open[in.State]++
		}
		history, err := j.Attempts(ctx, "default", in.ID)
		if err != nil {
			p.fault("attempts: %v", err)
		}
		for _, a := range history {
			o.counts["verdict "+string(a.Verdict)]++
		}
	}
}

// wrap stands between the server and its neighbours and holds answers back as the stalls say.
func (p *player) wrap(next http.RoundTripper) http.RoundTripper { return staller{p, next} }

type staller struct {
	p    *player
	next http.RoundTripper
}

// RoundTrip is http.RoundTripper. It goes on holding though the request's context has ended: a goroutine that
// is stuck notices nothing.
func (s staller) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := s.next.RoundTrip(r)
	hold := s.p.holdFor(r)
	if hold == 0 {
		return res, err
	}
	if err == nil {
		body, readErr := io.ReadAll(res.Body)
		res.Body.Close()
		if readErr != nil {
			return nil, readErr
		}
		res.Body = io.NopCloser(bytes.NewReader(body))
	}
	time.Sleep(hold)
	return res, err
}

func (p *player) holdFor(r *http.Request) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var hold time.Duration
	for i, s := range p.stalls {
		if s.method != "" && s.method != r.Method || !slices.Contains(strings.Split(r.URL.Path, "/"), s.object) && s.object != "" {
			continue
		}
		if p.nth[i]++; p.nth[i] == s.nth {
			p.out.counts["stall"]++
			hold = max(hold, s.hold)
		}
	}
	return hold
}
