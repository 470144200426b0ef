package house

import (
	"fmt"
	"go/ast"
	"go/types"
	"path"
	"slices"
	"strings"
)

// effectRules is rule 4 of the import table: effects have one gate.
func effectRules() []rule {
	return []rule{{
		"effects-have-one-gate",
		"rule 4: record an intent and let the doer of its kind act; an operator's command belongs in setup. " +
			"A method that only reads is listed in reading (lists_test.go)",
		effectsHaveOneGate,
	}}
}

// effectsHaveOneGate finds uses of a neighbour's writing methods outside the packages that hold its doers, by type
// and not by name. A method of the neighbour's Client writes unless it is listed as reading. An interface is
// a way around as well: one that the Client satisfies, declared outside the gate, may hold reading methods only.
// Tests are free: they act on simulators.
func effectsHaveOneGate(tr *tree) []fault {
	var faults []fault
	for _, n := range neighbours() {
		client := clientOf(tr, n)
		if client == nil {
			continue
		}
		for p, f := range tr.each(false) {
			if p.path == n || slices.Contains(gate(n), p.path) {
				continue
			}
			ast.Inspect(f.syntax, func(node ast.Node) bool {
				switch node := node.(type) {
				case *ast.SelectorExpr:
					if fn, ok := tr.info.Uses[node.Sel].(*types.Func); ok && writes(n, client, fn) {
						faults = append(faults, fault{tr.where(node), fmt.Sprintf("%s uses %s.Client.%s", p.path, path.Base(n), fn.Name())})
					}
				case *ast.TypeSpec:
					for _, name := range wayAround(tr, n, client, node) {
						faults = append(faults, fault{tr.where(node), fmt.Sprintf("%s.%s lets %s.Client.%s through", p.path, node.Name.Name, path.Base(n), name)})
					}
				}
				return true
			})
		}
	}
	return faults
}

// clientOf finds the type Client of a neighbour; nil if there is none (yet).
func clientOf(tr *tree, neighbour string) *types.Named {
	p := tr.pkg(neighbour)
	if p == nil || p.types == nil {
		return nil
	}
	name, ok := p.types.Scope().Lookup("Client").(*types.TypeName)
	if !ok {
		return nil
	}
	named, _ := name.Type().(*types.Named)
	return named
}

// writes reports whether fn is a method of client that changes something at the vendor.
func writes(neighbour string, client *types.Named, fn *types.Func) bool {
	recv := fn.Signature().Recv()
	if recv == nil {
		return false
	}
	t := recv.Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	return types.Identical(t, client) && !reads(neighbour, fn.Name())
}

// wayAround lists the writing methods of client that an interface declared at spec would let through.
func wayAround(tr *tree, neighbour string, client *types.Named, spec *ast.TypeSpec) []string {
	def := tr.info.Defs[spec.Name]
	if def == nil {
		return nil
	}
	iface, ok := def.Type().Underlying().(*types.Interface)
	if !ok || iface.NumMethods() == 0 || !types.Implements(types.NewPointer(client), iface) {
		return nil
	}
	var through []string
	for m := range iface.Methods() {
		if !reads(neighbour, m.Name()) {
			through = append(through, m.Name())
		}
	}
	return through
}

// reads reports whether a method of a neighbour's Client is listed as one that only reads.
func reads(neighbour, method string) bool {
	return slices.Contains(strings.Fields(reading()[neighbour]), method)
}
