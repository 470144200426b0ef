package world

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/playbooks"
)

// Variant is a shipped playbook with some of its text replaced.
type Variant struct {
	Name    string
	Replace []Replacement
}

// Replacement is a text that stands once in a playbook, and what stands there instead.
type Replacement struct{ From, To string }

// Column is a field that the org has besides, or instead of, its own.
type Column struct {
	Object string
	Field  simforce.Field
}

// vary reads a line of a playbook section.
func (s *Script) vary(book, line string) error {
	from, to, ok := strings.Cut(line, " => ")
	if !ok {
		return errors.New("want: text of the playbook => text instead")
	}
	lines := strings.NewReplacer(`\n`, "\n")
	r := Replacement{lines.Replace(strings.TrimSpace(from)), lines.Replace(strings.TrimSpace(to))}
	for i := range s.Books {
		if s.Books[i].Name == book {
			s.Books[i].Replace = append(s.Books[i].Replace, r)
			return nil
		}
	}
	s.Books = append(s.Books, Variant{book, []Replacement{r}})
	return nil
}

// text is the playbook as the variant has it. A text that does not stand in it, or stands twice, is an
// error: a scene about a variant must not be played with the playbook that ships.
func (v Variant) text() ([]byte, error) {
	b, err := playbooks.FS.ReadFile(v.Name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("playbook %s: %w", v.Name, err)
	}
	text := string(b)
	for _, r := range v.Replace {
		if n := strings.Count(text, r.From); n != 1 {
			return nil, fmt.Errorf("playbook %s: %q stands in it %d times, want once", v.Name, r.From, n)
		}
		text = strings.Replace(text, r.From, r.To, 1)
	}
	return []byte(text), nil
}

// Prepare gives w the playbooks and the fields that the scene wants. It is called before the server starts.
func (s *Script) Prepare(w *World) error {
	for _, v := range s.Books {
		text, err := v.text()
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		file := filepath.Join(w.o.Dir, v.Name+".yaml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		w.Configure(func(c *config.Config) {
			c.Playbooks = append(slices.DeleteFunc(slices.Clone(c.Playbooks), func(name string) bool { return name == v.Name }), file)
		})
	}
	for _, c := range s.Schema {
		w.Org.SetField(c.Object, c.Field)
	}
	return nil
}

func parseOrgStep(t *tokens) (action, error) {
	switch {
	case t.is("is down for"):
		d, err := t.duration()
		return func(p *play) error {
			p.w.Org.Fault(simforce.Fault{Kind: simforce.Down, For: d})
			return nil
		}, err
	case t.is("heals"):
		return func(p *play) error { p.w.Org.ClearFaults(); return nil }, nil
	case t.is("fault"):
		var f orgFault
		if err := t.json(&f); err != nil {
			return nil, err
		}
		return func(p *play) error { p.w.Org.Fault(f.fault()); return nil }, nil
	case t.is("adds"):
		return parsePerson("adds", t)
	case t.is("edits"):
		return parsePerson("edits", t)
	case t.is("removes"):
		return parsePerson("removes", t)
	case t.is("duplicates"):
		return parseDuplicates(t)
	}
	return parseAdministrator(t)
}

// parsePerson reads what somebody does to a record without us.
func parsePerson(verb string, t *tokens) (action, error) {
	object := t.word()
	var fields map[string]any
	err := t.json(&fields)
	return func(p *play) error {
		if verb == "adds" {
			p.w.Org.Put(object, fields)
			return nil
		}
		all := slices.DeleteFunc(p.w.Org.Records(object), func(r simforce.Record) bool { return r.Deleted })
		if len(all) == 0 {
			return fmt.Errorf("the org has no %s", object)
		}
		newest := all[len(all)-1].ID
		if verb == "removes" {
			return p.w.Org.Remove(newest)
		}
		return p.w.Org.Edit(newest, fields)
	}, err
}

// parseDuplicates reads what the org's duplicate rule of an object does from now on.
func parseDuplicates(t *tokens) (action, error) {
	object, how := t.word(), t.word()
	if !slices.Contains([]string{"alert", "block", "none"}, how) {
		return nil, errors.New("salesforce duplicates OBJECT alert, block or none")
	}
	return func(p *play) error {
		p.w.Org.Configure(func(o *simforce.Options) {
			rules := slices.DeleteFunc(slices.Clone(o.Duplicates), func(r simforce.DuplicateRule) bool { return r.Object == object })
			if how != "none" {
				rules = append(rules, simforce.DuplicateRule{Object: object, Block: how == "block"})
			}
			o.Duplicates = rules
		})
		return nil
	}, nil
}

// parseAdministrator reads a change of the org's fields.
func parseAdministrator(t *tokens) (action, error) {
	verb, object, field := t.word(), t.word(), t.word()
	change := map[string]func(o *simforce.Org){
		"drops":    func(o *simforce.Org) { o.DropField(object, field) },
		"hides":    func(o *simforce.Org) { o.HideField(object, field, true) },
		"shows":    func(o *simforce.Org) { o.HideField(object, field, false) },
		"requires": func(o *simforce.Org) { o.RequireField(object, field, true) },
		"relaxes":  func(o *simforce.Org) { o.RequireField(object, field, false) },
	}[verb]
	if change == nil || field == "" {
		return nil, errors.New("salesforce is down for D, fault {…}, heals, adds, edits or removes OBJECT {…}, duplicates OBJECT HOW, or drops, hides, shows, requires or relaxes OBJECT FIELD")
	}
	return func(p *play) error { change(p.w.Org); return nil }, nil
}
