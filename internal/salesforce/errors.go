package salesforce

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Class answers the one question that a failed call leaves: could it have happened?
type Class string

// The classes. Only Ambiguous leaves a doubt about the org; in all others the write did not
// happen through this call. What a caller does with them:
//
//	Permanent          give up, show Detail to an operator
//	Backoff, Safe      try again; RetryAfter is the least pause
//	Park               try nothing on this org until RetryAfter has passed
//	Refresh            as Backoff, but tell the operator: the sign-in does not hold
//	Ambiguous          read by key or compare fields, and only then try again
//	Resolved           read by key: the record is there
const (
	Permanent Class = "permanent" // did not happen and never will as sent; a person must look
	Backoff   Class = "backoff"   // did not happen; may be tried again after a pause
	Park      Class = "park"      // the org's daily requests are used up; nothing will pass for a while
	Ambiguous Class = "ambiguous" // may have happened: look before trying again
	Resolved  Class = "resolved"  // a record with our key is there: an earlier try has made it; read it
	Refresh   Class = "refresh"   // the session is dead, even after one renewal; did not happen
	Safe      Class = "safe"      // never left this machine; may be tried again at once
)

// maxErrorBody is how much of a refusal's body an Error keeps.
// Salesforce's own refusals are shorter; what is longer is a page, whose beginning tells as much.
const maxErrorBody = 4096

// Error is a call that did not succeed.
type Error struct {
	Op, Object string // "upsert", "Lead"
	Status     int    // 0: no answer
	Class      Class
	Codes      []ErrorCode
	Matches    []Match       // the records that stand in the way
	RetryAfter time.Duration // least pause that the answer or its class asks for; 0: the caller's own
	Body       string        // the answer as received, cut; for operators, may quote what was sent
	cause      error         // what broke in transport, or kept the call from being sent
}

// ErrorCode is one entry of Salesforce's list of errors.
type ErrorCode struct {
	Code    string
	Message string // may quote what was sent; wording depends on the user's language
	Fields  []string
}

// Match is a record that Salesforce names as a duplicate.
type Match struct {
	ID        ID // empty if Salesforce does not say
	Object    string
	Rule      string // the duplicate rule, if one matched
	AllowSave bool   // the rule only warns: WriteOptions.AllowDuplicates passes it
}

// Error names the operation, the status and the codes. It leaves out messages and body:
// they quote what was sent, and error strings end in logs.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "salesforce: %s", strings.TrimSpace(e.Op+" "+e.Object))
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d", e.Status)
	}
	for _, c := range e.Codes {
		fmt.Fprintf(&b, " %s", c.Code)
		if len(c.Fields) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(c.Fields, ", "))
		}
	}
	fmt.Fprintf(&b, " [%s]", e.Class)
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	if h := e.Hint(); h != "" {
		fmt.Fprintf(&b, " — %s", h)
	}
	return b.String()
}

// Unwrap returns what kept the call from completing, such as context.DeadlineExceeded or
// ErrReauthorise; nil if Salesforce answered.
func (e *Error) Unwrap() error { return e.cause }

// Detail joins Salesforce's own messages, for the operator's eyes.
func (e *Error) Detail() string {
	var said []string
	for _, c := range e.Codes {
		said = append(said, cmp.Or(c.Message, c.Code))
	}
	return strings.Join(said, "; ")
}

// Has reports whether Salesforce gave this code.
func (e *Error) Has(code string) bool {
	return slices.ContainsFunc(e.Codes, func(c ErrorCode) bool { return c.Code == code })
}

// Absent reports whether Salesforce says that the record is not there. Note that a record
// which the integration user may not see is reported in the same words.
func (e *Error) Absent() bool {
	return e.Status == http.StatusNotFound && !e.missingKeyField() &&
		(e.Has("NOT_FOUND") || e.Has("ENTITY_IS_DELETED"))
}

// missingKeyField tells the 404 for a field from the 404 for a record: both say NOT_FOUND,
// and taking the first for the second would report every record absent.
func (e *Error) missingKeyField() bool {
	return e.Status == http.StatusNotFound && slices.ContainsFunc(e.Codes, func(c ErrorCode) bool {
		return strings.Contains(strings.ToLower(c.Message), "external id field")
	})
}

// Hint says what an operator can do about the refusal, or nothing.
func (e *Error) Hint() string {
	switch {
	case e.missingKeyField():
		return "create the external-id field and grant the integration user access to it"
	case e.Status == http.StatusGone:
		return "the API version is retired: raise api_version"
	case e.Status == 420, e.Status >= 301 && e.Status <= 308 && e.Status != http.StatusNotModified:
		return "the org answers under another host: check login_url, or sign in again"
	case e.Has("REQUEST_LIMIT_EXCEEDED") && e.Class == Park:
		return "the org's requests for 24 hours are used up, by this and all other integrations"
	case e.Has("API_DISABLED_FOR_ORG"), e.Has("API_CURRENTLY_DISABLED") && e.Class == Permanent:
		return "the org's edition or the user's profile does not permit the API"
	}
	return ""
}

// ClassOf returns the class of an *Error in err's chain, Ambiguous for any other error, and
// "" for nil.
// Ambiguous, since whoever asks has lost track of what the error was: nothing can be excluded.
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Ambiguous
}

