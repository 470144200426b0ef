package world

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
)

// Script is a scene as a timeline, with what must be true in the end. It is written as a txtar archive
// whose comment says whom it protects:
//
//	-- playbook real-estate --
//	duplicates: attach => duplicates: review
//	-- schema --
//	Case {"Name": "Type", "Type": "picklist", "Values": ["Billing", "Technical"]}
//	-- org --
//	Account {"Name": "Acme", "AccountNumber": "AC-1001"}
//	-- script --
//	0s    ada rings +15550100142
//	1s    ada says "The house on Elm Street"
//	2s    ada asks create_lead {"firstName": "Ada", …} as first
//	2.1s  ada asks create_lead {"firstName": "Ada", …} as again id call_1
//	3s    salesforce is down for 10m
//	4s    ada hangs up
//	5s    kill
//	-- want --
//	heard first "Thank you, Ada. Your details are saved."
//	heard again /saved/
//	same  first again
//	took  first <= 3s
//	org   Lead 1 FirstName="Ada" Budget__c=450000
//	ledger Lead create 1
//	review 0
//
// A playbook section is the shipped playbook of that name with texts replaced, each of which must stand in it
// once; \n is a line's end. A schema section adds fields to the org, or replaces them.
//
// Times count from the beginning of the scene. A step is begun at its time whether or not the one before
// has ended, as in life. The steps and wants are listed at their parsers.
type Script struct {
	Name    string
	Comment string
	Books   []Variant
	Schema  []Column
	Org     []Seed
	Steps   []Step
	Wants   []Want
	Wait    time.Duration // how long after the last step the org is looked at; default 2 minutes
}

// Seed is a record that the org has before the scene.
type Seed struct {
	Object string
	Fields map[string]any
}

// Step is one thing that happens.
type Step struct {
	At   time.Duration
	Line int
	Text string
	do   action
}

// Want is one thing that must be true in the end.
type Want struct {
	Line  int
	Text  string
	check check
}

// ParseScript reads a script. An error names the line and what could stand there.
func ParseScript(name string, text []byte) (*Script, error) {
	a := txtar.Parse(text)
	s := &Script{Name: name, Comment: string(a.Comment), Wait: 2 * time.Minute}
	var faults []error
	line := 1 + bytes.Count(a.Comment, []byte("\n"))
	for _, f := range a.Files {
		for i, text := range strings.Split(string(f.Data), "\n") {
			text, at := strings.TrimSpace(text), line+i+1
			if text == "" || strings.HasPrefix(text, "#") {
				continue
			}
			if err := s.add(f.Name, at, text); err != nil {
				faults = append(faults, fmt.Errorf("%s:%d: %s: %w", name, at, text, err))
			}
		}
		line += 1 + bytes.Count(f.Data, []byte("\n"))
	}
	return s, errors.Join(faults...)
}

func (s *Script) add(section string, line int, text string) error {
	t := &tokens{rest: text}
	if book, ok := strings.CutPrefix(section, "playbook "); ok {
		return s.vary(strings.TrimSpace(book), text)
	}
	switch section {
	case "schema":
		c := Column{Object: t.word()}
		if err := t.json(&c.Field); err != nil {
			return err
		}
		s.Schema = append(s.Schema, c)
	case "org":
		seed := Seed{Object: t.word()}
		if err := t.json(&seed.Fields); err != nil {
			return err
		}
		s.Org = append(s.Org, seed)
	case "script":
		at, err := time.ParseDuration(t.word())
		if err != nil {
			return fmt.Errorf("a step begins with its time: %w", err)
		}
		do, err := parseStep(t)
		if err != nil {
			return err
		}
		s.Steps = append(s.Steps, Step{At: at, Line: line, Text: text, do: do})
	case "want":
		if w, rest, _ := strings.Cut(text, " "); w == "wait" {
			d, err := time.ParseDuration(strings.TrimSpace(rest))
			s.Wait = d
			return err
		}
		c, err := parseWant(t)
		if err != nil {
			return err
		}
		s.Wants = append(s.Wants, Want{Line: line, Text: text, check: c})
	default:
		return fmt.Errorf("no section %q: use playbook NAME, schema, org, script and want", section)
	}
	return t.end()
}

// tokens reads a line from left to right: words, quoted texts, patterns and JSON values.
type tokens struct{ rest string }

func (t *tokens) word() string {
	t.rest = strings.TrimSpace(t.rest)
	w, rest, _ := strings.Cut(t.rest, " ")
	t.rest = rest
	return w
}

// is takes the next words if they are these.
func (t *tokens) is(words string) bool {
	rest := strings.TrimSpace(t.rest)
	if rest != words && !strings.HasPrefix(rest, words+" ") {
		return false
	}
	t.rest = rest[len(words):]
	return true
}

func (t *tokens) json(v any) error {
	d := json.NewDecoder(strings.NewReader(t.rest))
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("want JSON: %w", err)
	}
	t.rest = t.rest[d.InputOffset():]
	return nil
}

func (t *tokens) duration() (time.Duration, error) { return time.ParseDuration(t.word()) }

func (t *tokens) number() (int, error) { return strconv.Atoi(t.word()) }

func (t *tokens) quoted() (string, error) {
	var s string
	err := t.json(&s)
	return s, err
}

func (t *tokens) end() error {
	if rest := strings.TrimSpace(t.rest); rest != "" {
		return fmt.Errorf("%q is left over", rest)
	}
	return nil
}

