package world_test

import (
	"slices"
	"strings"
	"time"

	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
)

// kept holds the words of the asks of one mark against what is in the org at the end: what was promised is
// there, or waits for a person for a reason; what was denied is not there.
func (o *oracle) kept(mark string) {
	asks := o.byMark[mark]
	happened := len(o.effects[mark]) > 0
	mayHappen := false
	for _, k := range asks {
		means, words := o.says(k)
		switch means {
		case unheard:
			mayHappen = true
		case isDone, isNoted:
			mayHappen = true
			if !happened && o.reviewOf(mark) == "" {
				o.find("%s: heard %q, and nothing came of it", k.id, words)
			}
			if strings.Contains(words, "call you back") && !o.has(mark, "Task") && o.reviewOf(mark) == "" {
				o.find("%s: heard %q, and no Task says so", k.id, words)
			}
		case isKept:
			mayHappen = true
			if !happened && o.reviewOf(mark) == "" && o.reviewOfTwin(k) == "" {
				o.find("%s: heard %q, and nobody will look", k.id, words)
			}
		case sameNoted, callNoted:
			o.twinKept(k, means, words)
		}
	}
	if happened && !mayHappen {
		_, words := o.says(asks[0])
		o.find("%s: heard %q, and the ledger has %s %s", asks[0].id, words, o.effects[mark][0].Op, o.effects[mark][0].Object)
	}
}

func (o *oracle) has(mark, object string) bool {
	return slices.ContainsFunc(o.effects[mark], func(e simforce.Entry) bool { return e.Object == object })
}

// reviewOf says why an ask of the mark waits for a person.
func (o *oracle) reviewOf(mark string) string {
	for _, k := range o.byMark[mark] {
		for _, name := range sorted(o.review) {
			if strings.HasPrefix(name, k.id+"/") {
				return o.review[name]
			}
		}
	}
	return ""
}

// reviewOfTwin likewise for the ask that another was told to be the same as.
func (o *oracle) reviewOfTwin(k *askPlan) string {
	for _, other := range o.asks {
		if other.tool == k.tool && (other.call == k.call || other.account == k.account && other.issue == k.issue || k.tool == "create_lead") {
			if why := o.reviewOf(other.mark); other.mark != "" && why != "" {
				return why
			}
		}
	}
	return ""
}

// twinKept wants the record of the other ask that this one was told of.
func (o *oracle) twinKept(k *askPlan, means meaning, words string) {
	for _, other := range o.asks {
		fits := other.account == k.account && other.issue == k.issue
		if means == callNoted {
			fits = other.call == k.call
		}
		if other.tool == k.tool && fits && (o.has(other.mark, "Case") || o.reviewOf(other.mark) != "") {
			return
		}
	}
	o.find("%s: heard %q, and no such case came to be", k.id, words)
}

// once wants each effect of a mark once: one record of each object, and no comment twice.
func (o *oracle) once(mark string) {
	made := map[string]int{}
	for _, e := range o.effects[mark] {
		if e.Op == simforce.Create {
			made[e.Object]++
		}
	}
	for _, object := range sorted(made) {
		if made[object] > o.most(mark, object) {
			o.find("%s: %s was made %d times", o.byMark[mark][0].id, object, made[object])
		}
		if why := o.reviewOf(mark); why != "" && !o.refusals() && object != "Task" && o.reviewed(mark, object) {
			o.find("%s: %s was made, and yet it waits for a person: %s", o.byMark[mark][0].id, object, why)
		}
	}
}

// most is how many records of an object the asks of a mark may make. A comment that is asked for again under
// another id is another comment, once the first has come too early or too late to be known as the same.
func (o *oracle) most(mark, object string) int {
	asks := o.byMark[mark]
	if object == "CaseComment" && slices.ContainsFunc(asks, func(k *askPlan) bool { return !k.smooth || !o.answeredAtOnce(k) }) {
		return len(asks)
	}
	return 1
}

func (o *oracle) answeredAtOnce(k *askPlan) bool {
	return !slices.ContainsFunc(o.heard[k.id], func(h simvapi.Heard) bool { return h.Via == simvapi.ViaFailure })
}

