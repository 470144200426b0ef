package playbook

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// truth checks that what a playbook says is backed by what it does. Each rule is a fault:
//
//  1. A sentence that claims something of the org (saved, opened, a case number) needs a write done.
//  2. A promise of a time needs a Task due by then, recorded.
//  3. A promise that a person will act needs a write recorded.
//  4. Words that something is noted or kept need a write that is not taken back.
//  5. What the journal fills in needs the write done that it is read from.
//  6. An offer of a person needs the number to be transferred to.
//  7. Whatever becomes of the writes, some sentence holds; and each sentence is the first to hold
//     for something.
//
// The words are read clause by clause with the tables of language.go. A clause that takes the claim
// back ("could not be saved") and a question ("What is the case number?") claim nothing.
type truth struct {
	transfer *Transfer
}

// check checks sentences that may speak of the writes.
func (tr *truth) check(n node, sentences []*Sentence, writes []*Write) {
	for _, s := range sentences {
		for _, t := range []*Text{s.Say, s.Result} {
			if t != nil {
				tr.text(t, s, writes)
			}
		}
		tr.unread(s)
		for _, p := range s.placeholders() {
			if s.Needs[p.Write] != Done {
				s.node.fault(fmt.Sprintf("%s is only known when %s is done", p, p.Write), fmt.Sprintf("add needs: {%s: done}", p.Write))
			}
		}
	}
	tr.coverage(n, sentences, writes)
}

// free checks words that nothing has been done for: a question, a greeting, the transfer's offer.
func (tr *truth) free(t *Text) {
	if t != nil {
		tr.text(t, &Sentence{node: t.node}, nil)
	}
}

// text checks one text in each of its languages: a translation can promise more than its original.
func (tr *truth) text(t *Text, s *Sentence, writes []*Write) {
	for _, lang := range t.Languages() {
		tongue := sayings(lang)
		whole := tr.written(t, lang)
		if tongue.transfer.MatchString(whole) || t.names("transfer.") {
			tr.transferable(t)
		}
		if t.names("transfer.offer") && tr.transfer.Offer == nil {
			t.node.fault("the transfer has no offer", "add offer, the sentence that offers a person, to transfer")
		}
		for _, clause := range clauses(whole, tongue) {
			st := statement{node: t.node, words: clause, tongue: tongue, needs: s, writes: writes}
			st.check()
			st.times()
		}
	}
}

// written is the text with its values marked: «due» spans stand as written, others as ⟨⟩, which no
// pattern matches.
func (tr *truth) written(t *Text, lang string) string {
	var b strings.Builder
	for _, p := range t.variants[lang] {
		if p.expr == nil && p.kept == nil {
			b.WriteString(p.literal)
			continue
		}
		b.WriteString("⟨⟩")
	}
	return b.String()
}

// sentenceEnd finds where a sentence ends.
var sentenceEnd = regexp.MustCompile(`[.!?]+(?:\s+|$)`)

// clauses takes a text apart into statements. A question states nothing: a sentence that begins as
// one is dropped whole, of another that ends as one the last clause.
func clauses(text string, t *tongue) []string {
	var out []string
	for text != "" {
		end := len(text)
		if at := sentenceEnd.FindStringIndex(text); at != nil {
			end = at[1]
		}
		sentence := strings.TrimSpace(text[:end])
		text = text[end:]
		question := strings.HasSuffix(sentence, "?")
		if question && t.asks.MatchString(sentence) {
			continue
		}
		parts := t.clause.Split(sentence, -1)
		if question {
			parts = parts[:len(parts)-1]
		}
		out = append(out, parts...)
	}
	return out
}

// statement is one clause of words, with what is needed for it to be said.
type statement struct {
	node   node
	words  string
	tongue *tongue
	needs  *Sentence
	writes []*Write
}

