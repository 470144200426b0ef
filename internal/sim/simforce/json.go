package simforce

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a request body.
const maxDepth = 64

// parseJSON reads one JSON value, keeping the order of members. It refuses what encoding/json lets pass and the
// vendor's parser does not: a name twice in one object, text after the value, bytes that are not UTF-8, NUL.
func parseJSON(b []byte) (any, apiErrors) {
	if !utf8.Valid(b) {
		return nil, badJSON("Invalid UTF-8 in request body")
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, badJSON("The HTTP entity body is required, but this request has no entity body.")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("unexpected text after the end of the value")
		}
	}
	if err != nil {
		return nil, badJSON("%s at [line:1, column:%d]", err, d.InputOffset()+1)
	}
	return v, nil
}

// parseValue reads the next value; numbers stay text until a field's type is known.
func parseValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deeply")
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return parseObject(d, depth)
		}
		return parseArray(d, depth)
	case string:
		if strings.IndexByte(t, 0) >= 0 {
			return nil, errors.New("illegal character NUL in a string")
		}
		return t, nil
	default:
		return t, nil
	}
}

// parseObject keeps the first of two members with one name from hiding the second: encoding/json would take the last.
func parseObject(d *json.Decoder, depth int) (any, error) {
	m := object{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		if _, twice := m.get(name); twice {
			return nil, fmt.Errorf("duplicate field '%s'", name)
		}
		v, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		m = append(m, member{name, v})
	}
	_, err := d.Token()
	return m, err
}

// parseArray reads the rest of a list whose bracket has been taken.
func parseArray(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

// bodyObject reads a body that must be an object.
func (c *call) bodyObject() (object, apiErrors) {
	v, errs := parseJSON(c.body)
	if errs != nil {
		return nil, errs
	}
	m, isObject := v.(object)
	if !isObject {
		return nil, badJSON("Can not deserialize the request body: an object is expected at [line:1, column:1]")
	}
	return m, nil
}

// only refuses members that an envelope does not have.
func (m object) only(names ...string) apiErrors {
	for _, x := range m {
		known := false
		for _, n := range names {
			known = known || x.name == n
		}
		if !known {
			return badJSON("Unrecognized field \"%s\"", x.name)
		}
	}
	return nil
}

// flag reads an optional boolean member.
func (m object) flag(name string) (bool, apiErrors) {
	v, there := m.get(name)
	if !there {
		return false, nil
	}
	b, isBool := v.(bool)
	if !isBool {
		return false, wrongType("boolean", v)
	}
	return b, nil
}

// wrongType is the vendor's complaint about a JSON value of another type than the field's.
func wrongType(want string, got any) apiErrors {
	return badJSON("Cannot deserialize instance of %s from %s value %v or request may be missing a required field at [line:1, column:1]",
		want, tokenName(got), got)
}

// tokenName is what the vendor's parser calls a value in its messages.
func tokenName(v any) string {
	switch v := v.(type) {
	case string:
		return "VALUE_STRING"
	case bool:
		if v {
			return "VALUE_TRUE"
		}
		return "VALUE_FALSE"
	case json.Number:
		for _, c := range v.String() {
			if c == '.' || c == 'e' || c == 'E' {
				return "VALUE_NUMBER_FLOAT"
			}
		}
		return "VALUE_NUMBER_INT"
	case object:
		return "START_OBJECT"
	case []any:
		return "START_ARRAY"
	}
	return "VALUE_NULL"
}