// reviewed tells whether the write that makes an object waits for a person.
func (o *oracle) reviewed(mark, object string) bool {
	name := map[string]string{"Case": "case", "Lead": "lead", "CaseComment": "comment"}[object]
	return slices.ContainsFunc(o.byMark[mark], func(k *askPlan) bool { return o.review[k.id+"/"+name] != "" })
}

// oneRecordEach wants one lead for each caller, and one case for each account and kind of problem: all asks of a
// life lie within the five minutes of that claim.
func (o *oracle) oneRecordEach() {
	seen := map[string]string{}
	for _, e := range o.ledger {
		if e.Op != simforce.Create || e.Object != "Lead" && e.Object != "Case" {
			continue
		}
		mark := marksOf(e.Sent)
		if len(mark) == 0 || o.byMark[mark[0]] == nil {
			continue // reported already
		}
		k := o.byMark[mark[0]][0]
		what := "a lead for caller " + callers()[o.life.calls[k.call].caller].number
		if e.Object == "Case" {
			what = "a case for " + k.account + ", " + k.issue
		}
		if seen[what] != "" && seen[what] != e.ID {
			o.find("%s: %s was made twice", k.id, what)
		}
		seen[what] = e.ID
	}
}

// write is one value that an ask would give a field.
type write struct {
	*askPlan
	heard time.Time     // when its answer first came; zero: never
	last  time.Duration // when it was last asked for, by whatever id
}

// laterValueWins wants, of the values that were promised for one field, none that came before another.
func (o *oracle) laterValueWins() {
	fields := map[string][]write{}
	for _, k := range o.asks {
		if means, _ := o.says(k); k.mark == "" || means != isDone && means != isNoted || o.reviewOf(k.mark) != "" {
			continue
		}
		if slices.ContainsFunc(o.byMark[k.mark], func(first *askPlan) bool { return first.at < k.at }) {
			continue // a repeat is the ask that it repeats, whatever was asked between the two
		}
		w := write{askPlan: k, last: k.at}
		for _, again := range o.byMark[k.mark] {
			w.last = max(w.last, again.at)
		}
		for _, h := range o.heard[k.id] {
			if h.Via != simvapi.ViaFailure && (w.heard.IsZero() || h.At.Before(w.heard)) {
				w.heard = h.At
			}
		}
		if name := o.fieldOf(k); name != "" {
			fields[name] = append(fields[name], w)
		}
	}
	for _, name := range sorted(fields) {
		o.lastOf(name, fields[name])
	}
}

// fieldOf names the field of a record that an ask changes.
func (o *oracle) fieldOf(k *askPlan) string {
	who := callers()[o.life.calls[k.call].caller]
	switch {
	case k.tool == "create_lead":
		return "Lead Location__c of " + who.number
	case k.tool == "update_contact" && k.field == "billing":
		return "Account BillingStreet of " + o.seeds["account "+who.account]
	case k.tool == "update_contact":
		return "Contact " + map[string]string{"email": "Email", "street": "MailingStreet"}[k.field] + " of " + o.seeds["contact "+who.contact]
	}
	return ""
}

// lastOf compares the last value that a field was given with those that should have won.
func (o *oracle) lastOf(name string, writes []write) {
	var last simforce.Entry
	final := ""
	for _, w := range writes {
		for _, e := range o.effects[w.mark] {
			if e.N > last.N && marksOf(e.Fields) != nil {
				last, final = e, w.mark
			}
		}
	}
	for _, a := range writes {
		if a.mark != final {
			continue
		}
		for _, b := range writes {
			if b.mark != final && o.before(a, b) && !slices.ContainsFunc(writes, func(c write) bool { return c.mark == final && !o.before(c, b) }) {
				if o.overtaken(last) {
					o.counts["overtaken"]++
					continue
				}
				o.find("%s: %s of %s came after %s of %s, and is not what stands there", name, b.mark, b.id, a.mark, a.id)
			}
		}
	}
}

// settleWindow is what update_contact has in its playbook.
const settleWindow = 500 * time.Millisecond

