package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/redact"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

// tone is how a line looks; what it says does not depend on it.
type tone int

const (
	quiet   tone = iota // what goes without saying: times, names of fields
	plain               // words
	caller              // the person on the line
	machine             // the model
	heard               // what the caller is told
	pending             // promised
	good                // done, made
	changed             // a record that was there
	trouble             // what goes wrong
	strong              // titles
)

// A name stays on the line of its value, and the sign between two of them with the first.
const (
	fixed    = "\u00a0" // a blank at which no line ends
	nextItem = fixed + "· "
)

// line is one thing to print. Those of the right column are about Salesforce and the journal.
type line struct {
	at     time.Duration // since the scene began
	right  bool
	across bool // about everything: over both columns
	who    string
	mark   string // a sign of one cell
	text   string
	more   string // details, quieter
	tone   tone
}

// teller puts moments into words. It remembers the scene: who has called, and what records held.
type teller struct {
	began   time.Time
	calls   map[string]bool
	records map[string]map[string]any // by id
	names   map[string]string         // likewise
}

func newTeller() *teller {
	return &teller{calls: map[string]bool{}, records: map[string]map[string]any{}, names: map[string]string{}}
}

func (t *teller) lines(m world.Moment) []line {
	if t.began.IsZero() {
		t.began = m.At
	}
	at := max(0, m.At.Sub(t.began))
	var all []line
	switch what := m.What.(type) {
	case simvapi.Caller:
		all = []line{t.rings(what)}
	case simvapi.Ask:
		all = []line{{who: "model", text: what.Tool, more: askedWith(what), tone: machine}}
	case simvapi.Heard:
		all = hears(what)
	case simforce.Entry:
		all = []line{t.record(what)}
	case journal.Intent:
		all = []line{promise(what)}
	default:
		all = []line{t.said(m)}
	}
	for i := range all {
		all[i].at = at
		all[i].text, all[i].more = masked(all[i].text), masked(all[i].more)
	}
	return all
}

func (t *teller) rings(c simvapi.Caller) line {
	text := "rings"
	if t.calls[c.Number] {
		text = "rings again, a new call"
	}
	t.calls[c.Number] = true
	return line{who: "caller", text: redact.Phone(c.Number) + " " + text, tone: quiet}
}

// said is a moment that brings only its text.
func (t *teller) said(m world.Moment) line {
	switch {
	case m.Who == "caller":
		return line{who: "caller", text: quoted(m.Text), tone: caller}
	case m.Who == "assistant":
		return line{who: "assistant", text: quoted(m.Text), tone: heard}
	case m.Text == "salesforce is back":
		return line{right: true, who: "Salesforce", mark: "•", text: "is back", tone: good}
	case strings.HasPrefix(m.Text, "salesforce "):
		return line{right: true, who: "Salesforce", mark: "!", text: troubleInWords(strings.TrimPrefix(m.Text, "salesforce ")), tone: trouble}
	case m.Text == "hangs up":
		return line{who: "caller", text: m.Text, tone: quiet}
	case m.Text == "kill -9":
		return line{across: true, who: "server", text: "kill -9 — the server is gone", tone: trouble}
	}
	return line{across: true, who: "server", text: m.Text, tone: good}
}

// troubleInWords is a fault step in a person's words.
func troubleInWords(step string) string {
	raw, isFault := strings.CutPrefix(step, "fault ")
	if span, isDown := strings.CutPrefix(step, "is down for "); isDown {
		return "is down for " + spoken(span)
	}
	if !isFault {
		return step
	}
	var f struct {
		Kind   string `json:"kind"`
		Object string `json:"object"`
		Delay  string `json:"delay"`
	}
	if json.Unmarshal([]byte(raw), &f) != nil {
		return step // unreachable: the script was read
	}
	object := strings.TrimSpace(f.Object + " write")
	switch simforce.Kind(f.Kind) {
	case simforce.ResetAfter:
		return "will commit the next " + object + " and lose the connection"
	case simforce.ResetBefore:
		return "will lose the connection before the next " + object
	case simforce.Latency:
		return "will take " + spoken(f.Delay) + " over the next " + object
	}
	return "will answer the next " + object + " with " + f.Kind
}

// hears is what an ask came to: for the model, where it is told something else, and for the caller.
func hears(h simvapi.Heard) []line {
	took := "after " + seconds(h.Took)
	if h.Took < 100*time.Millisecond {
		took = "at once"
	}
	said := line{who: "hears", text: quoted(h.Said), more: took, tone: heard}
	if h.Via == simvapi.ViaFailure {
		said.tone = trouble
	}
	if h.Error == "" {
		return []line{said}
	}
	return []line{{who: "model", text: "is told", more: h.Error, tone: machine}, said}
}

