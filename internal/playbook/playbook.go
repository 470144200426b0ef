// Package playbook reads what a voice agent's job is, checks all of it, and compiles it, before
// anything starts.
//
// A playbook is one YAML file:
//
//	name, description, language, region
//	transfer            the number of a person, and the sentence that offers them
//	assistant           prompt, voice, transcriber, model
//	tools               what the model may ask for, each:
//	  arguments         JSON Schema, with how values are normalised and asked for
//	  read              lookups, all at once, before anything is decided
//	  dedupe            claims: who asks twice hears of the first
//	  writes            records to create or change, under which conditions, with which fields
//	  words             sentences; the first that is true is said
//
// Values are plain, text with {expressions} in braces, or `= expression` for a typed value.
// Expressions are CEL over args, call, caller, the reads by name, transfer, now, today and language.
// Arguments are what the model said; everything else is what the server knows, and no argument can
// stand in for it.
//
// A file is good or it has faults. Every fault is found in one reading, with its line, its column
// and how to mend it; names, types and field names are checked, and so are the sentences: one that
// claims what nothing makes true is a fault (see truth.go). What has loaded needs no more checks,
// holds no state, and may be used by many goroutines at once.
package playbook

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hookswitch/hookswitch/playbooks"
	"github.com/nyaruka/phonenumbers"
)

// Playbook is one job, compiled.
type Playbook struct {
	Name        string
	Description string
	Digest      string // SHA-256 of the file, in hexadecimal: two files with one digest are one file
	Language    string // of the words, where the caller's is not known or not written
	Region      string // of telephone numbers without a country, US by default
	Transfer    *Transfer
	Assistant   *Assistant
	Tools       []*Tool

	byName map[string]*Tool
}

// Transfer is the person to whom a caller can be put through.
type Transfer struct {
	Number string // E.164; empty where there is nobody
	Offer  *Text  // the sentence that offers it
	spoken string // the number as people read it
}

// Tool returns the tool of that name, or of that other name.
func (p *Playbook) Tool(name string) (*Tool, bool) {
	t, ok := p.byName[name]
	return t, ok
}

// Load reads and compiles the file. Its error is [Faults] if the file can be read but not used.
func Load(fsys fs.FS, file string) (*Playbook, error) {
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, fmt.Errorf("read playbook %s: %w", file, err)
	}
	return Parse(file, text)
}

// Parse compiles a playbook from its text; file is the name that faults are told under.
func Parse(file string, text []byte) (*Playbook, error) {
	p, faults := build(file, text)
	if len(faults) > 0 {
		return nil, faults
	}
	return p, nil
}

// Check returns all that is wrong with a playbook, in the order of its lines.
func Check(file string, text []byte) []Fault {
	_, faults := build(file, text)
	return faults
}

// Listing is a playbook that ships, by its name and what it is for.
type Listing struct{ Name, Description string }

// List names the playbooks that ship.
func List() ([]Listing, error) {
	files, err := fs.Glob(playbooks.FS, "*.yaml")
	if err != nil {
		return nil, err
	}
	var out []Listing
	for _, file := range files {
		p, err := Load(playbooks.FS, file)
		if err != nil {
			return nil, err
		}
		out = append(out, Listing{Name: p.Name, Description: p.Description})
	}
	return out, nil
}

// Shipped loads a playbook that ships, by its name.
func Shipped(name string) (*Playbook, error) {
	files, err := fs.Glob(playbooks.FS, "*.yaml")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(files, name+".yaml") {
		known := make([]string, len(files))
		for i, f := range files {
			known[i] = strings.TrimSuffix(path.Base(f), ".yaml")
		}
		return nil, fmt.Errorf("no playbook %q ships: %s", name, meantOr(name, known))
	}
	return Load(playbooks.FS, name+".yaml")
}

// builder reads one playbook.
type builder struct {
	book      *Playbook
	truth     *truth
	toolNames map[string]node
	plain     *compiler // for words before any tool: nothing of a call is known
	src       *source
}

