package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/crm"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/playbook"
)

// decision is one ask on its way to a draft.
type decision struct {
	desk    Desk
	ask     Ask
	book    *playbook.Playbook
	tool    *playbook.Tool
	env     *playbook.Env
	draft   journal.Draft
	claimed map[string]*playbook.Claim       // what the playbook says of the draft's claims, by their names
	mapped  map[string][]playbook.FieldValue // by write, as the playbook maps them
}

// decide makes the draft of an answer. An error is a fault of ours (an expression that met a value which
// its types did not foresee), never the model's or the caller's.
func decide(ctx context.Context, desk Desk, a Ask) (*decision, error) {
	d := &decision{desk: desk, ask: a, claimed: map[string]*playbook.Claim{}, mapped: map[string][]playbook.FieldValue{}}
	d.draft = journal.Draft{
		Ask:  journal.Ask{Workspace: a.Workspace, Call: a.Call, ID: a.ID},
		Tool: a.Name, Person: a.Person, Deadline: a.At.Add(desk.Windows.Deadline - margin),
	}
	book, t, ok := desk.Shelf.Tool(a.pinned(), a.Name)
	if !ok {
		d.refuse("I can't do that here.", fmt.Sprintf("There is no tool %q. The tools are: %s.", a.Name, strings.Join(desk.Shelf.Names(a.pinned()), ", ")))
		return d, nil
	}
	d.book, d.tool = book, t
	d.draft.Tool, d.draft.Playbook = t.Name, book.Digest
	if t.Deadline > 0 {
		d.draft.Deadline = a.At.Add(t.Deadline - margin)
	}
	args, whole := d.arguments()
	if !whole {
		return d, nil
	}
	return d, d.propose(ctx, args)
}

// arguments reads what the model gave. Where that is not whole the draft already says what to ask for: the
// model and the caller can mend it, so it is an answer and not an error.
func (d *decision) arguments() (args map[string]any, whole bool) {
	if d.ask.Bad != nil {
		d.refuse("Could you say that once more?", fmt.Sprintf("The tool call could not be read (%v); nothing was done. Call %s again.", d.ask.Bad, d.tool.Name))
		return nil, false
	}
	d.env = d.environment()
	args, faults := d.tool.Args.Check(d.ask.Arguments, d.env)
	if len(faults) > 0 {
		d.askNext(faults)
		return nil, false
	}
	d.env.Args = args
	return args, true
}

// propose decides on an ask whose arguments are whole.
func (d *decision) propose(ctx context.Context, args map[string]any) error {
	d.identify(ctx)
	if ok, err := d.confirmed(); err != nil || !ok {
		return err
	}
	if !d.ask.Nameless {
		d.draft.Repeat = d.desk.Hash(d.ask.Workspace, "repeat", canonical(d.tool.Name, args))
		d.draft.Asked, d.draft.RepeatWindow = d.ask.At, d.desk.Windows.Repeat
	}
	if err := d.read(ctx); err != nil {
		return err
	}
	if err := d.claims(); err != nil {
		return err
	}
	for _, w := range d.tool.Writes {
		if err := d.promise(w); err != nil {
			return err
		}
	}
	// A claim whose write is not made would send the next who asks for the same to an intent that nobody has.
	d.draft.Claims = slices.DeleteFunc(d.draft.Claims, func(c journal.Claim) bool { return !d.promises(c.Intent) })
	if !d.ask.Nameless {
		d.draft.Target = d.target()
	}
	return d.words(d.tool.Words)
}

// refuse makes a draft that promises nothing: say is spoken, result is for the model. Whatever stood in it is taken
// out: nothing may be written behind words that say so.
func (d *decision) refuse(say, result string) {
	d.draft.Promises, d.draft.Claims, d.draft.Refs = nil, nil, nil
	d.draft.Sentences = []journal.Sentence{{Say: plain(say), Result: plain(result), Failed: true}}
}

// plain takes the braces out of words that are no template: the journal would look for a fact in them.
func plain(s string) string { return strings.NewReplacer("{", "(", "}", ")").Replace(s) }

// askNext tells the model which argument to ask for next, and that nothing was written. The first question
// is spoken as the playbook words it.
func (d *decision) askNext(faults []playbook.ArgFault) {
	var b strings.Builder
	b.WriteString("Nothing was saved by this request.")
	say := ""
	for _, f := range faults {
		fmt.Fprintf(&b, " %s.", strings.TrimSpace(f.String()))
		if f.Ask != "" && say == "" {
			say = f.Ask
		}
	}
	if say == "" {
		say = "Could you tell me that once more?"
	}
	fmt.Fprintf(&b, " Ask the caller now: %q Then call %s again with all arguments.", say, d.tool.Name)
	d.refuse(say, b.String())
}

