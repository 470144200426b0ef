package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookswitch/hookswitch/internal/mutant"
)

// Record stores an answer with its sentences, deadline, intents, needs and claims in one
// durable transaction.
//
// If the ask was answered before, Record changes nothing: a webhook delivered twice must hear
// the same words twice. If it repeats another ask it joins that one's answer. If a claim is
// held it records nothing and says by which intent.
func (j *Journal) Record(ctx context.Context, d Draft) (Recorded, error) {
	if err := j.check(&d); err != nil {
		return Recorded{}, fmt.Errorf("record answer to %s/%s: %w", d.Ask.Call, d.Ask.ID, err)
	}
	var r Recorded
	err := j.write(ctx, func(l *ledger) error {
		var err error
		r, err = j.record(l, &d)
		return err
	})
	if err != nil {
		return Recorded{}, fmt.Errorf("record answer to %s/%s: %w", d.Ask.Call, d.Ask.ID, err)
	}
	return r, nil
}

// record is the transaction of Record. The order of its questions matters: the same ask, then the
// same question, then a held claim, and only then anything new. A repeat that met its own claim
// first would be told that somebody else had been quicker.
func (j *Journal) record(l *ledger, d *Draft) (Recorded, error) {
	if a, err := l.answerTo(d.Ask); a != nil || err != nil {
		return recordedAs(a), err
	}
	// Asked once for two questions: whether a repeat still means the same, and whom a new answer replaces.
	older, err := l.newestFor(d)
	if err != nil {
		return Recorded{}, err
	}
	if a, err := j.joined(l, d); a != nil || err != nil {
		r := recordedAs(a)
		r.Joined = true
		return r, err
	}
	for _, c := range d.Claims {
		in, held, err := l.claimed(d.Ask.Workspace, c)
		if err != nil {
			return Recorded{}, err
		}
		// A refused intent still holds its claim: a person is about to mend it, and a second one
		// beside it would be done twice.
		if held && (!in.State.fell() || in.State == StateRefused) {
			return Recorded{Taken: &Taken{Claim: c.Name, Intent: in}}, nil
		}
	}
	id, err := l.insertAnswer(d)
	if err != nil {
		return Recorded{}, err
	}
	if err := replace(l, older, id); err != nil {
		return Recorded{}, err
	}
	return j.promise(l, d, id)
}

// recordedAs is what Record says of an answer that was there before.
func recordedAs(a *answer) Recorded {
	if a == nil {
		return Recorded{}
	}
	r := Recorded{Intents: a.refs}
	if a.chosen {
		r.Spoken = &a.spoken
	}
	return r
}

// joined is the answer that the draft repeats. An answer that was replaced since, or that a
// different ask for the same target has followed, is not repeated: saying it again means it
// again.
func (j *Journal) joined(l *ledger, d *Draft) (*answer, error) {
	if d.Repeat == "" {
		return nil, nil
	}
	asked := d.Asked
	if asked.IsZero() {
		asked = l.now
	}
	a, err := l.repeated(d, asked.Add(-d.RepeatWindow))
	if a == nil || err != nil {
		return nil, err
	}
	// "Tuesday", "no, Wednesday", "Tuesday after all": the third is not the first once more.
	// Whatever the tool was asked since counts, for another target too: an ask that follows a claim changes
	// the same record without having its target.
	newest, err := l.newestOf(d)
	if err != nil || a.replacedBy != 0 || newest.id != a.id {
		return nil, err
	}
	return a, l.insertAlias(d, a.id)
}

// replace withdraws an older answer for the same target if all its intents still settle. All or
// none: to take back a half of what was promised would make the sentence that promised it untrue.
func replace(l *ledger, older *answer, by int64) error {
	if older == nil || older.replacedBy != 0 || older.chosen { // what was promised aloud is kept
		return nil
	}
	var mine []Intent
	for _, id := range older.refs {
		in, err := l.intent(older.ask.Workspace, id)
		if err != nil {
			return err
		}
		if in.Answer != older.id {
			continue // it only speaks of this one
		}
		// One of them is under way, or done: the older answer stands, and the newer is recorded beside it.
		if in.State != StateSettling {
			return nil
		}
		mine = append(mine, in)
	}
	if len(mine) == 0 {
		return nil
	}
	if err := l.setReplaced(older.id, by); err != nil {
		return err
	}
	for _, in := range mine {
		if mutant.On(mutant.DropSettleCancel) {
			continue
		}
		if err := withdraw(l, in, "replaced by a newer ask"); err != nil {
			return err
		}
	}
	return nil
}

