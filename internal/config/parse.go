package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds the file: what is larger is not a configuration.
const maxFile = 1 << 20

// Options says where a file comes from.
type Options struct {
	Name string                      // printed in faults; hookswitch.yaml when empty
	Dir  string                      // relative paths count from here; the working directory when empty
	Env  func(string) (string, bool) // looks up ${NAME} and PORT; os.LookupEnv when nil
}

// Load reads the file at path, with the .env beside it for variables that env does not have. A nil env
// is the process environment. The error is Faults when the file was read and is wrong.
func Load(path string, env func(string) (string, bool)) (*Config, []Warning, error) {
	if env == nil {
		env = os.LookupEnv
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read configuration: %w — make one to start from with `hookswitch config example > hookswitch.yaml`", err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	dir := filepath.Dir(path)
	vars, err := loadDotEnv(filepath.Join(dir, ".env"))
	if err != nil {
		return nil, nil, err
	}
	both := func(name string) (string, bool) {
		if value, set := env(name); set {
			return value, true
		}
		value, set := vars[name]
		return value, set
	}
	return Parse(text, Options{Name: path, Dir: dir, Env: both})
}

// loadDotEnv reads a .env file; that there is none is as good as an empty one.
func loadDotEnv(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read environment file: %w", err)
	}
	vars, err := readDotEnv(bytes.NewReader(text), path)
	if err != nil {
		return nil, fmt.Errorf("read environment file: %w", err)
	}
	return vars, nil
}

// Parse reads a file's text. It returns every fault that it finds as Faults; warnings come with or
// without them.
func Parse(text []byte, o Options) (*Config, []Warning, error) {
	if o.Name == "" {
		o.Name = "hookswitch.yaml"
	}
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	d := &decoder{Options: o, lines: strings.Split(string(text), "\n"), nodes: map[string]ast.Node{}, broken: map[string]bool{}, anchors: map[string]ast.Node{}}
	if len(text) > maxFile {
		return nil, nil, Faults{{File: o.Name, What: fmt.Sprintf("is %d bytes long", len(text)), Mend: fmt.Sprintf("a configuration has at most %d", maxFile)}}
	}
	root, ok := d.parse(string(text))
	if !ok {
		return nil, nil, d.faults
	}
	c := &Config{}
	d.defaults(reflect.ValueOf(c).Elem())
	if root != nil {
		d.object(root, "", reflect.ValueOf(c).Elem())
	}
	d.port(c)
	d.check(c)
	if len(d.faults) > 0 {
		return nil, d.warnings, byLine(d.faults)
	}
	return c, d.warnings, nil
}

// parse turns text into the one document's tree, or records why it is none.
func (d *decoder) parse(text string) (root ast.Node, ok bool) {
	file, err := parseYAML(hideReferences(text))
	if err != nil {
		d.syntax(err)
		return nil, false
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case root != nil:
			d.fault(doc.Body, "", "a second document begins here", "keep one document: remove the --- line")
			return nil, false
		default:
			root = doc.Body
		}
	}
	return root, true
}

// parseYAML guards against the parser's own faults: strange bytes have made it panic.
func parseYAML(text string) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("is no YAML that can be read: %v", p)
		}
	}()
	return parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
}

// syntax records an error of the YAML parser, in our own form: its own prints the source unmasked.
func (d *decoder) syntax(err error) {
	f := Fault{File: d.Name, What: "is no YAML", Mend: "check colons, quotes and brackets on this line and the one before"}
	var positioned yaml.Error
	if !errors.As(err, &positioned) || positioned.GetToken() == nil {
		f.Mend = "check the file's encoding: UTF-8 without control characters"
		d.faults = append(d.faults, f)
		return
	}
	at := positioned.GetToken().Position
	f.Line, f.Column, f.Source = at.Line, at.Column, excerpt(d.lines, at.Line)
	f.What = "is no YAML: " + showReferences(positioned.GetMessage())
	source := ""
	if at.Line >= 1 && at.Line <= len(d.lines) {
		source = d.lines[at.Line-1]
	}
	switch {
	case strings.Contains(source[:indent(source)], "\t"):
		f.What, f.Mend = "a tab indents this line", "indent with spaces: YAML allows no tabs there"
	case strings.Contains(hideReferences(source), "${"):
		f.What, f.Mend = "a ${ is not closed", "end the reference with }: ${NAME}"
	}
	d.faults = append(d.faults, f)
}
