package playbook

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
)

//go:embed objects.txt
var objectsText string

// column is one standard field of a Salesforce object.
type column struct {
	kind  string // string double int boolean date datetime reference id
	max   int    // of text, in characters; 0 where unknown
	fixed bool   // only Salesforce sets it
}

// schema is what is known of the standard objects. An object with no columns is known by name only.
type schema struct {
	columns  map[string]map[string]column
	required map[string][]string
}

// standard reads objects.txt once.
var standard = sync.OnceValue(func() schema {
	s := schema{columns: map[string]map[string]column{}, required: map[string][]string{}}
	object := ""
	for line := range strings.Lines(objectsText) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0][0] == '#':
		case words[0] == "others:":
			for _, name := range words[1:] {
				s.columns[name] = nil
			}
		case strings.HasSuffix(words[0], ":"):
			object = strings.TrimSuffix(words[0], ":")
			s.columns[object], s.required[object] = map[string]column{}, words[1:]
		default:
			c := column{kind: words[1], fixed: slices.Contains(words, "fixed")}
			if len(words) > 2 {
				c.max, _ = strconv.Atoi(words[2])
			}
			s.columns[object][words[0]] = c
		}
	}
	// What stands under * is in every object.
	everywhere := s.columns["*"]
	delete(s.columns, "*")
	for object, columns := range s.columns {
		if columns != nil && object != "*" {
			maps.Copy(columns, everywhere)
		}
	}
	return s
})

// customName matches what an org adds by itself: a field or object of its own or of a package.
var customName = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9]{0,14}__)?[A-Za-z](?:[A-Za-z0-9]|_[A-Za-z0-9]){0,39}__(c|pc|s)$`)

// fieldName matches any name a field can have.
var fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)

// findColumn looks a field up; known is false where neither the object's fields nor the name is
// among the standard ones and nothing can be said.
func findColumn(object, field string) (c column, known bool) {
	c, known = standard().columns[object][field]
	return c, known
}

// celType is a field's type in expressions. JSON has one sort of number, so numbers are doubles;
// dates are text, as Salesforce sends them. Of a custom field nothing is known.
func celType(object, field string) *cel.Type {
	c, known := findColumn(object, field)
	switch {
	case !known:
		return cel.DynType
	case c.kind == "double" || c.kind == "int":
		return cel.DoubleType
	case c.kind == "boolean":
		return cel.BoolType
	}
	return cel.StringType
}

// checkObject reports an object that no org has.
func checkObject(n node, name string) {
	if _, ok := standard().columns[name]; ok || customName.MatchString(name) || name == "" {
		return
	}
	mend := meant(name, slices.Collect(maps.Keys(standard().columns)))
	if mend == "" {
		mend = "an org's own object ends in __c"
	}
	n.fault(fmt.Sprintf("%s is no standard object of Salesforce", name), mend)
}

// checkField reports a field that the object does not have, or, to be written, can't be given.
func checkField(n node, object, field string, write bool) {
	columns := standard().columns[object]
	if !fieldName.MatchString(field) {
		n.fault(fmt.Sprintf("%q can't be the name of a field", field), "")
		return
	}
	c, known := columns[field]
	switch {
	case known && write && c.fixed:
		n.fault(fmt.Sprintf("%s.%s is set by Salesforce alone", object, field), "leave it out; to speak it, read it back")
	// Of an object that is known by name only, and of an org's own fields, nothing can be said here: only
	// the org knows them.
	case known, columns == nil, customName.MatchString(field):
	default:
		mend := meant(field, slices.Collect(maps.Keys(columns)))
		if mend == "" {
			mend = "an org's own field ends in __c"
		}
		n.fault(fmt.Sprintf("%s has no field %s", object, field), mend)
	}
}

// parents are the relationships of standard objects that are not called as the object they lead to.
var parents = []string{"Owner", "Parent", "CreatedBy", "LastModifiedBy", "MasterRecord", "ReportsTo", "Who", "What", "ConvertedAccount", "ConvertedContact"}

// checkPath reports a field, of the object or of a parent, that a read can't compare: Account.AccountNumber.
func checkPath(n node, object, path string) {
	parent, field, ok := strings.Cut(path, ".")
	if !ok {
		checkField(n, object, path, false)
		return
	}
	if strings.Contains(field, ".") {
		n.fault(fmt.Sprintf("%s goes over more than one record", path), "compare a field of the object or of its parent")
		return
	}
	if _, known := standard().columns[parent]; known {
		checkField(n, parent, field, false)
	} else if !slices.Contains(parents, parent) && !strings.HasSuffix(parent, "__r") {
		n.fault(fmt.Sprintf("%s has no parent %s", object, parent), meant(parent, append(slices.Collect(maps.Keys(standard().columns)), parents...)))
	} else if !fieldName.MatchString(parent) || !fieldName.MatchString(field) {
		n.fault(fmt.Sprintf("%q can't be the name of a field", path), "")
	}
}