// record is a committed change. Of a create it shows what was sent, of an update what has changed.
func (t *teller) record(e simforce.Entry) line {
	l := line{right: true, who: "Salesforce", mark: "+", tone: good}
	was, fields := t.records[e.ID], e.Sent
	if e.Op != simforce.Create {
		l.mark, l.tone, fields = "~", changed, e.Fields
	}
	if e.Op == simforce.Delete {
		l.mark, l.tone = "-", trouble
	}
	now := maps.Clone(was)
	if now == nil {
		now = map[string]any{}
	}
	maps.Copy(now, e.Fields)
	t.records[e.ID] = now
	name := recordName(e.Object, now)
	l.text = strings.TrimSpace(e.Object + " " + name)
	t.names[e.ID] = l.text
	var shown []string
	for _, field := range slices.SortedFunc(maps.Keys(fields), subjectFirst) {
		v := t.fieldValue(field, fields[field])
		if quietField(field) || v == name {
			continue
		}
		if old := was[field]; e.Op == simforce.Update && old != nil {
			v = t.fieldValue(field, old) + fixed + "→" + fixed + v
		}
		shown = append(shown, field+fixed+v)
	}
	l.more = strings.Join(shown, nextItem)
	return l
}

// fieldValue shows whose record an id is, if the scene has told.
func (t *teller) fieldValue(field string, v any) string {
	id, _ := v.(string)
	switch {
	case t.names[id] != "":
		return t.names[id]
	case strings.HasSuffix(field, "Id") && len(id) == 18:
		return id[:5] + "…" + id[14:]
	case strings.Contains(field, "Phone"):
		return redact.Phone(id)
	}
	return value(v)
}

func subjectFirst(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "Subject":
		return -1
	case b == "Subject":
		return 1
	}
	return strings.Compare(a, b)
}

// recordName is what people call a record.
func recordName(object string, fields map[string]any) string {
	switch object {
	case "Case":
		return value(fields["CaseNumber"])
	case "Lead", "Contact":
		return strings.TrimSpace(value(fields["FirstName"]) + " " + value(fields["LastName"]))
	case "Task":
		return value(fields["Subject"])
	}
	return value(fields["Name"])
}

// quietField is a field that every record has, or that its name has said already.
func quietField(name string) bool {
	return slices.Contains([]string{
		simforce.KeyField, "FirstName", "LastName", "Company", "LeadSource", "Origin", "Status", "Priority", "OwnerId", "ReminderDateTime", "IsReminderSet",
	}, name)
}

// value is a field's value in few words: the first line of a text.
func value(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		const most = 60
		s, more, _ := strings.Cut(strings.TrimSpace(v), "\n")
		if more != "" {
			s += " …"
		}
		if r := []rune(s); len(r) > most {
			s = string(r[:most-1]) + "…"
		}
		return s
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// promise is an intent as the journal has it.
func promise(in journal.Intent) line {
	l := line{right: true, who: "journal", text: in.Name}
	switch in.State {
	case journal.StateRecorded:
		l.mark, l.who, l.tone = "○", "promised", pending
	case journal.StateDone:
		l.mark, l.who, l.tone = "●", "done", good
	case journal.StateUnknown:
		l.mark, l.who, l.tone, l.more = "?", "unknown", trouble, "it may have happened: it is looked for, not repeated"
	case journal.StateRetry:
		l.mark, l.who, l.tone, l.more = "…", "not yet", pending, "it will be tried again"
	default:
		l.mark, l.who, l.tone, l.more = "✗", string(in.State), trouble, in.Why
	}
	return l
}

// askedWith is what the model gives a tool, in its order.
func askedWith(a simvapi.Ask) string {
	raw, _ := a.Args.(json.RawMessage)
	d := json.NewDecoder(strings.NewReader(string(raw)))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return string(raw)
	}
	var all []string
	for d.More() {
		name, err := d.Token()
		var v any
		if err != nil || d.Decode(&v) != nil {
			return string(raw)
		}
		all = append(all, fmt.Sprintf("%s"+fixed+"%s", name, value(v)))
	}
	return strings.Join(all, nextItem)
}

var internationalNumber = regexp.MustCompile(`\+\d{8,15}\b`)

// masked hides whole telephone numbers. Those that callers say in the scenes begin with 555 and are nobody's.
func masked(s string) string { return internationalNumber.ReplaceAllStringFunc(s, redact.Phone) }

func quoted(s string) string { return "“" + s + "”" }

// spoken is a duration of a script as the eye reads it.
func spoken(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return text // unreachable: the script was read
	}
	return seconds(d)
}

// seconds is a duration as the eye reads it.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