// build reads one file to its end, whatever is wrong with it: the playbook that it returns beside faults is
// half of one, and Parse throws it away.
func build(file string, text []byte) (*Playbook, Faults) {
	src := &source{file: file, lines: strings.Split(string(text), "\n")}
	root, ok := src.parse(text)
	if !ok {
		return nil, src.faults
	}
	// Of the text, not of what was read from it: the digest that a call keeps names one file.
	sum := sha256.Sum256(text)
	p := &Playbook{Digest: hex.EncodeToString(sum[:]), Transfer: &Transfer{}, byName: map[string]*Tool{}}
	b := &builder{book: p, truth: &truth{transfer: p.Transfer}, toolNames: map[string]node{}, src: src}
	b.read(root.object())
	src.close()
	return p, src.faults.sorted()
}

// read reads the parts in the order in which later ones need earlier ones: words are compiled in the
// language, numbers in the region, and a tool's words may offer the transfer.
func (b *builder) read(o *object) {
	p := b.book
	if n, ok := o.need("name"); ok {
		if p.Name = n.text(); !bookName.MatchString(p.Name) {
			n.fault(fmt.Sprintf("%q can't be a playbook's name", p.Name), "use small letters, digits and hyphens")
		}
	}
	p.Description = o.text("description")
	p.Language, p.Region = "en", "US"
	if n, ok := o.get("language"); ok {
		if p.Language = n.text(); tongues[p.Language] == nil {
			n.fault(fmt.Sprintf("words in %q can't be checked for what they claim", p.Language), meantOr(p.Language, languages()))
			// A fault by now; English lets the rest be read, so that its faults are told as well.
			p.Language = "en"
		}
	}
	if n, ok := o.get("region"); ok {
		if p.Region = n.text(); phonenumbers.GetCountryCodeForRegion(p.Region) == 0 {
			n.fault(fmt.Sprintf("%q is no region that telephone numbers have", p.Region), "write two capital letters: US, DE")
		}
	}
	// What is said before any tool is asked knows of no call and no caller.
	vocab := newVocabulary()
	vocab.vars, vocab.structs = nil, map[string]fields{}
	b.plain = b.compiler(vocab)
	b.transfer(o)
	p.Assistant = b.assistant(o)
	if n, ok := o.need("tools"); ok {
		for _, t := range n.list(false) {
			tool := b.tool(t)
			tool.ofCaller = tool.asksOfCaller()
			p.Tools = append(p.Tools, tool)
			for _, name := range append([]string{tool.Name}, tool.Also...) {
				p.byName[name] = tool
			}
		}
		if len(p.Tools) == 0 {
			n.fault("a playbook without a tool does nothing", "")
		}
	}
	o.close()
}

// bookName is what a playbook can be called: it names a file and stands in addresses.
var bookName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// compiler prepares expressions over a vocabulary.
func (b *builder) compiler(v *vocabulary) *compiler {
	c, err := newCompiler(v, b.book.Transfer, b.book.Language)
	if err != nil {
		b.src.add(Fault{Line: 1, Col: 1, Problem: err.Error()})
		return nil
	}
	return c
}

// transfer reads to whom a caller can be put through.
func (b *builder) transfer(root *object) {
	n, ok := root.get("transfer")
	if !ok {
		return
	}
	o := n.object()
	t := b.book.Transfer
	if number, ok := o.get("number"); ok {
		parsed, err := phonenumbers.Parse(number.text(), b.book.Region)
		if err != nil || !phonenumbers.IsPossibleNumber(parsed) {
			number.fault(fmt.Sprintf("%q is not a telephone number", number.text()), `write it with its country: "+15550109999"`)
		} else {
			t.Number = phonenumbers.Format(parsed, phonenumbers.E164)
			t.spoken = phonenumbers.Format(parsed, phonenumbers.NATIONAL)
		}
	}
	if offer, ok := o.get("offer"); ok && b.plain != nil {
		t.Offer = b.plain.words(offer)
		b.truth.free(t.Offer)
	}
	o.close()
}