// rejected is a call that this package refuses to send: the caller's mistake, which no
// repetition mends.
func (r call) rejected(err error) error {
	return &Error{Op: r.op, Object: r.object, Class: Permanent, cause: err}
}

// unsent is a call for which there was no token. It stays Safe even if only a person can
// restore the sign-in (ErrReauthorise): the write is as good as it was, and may wait.
func (r call) unsent(err error) error {
	return &Error{Op: r.op, Object: r.object, Class: Safe, cause: err}
}

// broken is a call that failed in transport. With a status, the answer had begun, so that
// the class can only be Ambiguous.
func (r call) broken(status int, class Class, err error) error {
	return &Error{Op: r.op, Object: r.object, Status: status, Class: class, cause: err}
}

// unreadable is an answer that claims success but cannot be understood: it may have happened.
func (r call) unreadable(a answer, why string) error {
	return &Error{
		Op: r.op, Object: r.object, Status: a.status, Class: Ambiguous,
		Body: cut(a.body), RetryAfter: a.retryAfter(), cause: errors.New(why),
	}
}

// judge turns an answer that is not a success into an *Error. It never fails: a body of an
// unknown shape leaves the status to judge by, and is kept for the operator.
func (r call) judge(a answer) *Error {
	e := &Error{
		Op: r.op, Object: r.object, Status: a.status,
		Body: cut(a.body), RetryAfter: a.retryAfter(),
	}
	if !a.html() {
		e.read(a.body)
	}
	e.Class = e.classify(r.keyField, a.html())
	if e.RetryAfter == 0 {
		e.RetryAfter = e.pause()
	}
	return e
}

// wireCode is an error as Salesforce writes it: "errorCode" in most places, "statusCode"
// inside collections and save results (REST API Developer Guide, "Using sObject Collections").
type wireCode struct {
	ErrorCode       string          `json:"errorCode"`
	StatusCode      string          `json:"statusCode"`
	Message         string          `json:"message"`
	Fields          json.RawMessage `json:"fields"`
	OAuthCode       string          `json:"error"`
	DuplicateResult *struct {
		AllowSave    bool   `json:"allowSave"`
		Rule         string `json:"duplicateRule"`
		EntityType   string `json:"duplicateRuleEntityType"`
		MatchResults []struct {
			EntityType   string `json:"entityType"`
			MatchRecords []struct {
				Record Record `json:"record"`
			} `json:"matchRecords"`
		} `json:"matchResults"`
	} `json:"duplicateResult"`
}

// Salesforce names the records that stand in the way in prose and in URLs.
var (
	duplicatePattern = regexp.MustCompile(`duplicate value found: (\S+) duplicates value on record with id: (<unknown>|[A-Za-z0-9]{15,18})`)
	recordURLPattern = regexp.MustCompile(`/sobjects/([A-Za-z0-9_]+)/([A-Za-z0-9]{15,18})$`)
)

// read takes codes and matches from a body, as far as it has a known shape: a list of
// errors, one error, or for 300 a list of record URLs.
func (e *Error) read(body []byte) {
	var many []wireCode
	var one wireCode
	var urls []string
	switch {
	case json.Unmarshal(body, &many) == nil:
	case json.Unmarshal(body, &urls) == nil:
		for _, u := range urls {
			if m := recordURLPattern.FindStringSubmatch(u); m != nil {
				e.Matches = append(e.Matches, Match{ID: received(m[2]), Object: m[1]})
			}
		}
	case json.Unmarshal(body, &one) == nil:
		many = append(many, one)
	}
	for _, w := range many {
		e.add(w)
	}
}

// add takes one entry of the list. An entry can name records in two ways: in the message of
// DUPLICATE_VALUE, and in the duplicateResult of DUPLICATES_DETECTED.
func (e *Error) add(w wireCode) {
	c := ErrorCode{Code: cmp.Or(w.ErrorCode, w.StatusCode, w.OAuthCode), Message: w.Message}
	_ = json.Unmarshal(w.Fields, &c.Fields) // absent or odd fields are no reason to lose the code
	if c.Code == "" && c.Message == "" {
		return
	}
	e.Codes = append(e.Codes, c)
	if m := duplicatePattern.FindStringSubmatch(c.Message); c.Code == "DUPLICATE_VALUE" && m != nil {
		match := Match{Object: e.Object}
		if m[2] != "<unknown>" {
			match.ID = received(m[2])
		}
		e.Matches = append(e.Matches, match)
	}
	if d := w.DuplicateResult; d != nil {
		for _, result := range d.MatchResults {
			for _, m := range result.MatchRecords {
				e.Matches = append(e.Matches, Match{
					ID:     m.Record.ID(),
					Object: cmp.Or(m.Record.Object(), result.EntityType, d.EntityType),
					Rule:   d.Rule, AllowSave: d.AllowSave,
				})
			}
		}
	}
}

// cut shortens a body for keeping.
func cut(body []byte) string {
	if len(body) > maxErrorBody {
		body = body[:maxErrorBody]
	}
	return strings.ToValidUTF8(string(body), "")
}
