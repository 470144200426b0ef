package playbook

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A playbook is read from its syntax tree, not decoded into structs: decoding stops at the first
// fault, while the tree lets every fault be found, each at its own line and column.
//
// Anchors, aliases, merge keys and tags are refused. They would let a few lines unfold into
// millions, and a line in a playbook should mean what stands in it.

// maxSource and maxLines are the largest playbook that is read, in bytes and lines: the parser's time
// grows with the square of the keys in one mapping.
const (
	maxSource = 256 << 10
	maxLines  = 10_000
)

// maxNesting is how deep brackets and braces may stand in each other. The parser goes down by
// recursion, and a file of brackets alone would take it minutes.
const maxNesting = 64

// maxFaults is how many faults are told of one file; one that has more is not a playbook.
const maxFaults = 200

// source is one file while it is being read: its lines, and the faults found so far.
type source struct {
	file   string
	lines  []string
	faults Faults
	kept   []*node // in what is built from it
}

// close lets go of the syntax tree, which takes more memory than all that was made of it. No fault can be
// found any more.
func (s *source) close() {
	for _, n := range s.kept {
		*n = node{}
	}
}

// node is a place in the file: a syntax tree, and the name of the way to it.
type node struct {
	src  *source
	ast  ast.Node
	path string
}

// parse turns the file into its root node. A file that is no YAML has one fault: what stands
// behind a broken line can't be trusted to mean anything.
func (s *source) parse(text []byte) (root node, ok bool) {
	root = node{src: s}
	if len(text) > maxSource {
		s.add(Fault{Line: 1, Col: 1, Problem: fmt.Sprintf("the file has %d bytes; a playbook has at most %d", len(text), maxSource)})
		return root, false
	}
	if len(s.lines) > maxLines {
		s.add(Fault{Line: 1, Col: 1, Problem: fmt.Sprintf("the file has %d lines; a playbook has at most %d", len(s.lines), maxLines)})
		return root, false
	}
	if line, col, deep := nesting(text); deep {
		s.add(Fault{Line: line, Col: col, Problem: fmt.Sprintf("more than %d brackets are open here", maxNesting)})
		return root, false
	}
	file, err := parseYAML(text)
	if err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			p := at.GetToken().Position
			s.add(Fault{Line: p.Line, Col: p.Column, Problem: "not readable as YAML: " + at.GetMessage()})
		} else {
			s.add(Fault{Line: 1, Col: 1, Problem: "not readable as YAML: " + err.Error()})
		}
		return root, false
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		s.add(Fault{Line: 1, Col: 1, Problem: "the file is empty"})
		return root, false
	}
	// The first is read all the same, so that its faults are told.
	if len(file.Docs) > 1 {
		root.ast = file.Docs[1]
		s.add(Fault{Line: root.line(), Col: 1, Problem: "a second document begins here", Mend: "one file is one playbook: remove the ---"})
	}
	root.ast = file.Docs[0].Body
	return root, true
}

// nesting finds where more brackets and dashes are open than any playbook needs. It doesn't know
// quotes: a text with 64 unclosed brackets in it is refused with the rest.
func nesting(text []byte) (line, col int, deep bool) {
	line, open, dashes := 1, 0, 0
	for _, b := range text {
		col++
		switch b {
		case '[', '{':
			open++
		case ']', '}':
			open = max(open-1, 0)
		case '-', '?':
			dashes++
		case '\n':
			line, col, dashes = line+1, 0, 0
		}
		if open > maxNesting || dashes > 1000 {
			return line, col, true
		}
	}
	return 0, 0, false
}

// parseYAML calls the YAML parser, which gets strangers' bytes here. A panic in it is a file that
// can't be read, not the end of the program.
func parseYAML(text []byte) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, fmt.Errorf("the parser gave up: %v", p)
		}
	}()
	// Duplicate keys are found by our own walk, which goes on behind them.
	return parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
}

// add records a fault, and puts in what the file knows of its place.
// Faults beyond the last that is told are dropped, and the file stays faulty.
func (s *source) add(f Fault) {
	if len(s.faults) >= maxFaults {
		return
	}
	f.File, f.Line, f.Col = s.file, max(f.Line, 1), max(f.Col, 1)
	if f.Line <= len(s.lines) {
		f.Source = strings.TrimRight(s.lines[f.Line-1], "\r")
	}
	s.faults = append(s.faults, f)
}

// fault records what is wrong at this node.
func (n node) fault(problem, mend string) {
	n.src.add(Fault{Line: n.line(), Col: n.col(), Path: n.path, Problem: problem, Mend: mend})
}

