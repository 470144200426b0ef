package house

import (
	"fmt"
	"slices"
	"strings"
)

// The bands of the house that the import table speaks of.
func neighbours() []string {
	return []string{"internal/vapi", "internal/salesforce", "internal/twilio"}
}
func doors() []string { return []string{"internal/intake", "internal/api", "internal/web"} }

const (
	app      = "internal/app"
	world    = "internal/world"
	sims     = "internal/sim/"
	programs = "cmd/"

	maxFanOut = 8 // packages of ours that one package may import
	maxDepth  = 7 // imports on the longest way from a package down to one that imports nothing of ours
)

// importRules is the import table: numbers are those of ARCHITECTURE.md.
func importRules() []rule {
	return []rule{
		{"neighbours-know-nobody", "rule 1: move what is needed into the neighbour, or do the joining in crm, outbound, notify or app", neighboursKnowNobody},
		{"journal-keeps-anything", "rule 2: give the journal a body and a key; register a doer for the kind in app", journalKeepsAnything},
		{"tools-decide", "rule 3: return an intent in the draft, or ask crm to read; a tool has no connection of its own", toolsDecide},
		{"two-witnesses", "rule 5: write the simulator from the vendor's documentation, with types of its own; join it with app in internal/world", twoWitnesses},
		{"doors-are-last", "rule 6: move what is wanted from the door into the noun that it speaks of", doorsAreLast},
		{"fan-out", "split the package, or let app hand it what it needs; app, world and cmd join things and are exempt", fanOut},
		{"import-depth", "let the package be given what it needs instead of importing it", importDepth},
		{"no-cgo", "use a library in Go: the program is built for other systems without a C compiler", noCgo},
	}
}

func neighboursKnowNobody(tr *tree) []fault {
	var faults []fault
	for _, path := range neighbours() {
		p := tr.pkg(path)
		if p == nil {
			continue
		}
		for _, to := range p.ours(false) {
			faults = append(faults, fault{path, "imports " + to})
		}
		for _, to := range p.ours(true) { // the tests of a neighbour may meet its simulator, the second witness
			if !strings.HasPrefix(to, sims) && !slices.Contains(p.ours(false), to) {
				faults = append(faults, fault{path, "its tests import " + to})
			}
		}
	}
	return faults
}

func journalKeepsAnything(tr *tree) []fault {
	banned := append(neighbours(), "internal/crm", "internal/tool", "internal/outbound", "internal/notify")
	return never(tr, "internal/journal", false, banned)
}

func toolsDecide(tr *tree) []fault {
	p := tr.pkg("internal/tool")
	if p == nil {
		return nil
	}
	var faults []fault
	for _, to := range p.imports(false) {
		rel, _ := relative(to)
		if to == "net/http" || slices.Contains(neighbours(), rel) {
			faults = append(faults, fault{p.path, "imports " + to})
		}
	}
	return faults
}

func twoWitnesses(tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		if strings.HasPrefix(p.path, sims) {
			faults = append(faults, never(tr, p.path, true, neighbours())...)
			for _, to := range p.ours(false) {
				if strings.HasPrefix(to, sims) {
					faults = append(faults, fault{p.path, "imports the simulator " + to})
				}
			}
			continue
		}
		if p.path == world || strings.HasPrefix(p.path, programs) {
			continue
		}
		for _, to := range p.ours(false) { // tests may meet the simulators and play in the world
			if to == world || strings.HasPrefix(to, sims) {
				faults = append(faults, fault{p.path, "imports " + to})
			}
		}
	}
	return faults
}

func doorsAreLast(tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		for _, to := range p.ours(true) {
			if slices.Contains(doors(), to) && p.path != app {
				faults = append(faults, fault{p.path, "imports the door " + to})
			}
			if to == app && p.path != world && !strings.HasPrefix(p.path, programs) && slices.Contains(p.ours(false), to) {
				faults = append(faults, fault{p.path, "imports " + to})
			}
		}
	}
	return faults
}

func fanOut(tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		if joins(p.path) {
			continue
		}
		if own := p.ours(false); len(own) > maxFanOut {
			faults = append(faults, fault{p.path, fmt.Sprintf("imports %d packages of ours, more than %d: %s", len(own), maxFanOut, strings.Join(own, " "))})
		}
	}
	return faults
}

// joins reports whether a package's purpose is to join others.
func joins(path string) bool {
	return path == app || path == world || strings.HasPrefix(path, programs)
}

func importDepth(tr *tree) []fault {
	known := make(map[string][]string)
	var longest func(path string) []string // the way down, path first
	longest = func(path string) []string {
		if way, ok := known[path]; ok {
			return way
		}
		known[path] = nil // a cycle does not compile
		var below []string
		if p := tr.pkg(path); p != nil {
			for _, to := range p.ours(false) {
				if way := longest(to); len(way) > len(below) {
					below = way
				}
			}
		}
		known[path] = append([]string{path}, below...)
		return known[path]
	}
	var faults []fault
	for _, p := range tr.pkgs {
		if way := longest(p.path); len(way)-1 > maxDepth {
			faults = append(faults, fault{p.path, fmt.Sprintf("is %d imports deep, more than %d: %s", len(way)-1, maxDepth, strings.Join(way, " → "))})
		}
	}
	return faults
}

func noCgo(tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		if slices.Contains(p.imports(true), "C") {
			faults = append(faults, fault{p.path, `imports "C"`})
		}
	}
	return faults
}

// never reports each way on which a package reaches one of banned, through any number of ours. With tests,
// the ways that begin in its tests count too.
func never(tr *tree, from string, tests bool, banned []string) []fault {
	if tr.pkg(from) == nil {
		return nil
	}
	var faults []fault
	seen := make(map[string]bool)
	var walk func(way []string, tests bool)
	walk = func(way []string, tests bool) {
		p := tr.pkg(way[len(way)-1])
		if p == nil {
			return
		}
		for _, to := range p.ours(tests) {
			if seen[to] {
				continue
			}
			seen[to] = true
			further := append(slices.Clone(way), to)
			if slices.Contains(banned, to) {
				faults = append(faults, fault{from, "reaches " + to + ": " + strings.Join(further, " → ")})
			}
			walk(further, false)
		}
	}
	walk([]string{from}, tests)
	return faults
}
