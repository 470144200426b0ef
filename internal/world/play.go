package world

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
)

// Moment is something that an onlooker sees or hears while a script is played.
type Moment struct {
	At   time.Time
	Call string // the name that the script gives the call
	Who  string // "caller", "assistant", "model", "tool", "world", and of Watch "salesforce", "journal"
	Text string
	What any // more of the same: a simvapi.Caller, simvapi.Ask, simvapi.Heard, simforce.Entry or journal.Intent; or nil
}

// Played is what a script left behind for its wants.
type Played struct {
	Began time.Time
	Heard map[string]simvapi.Heard // by label
	Calls map[string]*simvapi.Call // by name
}

// action is a step, ready to be done.
type action func(p *play) error

// play is a script under way.
type play struct {
	ctx   context.Context
	w     *World
	watch func(Moment)

	mu     sync.Mutex
	played Played
	faults []error
	steps  sync.WaitGroup
}

// Play plays s in w, whose server runs, and waits until every step has ended. watch may be nil; it is
// called by several goroutines. An error is a step that could not be done, not a want that failed.
func (s *Script) Play(ctx context.Context, w *World, watch func(Moment)) (Played, error) {
	if watch == nil {
		watch = func(Moment) {}
	}
	p := &play{ctx: ctx, w: w, watch: watch, played: Played{
		Began: time.Now(), Heard: map[string]simvapi.Heard{}, Calls: map[string]*simvapi.Call{},
	}}
	for _, seed := range s.Org {
		w.Org.Put(seed.Object, seed.Fields)
	}
	for _, step := range s.Steps {
		if err := pause(ctx, time.Until(p.played.Began.Add(step.At))); err != nil {
			return p.played, err
		}
		if _, what, _ := strings.Cut(step.Text, " "); strings.HasPrefix(strings.TrimSpace(what), "salesforce ") {
			p.see("", "world", strings.TrimSpace(what), nil)
		}
		if err := step.do(p); err != nil {
			return p.played, fmt.Errorf("%s:%d: %s: %w", s.Name, step.Line, step.Text, err)
		}
	}
	p.steps.Wait()
	w.Cloud.Wait()
	return p.played, errors.Join(p.faults...)
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (p *play) see(call, who, text string, what any) {
	p.watch(Moment{At: time.Now(), Call: call, Who: who, Text: text, What: what})
}

func (p *play) call(name string) (*simvapi.Call, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.played.Calls[name]
	if !ok {
		return nil, fmt.Errorf("%s has not rung", name)
	}
	return c, nil
}

func actRing(name string, who simvapi.Caller) action {
	return func(p *play) error {
		p.see(name, "world", "rings from "+who.Number, who)
		c := p.w.Cloud.Ring(p.ctx, who)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.played.Calls[name] = c
		return nil
	}
}

func actSay(name string, s simvapi.Speech) action {
	return func(p *play) error {
		c, err := p.call(name)
		if err != nil {
			return err
		}
		who := "caller"
		if s.Role != "user" {
			who = "assistant"
		}
		p.see(name, who, s.Text, nil)
		p.steps.Go(func() { c.Speaks(p.ctx, s) })
		return nil
	}
}

func actHangUp(name string) action {
	return func(p *play) error {
		c, err := p.call(name)
		if err != nil {
			return err
		}
		p.see(name, "world", "hangs up", nil)
		p.steps.Go(func() { c.HangsUp(p.ctx, "") })
		return nil
	}
}

func actAsk(name string, asks []simvapi.Ask, labels []string, o simvapi.AskOptions) action {
	return func(p *play) error {
		c, err := p.call(name)
		if err != nil {
			return err
		}
		for _, a := range asks {
			p.see(name, "model", fmt.Sprintf("%s %s", a.Tool, a.Args), a)
		}
		p.steps.Go(func() {
			for i, h := range c.AsksMany(p.ctx, asks, o) {
				p.see(name, "tool", h.Said, h)
				p.mu.Lock()
				if labels[i] != "" {
					p.played.Heard[labels[i]] = h
				}
				p.mu.Unlock()
			}
		})
		return nil
	}
}

func actKill(p *play) error {
	p.see("", "world", "kill -9", nil)
	return p.w.Kill()
}

func actStop(p *play) error {
	p.see("", "world", "the server is stopped", nil)
	return p.w.Stop(p.ctx)
}

func actStart(p *play) error {
	p.see("", "world", "the server starts", nil)
	return p.w.Start(p.ctx)
}

func actRestart(p *play) error {
	if err := actKill(p); err != nil {
		return err
	}
	return actStart(p)
}
