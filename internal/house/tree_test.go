package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// module is the path under which every package of ours is imported.
const module = "github.com/hookswitch/hookswitch"

// tree is the module as the rules see it: parsed, and type-checked as far as it compiles.
type tree struct {
	fset *token.FileSet
	pkgs []*pkg // by path
	info types.Info
	text []text // every file that git knows, for the rules about words
}

// pkg is one folder of Go files. Its path is relative to the module: "internal/call".
type pkg struct {
	path, name string
	files      []*file
	types      *types.Package // of the files that are built here; nil if there are none
}

// file is one Go file of a package.
type file struct {
	name      string // relative to the module
	src       []byte
	syntax    *ast.File
	test      bool
	generated bool // the rules about form do not hold for what a program wrote
	built     bool // neither a test nor excluded by its build constraints
}

// text is one file as git knows it.
type text struct {
	name string
	data []byte
}

// listed is what `go list -json` tells of a package, as far as it is used here.
type listed struct {
	ImportPath, Name, Dir, Export                                string
	Standard                                                     bool
	Module                                                       *struct{ Path string }
	GoFiles, CgoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
}

// load reads the module that this test belongs to.
func load(t *testing.T) *tree {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	touch(t, root)
	tr := &tree{fset: token.NewFileSet()}
	export := make(map[string]string)
	for _, l := range list(t, root) {
		if l.Module == nil || l.Module.Path != module {
			export[l.ImportPath] = l.Export
			continue
		}
		rel, _ := relative(l.ImportPath)
		p := &pkg{path: rel, name: l.Name}
		add := func(built bool, names ...string) {
			for _, name := range names {
				test := strings.HasSuffix(name, "_test.go")
				src, err := os.ReadFile(filepath.Join(l.Dir, name))
				if err != nil {
					t.Fatal(err)
				}
				p.files = append(p.files, tr.parse(t, path.Join(rel, name), src, test, built))
			}
		}
		add(true, slices.Concat(l.GoFiles, l.CgoFiles)...)
		add(false, slices.Concat(l.IgnoredGoFiles, l.TestGoFiles, l.XTestGoFiles)...)
		tr.pkgs = append(tr.pkgs, p)
	}
	tr.text = tracked(t, root)
	tr.typecheck(export)
	return tr
}

// touch opens every folder of the module, so that `go test` does not answer from its cache after a file was
// added: the cache knows what the test itself opened, not what the commands that it runs have opened.
func touch(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a file may vanish meanwhile
		t.Fatal(err)
	}
}

// list asks the go command for every package of ours and everything that they import, compiled.
func list(t *testing.T, root string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-export", "-deps",
		"-json=ImportPath,Name,Dir,Export,Standard,Module,GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...")
	cmd.Dir = root
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list ./...: %v\n%s", err, &complaints)
	}
	if complaints.Len() > 0 {
		t.Logf("go list ./... complains; what does not compile is read as far as it goes:\n%s", &complaints)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list ./...: %v", err)
		}
		all = append(all, l)
	}
}

// tracked reads every file that git knows or would add.
func tracked(t *testing.T, root string) []text {
	t.Helper()
	// The owner of a checkout in a container is often another user, which git refuses unless told.
	cmd := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v (the rules about words need git and a checkout, not an archive)", err)
	}
	var all []text
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text{name, data})
	}
	return all
}

// unpack makes a tree of an archive: the small trees that break the rules on purpose. It knows no library,
// the standard one included, so what the archive imports from there is not type-checked.
func unpack(t *testing.T, a *txtar.Archive) *tree {
	t.Helper()
	tr := &tree{fset: token.NewFileSet()}
	byPath := make(map[string]*pkg)
	for _, f := range a.Files {
		tr.text = append(tr.text, text{f.Name, f.Data})
		if path.Ext(f.Name) != ".go" {
			continue
		}
		dir := path.Dir(f.Name)
		p := byPath[dir]
		if p == nil {
			p = &pkg{path: dir}
			byPath[dir] = p
			tr.pkgs = append(tr.pkgs, p)
		}
		test := strings.HasSuffix(f.Name, "_test.go")
		parsed := tr.parse(t, f.Name, f.Data, test, !test)
		p.files = append(p.files, parsed)
		if !test || p.name == "" {
			p.name = parsed.syntax.Name.Name
		}
	}
	tr.typecheck(nil)
	return tr
}

