package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

func nameRules() []rule {
	return []rule{
		{"package-comment", "begin one file (doc.go, if it is long) with what the package is for, the shape of its data, and what it promises", packageComment},
		{"exported-names-are-documented", "say what stays true, why, or what is not covered; begin with the name", exportedNamesAreDocumented},
		{"names-say-what-a-thing-is", "name the thing: what it is for, not what shape it has", namesSayWhatAThingIs},
		{"interfaces-are-few", "return the concrete type; if two implementations or one consumer need it, list it with that reason in interfaces (lists_test.go)", interfacesAreFew},
		{"vendor-methods-cite-and-are-tested", "name the vendor's page in the comment (a link, or the guide and its chapter), and call the method in a test of the package", vendorMethods},
	}
}

func packageComment(tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		found := false
		for _, f := range p.files {
			found = found || f.syntax != nil && !f.test && len(strings.Fields(f.syntax.Doc.Text())) > 3
		}
		if !found {
			faults = append(faults, fault{p.path, "has no package comment"})
		}
	}
	return faults
}

func exportedNamesAreDocumented(tr *tree) []fault {
	var faults []fault
	for p, f := range tr.each(false) {
		if p.name == "main" {
			continue
		}
		for _, d := range f.syntax.Decls {
			for _, name := range undocumented(d) {
				faults = append(faults, fault{tr.where(name), name.Name + " has no comment"})
			}
		}
	}
	return faults
}

// undocumented lists the exported names of a declaration that nothing explains. In a group, the group's comment
// speaks for constants and variables, but each type needs one of its own.
func undocumented(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc.Text() == "" && (d.Recv == nil || receiver(d).IsExported()) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		var names []*ast.Ident
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && spec.Doc.Text() == "" && (d.Lparen.IsValid() || d.Doc.Text() == "") {
					names = append(names, spec.Name)
				}
			case *ast.ValueSpec:
				if spec.Doc.Text() == "" && spec.Comment.Text() == "" && d.Doc.Text() == "" {
					names = append(names, slices.DeleteFunc(slices.Clone(spec.Names), func(n *ast.Ident) bool { return !n.IsExported() })...)
				}
			}
		}
		return names
	}
	return nil
}

// receiver is the name of the type that a method belongs to.
func receiver(fn *ast.FuncDecl) *ast.Ident {
	t := fn.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x
		default:
			return ast.NewIdent("_")
		}
	}
}

var (
	emptyName    = regexp.MustCompile(`(Impl|Manager|Helper|Util)s?$|^(impl|manager|helper|util)s?$`)
	emptyPackage = regexp.MustCompile(`^(model|common|util|helper|base|misc)s?$`)
)

func namesSayWhatAThingIs(tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		if emptyPackage.MatchString(path.Base(p.path)) || emptyPackage.MatchString(p.name) {
			faults = append(faults, fault{p.path, "is a package named " + p.name})
		}
	}
	for _, f := range tr.each(true) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			for _, name := range declared(n) {
				if emptyName.MatchString(name.Name) {
					faults = append(faults, fault{tr.where(name), "declares " + name.Name})
				}
			}
			return true
		})
	}
	return faults
}

// declared lists the names that a node gives to a type, a function, a field, a constant or a declared variable.
func declared(n ast.Node) []*ast.Ident {
	switch n := n.(type) {
	case *ast.FuncDecl:
		return []*ast.Ident{n.Name}
	case *ast.TypeSpec:
		return []*ast.Ident{n.Name}
	case *ast.ValueSpec:
		return n.Names
	case *ast.Field:
		return n.Names
	}
	return nil
}

func interfacesAreFew(tr *tree) []fault {
	var faults []fault
	for p, f := range tr.each(false) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			iface, ok := spec.Type.(*ast.InterfaceType)
			if !ok || constrains(iface) {
				return true
			}
			if _, ok := interfaces()[p.short()+"."+spec.Name.Name]; !ok {
				faults = append(faults, fault{tr.where(spec), fmt.Sprintf("interface %s.%s is not listed", p.short(), spec.Name.Name)})
			}
			return true
		})
	}
	return faults
}

// constrains reports whether an interface is a constraint of type parameters, which is no seam.
func constrains(iface *ast.InterfaceType) bool {
	for _, m := range iface.Methods.List {
		switch t := m.Type.(type) {
		case *ast.BinaryExpr:
			return true
		case *ast.UnaryExpr:
			return t.Op == token.TILDE
		}
	}
	return false
}

var citation = regexp.MustCompile(`https://|Guide|Reference|RFC \d`)

// vendorMethods looks at the methods of a neighbour's Client that take a context: those make a request. It sees that
// a test calls the method, not that the test feeds it every failure.
func vendorMethods(tr *tree) []fault {
	var faults []fault
	for _, n := range neighbours() {
		p := tr.pkg(n)
		if p == nil {
			continue
		}
		called := calledInTests(p)
		for _, f := range p.files {
			if f.test || f.syntax == nil {
				continue
			}
			for _, fn := range functions(f) {
				if !requests(fn) {
					continue
				}
				if !citation.MatchString(fn.Doc.Text()) {
					faults = append(faults, fault{tr.where(fn), "Client." + fn.Name.Name + " cites no page of the vendor's"})
				}
				if !called[fn.Name.Name] {
					faults = append(faults, fault{tr.where(fn), "Client." + fn.Name.Name + " is called in no test of its package"})
				}
			}
		}
	}
	return faults
}

// requests reports whether fn is an exported method of Client that takes a context.
func requests(fn *ast.FuncDecl) bool {
	if fn.Recv == nil || !fn.Name.IsExported() || receiver(fn).Name != "Client" || len(fn.Type.Params.List) == 0 {
		return false
	}
	sel, ok := fn.Type.Params.List[0].Type.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Context"
}

// calledInTests collects the names that the tests of a package select from something: what they may have called.
func calledInTests(p *pkg) map[string]bool {
	names := make(map[string]bool)
	for _, f := range p.files {
		if !f.test || f.syntax == nil {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				names[sel.Sel.Name] = true
			}
			return true
		})
	}
	return names
}