// check reports a claim or promise that the needs don't make true.
func (st statement) check() {
	if claim := st.finds(st.tongue.claims); claim != "" && !st.needs.has(Done) {
		st.node.fault(fmt.Sprintf("%q claims what nothing makes true", claim), "add needs: {WRITE: done}, or say what is true before that")
	}
	if promise := st.finds(st.tongue.followUp); promise != "" && !st.needs.has(Done, Recorded) {
		st.node.fault(fmt.Sprintf("%q promises what nothing records", promise), "add needs: {WRITE: recorded}, or leave the promise out")
	}
	if kept := st.finds(st.tongue.kept); kept != "" && !st.needs.has(Done, Recorded, Refused) {
		st.node.fault(fmt.Sprintf("%q is true only of a write that was recorded", kept), "add needs: {WRITE: recorded}, or refused: it is kept for a person")
	}
}

// finds is what the pattern finds in the words, unless something before it takes it back.
// What denies must stand before the claim, or within it: behind it, it is about something else.
func (st statement) finds(pattern *regexp.Regexp) string {
	for _, at := range pattern.FindAllStringIndex(st.words, -1) {
		if !st.tongue.denial.MatchString(st.words[:at[1]]) {
			return st.words[at[0]:at[1]]
		}
	}
	return ""
}

// has is whether the sentence needs any write to be in one of the states.
func (s *Sentence) has(states ...Need) bool {
	for _, need := range s.Needs {
		if slices.Contains(states, need) {
			return true
		}
	}
	return false
}

// times reports promises of a time without a Task that is due by then. A time is a promise even
// beside a no.
func (st statement) times() {
	if m := st.tongue.moment.FindString(st.words); m != "" {
		st.node.fault(fmt.Sprintf("%q is a time that no due time can keep", m), "promise a span, as {WRITE.due} says it")
	}
	for _, m := range st.tongue.within.FindAllStringSubmatch(st.words, -1) {
		st.by(strings.TrimSpace(m[0]), st.tongue.length(m[1], m[3]))
	}
	if m := st.tongue.tomorrow.FindString(st.words); m != "" {
		st.by(m, day)
	}
}

// by reports a promised span that no Task keeps. The Task must be there: one that is only promised may yet be
// refused, and then nobody is reminded.
func (st statement) by(words string, span time.Duration) {
	kept := slices.ContainsFunc(st.writes, func(w *Write) bool {
		need := st.needs.Needs[w.Name]
		return w.Due > 0 && w.Due <= span && need == Done
	})
	if !kept {
		st.node.fault(fmt.Sprintf("%q promises a time, and no Task that is due by then is there", words),
			"add needs: {WRITE: done} of a Task with due, or leave the time out")
	}
}

// length is the span that words such as "two", "hours" mean; an unknown number is taken as the
// shortest one, so that it is stopped rather than let through.
func (t *tongue) length(count, unit string) time.Duration {
	n, ok := 1.0, true
	if count != "" {
		f, err := strconv.ParseFloat(strings.ReplaceAll(count, ",", "."), 64)
		if n = f; err != nil {
			var words int
			words, ok = t.numbers[strings.ToLower(count)]
			n = float64(words)
		}
	}
	for _, u := range t.units {
		if ok && strings.HasPrefix(strings.ToLower(unit), u.stem) {
			return time.Duration(n * float64(u.span))
		}
	}
	return 0
}

// unread reports a sentence that says a record isn't there when the look-up may only have failed.
func (tr *truth) unread(s *Sentence) {
	if s.When == nil {
		return
	}
	for _, m := range notFound.FindAllStringSubmatch(s.When.text, -1) {
		if !strings.Contains(s.When.text, m[1]+".failed") {
			s.node.fault(fmt.Sprintf("!%s.found holds too when the look-up failed or was not asked", m[1]),
				fmt.Sprintf("use %s.none, which is answered and empty", m[1]))
		}
	}
}

// notFound finds a negated look-up in a condition's text. Written in another way (found == false) it
// is not seen.
var notFound = regexp.MustCompile(`!\s*([A-Za-z]\w*)\.found\b`)