func (tr *tree) parse(t *testing.T, name string, src []byte, test, built bool) *file {
	t.Helper()
	syntax, err := parser.ParseFile(tr.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("%v", err)
	}
	return &file{name, src, syntax, test, syntax != nil && ast.IsGenerated(syntax), built}
}

// where is the place of n as FILE:LINE.
func (tr *tree) where(n ast.Node) string {
	at := tr.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", at.Filename, at.Line)
}

// each visits the files that a person wrote. With tests it visits those too.
func (tr *tree) each(tests bool) func(yield func(*pkg, *file) bool) {
	return func(yield func(*pkg, *file) bool) {
		for _, p := range tr.pkgs {
			for _, f := range p.files {
				if f.generated || f.syntax == nil || f.test && !tests {
					continue
				}
				if !yield(p, f) {
					return
				}
			}
		}
	}
}

// pkg finds a package by its path; nil if it does not exist (yet).
func (tr *tree) pkg(path string) *pkg {
	i := slices.IndexFunc(tr.pkgs, func(p *pkg) bool { return p.path == path })
	if i < 0 {
		return nil
	}
	return tr.pkgs[i]
}

// relative turns an import path into a package's path, and reports whether the package is ours.
// The module's root is ".".
func relative(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// short names a package as its importers do: "journal". Two packages of one name would be a fault of their own.
func (p *pkg) short() string { return path.Base(p.path) }

// imports lists what the files import, as import paths; with tests, what the tests import as well.
func (p *pkg) imports(tests bool) []string {
	var all []string
	for _, f := range p.files {
		if f.syntax == nil || f.test && !tests {
			continue
		}
		for _, spec := range f.syntax.Imports {
			if to, err := strconv.Unquote(spec.Path.Value); err == nil {
				all = append(all, to)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ours lists the packages of this module that p imports, by path.
func (p *pkg) ours(tests bool) []string {
	var own []string
	for _, to := range p.imports(tests) {
		if rel, ok := relative(to); ok && rel != p.path { // an external test imports its own package
			own = append(own, rel)
		}
	}
	return own
}

// source type-checks packages of ours from syntax and reads all others from the compiler's output.
type source struct {
	tr     *tree
	export types.Importer
	busy   map[string]bool
}

// typecheck fills tr.info. Errors are the compiler's to tell, so they are passed over here.
func (tr *tree) typecheck(export map[string]string) {
	tr.info = types.Info{
		Defs:       make(map[*ast.Ident]types.Object),
		Uses:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
	}
	s := &source{tr: tr, busy: make(map[string]bool)}
	s.export = importer.ForCompiler(tr.fset, "gc", func(path string) (io.ReadCloser, error) {
		if export[path] == "" {
			return nil, fmt.Errorf("%s is not compiled", path)
		}
		return os.Open(export[path])
	})
	for _, p := range tr.pkgs {
		_, _ = s.Import(path.Join(module, p.path))
	}
}

// Import implements [types.Importer].
func (s *source) Import(to string) (*types.Package, error) {
	if to == "unsafe" {
		return types.Unsafe, nil
	}
	rel, own := relative(to)
	if !own {
		return s.export.Import(to)
	}
	p := s.tr.pkg(rel)
	if p == nil || s.busy[rel] {
		return nil, fmt.Errorf("no package %s", to)
	}
	if p.types != nil {
		return p.types, nil
	}
	s.busy[rel] = true
	defer delete(s.busy, rel)
	var syntax []*ast.File
	for _, f := range p.files {
		if f.built && f.syntax != nil {
			syntax = append(syntax, f.syntax)
		}
	}
	conf := types.Config{Importer: s, Error: func(error) {}}
	p.types, _ = conf.Check(to, s.tr.fset, syntax, &s.tr.info)
	return p.types, nil
}