// faultIn records what is wrong within a scalar: offset counts the bytes of its value.
// YAML keeps no map from a folded or escaped value to the bytes of the file, so the place is found
// by the text itself; where that fails, the fault stands at the start of the scalar.
func (n node) faultIn(value string, offset int, problem, mend string) {
	if n.ast == nil {
		n.fault(problem, mend)
		return
	}
	offset = min(max(offset, 0), len(value))
	start := strings.LastIndexByte(value[:offset], '\n') + 1
	end := len(value)
	if i := strings.IndexByte(value[offset:], '\n'); i >= 0 {
		end = offset + i
	}
	// A scalar of several lines that YAML folds into one is found by the words around the offset.
	for _, span := range [][2]int{{start, end}, {max(start, offset-12), min(end, offset+12)}, {offset, min(end, offset+8)}} {
		if want := value[span[0]:span[1]]; strings.TrimSpace(want) != "" {
			if line, col, ok := n.find(want); ok {
				n.src.add(Fault{Line: line, Col: col + len([]rune(value[span[0]:offset])), Path: n.path, Problem: problem, Mend: mend})
				return
			}
		}
	}
	n.fault(problem, mend)
}

// find looks for text from the node's first character on, at most 60 lines down.
func (n node) find(text string) (line, col int, ok bool) {
	first := n.line()
	for l := first; l <= len(n.src.lines) && l < first+60; l++ {
		chars, from := []rune(n.src.lines[l-1]), 0
		if l == first {
			from = min(n.col()-1, len(chars))
		}
		if i := strings.Index(string(chars[from:]), text); i >= 0 {
			return l, from + len([]rune(string(chars[from:])[:i])) + 1, true
		}
	}
	return 0, 0, false
}

// token is where a fault about the node is shown: for a mapping at its first key, since the tree puts
// a block mapping at its first colon.
func (n node) token() *token.Token {
	switch v := n.ast.(type) {
	case nil:
		return nil
	case *ast.MappingValueNode:
		return v.Key.GetToken()
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return v.Values[0].Key.GetToken()
		}
	}
	return n.ast.GetToken()
}

// line and col count from 1. A node that is not in the file, such as an absent value, is at its start.
func (n node) line() int {
	if t := n.token(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

func (n node) col() int {
	if t := n.token(); t != nil && t.Position != nil {
		return t.Position.Column
	}
	return 1
}

// kind is what a person would call the node.
func (n node) kind() string {
	switch n.ast.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "an anchor, alias or tag"
}

// wrong records that the node is of another kind than is wanted.
func (n node) wrong(want string) {
	if k := n.kind(); k == "an anchor, alias or tag" {
		n.fault("anchors, aliases and tags are not read in a playbook", "write the value out")
	} else {
		n.fault(fmt.Sprintf("%s is needed here, not %s", want, k), "")
	}
}

// scalar is the node's plain value: string, int64, float64, bool or nil.
func (n node) scalar() (any, bool) {
	switch v := n.ast.(type) {
	case nil, *ast.NullNode:
		return nil, true
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.BoolNode:
		return v.Value, true
	case *ast.FloatNode:
		return v.Value, !math.IsNaN(v.Value) && !math.IsInf(v.Value, 0)
	case *ast.IntegerNode:
		switch i := v.Value.(type) {
		case int64:
			return i, true
		case uint64:
			if i <= math.MaxInt64 {
				return int64(i), true
			}
		}
	}
	return nil, false
}

// text is the node's value as text. Numbers and truth values are taken as they were written:
// a name such as 007 or yes needs no quotes.
func (n node) text() string {
	switch v := n.ast.(type) {
	case *ast.StringNode:
		return v.Value
	case *ast.LiteralNode:
		return v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.ast.GetToken().Value
	}
	n.wrong("text")
	return ""
}

// bool is true or false as YAML 1.2 writes them; yes and on are texts there.
func (n node) bool() bool {
	if v, ok := n.ast.(*ast.BoolNode); ok {
		return v.Value
	}
	n.wrong("true or false")
	return false
}

// number takes whole and broken numbers alike. Not-a-number and infinity, which YAML can write, are none.
func (n node) number() float64 {
	v, _ := n.scalar()
	switch f := v.(type) {
	case int64:
		return float64(f)
	case float64:
		return f
	}
	n.wrong("a number")
	return 0
}

// duration reads 500ms, 3s, 5m, 2h, or 7d.
func (n node) duration() time.Duration {
	text := n.text()
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if d, err := strconv.Atoi(days); err == nil && d >= 0 && d <= 3650 {
			return time.Duration(d) * 24 * time.Hour
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		if text != "" {
			n.fault(fmt.Sprintf("%q is no length of time", text), "write a number and a unit: 500ms, 3s, 5m, 2h, 7d")
		}
		return 0
	}
	return d
}

// list is the entries of a sequence; a single value stands for a list of one where lone is set.
func (n node) list(lone bool) []node {
	switch v := n.ast.(type) {
	case *ast.SequenceNode:
		out := make([]node, len(v.Values))
		for i, e := range v.Values {
			out[i] = node{n.src, e, fmt.Sprintf("%s[%d]", n.path, i)}
		}
		return out
	case *ast.StringNode, *ast.IntegerNode:
		if lone {
			return []node{n}
		}
	}
	n.wrong("a list")
	return nil
}

// texts is list for texts.
func (n node) texts(lone bool) []string {
	var out []string
	for _, e := range n.list(lone) {
		out = append(out, e.text())
	}
	return out
}
