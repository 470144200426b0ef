// Package house holds the rules of this house: tests about the source tree, not about what it does.
//
// It has no code of its own. One table of rules ([rules], in house_test.go) is held against the whole module:
//
//	import table      who may know whom (imports_test.go), who may change the world outside (effects_test.go)
//	size              files, functions, parameters (size_test.go)
//	names, comments   documentation of every exported name, words that name nothing (names_test.go, words_test.go)
//	state             no init, no variables, no default clients, no sleeping tests (state_test.go)
//	places            SQL in store.go files only (places_test.go)
//	pages             what they name, link to, draw and give as an example (docs_test.go, pages_test.go)
//
// What a rule lets through stands in lists_test.go, each entry with its reason; an entry that no longer
// applies is a fault too, so the lists cannot outlive what they excuse.
//
// Every rule is itself tested: testdata/RULE.txtar is a small tree that breaks it, and names the faults that
// must be found. A rule without such a file fails.
//
// The rules read syntax, and types where a name alone would mislead. They hold for a reader of good will; they
// are no defence against one who means to get around them.
package house
