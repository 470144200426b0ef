package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// decoder turns a YAML tree into a Config and collects what is wrong on the way. A library's decoder would
// stop at the first fault, and would know nothing of references, of rotation, or of which values may be printed.
type decoder struct {
	Options
	lines    []string
	nodes    map[string]ast.Node // field → the node that gave it, for checks that come later
	broken   map[string]bool     // fields that have a fault: a check adds none
	anchors  map[string]ast.Node
	faults   Faults
	warnings []Warning
	config   *Config // set while workspaces are decoded: what they inherit from
}

// fault records what is wrong with field, at node.
func (d *decoder) fault(node ast.Node, field, what, mend string) {
	d.broken[field] = true
	d.faults = append(d.faults, d.at(node, field, what, mend))
}

// warn records what is probably not meant.
func (d *decoder) warn(node ast.Node, field, what, mend string) {
	d.warnings = append(d.warnings, Warning(d.at(node, field, what, mend)))
}

func (d *decoder) at(node ast.Node, field, what, mend string) Fault {
	f := Fault{File: d.Name, Field: field, What: what, Mend: mend}
	if node == nil {
		return f
	}
	// A mapping's own token is its first colon; its first key is what the reader sees as its beginning.
	for {
		if m, isMap := node.(*ast.MappingNode); isMap && !m.IsFlowStyle && len(m.Values) > 0 {
			node = m.Values[0].Key
			continue
		}
		break
	}
	if token := node.GetToken(); token != nil && token.Position != nil {
		f.Line, f.Column = token.Position.Line, token.Position.Column
		f.Source = excerpt(d.lines, f.Line)
	}
	return f
}

// bare strips what YAML puts around a value: anchors, aliases and tags. An alias to something that is not
// there, or that is being read, yields nil.
func (d *decoder) bare(node ast.Node) ast.Node {
	for range 100 {
		switch n := node.(type) {
		case *ast.AnchorNode:
			d.anchors[n.Name.GetToken().Value] = n.Value
			node = n.Value
		case *ast.AliasNode:
			node = d.anchors[n.Value.GetToken().Value]
		case *ast.TagNode:
			node = n.Value
		default:
			return node
		}
	}
	return nil
}

// defaults sets every field of a struct to its documented default. Defaults stand nowhere in the file, so
// the places that decoding them records are dropped.
func (d *decoder) defaults(v reflect.Value) {
	nodes := d.nodes
	d.nodes = map[string]ast.Node{}
	defer func() { d.nodes = nodes }()
	for f := range fields(v.Type()) {
		field := v.FieldByIndex(f.Index)
		_, isGroup := group(f.Type)
		text, has := f.Tag.Lookup("default")
		switch {
		case has:
			file, err := parseYAML(text)
			if err != nil {
				panic("config: default of " + f.Name + ": " + err.Error()) // unreachable: TestDefaults reads them all
			}
			d.value(file.Docs[0].Body, f.name, field)
		case isGroup && field.Kind() == reflect.Struct:
			d.defaults(field)
		}
	}
}

// object decodes a mapping into a struct: first the keys are judged in the file's order, then the fields are
// read in the struct's.
func (d *decoder) object(node ast.Node, path string, v reflect.Value) {
	node = d.bare(node)
	entries, ok := d.entries(node, path)
	if !ok {
		return
	}
	d.nodes[path] = node
	known := map[string]field{}
	var names []string
	for f := range fields(v.Type()) {
		known[f.name] = f
		names = append(names, f.name)
	}
	given := map[string]ast.Node{}
	for _, e := range entries {
		key := keyText(e.Key)
		switch _, is := known[key]; {
		case !is:
			d.fault(e.Key, join(path, key), "unknown field", d.meant(key, path, names))
		case given[key] != nil:
			d.fault(e.Key, join(path, key), "is given twice", "keep one of them")
		default:
			given[key] = e.Value
		}
	}
	for _, name := range names {
		if c, top := reflect.TypeAssert[*Config](v.Addr()); top && name == "workspaces" {
			d.config = c
		}
		if value := given[name]; value != nil {
			d.value(value, join(path, name), v.FieldByIndex(known[name].Index))
		}
	}
}

// entries returns the pairs of a mapping; null is an empty one.
func (d *decoder) entries(node ast.Node, path string) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	case *ast.NullNode:
		return nil, true
	}
	mend := "write its fields below it, indented: " + quoteList(fieldNames(path))
	if fieldNames(path) == nil {
		mend = "write name: value pairs"
	}
	d.fault(node, path, "is "+describe(node)+", not a group of fields", mend)
	return nil, false
}

func keyText(key ast.MapKeyNode) string {
	if key.GetToken() == nil {
		return ""
	}
	return showReferences(key.GetToken().Value)
}

// meant says where an unknown field probably belongs.
func (d *decoder) meant(key, path string, names []string) string {
	if key == "<<" {
		return "merge keys are not read; repeat the fields, or alias the whole group"
	}
	if near := nearest(key, names); near != "" {
		return "did you mean " + near + "?"
	}
	here := placeOf.ReplaceAllString(path, "")
	for _, full := range allFields() {
		parent, leaf := cut(full)
		if plain(leaf) == plain(key) && parent != here {
			if parent == "" {
				return leaf + " stands at the top of the file, not under " + here
			}
			return leaf + " belongs under " + parent
		}
	}
	return "known here: " + quoteList(names)
}

