package world

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
)

// scenes are the demonstration, in the order of their names.
//
//go:embed scenes/*.txtar
var scenes embed.FS

// Scene is a script for an audience. Its comment is three paragraphs: a title, what to watch, and
// "playbook: NAME".
//
// Scenes are played in real time, and may be played one after the other in one world: their wants name
// records by values that no other scene has.
type Scene struct {
	*Script
	Title, Watch, Playbook string
}

// Scenes reads the scenes that ship.
func Scenes() ([]Scene, error) {
	files, err := fs.Glob(scenes, "scenes/*.txtar")
	if err != nil {
		return nil, err
	}
	var all []Scene
	for _, file := range files {
		text, err := scenes.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s, err := ParseScene(path.Base(file), text)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// ParseScene reads a script with an audience's comment.
func ParseScene(name string, text []byte) (Scene, error) {
	script, err := ParseScript(name, text)
	if err != nil {
		return Scene{}, err
	}
	parts := strings.Split(strings.TrimSpace(script.Comment), "\n\n")
	if len(parts) != 3 {
		return Scene{}, fmt.Errorf("%s: the comment has %d paragraphs — write a title, what to watch, and playbook: NAME", name, len(parts))
	}
	book, ok := strings.CutPrefix(parts[2], "playbook: ")
	if !ok {
		return Scene{}, fmt.Errorf("%s: %q — write playbook: NAME", name, parts[2])
	}
	one := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	return Scene{Script: script, Title: one(parts[0]), Watch: one(parts[1]), Playbook: one(book)}, nil
}

// Result is what came of a scene. The numbers are of this scene alone.
type Result struct {
	Faults  []error // wants that do not hold, and whatever else was not as it should be
	Asks    int     // tool calls answered
	Records int     // made in Salesforce by the server
	// Duplicates are records that say the same as another that the scene made, whatever their keys.
	Duplicates     int
	Promised, Kept int // intents recorded, and done
	Took           time.Duration
}

// Perform plays the scene in w, whose server runs, and returns when every want holds, or when the script's
// wait is over. watch hears of everything that happens, from several goroutines, until Perform returns.
func (s Scene) Perform(ctx context.Context, w *World, watch func(Moment)) Result {
	began := time.Now()
	before := len(w.Org.Ledger())
	watching, stop := context.WithCancel(ctx)
	o := newOnlooker(ctx, w, watch)
	seen := make(chan struct{})
	go func() { defer close(seen); o.look(watching) }()

	played, err := s.Play(ctx, w, watch)
	faults := s.await(ctx, w, played)
	stop()
	<-seen
	if err != nil {
		faults = append([]error{err}, faults...)
	}
	r := Result{Faults: faults, Took: time.Since(began)}
	for _, c := range played.Calls {
		for _, h := range c.Hears() {
			if h.Tool != "" && !h.Copy {
				r.Asks++
			}
		}
	}
	r.countRecords(w.Org.Ledger()[before:])
	for _, state := range o.states {
		if r.Promised++; state == journal.StateDone {
			r.Kept++
		}
	}
	return r
}

// await checks the wants until all hold, and then once more: what is too much comes later than what is enough.
func (s Scene) await(ctx context.Context, w *World, played Played) []error {
	const again, grace = 100 * time.Millisecond, 400 * time.Millisecond
	end := time.Now().Add(s.Wait)
	for {
		faults := s.Check(ctx, w, played)
		if len(faults) == 0 {
			if err := pause(ctx, grace); err != nil {
				return []error{err}
			}
			return s.Check(ctx, w, played)
		}
		if time.Now().After(end) {
			return faults
		}
		if err := pause(ctx, again); err != nil {
			return []error{err}
		}
	}
}

// countRecords counts what the server made, and what it made twice.
func (r *Result) countRecords(entries []simforce.Entry) {
	made := map[string]bool{}
	for _, e := range entries {
		if e.Op != simforce.Create || e.Who == "person" {
			continue
		}
		r.Records++
		sent := maps.Clone(e.Sent)
		delete(sent, simforce.KeyField)
		content := e.Object + text(sent)
		if made[content] {
			r.Duplicates++
		}
		made[content] = true
	}
}

// onlooker sees what no step of a script tells: what Salesforce committed, and what the journal holds.
type onlooker struct {
	w      *World
	see    func(Moment)
	seen   int // entries of the ledger
	states map[journal.IntentID]journal.State
	old    journal.IntentID // the newest intent from before
}

// often is how often an onlooker looks.
const often = 20 * time.Millisecond

// newOnlooker sees nothing of what has happened before.
func newOnlooker(ctx context.Context, w *World, see func(Moment)) *onlooker {
	o := &onlooker{w: w, see: see, seen: len(w.Org.Ledger()), states: map[journal.IntentID]journal.State{}}
	for _, in := range o.intents(ctx) {
		o.old = max(o.old, in.ID)
	}
	return o
}

// look looks until ctx ends, and once after that.
func (o *onlooker) look(ctx context.Context) {
	for pause(ctx, often) == nil {
		o.glance(ctx)
	}
	o.glance(context.WithoutCancel(ctx))
}

func (o *onlooker) glance(ctx context.Context) {
	for _, e := range o.w.Org.Ledger()[o.seen:] {
		o.seen++
		o.see(Moment{At: e.At, Who: "salesforce", Text: string(e.Op) + " " + e.Object, What: e})
	}
	for _, in := range o.intents(ctx) {
		was, known := o.states[in.ID]
		if in.ID <= o.old || was == in.State {
			continue
		}
		o.states[in.ID] = in.State
		if !known {
			promised := in
			promised.State = journal.StateRecorded
			o.see(Moment{At: in.Recorded, Who: "journal", Text: "recorded " + in.Name, What: promised})
		}
		if at, told := o.changed(in); told {
			o.see(Moment{At: at, Who: "journal", Text: string(in.State) + " " + in.Name, What: in})
		}
	}
}

// changed says since when an intent is what it is, if that is worth a word.
func (o *onlooker) changed(in journal.Intent) (time.Time, bool) {
	switch in.State {
	case journal.StateRetry, journal.StateUnknown:
		return time.Now(), true
	case journal.StateDone, journal.StateRefused, journal.StateWithdrawn, journal.StateLapsed:
		return in.Settled, true
	}
	return time.Time{}, false
}

// intents are all of the journal's, oldest first; none while no server runs.
func (o *onlooker) intents(ctx context.Context) []journal.Intent {
	a := o.w.App()
	if a == nil {
		return nil
	}
	all, err := a.Journal().List(ctx, journal.Filter{Workspace: "default"})
	if err != nil {
		return nil // the server has just been killed
	}
	slices.Reverse(all)
	return all
}
