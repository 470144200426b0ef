package house

import (
	"go/ast"
	"maps"
	"path"
	"slices"
	"strings"
)

// What the rules let through, each with its reason. An entry is named PACKAGE.NAME, where PACKAGE is the last
// element of the path, and for a method PACKAGE.TYPE.NAME.

// interfaces lists every named interface with its second implementation, or with the consumer whose need it states.
func interfaces() map[string]string {
	return map[string]string{
		"call.row":               "consumer: one function scans *sql.Row and *sql.Rows",
		"hookswitch.ledger":      "two: the file (app.File) and the running server (api.Client)",
		"journal.Doer":           "one for each kind of intent: crm, outbound and notify have theirs",
		"journal.scanner":        "consumer: one function scans *sql.Row and *sql.Rows",
		"salesforce.Flow":        "four flows, a closed set: its methods are not exported",
		"salesforce.RefreshLock": "consumer: a token store that several processes share offers it",
		"salesforce.TokenStore":  "consumer: tokens outlive the process in a store that a neighbour may not know (rule 1)",
		"tool.Reader":            "consumer: tool reads through crm and must not reach a neighbour (rule 3)",
	}
}

// variables lists the package variables that are no error, pattern, embedded file or unwritten table.
func variables() map[string]string {
	return map[string]string{
		"journal.never":       "a constant, but for the type: Go has no constant times",
		"journal.transitions": "the table that Transitions returns, made once; nothing writes it",
		"redact.class":        "a table of 256 bytes, shorter computed than written out; nothing writes it afterwards",
		"mutant.current":      "built only with the tag mutant, never shipped; a kept mutation is a property of the process",
	}
}

// manyParams lists functions whose parameters someone else has fixed.
func manyParams() map[string]string {
	return map[string]string{}
}

// backgrounds lists the functions outside main and tests that begin a context of their own.
func backgrounds() map[string]string {
	return map[string]string{
		"app.workspace.org":         "hears of another org from any caller's request, and must park the writes whether or not that caller stays",
		"salesforce.Tokens.inspect": "asks when a session ends after the caller has its token; ends with the request's own timeout",
		"world.World.Kill":          "the power fails: a context that has ended already, so that nobody is waited for",
	}
}

// sleepers lists functions of tests that sleep where the rule cannot see that they run in a bubble, or that wait
// for another process.
func sleepers() map[string]string {
	return map[string]string{
		"salesforce.rotating.ServeHTTP": "the login service of a bubble, called by its server",
	}
}

// soql lists the packages, by path, whose strings begin like SQL because they are Salesforce's query language.
func soql() map[string]string {
	return map[string]string{
		"internal/salesforce":   "builds SOQL",
		"internal/sim/simforce": "reads SOQL",
	}
}

// gate lists the packages that may change the world through a neighbour: the journal's doers, and setup, which an
// operator runs.
func gate(neighbour string) []string {
	return map[string][]string{
		"internal/salesforce": {"internal/crm", "internal/setup"},
		"internal/vapi":       {"internal/outbound", "internal/notify", "internal/setup"},
		"internal/twilio":     {"internal/outbound", "internal/notify", "internal/setup"},
	}[neighbour]
}

// reading lists the methods of each neighbour's Client that change nothing at the vendor. A method that is not
// listed is taken to write. Refreshing a token is no effect.
func reading() map[string]string {
	return map[string]string{
		"internal/salesforce": "Describe Get GetByKey Limits Query QueryAll Search UserInfo Versions",
		"internal/vapi":       "",
		"internal/twilio":     "",
	}
}

func listRules() []rule {
	return []rule{{
		"lists-are-current",
		"take the entry off the list in internal/house/lists_test.go",
		listsAreCurrent,
	}}
}

// listsAreCurrent finds entries whose package exists while what they excuse is gone.
func listsAreCurrent(tr *tree) []fault {
	exists, packages := tr.names()
	var faults []fault
	stale := func(list string, entries map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			if in, _, _ := strings.Cut(name, "."); packages[in] && !exists[name] {
				faults = append(faults, fault{list, name + " is gone"})
			}
		}
	}
	stale("interfaces", interfaces())
	stale("variables", variables())
	stale("manyParams", manyParams())
	stale("backgrounds", backgrounds())
	stale("sleepers", sleepers())
	for _, n := range neighbours() {
		for method := range strings.FieldsSeq(reading()[n]) {
			if name := path.Base(n) + ".Client." + method; packages[path.Base(n)] && !exists[name] {
				faults = append(faults, fault{"reading", name + " is gone"})
			}
		}
	}
	return faults
}

// names collects what the module declares, named as the lists name it, and its packages.
func (tr *tree) names() (exists, packages map[string]bool) {
	exists, packages = make(map[string]bool), make(map[string]bool)
	for p, f := range tr.each(true) {
		packages[p.short()] = true
		for _, d := range f.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					name = receiver(d).Name + "." + name
				}
				exists[p.short()+"."+name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					for _, id := range declared(spec) {
						exists[p.short()+"."+id.Name] = true
					}
				}
			}
		}
	}
	return exists, packages
}
