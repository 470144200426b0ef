package world_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
)

// meaning is what a sentence claims.
type meaning string

// The meanings.
const (
	unheard   meaning = ""          // no answer came
	isDone    meaning = "done"      // it is in Salesforce
	isNoted   meaning = "noted"     // it will be
	isKept    meaning = "kept"      // a person will look
	isNothing meaning = "nothing"   // nothing came of it, and nothing will
	sameDone  meaning = "same done" // another ask's record, which answers this one too
	sameNoted meaning = "same noted"
	callDone  meaning = "sibling done" // another record of this call
	callNoted meaning = "sibling noted"
	isRead    meaning = "read"
	isLie     meaning = "lie" // denies what has always been there
)

// saying maps words to their meaning. They are the English words of the playbooks that ship.
type saying struct {
	words *regexp.Regexp
	means meaning
}

var sayings = []saying{
	{regexp.MustCompile(`nothing has been saved|That was replaced by|taken back|I have not |has not been changed|nothing has been changed`), isNothing},
	{regexp.MustCompile(`^(What|And your|Which|Is this|Are you|When|Could you|How)\b.*\?$`), isNothing},
	{regexp.MustCompile(`I could not (open|add|change|save)`), isKept},
	{regexp.MustCompile(`I could not complete that`), isNothing},
	{regexp.MustCompile(`I do not find account number|I find no case|I find no account`), isLie},
	{regexp.MustCompile(`That case is already open\. The number is (\d+)\.`), sameDone},
	{regexp.MustCompile(`I have already opened case (\d+) in this call`), callDone},
	{regexp.MustCompile(`I have already noted that request`), sameNoted},
	{regexp.MustCompile(`I have already noted a request in this call`), callNoted},
	{regexp.MustCompile(`Your case number is (\d+)\.|I have added that to case (\d+)|details are saved|(details|address) (are|is) updated`), isDone},
	{regexp.MustCompile(`I have noted your|I have noted the new`), isNoted},
	{regexp.MustCompile(`(?:Case|The latest is case) (\d+), .*: the status is New, the priority High`), isRead},
	{regexp.MustCompile(`can't reach our case system`), isNothing},
}

// understand is what words claim, and the case number in them.
func understand(words string) (meaning, string) {
	for _, s := range sayings {
		if m := s.words.FindStringSubmatch(words); m != nil {
			return s.means, strings.Join(m[1:], "")
		}
	}
	return "unintelligible", ""
}

// oracle judges a life by what the outside saw.
type oracle struct {
	*outcome
	effects  map[string][]simforce.Entry // by mark
	byMark   map[string][]*askPlan
	findings []string
}

func (o *oracle) find(format string, args ...any) {
	o.findings = append(o.findings, fmt.Sprintf(format, args...))
}

