package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strconv"
	"strings"
)

func stateRules() []rule {
	return []rule{
		{"no-init", "do it where it is needed, or in app: nothing runs because a package was imported", noInit},
		{"no-package-variables", "move it into the value that owns it. Errors, compiled patterns, embedded files and tables that nothing " +
			"writes may stay; anything else is listed with its reason in variables (lists_test.go)", noPackageVariables},
		{"no-default-client", "use a client with a timeout, or the server's mux, made where the program is put together; in tests, the test server's Client()", noDefaultClient},
		{"no-background-context", "pass on the caller's context (context.WithoutCancel keeps its values past the caller's end)", noBackgroundContext},
		{"tests-do-not-sleep", "put the test into a synctest bubble, where waiting is exact and costs nothing, or await the condition", testsDoNotSleep},
	}
}

func noInit(tr *tree) []fault {
	var faults []fault
	for _, f := range tr.each(true) {
		for _, fn := range functions(f) {
			if fn.Name.Name == "init" && fn.Recv == nil {
				faults = append(faults, fault{tr.where(fn), "declares init"})
			}
		}
	}
	return faults
}

// noPackageVariables finds variables that could carry state from one call to the next. In tests flags are
// let through as well.
func noPackageVariables(tr *tree) []fault {
	written := tr.written()
	var faults []fault
	for p, f := range tr.each(true) {
		called := imported(f)
		for _, d := range f.syntax.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.VAR {
				continue
			}
			for _, spec := range decl.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					if _, ok := variables()[p.short()+"."+name.Name]; ok || name.Name == "_" || embeds(decl, v) {
						continue
					}
					if len(v.Values) == len(v.Names) && constant(v.Values[i], name, called, f.test) && !written[tr.info.Defs[name]] {
						continue
					}
					faults = append(faults, fault{tr.where(name), fmt.Sprintf("package variable %s", name.Name)})
				}
			}
		}
	}
	return faults
}

// constant reports whether a variable's value is an error, a compiled pattern, or a table of the package's own.
func constant(value ast.Expr, name *ast.Ident, called func(ast.Expr) string, test bool) bool {
	switch x := value.(type) {
	case *ast.CallExpr:
		fn := called(x.Fun)
		return slices.Contains([]string{
			"errors.New", "fmt.Errorf",
			"regexp.MustCompile", "html/template.Must", "text/template.Must", "strings.NewReplacer",
			"sync.OnceValue", "sync.OnceValues", // a table that is costly to make
		}, fn) || test && strings.HasPrefix(fn, "flag.")
	case *ast.CompositeLit:
		return !name.IsExported() || isError(name)
	case *ast.UnaryExpr: // &Error{…}
		return isError(name)
	}
	return false
}

func isError(name *ast.Ident) bool {
	return strings.HasPrefix(name.Name, "Err") || strings.HasPrefix(name.Name, "err")
}

// embeds reports whether a variable is filled by the compiler from a file.
func embeds(decl *ast.GenDecl, spec *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{decl.Doc, spec.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// written collects the variables that some function assigns to, takes the address of, or deletes from. What is
// changed through an alias is not seen.
func (tr *tree) written() map[types.Object]bool {
	objects := make(map[types.Object]bool)
	mark := func(e ast.Expr) {
		if id := root(e); id != nil {
			if obj := tr.info.Uses[id]; obj != nil {
				objects[obj] = true
			}
		}
	}
	for _, f := range tr.each(false) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					mark(e)
				}
			case *ast.IncDecStmt:
				mark(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					mark(n.X)
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (id.Name == "delete" || id.Name == "clear" || id.Name == "copy") {
					mark(n.Args[0])
				}
			}
			return true
		})
	}
	return objects
}

// root is the variable that an expression such as a.b[c] begins with; nil if it begins with something else.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// imported returns a function that tells which package-level name of an imported package an expression is, as
// "net/http.Get", or "" if it is none. Imports under another name are seen through.
func imported(f *file) func(ast.Expr) string {
	paths := make(map[string]string)
	for _, spec := range f.syntax.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(to)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[name] = to
	}
	return func(e ast.Expr) string {
		sel, ok := e.(*ast.SelectorExpr)
		if !ok {
			return ""
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok || paths[x.Name] == "" {
			return ""
		}
		return paths[x.Name] + "." + sel.Sel.Name
	}
}

// uses finds where files use one of some names of other packages.
func (tr *tree) uses(tests bool, names ...string) []use {
	var all []use
	for p, f := range tr.each(tests) {
		named := imported(f)
		var in *ast.FuncDecl
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if fn, ok := n.(*ast.FuncDecl); ok {
				in = fn
			}
			if e, ok := n.(ast.Expr); ok {
				if name := named(e); slices.Contains(names, name) {
					all = append(all, use{p, f, in, e, name})
				}
			}
			return true
		})
	}
	return all
}

// use is one place where a name of another package is used, in a function or (nil) after the last one.
type use struct {
	pkg  *pkg
	file *file
	in   *ast.FuncDecl
	expr ast.Expr
	name string
}

// by names the function that holds the use as "app.New" or "app.App.Run".
func (u use) by() string {
	switch {
	case u.in == nil || u.expr.Pos() > u.in.End():
		return u.pkg.short()
	case u.in.Recv != nil:
		return u.pkg.short() + "." + receiver(u.in).Name + "." + u.in.Name.Name
	}
	return u.pkg.short() + "." + u.in.Name.Name
}

func noDefaultClient(tr *tree) []fault {
	var faults []fault
	for _, u := range tr.uses(true,
		"net/http.DefaultClient", "net/http.Get", "net/http.Head", "net/http.Post", "net/http.PostForm",
		"net/http.DefaultServeMux", "net/http.Handle", "net/http.HandleFunc", "net/http.ListenAndServe", "net/http.ListenAndServeTLS") {
		faults = append(faults, fault{tr.where(u.expr), "uses " + u.name})
	}
	return faults
}

func noBackgroundContext(tr *tree) []fault {
	var faults []fault
	for _, u := range tr.uses(false, "context.Background", "context.TODO") {
		if _, ok := backgrounds()[u.by()]; !ok && u.pkg.name != "main" {
			faults = append(faults, fault{tr.where(u.expr), u.by() + " uses " + u.name})
		}
	}
	return faults
}

// testsDoNotSleep allows time.Sleep lexically inside a function given to synctest.Test, and in a function
// that only such code calls. Others are listed in sleepers.
func testsDoNotSleep(tr *tree) []fault {
	var faults []fault
	bubbles := make(map[*pkg]*bubble)
	for _, u := range tr.uses(true, "time.Sleep") {
		if !u.file.test {
			continue
		}
		if bubbles[u.pkg] == nil {
			bubbles[u.pkg] = bubbleOf(u.pkg)
		}
		if _, ok := sleepers()[u.by()]; !ok && !bubbles[u.pkg].holds(u.expr, u.in) {
			faults = append(faults, fault{tr.where(u.expr), u.by() + " sleeps outside a bubble"})
		}
	}
	return faults
}
