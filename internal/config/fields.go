package config

import (
	"iter"
	"reflect"
	"regexp"
	"strings"
)

// workspaceName is what may stand in /w/NAME.
var workspaceName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$`)

// placeOf matches what a path has beyond the names of its fields: list indexes and the workspace.
var placeOf = regexp.MustCompile(`\[\d+\]|^workspaces\.[^.]*\.?`)

// field is one field of the file: a struct field and its name there.
type field struct {
	reflect.StructField
	name string
}

// fields yields the fields of a struct in order, those of embedded structs in their place.
func fields(t reflect.Type) iter.Seq[field] {
	return func(yield func(field) bool) {
		for i := range t.NumField() {
			f := t.Field(i)
			name, inline, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if inline == "inline" {
				for inner := range fields(f.Type) {
					inner.Index = append([]int{i}, inner.Index...)
					if !yield(inner) {
						return
					}
				}
				continue
			}
			if name != "" && !yield(field{f, name}) {
				return
			}
		}
	}
}

// group returns the struct that holds a field's own fields, if it has any.
func group(t reflect.Type) (reflect.Type, bool) {
	switch t {
	case reflect.TypeFor[Database](), reflect.TypeFor[Secrets]():
		return nil, false
	}
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct && t.PkgPath() == reflect.TypeFor[Config]().PkgPath()
}

// allFields lists every field by its path, without indexes and without the workspaces' repetition.
func allFields() []string {
	var paths []string
	var walk func(t reflect.Type, path string)
	walk = func(t reflect.Type, path string) {
		for f := range fields(t) {
			paths = append(paths, join(path, f.name))
			if inner, ok := group(f.Type); ok {
				walk(inner, join(path, f.name))
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
	return paths
}