// transferable reports an offer of somebody who is not there.
func (tr *truth) transferable(t *Text) {
	if tr.transfer.Number == "" {
		t.node.fault("a person is offered, and there is no number to transfer to", "add transfer: {number: \"+1…\"} to the playbook, or leave the offer out")
	}
}

// names is whether the text names a value whose way begins so.
func (t *Text) names(prefix string) bool {
	found := false
	for _, pieces := range t.variants {
		for _, p := range pieces {
			if p.expr != nil {
				p.expr.selected(func(path string) { found = found || strings.HasPrefix(path, prefix) })
			}
		}
	}
	return found
}

// fate is what may have become of a write when the words are chosen.
type fate byte

const (
	absent fate = iota // not promised in this answer
	done
	pending
	refused
	withdrawn
)

var fates = [...]string{"not made", "done", "still under way", "refused", "taken back"}

// holds is whether the sentence's needs hold under the fates of the writes.
func (s *Sentence) holds(writes []*Write, fs []fate) bool {
	for i, w := range writes {
		ok := true
		switch s.Needs[w.Name] {
		case Done:
			ok = fs[i] == done
		case Recorded:
			ok = fs[i] == done || fs[i] == pending
		case Refused:
			ok = fs[i] == refused
		case Withdrawn:
			ok = fs[i] == withdrawn
		}
		if !ok {
			return false
		}
	}
	return true
}

// coverage walks through everything that may become of the writes: some sentence without a
// condition must hold for each, and no sentence may stand behind ones that always come first.
// A condition may be false at any time, so that only a sentence without one ends the search. That is
// stricter than the truth where two conditions leave nothing over; a last sentence mends it.
func (tr *truth) coverage(n node, sentences []*Sentence, writes []*Write) {
	// It is a fault already, and the combinations would take too long.
	if len(writes) > maxWrites {
		return
	}
	reached := make([]bool, len(sentences))
	silent := ""
	fs := make([]fate, len(writes))
	var walk func(i int)
	walk = func(i int) {
		if i < len(writes) {
			for _, f := range possible(writes, fs, i) {
				fs[i] = f
				walk(i + 1)
			}
			return
		}
		for k, s := range sentences {
			if !s.holds(writes, fs) {
				continue
			}
			// A sentence with a condition may be passed over, so that the search goes on behind it.
			reached[k] = true
			if s.When == nil {
				return
			}
		}
		if silent == "" {
			silent = describe(writes, fs)
		}
	}
	walk(0)
	if silent != "" {
		n.fault("nothing can be said when "+silent, "add a sentence without `when` that is true then")
	}
	for k, s := range sentences {
		if !reached[k] {
			s.node.fault("this is never said: an earlier sentence always holds, or its needs can't be together", "put it earlier, or remove it")
		}
	}
}

// possible are the fates of write i, given those of the writes before it.
func possible(writes []*Write, fs []fate, i int) []fate {
	w := writes[i]
	out := []fate{done, pending, refused, withdrawn}
	if w.optional() {
		out = append(out, absent)
	}
	for j := range i {
		if !slices.Contains(w.Needs, writes[j].Name) {
			continue
		}
		switch fs[j] {
		// Without what it needs it is not promised at all.
		case absent:
			return []fate{absent}
		// It can be anything but done before what it needs is.
		case pending:
			out = slices.DeleteFunc(out, func(f fate) bool { return f == done })
		case refused, withdrawn:
			// It goes to review, or is taken back, with what it needed; between the two it may
			// for a moment still be under way.
			out = slices.DeleteFunc(out, func(f fate) bool { return f == done })
		}
	}
	return out
}

// describe says in words what had become of the writes when there was nothing to say.
func describe(writes []*Write, fs []fate) string {
	if len(writes) == 0 {
		return "no condition holds"
	}
	parts := make([]string, len(writes))
	for i, w := range writes {
		parts[i] = fmt.Sprintf("%s is %s", w.Name, fates[fs[i]])
	}
	return strings.Join(parts, " and ")
}