// confirmed asks for the caller's yes where the playbook wants one before it writes.
func (d *decision) confirmed() (bool, error) {
	if !d.tool.Confirm.On {
		return true, nil
	}
	var turns []call.Turn
	if d.ask.Turns != nil {
		turns = d.ask.Turns()
	}
	values, err := d.tool.Confirm.Say.Values(d.env, shortValue)
	if err != nil {
		return false, err
	}
	if call.Confirmed(turns, values, d.tool.Confirm.Yes) {
		return true, nil
	}
	say, err := d.tool.Confirm.Say.Render(d.env, d.env.Language)
	if err != nil {
		return false, err
	}
	d.refuse(say, "Confirm first: nothing has been saved. Read this back and wait for the caller's yes, then call "+d.tool.Name+" again: "+say)
	return false, nil
}

// shortValue is the longest value, in characters, that is expected word for word in a read-back; longer
// ones are paraphrased by any model.
const shortValue = 40

// environment is what the playbook's expressions see before anything has been read.
func (d *decision) environment() *playbook.Env {
	a := d.ask
	customer := a.About.Contact
	if customer == "" {
		customer = a.About.Account
	}
	return &playbook.Env{
		Call: playbook.Call{ID: a.pinned(), Workspace: a.Workspace, About: playbook.About{
			LeadID: a.About.Lead, OpportunityID: a.About.Opportunity, CustomerID: customer, CaseID: a.About.Case,
		}},
		Caller: playbook.Caller{
			Number: string(a.Number), ContactID: a.About.Contact, AccountID: a.About.Account, LeadID: a.About.Lead,
			Known: a.About.Contact != "" || a.About.Lead != "",
		},
		Reads: map[string]*playbook.Rows{},
		Now:   a.At.UTC(), Today: a.At.In(d.desk.Zone()).Format(time.DateOnly), Language: d.book.Language,
	}
}

// identify finds out who calls, where the tool depends on it and the call does not say. A caller who
// cannot be looked up in time is not a stranger: nothing is concluded, and what hangs on it is looked up when
// it is written.
func (d *decision) identify(ctx context.Context) {
	c := &d.env.Caller
	if d.ask.Number == "" || c.Known && c.AccountID != "" || !d.tool.NeedsCaller() {
		return
	}
	id, known := d.desk.Shelf.Who(d.ask.pinned(), d.ask.Number)
	if !known {
		ctx, cancel := context.WithDeadline(ctx, d.readBy())
		defer cancel()
		var err error
		if id, err = d.desk.Reader.Who(ctx, d.ask.Number); err != nil {
			c.Failed = !c.Known
			return
		}
		d.desk.Shelf.Recognise(d.ask.pinned(), id)
	}
	// Whom the call names is who it is about: the number only adds what it knows of the same person.
	if c.Known && (c.ContactID != id.Contact || c.LeadID != id.Lead) {
		return
	}
	c.ContactID, c.LeadID, c.Name, c.Known = id.Contact, id.Lead, id.Name, id.Known()
	if c.AccountID == "" {
		c.AccountID = id.Account
	}
}

// claims asks for the claims that hold for this ask. Their keys are hashed: they are made of telephone
// and account numbers.
func (d *decision) claims() error {
	for _, c := range d.tool.Claims {
		key, asked, err := c.Held(d.env)
		if err != nil {
			return err
		}
		if !asked {
			continue
		}
		name := d.tool.Name + "." + c.Name
		d.claimed[name] = c
		d.draft.Claims = append(d.draft.Claims, journal.Claim{
			Name: name, Key: d.desk.Hash(d.ask.Workspace, name, key), Window: c.Window, Intent: c.Intent,
		})
	}
	return nil
}

// promise adds one write to the draft, unless its condition does not hold or it has no record to change.
func (d *decision) promise(w *playbook.Write) error {
	if holds, err := w.When.Holds(d.env); err != nil || !holds {
		return err
	}
	for _, need := range w.Needs {
		if !d.promises(need) {
			return nil // what it would follow is not written either
		}
	}
	body := crm.Write{Object: w.Object, ReadBack: w.ReadBack, Duplicates: string(w.Duplicates), SkipAssign: skipsAssignment(w)}
	subject := journal.Subject{Kind: w.Object}
	if w.Do == playbook.Change {
		record, err := w.Record.Eval(d.env)
		if err != nil {
			return err
		}
		body.Record, _ = record.(string)
		subject.Ref = body.Record
		whose := d.whose(w.Record)
		if whose != "" {
			// Under this name the changes of one caller's record stay in order, also those for which it was not
			// known yet which record it is.
			subject.Key = d.desk.Hash(d.ask.Workspace, "whose", whose, string(d.ask.Number))
		}
		if body.Record == "" {
			if whose == "" || !d.env.Caller.Failed {
				return nil
			}
			body.Whose, body.Phone = whose, string(d.ask.Number)
		}
	}
	if err := d.fill(w, &body); err != nil {
		return err
	}
	key := crm.Key(d.scope(), d.ask.Call, d.ask.ID, w.Name)
	kind := kinds[w.Do]
	if w.Do == playbook.Create {
		if err := d.keyed(w, &body); err != nil {
			return err
		}
	}
	return d.add(w, body, journal.Promise{Name: w.Name, Kind: kind, Key: key, Subject: subject, Needs: w.Needs})
}