// correctionReplaces wants what was corrected while it settled to be taken back: it has no effect, and its words
// say so. Only pairs count of which it is certain from outside that the second came within the window: the server
// was on, and nothing that it read took any time.
func (o *oracle) correctionReplaces() {
	for i, a := range o.asks {
		for _, b := range o.asks[i+1:] {
			sameTarget := a.tool == "update_contact" && b.tool == a.tool && a.call == b.call && a.field == b.field && a.mark != b.mark
			gap := b.at - a.at
			if !sameTarget || gap <= 0 || gap >= settleWindow || !a.smooth || !b.smooth || !o.quiet(o.began.Add(a.at), o.began.Add(b.at+settleWindow)) {
				continue
			}
			aMeans, words := o.says(a)
			bMeans, _ := o.says(b)
			if (bMeans == isDone || bMeans == isNoted) && aMeans != isNothing && aMeans != unheard {
				o.find("%s: heard %q, though %s corrected it %v later", a.id, words, b.id, gap)
			}
			o.counts["corrected"]++
		}
	}
}

// quiet tells that the server was on and Salesforce answered at once for a while.
func (o *oracle) quiet(from, to time.Time) bool {
	if o.wasOff(from, to) {
		return false
	}
	return !slices.ContainsFunc(o.requests, func(r simforce.Request) bool {
		return !r.At.After(to) && !r.At.Add(r.Took).Before(from) && (r.Took > 0 || len(r.Faults) > 0 || r.Status == 0)
	})
}

// before tells that a came before b beyond doubt: in one call by the order of asking, if nothing happened to a on
// its way; else by a's answer being heard before b was asked.
func (o *oracle) before(a, b write) bool {
	if a.call == b.call && a.smooth && b.smooth && a.last < b.at && !o.wasOff(o.asked(a), o.asked(b)) {
		return true
	}
	return !a.heard.IsZero() && a.heard.Before(o.asked(b)) && a.last < b.at
}

func (o *oracle) asked(w write) time.Time { return o.began.Add(w.at) }

// overtaken tells that a change was made by a request that Salesforce carried out after the server had stopped
// waiting for it. The REST API has no fence against that for an update.
func (o *oracle) overtaken(e simforce.Entry) bool {
	for _, r := range o.requests {
		if r.N == e.Request {
			return e.At.Sub(r.At) > 0 && (slices.Contains(r.Faults, simforce.CommitLate) || o.gaveUp(r, e))
		}
	}
	return false
}

// gaveUp tells that the server had ended or timed out before the request was carried out.
func (o *oracle) gaveUp(r simforce.Request, e simforce.Entry) bool {
	if e.At.Sub(r.At) >= 30*time.Second {
		return true
	}
	return slices.ContainsFunc(o.down, func(d span) bool { return d.from.After(r.At) && d.from.Before(e.At) })
}

// permanent are the refusals that only a person can mend.
var permanent = []string{"FIELD_CUSTOM_VALIDATION_EXCEPTION", "INSUFFICIENT_ACCESS_OR_READONLY"}

// atRest wants everything settled when all has been calm for hours, and a reason for whatever waits for a person:
// a refusal that is permanent, or three failures of the write's own.
func (o *oracle) atRest() {
	for state, n := range o.open {
		o.find("%d intents are still %s", n, state)
	}
	for _, name := range sorted(o.review) {
		if !o.refusals() && !o.fromStranger(name) {
			o.find("%s waits for a person, and nothing was refused for good: %s", name, o.review[name])
		}
	}
}

// fromStranger tells that whoever asked is nobody in the org: it may have been promised while the org could not
// be asked who calls.
func (o *oracle) fromStranger(name string) bool {
	return slices.ContainsFunc(o.asks, func(k *askPlan) bool {
		return strings.HasPrefix(name, k.id+"/") && k.tool == "update_contact" && callers()[o.life.calls[k.call].caller].contact == ""
	})
}

// refusals tells whether the org gave anyone a reason to ask for a person.
func (o *oracle) refusals() bool {
	locks := 0
	for _, r := range o.requests {
		if slices.Contains(permanent, r.Code) {
			return true
		}
		if r.Code == "UNABLE_TO_LOCK_ROW" {
			locks++
		}
	}
	return locks > 2
}