// promise records the intents of an answer, and chooses its sentence at once if nothing of
// what it waits for can be known before the deadline.
// Choosing here saves a transaction, and the caller the wait, when the lane is known to stand
// still.
func (j *Journal) promise(l *ledger, d *Draft, id int64) (Recorded, error) {
	// Names stand for what is there by now: sentences may speak of earlier intents as of those made here.
	known := map[string]Intent{}
	for name, ref := range d.Refs {
		in, err := l.intent(d.Ask.Workspace, ref)
		if err != nil {
			return Recorded{}, err
		}
		known[name] = in
	}
	for i := range d.Promises {
		in, err := j.intend(l, entry{d, id, known}, &d.Promises[i])
		if err != nil {
			return Recorded{}, fmt.Errorf("promise %s: %w", d.Promises[i].Name, err)
		}
		known[d.Promises[i].Name] = in
	}
	for _, c := range d.Claims {
		var until time.Time
		if c.Window > 0 {
			until = l.now.Add(c.Window)
		}
		if err := l.putClaim(d.Ask.Workspace, c, known[c.Intent].ID, until); err != nil {
			return Recorded{}, err
		}
	}
	refs := make(map[string]IntentID, len(known))
	for name, in := range known {
		refs[name] = in.ID
	}
	// Only now are all ids known. An answer that promises nothing needs none.
	if len(refs) > 0 {
		if err := l.setRefs(id, refs); err != nil {
			return Recorded{}, err
		}
	}
	r := Recorded{Fresh: true, Intents: refs}
	if !j.hopeless(d, known, l.now) {
		return r, nil
	}
	a := &answer{id: id, ask: d.Ask, sentences: d.Sentences}
	s, err := speak(l, a, known)
	r.Spoken = &s
	return r, err
}

// entry is an answer that is being written down: its draft, its row, and what its names stand
// for so far.
type entry struct {
	*Draft
	answer int64
	known  map[string]Intent
}

// intend records one promise in the state in which it begins.
func (j *Journal) intend(l *ledger, e entry, p *Promise) (Intent, error) {
	subject, err := l.assign(e.Ask.Workspace, p)
	if err != nil {
		return Intent{}, err
	}
	in := Intent{
		Workspace: e.Ask.Workspace, Kind: p.Kind, Key: p.Key, Name: p.Name, Answer: e.answer,
		Subject: subject, Parent: p.Subject.Parent, Lane: p.Lane, Body: p.Body, Before: p.Before,
		State: StateRecorded, NotBefore: p.NotBefore, Expires: p.Expires, Undoes: p.Undoes,
		Cause: p.Cause, Person: e.Person, Playbook: e.Playbook, Recorded: l.now,
	}
	needs := map[string]Intent{}
	for _, name := range p.Needs {
		needs[name] = e.known[name]
	}
	var earlier []Intent
	for _, id := range p.NeedsIDs {
		need, err := l.intent(e.Ask.Workspace, id)
		if err != nil {
			return in, err
		}
		earlier = append(earlier, need)
	}
	// Decided before the insert: the first state that is stored is the one in which it begins.
	if in, err = l.ready(in, needs, earlier); err != nil {
		return in, err
	}
	if into, ok, err := j.mergeable(l, in, len(needs)+len(earlier) > 0); err != nil {
		return in, err
	} else if ok {
		return j.merge(l, in, into)
	}
	in, fresh, err := l.insert(in)
	if err != nil || !fresh {
		return in, err
	}
	// A taken key has needs of its own, recorded with it; a fresh intent gets these.
	for name, need := range needs {
		err = errors.Join(err, l.addNeed(in, name, need.ID))
	}
	for _, need := range earlier {
		err = errors.Join(err, l.addNeed(in, "", need.ID))
	}
	return in, err
}

// ready gives a new intent its first state.
// Settling comes before waiting: until its window ends the intent can be taken back, whatever
// it needs, and what it needs is weighed again when it begins.
func (l *ledger) ready(in Intent, needs map[string]Intent, earlier []Intent) (Intent, error) {
	all := earlier
	for _, need := range needs {
		all = append(all, need)
	}
	missing, fallen, err := l.missing(all)
	if err != nil {
		return in, err
	}
	in.Due, in.State = laterOf(l.now, in.NotBefore), StateDue
	switch {
	case fallen != nil:
		in = fellWith(in, *fallen, l.now)
	case in.NotBefore.After(l.now):
		in.State = StateSettling
	case missing:
		in.State = StateWaiting
	}
	return in, mayBecome(StateRecorded, in.State)
}

