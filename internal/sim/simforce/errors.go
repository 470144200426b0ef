package simforce

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// apiError is one entry of the vendor's error array.
type apiError struct {
	status        int
	code, message string
	fields        []string // nil leaves the member out, as for errors that are not about a record
	duplicates    any      // duplicateResult of DUPLICATES_DETECTED
}

// apiErrors is an error body. Its HTTP status is that of the first.
type apiErrors []apiError

// fail is an error that is not about a record's fields.
func fail(status int, code, format string, args ...any) apiErrors {
	return apiErrors{{status: status, code: code, message: fmt.Sprintf(format, args...)}}
}

// refuse is a refusal of a record's content: 400, with the fields at fault.
func refuse(code, message string, fields ...string) apiErrors {
	if fields == nil {
		fields = []string{}
	}
	return apiErrors{{status: http.StatusBadRequest, code: code, message: message, fields: fields}}
}

// notFound is said of a path that leads nowhere, and of a record that is not there.
func notFound() apiErrors {
	return fail(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

// noColumn is said of a field that does not exist and of one that the caller may not see: they cannot be told apart.
func noColumn(name string, b *Object) apiErrors {
	return fail(http.StatusBadRequest, "INVALID_FIELD", "No such column '%s' on sobject of type %s", name, b.Name)
}

// badJSON is the parser's refusal; a value of the wrong JSON type is one too.
func badJSON(format string, args ...any) apiErrors {
	return fail(http.StatusBadRequest, "JSON_PARSER_ERROR", format, args...)
}

// malformedID is said of an id of another object as well: its prefix is part of its form.
func malformedID(label, id string) apiErrors {
	return refuse("MALFORMED_ID", fmt.Sprintf("%s ID: id value of incorrect type: %s", label, id), "Id")
}

// body renders the array of a REST error. Collections call the code statusCode and always send fields.
func (e apiErrors) body(collection bool) []any {
	var list []any
	for _, x := range e {
		var m object
		if x.duplicates != nil {
			m = append(m, member{"duplicateResult", x.duplicates})
		}
		if collection {
			f := x.fields
			if f == nil {
				f = []string{}
			}
			list = append(list, append(m, member{"statusCode", x.code}, member{"message", x.message}, member{"fields", f}))
			continue
		}
		m = append(m, member{"message", x.message}, member{"errorCode", x.code})
		if x.fields != nil && x.duplicates == nil {
			m = append(m, member{"fields", x.fields})
		}
		list = append(list, m)
	}
	return list
}

func (e apiErrors) reply() reply { return reply{status: e[0].status, body: e.body(false)} }

// reply is an answer before it is written: a request's or that of a composite's part.
type reply struct {
	status int
	body   any    // JSON; nil for no body
	raw    []byte // instead of body
	typ    string // content type of raw
	header http.Header
	undone bool // a collection that was rolled back: 200 all the same
}

// failed reports whether nothing came of the request. 300 is a failure: the key did not name one record.
func (p reply) failed() bool { return p.status >= 300 || p.undone }

// with adds a header. A reply is a value, but its header is shared by copies: it is set while the answer is made.
func (p reply) with(name, value string) reply {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

// ok is what every success without a record of its own looks like.
func ok(body any) reply { return reply{status: http.StatusOK, body: body} }

// member and object keep the order of a JSON object's members, as the vendor does.
type member struct {
	name  string
	value any
}

type object []member

// get finds a member. Names of an envelope are case-sensitive; those of fields are not and are not looked up here.
func (m object) get(name string) (any, bool) {
	for _, x := range m {
		if x.name == name {
			return x.value, true
		}
	}
	return nil, false
}

// MarshalJSON writes the members in their order.
func (m object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, x := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := encode(x.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(x.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode marshals without escaping <, > and &, which the vendor leaves as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
