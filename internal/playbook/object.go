package playbook

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// object is a mapping while it is read. It remembers which keys were asked for, so that close can
// name the ones that nobody knows, with the nearest that somebody does.
type object struct {
	node
	entries []entry
	index   map[string]int // of entries, by name
	asked   []string
	bad     bool // it is no mapping, which has been said
}

// entry is one key of a mapping with its value.
type entry struct {
	key   node // faults about the name stand here
	name  string
	value node
}

// object reads the node as a mapping. One that is none has a fault and reads as empty.
func (n node) object() *object {
	o := &object{node: n, index: map[string]int{}}
	var values []*ast.MappingValueNode
	switch v := n.ast.(type) {
	case *ast.MappingNode:
		values = v.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{v}
	default:
		n.wrong("a mapping")
		o.bad = true
	}
	for _, v := range values {
		key := node{n.src, v.Key, n.path}
		if _, merge := v.Key.(*ast.MergeKeyNode); merge {
			key.fault("merge keys are not read in a playbook", "write the values out")
			continue
		}
		name := v.Key.GetToken().Value
		if _, plain := v.Key.(*ast.StringNode); !plain {
			switch v.Key.(type) {
			// A key such as 1 or yes is the name that stands there.
			case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
			default:
				key.fault("this key is not a plain name", "write it without ?, & or *")
				continue
			}
		}
		path := join(n.path, name)
		key.path = path
		if i, twice := o.index[name]; twice {
			key.fault(fmt.Sprintf("%s is given twice", name), fmt.Sprintf("it stands first on line %d", o.entries[i].key.line()))
			continue
		}
		o.index[name] = len(o.entries)
		o.entries = append(o.entries, entry{key: key, name: name, value: node{n.src, v.Value, path}})
	}
	return o
}

// join is the way to a member.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// get returns the value under name. A key without a value counts as absent.
func (o *object) get(name string) (node, bool) {
	if !slices.Contains(o.asked, name) {
		o.asked = append(o.asked, name)
	}
	if i, ok := o.index[name]; ok {
		value := o.entries[i].value
		_, null := value.ast.(*ast.NullNode)
		return value, !null && value.ast != nil
	}
	return node{o.src, nil, join(o.path, name)}, false
}

// need is get for a key that must be there.
func (o *object) need(name string) (node, bool) {
	n, ok := o.get(name)
	if !ok && !o.bad {
		o.fault(fmt.Sprintf("%s is missing", name), "")
	}
	return n, ok
}

// text, flag, texts and list are get for the common kinds; what is absent is the zero value.
func (o *object) text(name string) string {
	if n, ok := o.get(name); ok {
		return n.text()
	}
	return ""
}

func (o *object) flag(name string) bool {
	n, ok := o.get(name)
	return ok && n.bool()
}

func (o *object) texts(name string) []string {
	if n, ok := o.get(name); ok {
		return n.texts(true)
	}
	return nil
}

func (o *object) list(name string) []node {
	if n, ok := o.get(name); ok {
		return n.list(false)
	}
	return nil
}

// span is a duration with bounds; absent is otherwise.
func (o *object) span(name string, otherwise time.Duration, most time.Duration) time.Duration {
	n, ok := o.get(name)
	if !ok {
		return otherwise
	}
	d := n.duration()
	if d > most {
		n.fault(fmt.Sprintf("%s is %v; at most %v is allowed", name, d, most), "")
	}
	return d
}

// between is a number with bounds; absent is otherwise.
func (o *object) between(name string, otherwise, least, most float64) float64 {
	n, ok := o.get(name)
	if !ok {
		return otherwise
	}
	f := n.number()
	if f < least || f > most {
		n.fault(fmt.Sprintf("%s is %s", name, number(f)), fmt.Sprintf("write a number from %s to %s", number(least), number(most)))
	}
	return f
}

// number writes a number as people do, without an exponent.
func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// oneOf is a word out of a few; absent is the first.
func (o *object) oneOf(name string, words ...string) string {
	n, ok := o.get(name)
	if !ok {
		return words[0]
	}
	w := n.text()
	if !slices.Contains(words, w) {
		n.fault(fmt.Sprintf("%s can't be %q", name, w), meantOr(w, words))
		return words[0]
	}
	return w
}

// close reports the keys that nothing asked for.
// It is called when all of a mapping has been read. A key that is passed over in silence would be a
// rule that its author believes to hold.
func (o *object) close() {
	for _, e := range o.entries {
		if !slices.Contains(o.asked, e.name) {
			e.key.fault(fmt.Sprintf("%s is not known here", e.name), meantOr(e.name, o.asked))
		}
	}
}