// mergeable finds the background intent into which a new one may go: the last of its
// subject's queue, of the same kind, never tried and not about to settle otherwise.
// What needs something, or was promised to a caller, keeps its own place: it could be refused or
// withdrawn by itself, and a merged one cannot.
func (j *Journal) mergeable(l *ledger, in Intent, needy bool) (Intent, bool, error) {
	k, _ := j.kind(in.Kind)
	if k.Merge == nil || in.Lane != Background || needy || !in.State.untried() {
		return Intent{}, false, nil
	}
	queue, err := l.queue(in.Subject)
	if err != nil || len(queue) == 0 {
		return Intent{}, false, err
	}
	last := queue[len(queue)-1]
	return last, last.Kind == in.Kind && last.Lane == Background && last.Attempts == 0 && last.State.untried() && last.Workspace == in.Workspace, nil
}

// merge records in as merged into an older intent, whose body takes it up.
// It gets a row of its own all the same: its key is taken, and its answer can speak of it.
func (j *Journal) merge(l *ledger, in, into Intent) (Intent, error) {
	in.State, in.MergedInto = StateMerged, into.ID
	in, fresh, err := l.insert(in)
	if err != nil || !fresh {
		return in, err
	}
	if err := l.fill(&into); err != nil {
		return in, err
	}
	k, _ := j.kind(in.Kind)
	body, err := k.Merge(into.Body, in.Body)
	if err != nil {
		return in, fmt.Errorf("merge into intent %d: %w", into.ID, err)
	}
	return in, l.setBody(into, body)
}

// check refuses a draft that could not be kept, before anything of it is written: a need that
// points nowhere would wait for ever, and a sentence that needs a name nobody has could never be
// true. What is refused here is a fault of the program, not of the model.
func (j *Journal) check(d *Draft) error {
	if d.Ask.Workspace == "" || d.Ask.Call == "" || d.Ask.ID == "" {
		return fmt.Errorf("ask %+v: workspace, call and id are needed", d.Ask)
	}
	if len(d.Sentences) == 0 {
		return errors.New("an answer needs a sentence")
	}
	// Columns of hashed numbers are searched, indexed and shown. One raw number in them would stay
	// until somebody noticed.
	if strings.HasPrefix(d.Person, "+") {
		return errors.New("person: it is a number — give its hash, from store.Box.Hash")
	}
	names := map[string]bool{}
	for name := range d.Refs {
		names[name] = true
	}
	for i := range d.Promises {
		p := &d.Promises[i]
		if err := j.checkPromise(p, names); err != nil {
			return fmt.Errorf("promise %q: %w", p.Name, err)
		}
		names[p.Name] = true
	}
	for _, c := range d.Claims {
		if !names[c.Intent] {
			return fmt.Errorf("claim %s: no promise is named %q", c.Name, c.Intent)
		}
	}
	for i, s := range d.Sentences {
		for name, need := range s.Needs {
			if !names[name] {
				return fmt.Errorf("sentence %d needs %q, which is neither promised nor referred to", i+1, name)
			}
			switch need {
			case NeedDone, NeedRecorded, NeedRefused, NeedWithdrawn:
			default:
				return fmt.Errorf("sentence %d: need %q of %q is none of done, recorded, refused, withdrawn", i+1, need, name)
			}
		}
	}
	return nil
}

// checkPromise refuses a promise that no doer could keep. names are those that stand before it:
// needs point backwards, and so cannot form a ring.
func (j *Journal) checkPromise(p *Promise, names map[string]bool) error {
	switch {
	case p.Name == "" || names[p.Name]:
		return errors.New("its name is empty or taken")
	case p.Key == "" || p.Subject.Kind == "":
		return errors.New("it needs a key and the kind of its subject")
	case p.Lane != Live && p.Lane != Promised && p.Lane != Background:
		return fmt.Errorf("lane %q is none of live, promised, background", p.Lane)
	}
	if _, ok := j.kind(p.Kind); !ok {
		return fmt.Errorf("no doer is registered for kind %q", p.Kind)
	}
	for _, need := range p.Needs {
		if !names[need] {
			return fmt.Errorf("it needs %q, which does not stand before it", need)
		}
	}
	return nil
}