var kinds = map[playbook.Do]string{
	playbook.Create: crm.KindCreate, playbook.Change: crm.KindUpdate, playbook.Comment: crm.KindComment,
}

// add gives a promise what all of them share, and puts it into the draft.
func (d *decision) add(w *playbook.Write, body crm.Write, p journal.Promise) error {
	encoded, err := body.Body()
	if err != nil {
		return err
	}
	settle := w.Settle
	if settle < 0 {
		settle = d.desk.Windows.Settle
	}
	p.Body, p.Lane = encoded, journal.Live
	p.Subject.Parent = parent(body)
	p.Cause = journal.Cause{Call: d.ask.Call, ToolCall: d.ask.ID, Rule: d.book.Name + "/" + d.tool.Name, Words: d.lastWords()}
	if settle > 0 {
		p.NotBefore = d.ask.At.Add(settle)
	}
	d.draft.Promises = append(d.draft.Promises, p)
	return nil
}

// lastWords is what the caller said last, the words that an operator finds behind the write.
func (d *decision) lastWords() string {
	if d.ask.Turns == nil {
		return ""
	}
	turns := d.ask.Turns()
	for _, t := range slices.Backward(turns) {
		if t.Role == call.User {
			return t.Text
		}
	}
	return ""
}

// parent is the account under which a write takes its lock: Salesforce locks the parent of what is
// written, and two writes below one account at once fail with UNABLE_TO_LOCK_ROW.
func parent(w crm.Write) string {
	if w.Object == "Account" && w.Record != "" {
		return "Account/" + w.Record
	}
	if id, _ := w.Fields["AccountId"].(string); id != "" {
		return "Account/" + id
	}
	return ""
}

// scope is the part of a key that keeps two workspaces apart when they write to one org.
func (d *decision) scope() string {
	if d.ask.Workspace == "default" {
		return "vapi"
	}
	return d.ask.Workspace
}

// promises reports whether this ask makes the write of that name; the conditions of writes decide.
func (d *decision) promises(name string) bool {
	return slices.ContainsFunc(d.draft.Promises, func(p journal.Promise) bool { return p.Name == name })
}

// target names what the ask changes, so that a newer ask of the same tool can replace it while it settles.
// An update's target is the record and the fields: a new address does not replace a new telephone number.
func (d *decision) target() string {
	var parts []string
	for _, p := range d.draft.Promises {
		if p.Kind == crm.KindUpdate {
			parts = append(parts, p.Subject.Ref+"/"+strings.Join(fieldNames(d.mapped[p.Name]), ","))
		}
	}
	if len(parts) == 0 && len(d.draft.Claims) > 0 {
		parts = append(parts, d.draft.Claims[0].Key)
	}
	return strings.Join(parts, ";")
}

func fieldNames(fields []playbook.FieldValue) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	slices.Sort(names)
	return names
}

// words renders the sentences that may be true, in order. Conditions over the arguments and reads are
// decided here, and so is a sentence about a write that this ask does not make; what becomes of the writes
// that it makes is left to the journal.
func (d *decision) words(sentences []*playbook.Sentence) error {
	d.draft.Sentences = nil
	for _, s := range sentences {
		holds, err := s.Holds(d.env)
		if err != nil {
			return err
		}
		if !holds || !d.speaksOfOurs(s) {
			continue
		}
		say, err := s.Say.Render(d.env, d.env.Language)
		if err != nil {
			return err
		}
		result, err := s.Result.Render(d.env, d.env.Language)
		if err != nil {
			return err
		}
		out := journal.Sentence{Say: say, Result: result, Failed: s.Failed, Needs: map[string]journal.Need{}}
		for name, need := range s.Needs {
			out.Needs[name] = journal.Need(need)
		}
		d.draft.Sentences = append(d.draft.Sentences, out)
	}
	return nil
}

// speaksOfOurs reports whether every write that the sentence needs is promised here, or was promised before
// and is referred to.
func (d *decision) speaksOfOurs(s *playbook.Sentence) bool {
	for name := range s.Needs {
		if _, before := d.draft.Refs[name]; !before && !d.promises(name) {
			return false
		}
	}
	return true
}

// encode is v as JSON. Values come from JSON or from the playbook's types, which all have a form in it.
func encode(v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b, nil
}

// canonical is the same for the same tool with the same normalised arguments, whatever their order. Names and values
// are quoted, so that no argument can hold what looks like the next one.
func canonical(tool string, args map[string]any) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q", tool)
	for _, name := range slices.Sorted(maps.Keys(args)) {
		v, err := json.Marshal(args[name])
		if err != nil {
			v = fmt.Append(nil, args[name]) // unreachable: arguments came from JSON
		}
		fmt.Fprintf(&b, "%q=%q", name, v)
	}
	return b.String()
}
