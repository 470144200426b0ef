package vapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// maxDepth is how deep a body's objects and lists may nest. Vapi's own stay below 20; the limit keeps every
// recursive reader, ours and later ones, far from the end of its stack.
const maxDepth = 200

// ErrBody is the kind of every *BodyError.
var ErrBody = errors.New("vapi: body is no message")

// BodyError says where a body stops being a message. It never quotes the body, which may hold personal data.
type BodyError struct {
	Offset  int // bytes read before the fault
	Problem string
}

// Error names the place, the fault and the mend.
func (e *BodyError) Error() string {
	return fmt.Sprintf("%v: at byte %d: %s; send one JSON object", ErrBody, e.Offset, e.Problem)
}

// Unwrap makes errors.Is(err, ErrBody) true.
func (e *BodyError) Unwrap() error { return ErrBody }

// checkBody refuses what is not one JSON object of bearable depth, before anything recursive reads it.
func checkBody(body []byte) error {
	if offset, deep := tooDeep(body); deep {
		return &BodyError{Offset: offset, Problem: fmt.Sprintf("nests deeper than %d", maxDepth)}
	}
	if !json.Valid(body) {
		if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(body, new(json.RawMessage))); ok {
			return &BodyError{Offset: int(syntax.Offset), Problem: "is not JSON, or is cut short"}
		}
		return &BodyError{Problem: "is not JSON"} // unreachable while Valid and Unmarshal share their scanner
	}
	if start := bytes.TrimLeft(body, " \t\r\n"); start[0] != '{' {
		return &BodyError{Offset: len(body) - len(start), Problem: "is not an object"}
	}
	return nil
}

// tooDeep finds the first bracket that opens a level below maxDepth. It needs no valid JSON: brackets inside
// strings are passed over, and what is malformed is found later.
func tooDeep(body []byte) (offset int, deep bool) {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return i, true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return 0, false
}
