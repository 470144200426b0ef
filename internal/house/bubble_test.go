package house

import (
	"go/ast"
	"go/token"
)

// bubble is the code of a package's tests that runs in synctest bubbles only.
type bubble struct {
	spans [][2]token.Pos  // the functions given to synctest.Test
	funcs map[string]bool // functions and methods, by name, that only code inside a bubble mentions
}

// bubbleOf finds it by names, not by types: of two functions or methods of one name both count as inside only
// if every mention of the name is.
func bubbleOf(p *pkg) *bubble {
	b := &bubble{funcs: make(map[string]bool)}
	declared, opens := make(map[string]bool), openers(p)
	for _, f := range p.files {
		if f.syntax == nil || !f.test {
			continue
		}
		named := imported(f)
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				declared[n.Name.Name] = true
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && opens[id.Name] || given(named, n) != nil {
					for _, arg := range n.Args {
						b.spans = append(b.spans, [2]token.Pos{arg.Pos(), arg.End()})
					}
				}
			}
			return true
		})
	}
	mentions := mentionsOf(p, declared)
	for name := range declared {
		b.funcs[name] = len(mentions[name]) > 0 // a test function is mentioned by nobody
	}
	for changed := true; changed; { // until nothing else falls out
		changed = false
		for name := range declared {
			for _, m := range mentions[name] {
				if b.funcs[name] && !b.holds(m.at, m.in) {
					b.funcs[name], changed = false, true
				}
			}
		}
	}
	return b
}

// given is the function that a call gives to synctest.Test; nil if it is another call.
func given(named func(ast.Expr) string, call *ast.CallExpr) ast.Expr {
	if named(call.Fun) != "testing/synctest.Test" || len(call.Args) != 2 {
		return nil
	}
	return call.Args[1]
}

// openers finds the functions that run a function of their caller's in a bubble: a parameter is mentioned in what
// they give to synctest.Test.
func openers(p *pkg) map[string]bool {
	opens := make(map[string]bool)
	for _, f := range p.files {
		if f.syntax == nil || !f.test {
			continue
		}
		named := imported(f)
		for _, fn := range functions(f) {
			params := make(map[string]bool)
			for _, field := range fn.Type.Params.List {
				if _, ok := field.Type.(*ast.FuncType); ok {
					for _, name := range field.Names {
						params[name.Name] = true
					}
				}
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && given(named, call) != nil {
					ast.Inspect(call.Args[1], func(n ast.Node) bool {
						id, ok := n.(*ast.Ident)
						opens[fn.Name.Name] = opens[fn.Name.Name] || ok && params[id.Name]
						return true
					})
				}
				return true
			})
		}
	}
	return opens
}

// mention is a place where the name of a function is used, and the function that uses it.
type mention struct {
	at ast.Node
	in *ast.FuncDecl
}

// mentionsOf collects where a package's tests mention names, the declarations of functions themselves not included.
func mentionsOf(p *pkg, names map[string]bool) map[string][]mention {
	mentions := make(map[string][]mention)
	for _, f := range p.files {
		if f.syntax == nil || !f.test {
			continue
		}
		for _, d := range f.syntax.Decls {
			fn, _ := d.(*ast.FuncDecl)
			ast.Inspect(d, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && names[id.Name] && (fn == nil || id != fn.Name) {
					mentions[id.Name] = append(mentions[id.Name], mention{id, fn})
				}
				return true
			})
		}
	}
	return mentions
}

// holds reports whether a node, inside function in, runs in a bubble only.
func (b *bubble) holds(n ast.Node, in *ast.FuncDecl) bool {
	for _, s := range b.spans {
		if s[0] <= n.Pos() && n.End() <= s[1] {
			return true
		}
	}
	return in != nil && b.funcs[in.Name.Name]
}