// parseStep reads what happens:
//
//	NAME rings NUMBER|withheld [{metadata}]
//	NAME says "…"          the caller
//	NAME is told "…"       the assistant, of its own
//	NAME interrupts "…"
//	NAME asks TOOL {arguments} [as LABEL] [id ID] [shape S] [envelope E] [legacy] [again N after D] [with TOOL {…} as LABEL]
//	NAME hangs up
//	salesforce is down for D
//	salesforce fault {"kind": …}
//	salesforce heals
//	salesforce edits OBJECT {fields}     a person changes the newest record of the object
//	salesforce removes OBJECT            a person deletes the newest record of the object
//	salesforce adds OBJECT {fields}      a record that comes from elsewhere
//	salesforce drops|hides|shows|requires|relaxes OBJECT FIELD
//	salesforce duplicates OBJECT alert|block|none
//	vapi fault {"copies": …} · vapi heals
//	kill · stop · start · restart        the server; restart is kill and start
func parseStep(t *tokens) (action, error) {
	switch {
	case t.is("restart"):
		return actRestart, nil
	case t.is("kill"):
		return actKill, nil
	case t.is("stop"):
		return actStop, nil
	case t.is("start"):
		return actStart, nil
	case t.is("salesforce"):
		return parseOrgStep(t)
	case t.is("vapi heals"):
		return func(p *play) error { p.w.Cloud.Mend(); return nil }, nil
	case t.is("vapi fault"):
		var f cloudFault
		if err := t.json(&f); err != nil {
			return nil, err
		}
		return func(p *play) error { p.w.Cloud.Inject(f.fault()); return nil }, nil
	}
	return parseCallStep(t.word(), t)
}

func parseCallStep(name string, t *tokens) (action, error) {
	switch {
	case t.is("rings"):
		c := simvapi.Caller{Number: t.word()}
		if c.Number == "withheld" {
			c.Number = ""
		}
		if strings.TrimSpace(t.rest) != "" {
			if err := t.json(&c.Metadata); err != nil {
				return nil, err
			}
		}
		return actRing(name, c), nil
	case t.is("says"):
		text, err := t.quoted()
		return actSay(name, simvapi.Speech{Role: "user", Text: text}), err
	case t.is("is told"):
		text, err := t.quoted()
		return actSay(name, simvapi.Speech{Role: "assistant", Text: text}), err
	case t.is("interrupts"):
		text, err := t.quoted()
		return actSay(name, simvapi.Speech{Role: "user", Text: text, Interrupting: true}), err
	case t.is("hangs up"):
		return actHangUp(name), nil
	case t.is("asks"):
		return parseAsk(name, t)
	}
	return nil, errors.New("NAME rings, says, is told, interrupts, asks or hangs up; or salesforce, vapi, kill, stop, start, restart")
}

func parseAsk(name string, t *tokens) (action, error) {
	var labels []string
	one := func() (simvapi.Ask, error) {
		a := simvapi.Ask{Tool: t.word()}
		var raw json.RawMessage
		err := t.json(&raw)
		a.Args = raw
		label := ""
		if t.is("as") {
			label = t.word()
		}
		labels = append(labels, label)
		return a, err
	}
	first, err := one()
	if err != nil {
		return nil, err
	}
	asks, o := []simvapi.Ask{first}, simvapi.AskOptions{}
	for err == nil && strings.TrimSpace(t.rest) != "" {
		switch {
		case t.is("id"):
			asks[0].ID = t.word()
		case t.is("shape"):
			o.Shape = simvapi.Shape(t.word())
		case t.is("envelope"):
			o.Envelope = simvapi.Envelope(t.word())
		case t.is("legacy"):
			o.Legacy = true
		case t.is("again"):
			if o.Again, err = t.number(); err == nil && t.is("after") {
				o.AgainAfter, err = t.duration()
			}
		case t.is("with"):
			var next simvapi.Ask
			next, err = one()
			asks = append(asks, next)
		default:
			return nil, t.end()
		}
	}
	return actAsk(name, asks, labels, o), err
}

// span is a duration in a fault, written as text, as time.ParseDuration reads it.
type span time.Duration

// UnmarshalJSON reads "1m30s".
func (s *span) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	*s = span(d)
	return err
}

// orgFault is a simforce.Fault as scripts write it.
type orgFault struct {
	Kind                 simforce.Kind
	Method, Object, Path string
	Code, Message        string
	Nth, Times, Status   int
	After, For, Delay    span
	Row                  bool
}

func (f orgFault) fault() simforce.Fault {
	return simforce.Fault{
		Kind: f.Kind, Method: f.Method, Object: f.Object, Path: f.Path, Code: f.Code, Message: f.Message,
		Nth: f.Nth, Times: f.Times, Status: f.Status, Row: f.Row,
		After: time.Duration(f.After), For: time.Duration(f.For), Delay: time.Duration(f.Delay),
	}
}

// cloudFault is a simvapi.Fault as scripts write it.
type cloudFault struct {
	Kind                                       string
	Times, Copies, Hold                        int
	CopiesAfter, Slow, SlowAnswer, CutAfter    span
	Lose, DropResponse, BadSignature, Unsigned bool
}

func (f cloudFault) fault() simvapi.Fault {
	return simvapi.Fault{
		Kind: f.Kind, Times: f.Times, Copies: f.Copies, Hold: f.Hold, Lose: f.Lose, DropResponse: f.DropResponse,
		BadSignature: f.BadSignature, Unsigned: f.Unsigned, CopiesAfter: time.Duration(f.CopiesAfter),
		Slow: time.Duration(f.Slow), SlowAnswer: time.Duration(f.SlowAnswer), CutAfter: time.Duration(f.CutAfter),
	}
}

var patternText = regexp.MustCompile(`^\s*/((?:[^/\\]|\\.)*)/`)