// judge returns what a life has shown to be wrong; nothing, if all is well.
func judge(out *outcome) []string {
	o := &oracle{outcome: out, effects: map[string][]simforce.Entry{}, byMark: map[string][]*askPlan{}}
	for _, f := range out.faults {
		o.find("%s", f)
	}
	for _, d := range o.deliveries {
		// A server whose store goes dark under an event may still say that it did not keep it: 500 asks for the
		// event to be sent again. A tool call is never answered so.
		off := d.Status == 0 || d.Status == http.StatusInternalServerError && d.Kind != "tool-calls"
		if off && o.wasOff(d.At, d.At.Add(d.Took)) {
			continue
		}
		for _, v := range d.Violations {
			o.find("%s of call %s: %s", d.Kind, d.Call, v)
		}
	}
	for _, k := range o.asks {
		if k.mark != "" {
			o.byMark[k.mark] = append(o.byMark[k.mark], k)
		}
	}
	o.trace()
	for _, k := range o.asks {
		o.words(k)
	}
	for _, mark := range sorted(o.byMark) {
		o.kept(mark)
		o.once(mark)
	}
	o.oneRecordEach()
	o.laterValueWins()
	o.correctionReplaces()
	o.atRest()
	return o.findings
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// trace gives every entry of the ledger to the ask whose mark it carries. No effect without a promise: an
// entry that carries none was made for nobody.
func (o *oracle) trace() {
	for _, e := range o.ledger {
		marks := marksOf(e.Sent)
		if len(marks) != 1 || o.byMark[marks[0]] == nil {
			o.find("the ledger has an effect of no ask: %s %s %s %v", e.Op, e.Object, e.ID, e.Sent)
			continue
		}
		o.effects[marks[0]] = append(o.effects[marks[0]], e)
	}
}

func marksOf(fields map[string]any) []string {
	var marks []string
	for _, v := range fields {
		s, _ := v.(string)
		for _, m := range marked.FindAllString(s, -1) {
			if !slices.Contains(marks, m) {
				marks = append(marks, m)
			}
		}
	}
	return marks
}

// words judges everything that was said to one ask: to each delivery the same, without offence against the
// protocol, within the deadline, and true when it was said.
func (o *oracle) words(k *askPlan) {
	var first string
	for _, h := range o.heard[k.id] {
		if h.Via == simvapi.ViaFailure {
			o.unanswered(k, h)
			continue
		}
		for _, v := range h.Suspicious { // offences against the protocol are among the deliveries'
			o.find("%s: %s: heard %q: %s", k.id, k.tool, h.Said, v)
		}
		if first == "" {
			first = h.Said
		}
		if h.Said != first {
			o.find("%s: %s: heard %q, then %q", k.id, k.tool, first, h.Said)
		}
		if most := deadline + o.slowness(k); h.Took > most {
			o.find("%s: %s: answered %q after %v, want %v", k.id, k.tool, h.Said, h.Took, most)
		}
		o.counts["said "+string(o.truth(k, h))]++
	}
}

// deadline is what the configuration says by default, and repeatWindow likewise.
const (
	deadline     = 3 * time.Second
	repeatWindow = 500 * time.Millisecond
)

// slowness is how much later than the deadline an ask may hear its answer: what the network took, and, where one
// repeats another, the time between the two, for both hear one answer.
func (o *oracle) slowness(k *askPlan) time.Duration {
	var slow time.Duration
	if len(o.byMark[k.mark]) > 1 {
		slow = repeatWindow
	}
	for _, t := range o.told {
		if slices.Contains(t.asks, k) {
			slow = max(slow, t.fault.SlowAnswer)
		}
	}
	return slow
}

// unanswered wants a reason for an ask without an answer: a fault of its delivery, or a server that was off.
func (o *oracle) unanswered(k *askPlan, h simvapi.Heard) {
	for _, t := range o.told {
		if slices.Contains(t.asks, k) && t.fault != (simvapi.Fault{}) {
			return
		}
	}
	if o.wasOff(h.At.Add(-h.Took), h.At) {
		return
	}
	o.find("%s: %s: was not answered, though nothing was wrong: status %d after %v", k.id, k.tool, h.Status, h.Took)
}

// wasOff tells whether the server was off at some time of a span.
func (o *oracle) wasOff(from, to time.Time) bool {
	return slices.ContainsFunc(o.down, func(d span) bool { return !to.Before(d.from) && !from.After(d.to) })
}

// truth checks a sentence against the ledger as it was when the sentence was spoken.
func (o *oracle) truth(k *askPlan, h simvapi.Heard) meaning {
	means, number := understand(h.Said)
	switch means {
	case "unintelligible", isLie:
		o.find("%s: %s: heard %q: %s", k.id, k.tool, h.Said, means)
	case isDone:
		if k.tool == "create_case" {
			o.caseIs(k, h, number, func(maker *askPlan) bool { return maker.mark == k.mark })
		} else if !slices.ContainsFunc(o.effects[k.mark], func(e simforce.Entry) bool { return !e.At.After(h.At) }) {
			o.find("%s: %s: heard %q at %s, and the ledger had no such effect", k.id, k.tool, h.Said, o.clock(h.At))
		}
	case sameDone:
		o.caseIs(k, h, number, func(maker *askPlan) bool { return maker.account == k.account && maker.issue == k.issue })
	case callDone:
		o.caseIs(k, h, number, func(maker *askPlan) bool { return maker.call == k.call })
	case isRead:
		if o.caseAt(number, h.At) == "" && number != seededCases()[k.account] {
			o.find("%s: %s: heard %q, and there is no such case", k.id, k.tool, h.Said)
		}
	}
	return means
}

func (o *oracle) clock(t time.Time) string { return t.Format("15:04:05.000") }

// caseIs wants a case of the number that was spoken, made by an ask that fits.
func (o *oracle) caseIs(k *askPlan, h simvapi.Heard, number string, fits func(*askPlan) bool) {
	mark := o.caseAt(number, h.At)
	if mark == "" {
		o.find("%s: heard %q at %s, and the ledger had no case of that number", k.id, h.Said, o.clock(h.At))
		return
	}
	if !slices.ContainsFunc(o.byMark[mark], fits) {
		o.find("%s: heard %q, and that case is about something else (%s)", k.id, h.Said, mark)
	}
}

// caseAt is the mark of the case of a number, if it was there at a time.
func (o *oracle) caseAt(number string, at time.Time) string {
	for _, e := range o.ledger {
		if e.Op == simforce.Create && e.Object == "Case" && e.Fields["CaseNumber"] == number && !e.At.After(at) {
			return marksOf(e.Sent)[0]
		}
	}
	return ""
}

// says is what one ask was told: its first answer, since all are the same.
func (o *oracle) says(k *askPlan) (means meaning, words string) {
	for _, h := range o.heard[k.id] {
		if h.Via != simvapi.ViaFailure {
			means, _ = understand(h.Said)
			return means, h.Said
		}
	}
	return unheard, ""
}