// value decodes one node into v, whatever v is. Null leaves the default.
func (d *decoder) value(node ast.Node, path string, v reflect.Value) {
	at := node
	node = d.bare(node)
	d.nodes[path] = node
	switch {
	case node == nil:
		d.fault(at, path, "is an alias of nothing that stands above it", "write the value itself, or anchor it (&name) above")
		return
	case node.Type() == ast.NullType:
		return
	}
	switch v.Interface().(type) {
	case Secrets:
		d.secrets(node, path, v)
		return
	case []string, []netip.Prefix, []WebhookAuth:
		d.list(node, path, v)
		return
	case map[string]Workspace:
		d.workspaces(node, path, v)
		return
	case *HMAC:
		hmac := &HMAC{}
		d.defaults(reflect.ValueOf(hmac).Elem())
		d.object(node, path, reflect.ValueOf(hmac).Elem())
		hmac.fill()
		v.Set(reflect.ValueOf(hmac))
		return
	}
	if _, is := group(v.Type()); is {
		d.object(node, path, v)
		return
	}
	d.scalar(node, path, v)
}

// list decodes a sequence. One value alone is not taken for a list of one: secrets excepted, a list that was
// forgotten is more often a mistake than a habit.
func (d *decoder) list(node ast.Node, path string, v reflect.Value) {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fault(node, path, "is "+describe(node)+", not a list", "write [a, b], or one item a line after \"- \"")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		d.value(item, fmt.Sprintf("%s[%d]", path, i), out.Index(i))
	}
	v.Set(out)
}

// secrets decodes a string or a list of them, newest first.
func (d *decoder) secrets(node ast.Node, path string, v reflect.Value) {
	items := []ast.Node{node}
	if seq, ok := node.(*ast.SequenceNode); ok {
		items = seq.Values
	}
	out := make(Secrets, 0, len(items))
	for i, item := range items {
		at := path
		if len(items) > 1 {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		text, ok := d.text(d.bare(item), at)
		switch {
		case !ok:
			d.broken[path] = true
			continue
		case strings.TrimSpace(text) == "":
			d.fault(item, at, "is empty", "give it a value, or remove it")
			continue
		case text != strings.TrimSpace(text):
			d.warn(item, at, "begins or ends with a blank", "it is used as it is; remove the blank if a copy brought it along")
		}
		out = append(out, NewSecret(text))
	}
	v.Set(reflect.ValueOf(out))
}

// workspaces decodes the further workspaces, each beginning with the defaults and with the top's timing.
func (d *decoder) workspaces(node ast.Node, path string, v reflect.Value) {
	entries, ok := d.entries(node, path)
	if !ok {
		return
	}
	out := make(map[string]Workspace, len(entries))
	for _, e := range entries {
		name := keyText(e.Key)
		at := join(path, name)
		switch _, twice := out[name]; {
		case !workspaceName.MatchString(name):
			d.fault(e.Key, at, "is no name for a workspace", "it stands in addresses: write lower-case letters, digits and hyphens, at most 40")
		case name == DefaultWorkspace:
			d.fault(e.Key, at, "is the workspace at the top of the file", "move its fields to the top, or give it another name")
		case twice:
			d.fault(e.Key, at, "is given twice", "keep one of them")
		}
		var w Workspace
		d.defaults(reflect.ValueOf(&w).Elem())
		w.Timing, w.Retention = d.config.Timing, d.config.Retention
		d.value(e.Value, at, reflect.ValueOf(&w).Elem())
		out[name] = w
	}
	v.Set(reflect.ValueOf(out))
}

// scalar decodes one value.
func (d *decoder) scalar(node ast.Node, path string, v reflect.Value) {
	text, ok := d.text(node, path)
	if !ok {
		return
	}
	var err error
	switch to := v.Addr().Interface().(type) {
	case *string:
		*to = text
	case *Flow:
		*to = Flow(text)
	case *Database:
		*to, err = parseDatabase(text)
		if to.Engine == SQLite {
			to.Path = d.relative(to.Path)
		}
	case *time.Duration:
		*to, err = parseDuration(text)
	case *netip.Prefix:
		*to, err = parsePrefix(text)
	case *bool:
		if *to, err = strconv.ParseBool(text); err != nil {
			err = fmt.Errorf("%q is neither true nor false", text)
		}
	default:
		panic("config: no decoder for " + v.Type().String()) // unreachable: TestDefaults decodes every type
	}
	if err != nil {
		what, mend, _ := strings.Cut(err.Error(), "; ")
		d.fault(node, path, what, mend)
	}
}

// text returns a scalar as it was written, references replaced. Numbers are text here: 62.0, +15550100142
// and 007 mean what they look like.
func (d *decoder) text(node ast.Node, path string) (string, bool) {
	var raw string
	switch n := node.(type) {
	case *ast.StringNode:
		raw = n.Value
	case *ast.LiteralNode:
		raw = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		raw = n.GetToken().Value
	default:
		d.fault(node, path, "is "+describe(node)+", not one value", "write one value, in quotes if it holds : # { or [")
		return "", false
	}
	value, what, mend := d.expand(raw)
	if what != "" {
		d.fault(node, path, what, mend)
		return "", false
	}
	return value, true
}

// describe names a node's kind as the reader of the file would.
func describe(node ast.Node) string {
	switch node.(type) {
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a group of fields"
	case nil, *ast.NullNode:
		return "empty"
	}
	return "one value"
}

// enumOf returns the values that a field may take, if they are listed.
func enumOf(f field) []string {
	if list := f.Tag.Get("enum"); list != "" {
		return strings.Split(list, ",")
	}
	return nil
}

// join makes a path.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// cut splits a path at its last dot.
func cut(path string) (parent, leaf string) {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)], path[i+1:]
}

// fieldNames lists the fields of the group at path, by the type that the path leads to.
func fieldNames(path string) []string {
	var names []string
	path = placeOf.ReplaceAllString(path, "")
	for _, full := range allFields() {
		if parent, leaf := cut(full); parent == path && !slices.Contains(names, leaf) {
			names = append(names, leaf)
		}
	}
	return names
}
