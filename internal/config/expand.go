package config

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// reference matches ${NAME} and ${file:PATH}; with a second dollar in front it is meant literally.
var reference = regexp.MustCompile(`\$?\$\{(?:[A-Za-z_][A-Za-z0-9_]*|file:[^}\n]+)\}`)

// YAML's flow style ends a plain value at a brace, and the file is written with {password: ${NAME}}. Before
// parsing, the three marks of each reference are therefore exchanged for private-use characters, one for one,
// so that columns stay true.
const (
	markDollar = '\uE000'
	markOpen   = '\uE001'
	markClose  = '\uE002'
)

// hideReferences exchanges the marks of every reference.
func hideReferences(text string) string {
	return reference.ReplaceAllStringFunc(text, func(ref string) string {
		literal := ""
		if strings.HasPrefix(ref, "$$") {
			literal, ref = "$", ref[1:]
		}
		return literal + string(markDollar) + string(markOpen) + ref[2:len(ref)-1] + string(markClose)
	})
}

var showing = strings.NewReplacer(string(markDollar), "$", string(markOpen), "{", string(markClose), "}")

// showReferences puts the marks back: what is printed is what the file says.
func showReferences(text string) string { return showing.Replace(text) }

// expand replaces the references of a value. problem says what is wrong and how to mend it; the
// value is then of no use.
func (o Options) expand(text string) (value, what, mend string) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, string(markDollar))
		if !found {
			break
		}
		inner, rest, closed := strings.Cut(strings.TrimPrefix(after, string(markOpen)), string(markClose))
		if !closed { // unreachable from a file: the marks come in threes
			return "", "has half a reference", "write ${NAME} or ${file:PATH}"
		}
		text = rest
		if literal, ok := strings.CutSuffix(before, "$"); ok {
			b.WriteString(literal + "${" + inner + "}")
			continue
		}
		b.WriteString(before)
		value, what, mend := o.resolve(inner)
		if what != "" {
			return "", what, mend
		}
		b.WriteString(value)
	}
	if strings.Contains(text, "${") {
		return "", "has a ${ that is not a reference", "write ${NAME} with a letter first and } at the end, ${file:PATH}, or $${…} for the characters themselves"
	}
	b.WriteString(text)
	return b.String(), "", ""
}

// resolve looks up one reference.
func (o Options) resolve(inner string) (value, what, mend string) {
	path, isFile := strings.CutPrefix(inner, "file:")
	if !isFile {
		value, set := o.Env(inner)
		switch {
		case !set:
			return "", fmt.Sprintf("the variable %s is not set", inner), fmt.Sprintf("set %s in the environment or in a .env file beside this one", inner)
		case value == "":
			return "", fmt.Sprintf("the variable %s is empty", inner), fmt.Sprintf("give %s a value, or remove the field", inner)
		}
		return value, "", ""
	}
	path = o.relative(path)
	text, err := readFile(path)
	if err != nil {
		return "", fmt.Sprintf("cannot read ${file:…}: %v", err), "the path counts from the folder of this file"
	}
	// Editors and `echo` end a file with a newline; nobody means it as part of a secret.
	return strings.TrimRight(strings.TrimSuffix(text, "\n"), "\r"), "", ""
}

// relative makes a path of the file absolute from the file's own folder.
func (o Options) relative(path string) string {
	if filepath.IsAbs(path) || path == ":memory:" {
		return path
	}
	return filepath.Join(o.Dir, path)
}

// readFile reads a small, regular file: a pipe or a device would hold up the start for ever.
func readFile(path string) (string, error) {
	const limit = 64 << 10
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file", path)
	case info.Size() > limit:
		return "", fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// readDotEnv reads NAME=VALUE lines: "export" before, '#' comments, single quotes (literal) or double
// quotes (\n, \", \\). An error names the line and never its value.
func readDotEnv(r io.Reader, name string) (map[string]string, error) {
	vars := map[string]string{}
	scan := bufio.NewScanner(r)
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(scan.Text(), "\uFEFF"))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, found := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "export ")), "=")
		key = strings.TrimSpace(key)
		if !found || !envName.MatchString(key) {
			return nil, Fault{File: name, Line: n, Column: 1, Source: "••••", What: "is no NAME=VALUE", Mend: "write NAME=VALUE, with letters, digits and _ in NAME"}
		}
		text, ok := dotEnvValue(value)
		if !ok {
			return nil, Fault{File: name, Line: n, Column: 1, Source: key + "=••••", What: "has a quote that does not end", Mend: "end the value with the quote that it begins with, on the same line"}
		}
		vars[key] = text
	}
	return vars, scan.Err()
}

var (
	envName      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	unescapeDots = strings.NewReplacer(`\n`, "\n", `\"`, `"`, `\\`, `\`)
)

// dotEnvValue strips quotes and the comment behind a value.
func dotEnvValue(raw string) (string, bool) {
	value := strings.TrimSpace(raw)
	if value == "" || value[0] != '"' && value[0] != '\'' {
		if before, _, found := strings.Cut(value, " #"); found {
			value = strings.TrimSpace(before)
		}
		return value, true
	}
	quote := value[0]
	for i := 1; i < len(value); i++ {
		switch {
		case value[i] == '\\' && quote == '"':
			i++
		case value[i] == quote && quote == '"':
			return unescapeDots.Replace(value[1:i]), true
		case value[i] == quote:
			return value[1:i], true
		}
	}
	return "", false
}
