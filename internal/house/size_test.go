package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// Limits of size. They stand where readable Go code already is: the longest five in a hundred files and functions
// of well-kept projects begin there. Tests hold tables and get half as much again.
const (
	maxFile, maxTestFile = 600, 900
	maxFunc, maxTestFunc = 60, 90
	maxLongFunc          = 50 // nineteen functions of twenty are no longer
	maxParams            = 4  // beside the context, or the test
)

func sizeRules() []rule {
	return []rule{
		{"file-length", "split the file by concern; a file has one", fileLength},
		{"function-length", "give the steps names: a function each", functionLength},
		{"most-functions-are-short", "shorten the long ones; most functions fit on half a screen", mostFunctionsAreShort},
		{"parameters", "put them into a struct with a comment for each field", parameters},
	}
}

func fileLength(tr *tree) []fault {
	var faults []fault
	for _, f := range tr.each(true) {
		limit := maxFile
		if f.test {
			limit = maxTestFile
		}
		if n := bytes.Count(f.src, []byte("\n")); n > limit {
			faults = append(faults, fault{f.name, fmt.Sprintf("has %d lines, more than %d", n, limit)})
		}
	}
	return faults
}

func functionLength(tr *tree) []fault {
	var faults []fault
	for _, f := range tr.each(true) {
		limit := maxFunc
		if f.test {
			limit = maxTestFunc
		}
		for _, fn := range functions(f) {
			if n := tr.lines(fn); n > limit {
				faults = append(faults, fault{tr.where(fn), fmt.Sprintf("%s has %d lines, more than %d", fn.Name.Name, n, limit)})
			}
		}
	}
	return faults
}

func mostFunctionsAreShort(tr *tree) []fault {
	var lengths []int
	for _, f := range tr.each(false) {
		for _, fn := range functions(f) {
			lengths = append(lengths, tr.lines(fn))
		}
	}
	if len(lengths) == 0 {
		return nil
	}
	slices.Sort(lengths)
	if n := lengths[(len(lengths)-1)*95/100]; n > maxLongFunc {
		return []fault{{"the module", fmt.Sprintf("nineteen functions of twenty have up to %d lines, more than %d", n, maxLongFunc)}}
	}
	return nil
}

func parameters(tr *tree) []fault {
	var faults []fault
	for p, f := range tr.each(true) {
		for _, fn := range functions(f) {
			n := 0
			for _, field := range fn.Type.Params.List {
				if !free(field.Type) {
					n += max(1, len(field.Names))
				}
			}
			by := use{pkg: p, in: fn, expr: fn.Name}.by()
			if _, ok := manyParams()[by]; n > maxParams && !ok {
				faults = append(faults, fault{tr.where(fn), fmt.Sprintf("%s takes %d parameters, more than %d", fn.Name.Name, n, maxParams)})
			}
		}
	}
	return faults
}

// free reports whether a parameter of this type does not count: a context says how long, a test says to whom.
func free(t ast.Expr) bool {
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	sel, ok := t.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	switch x, _ := sel.X.(*ast.Ident); {
	case x == nil:
		return false
	case x.Name == "context":
		return sel.Sel.Name == "Context"
	default:
		return x.Name == "testing" || x.Name == "rapid"
	}
}

// functions lists the functions and methods that a file declares.
func functions(f *file) []*ast.FuncDecl {
	var all []*ast.FuncDecl
	for _, d := range f.syntax.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			all = append(all, fn)
		}
	}
	return all
}

// lines counts the lines of a function from its first word to its closing brace, its comment not included.
func (tr *tree) lines(fn *ast.FuncDecl) int {
	return tr.fset.Position(fn.End()).Line - tr.fset.Position(fn.Pos()).Line + 1
}

// longFiles is a tree that breaks fileLength: by one line in code and in tests, and not by the longest allowed.
func longFiles() *txtar.Archive {
	file := func(name string, n int) txtar.File {
		return txtar.File{Name: "internal/call/" + name, Data: []byte("package call\n" + strings.Repeat("\n", n-1))}
	}
	want := "internal/call/long.go: has 601 lines, more than 600\ninternal/call/long_test.go: has 901 lines, more than 900"
	return &txtar.Archive{Files: []txtar.File{
		file("call.go", maxFile), file("long.go", maxFile+1),
		file("call_test.go", maxTestFile), file("long_test.go", maxTestFile+1),
		{Name: "want", Data: []byte(want)},
	}}
}

// longFunctions is a tree that breaks functionLength, and mostFunctionsAreShort too: of its three functions in code
// two are longer than most may be.
func longFunctions(rule string) *txtar.Archive {
	function := func(name string, n int) string {
		return "\nfunc " + name + "() {" + strings.Repeat("\n", n-1) + "}\n"
	}
	want := map[string]string{
		"function-length": "internal/call/call.go:68: tooLong has 61 lines, more than 60\n" +
			"internal/call/call_test.go:94: tooLongForATest has 91 lines, more than 90",
		"most-functions-are-short": "the module: nineteen functions of twenty have up to 60 lines, more than 50",
	}
	return &txtar.Archive{Files: []txtar.File{
		{Name: "internal/call/call.go", Data: []byte("package call\n" + function("asLong", maxFunc) + function("short", 3) +
			function("tooLong", maxFunc+1))},
		{Name: "internal/call/call_test.go", Data: []byte("package call\n" + function("asLongForATest", maxTestFunc) +
			function("tooLongForATest", maxTestFunc+1))},
		{Name: "want", Data: []byte(want[rule])},
	}}
}
