package vapi

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// envelope is a body laid open: the fields of "message", and those beside it, which stand in for missing ones.
// A body without the wrapper has all its fields outside.
type envelope struct {
	fields map[string]gjson.Result // top level only; values are still raw
	self   gjson.Result            // the message as one object
	call   gjson.Result            // an object, or nothing
}

// open indexes body, which is a valid JSON object, in one pass: looking up each field by itself would walk the
// conversation in it some twenty times.
func open(body string) envelope {
	e := envelope{fields: make(map[string]gjson.Result, 16), self: gjson.Parse(body)}
	e.add(e.self)
	if inner := e.fields["message"]; inner.IsObject() {
		e.self = inner
		e.add(inner) // what is inside wins
	}
	if c := e.fields["call"]; c.IsObject() {
		e.call = c
	}
	return e
}

// add indexes the members of object that are not null. Of two with one name the last counts, as in encoding/json.
func (e envelope) add(object gjson.Result) {
	object.ForEach(func(key, value gjson.Result) bool {
		if present(value) {
			e.fields[key.Str] = value
		}
		return true
	})
}

// get returns the field called name, or nothing.
func (e envelope) get(name string) gjson.Result { return e.fields[name] }

// text returns the first of the named fields that has a text.
func (e envelope) text(names ...string) string {
	for _, n := range names {
		if s := text(e.fields[n]); s != "" {
			return s
		}
	}
	return ""
}

// has reports whether any of the named fields was sent.
func (e envelope) has(names ...string) bool {
	for _, n := range names {
		if _, ok := e.fields[n]; ok {
			return true
		}
	}
	return false
}

// callFacts reads the call object. Older messages have the Twilio id as phoneCallProviderId.
func (e envelope) callFacts() Call {
	number := e.get("phoneNumber")
	return Call{
		Type:          text(member(e.call, "type")),
		AssistantID:   text(first(member(e.call, "assistantId"), member(e.get("assistant"), "id"))),
		PhoneNumberID: text(first(member(e.call, "phoneNumberId"), member(number, "id"))),
		PhoneNumber:   text(first(member(number, "number"), member(e.call, "phoneNumber.number"))),
		CallSID:       text(first(member(e.call, "transport.callSid"), member(e.call, "phoneCallProviderId"))),
		ControlURL:    ControlURL(text(member(e.call, "monitor.controlUrl"))),
	}
}

// customer reads message.customer and fills what it lacks from call.customer. (The call.from.phoneNumber of some
// documentation pages exists nowhere.)
func (e envelope) customer() Customer {
	outer, inner := e.get("customer"), member(e.call, "customer")
	field := func(name string) string { return text(first(member(outer, name), member(inner, name))) }
	contact := e.get("contact") // of a campaign.predial, which has no call yet
	return Customer{
		Number:     orElse(field("number"), text(member(contact, "number"))),
		SIPURI:     field("sipUri"),
		Name:       orElse(field("name"), text(member(contact, "name"))),
		ExternalID: field("externalId"),
		ID:         orElse(field("id"), text(member(e.call, "customerId"))),
	}
}

// conversation picks the list of messages: new place first, old one when that is empty.
func (e envelope) conversation() gjson.Result {
	artifact := e.get("artifact")
	for _, list := range []gjson.Result{
		member(artifact, "messages"), e.get("messages"),
		member(artifact, "messagesOpenAIFormatted"), e.get("messagesOpenAIFormatted"),
	} {
		if list.IsArray() && list.Get("0").Exists() {
			return list
		}
	}
	return gjson.Result{}
}

// present reports whether r was sent and is not null.
func present(r gjson.Result) bool { return r.Type != gjson.Null }

// first returns the first of candidates that is present.
func first(candidates ...gjson.Result) gjson.Result {
	for _, c := range candidates {
		if present(c) {
			return c
		}
	}
	return gjson.Result{}
}

// text returns a string's value, a number's or boolean's JSON, and nothing for objects and lists. It is a copy:
// gjson hands out substrings, and one call id kept in memory would otherwise keep its whole body.
func text(r gjson.Result) string {
	switch r.Type {
	case gjson.String:
		return strings.Clone(r.Str)
	case gjson.Number, gjson.True, gjson.False:
		return strings.Clone(r.Raw)
	default:
		return ""
	}
}

// member returns the member of r at path, or nothing if r is no object: gjson does not ask, and would look for an
// object inside the text of a string. Paths are constants of this package, never a sender's text.
func member(r gjson.Result, path string) gjson.Result {
	if !r.IsObject() {
		return gjson.Result{}
	}
	return r.Get(path)
}

// object returns a copy of r's JSON if r is an object, else nil.
func object(r gjson.Result) json.RawMessage {
	if !r.IsObject() {
		return nil
	}
	return json.RawMessage(r.Raw)
}

// role gives the two speakers one name each, and leaves other roles as sent.
func role(r gjson.Result) string {
	switch s := text(r); s {
	case "bot":
		return RoleAssistant
	case "customer":
		return RoleUser
	default:
		return s
	}
}

// instantOf reads a point in time: a number, or a string as instant does.
func instantOf(r gjson.Result) time.Time {
	switch r.Type {
	case gjson.Number:
		return epoch(r.Num)
	case gjson.String:
		return instant(r.Str)
	default:
		return time.Time{}
	}
}

// instant reads seconds or milliseconds since 1970, whole or not, or RFC 3339; anything else is the zero time.
func instant(text string) time.Time {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC()
	}
	if strings.Trim(text, "0123456789.") != "" { // ParseFloat knows inf, hexadecimal and exponents
		return time.Time{}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return time.Time{}
	}
	return epoch(n)
}

// epoch takes numbers from 1e11 on for milliseconds: as seconds they would lie beyond the year 5000, and a smaller
// number of milliseconds before 1974.
func epoch(n float64) time.Time {
	if !(n > 0 && n < 1e14) {
		return time.Time{}
	}
	if n < 1e11 {
		n *= 1000
	}
	return time.UnixMicro(int64(math.Round(n * 1000))).UTC()
}
