package salesforce

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// classes maps Salesforce's error codes whose meaning does not depend on status or message
// (REST API Developer Guide, "Status Codes and Error Responses"; SOAP API Developer Guide,
// "StatusCode"). Codes that are not here are judged by HTTP status.
//
// Permanent ones are the caller's data, the org's rules or the user's rights: the same
// request fails the same way until a person changes one of them.
//
// INVALID_FIELD and NOT_FOUND also mean that the integration user lacks field or sharing
// access; Salesforce does not tell the two apart.
var classes = map[string]Class{
	"NOT_FOUND":                                     Permanent,
	"ENTITY_IS_DELETED":                             Permanent,
	"INVALID_CROSS_REFERENCE_KEY":                   Permanent,
	"MALFORMED_ID":                                  Permanent,
	"INVALID_FIELD":                                 Permanent,
	"INVALID_TYPE":                                  Permanent,
	"INVALID_FIELD_FOR_INSERT_UPDATE":               Permanent,
	"REQUIRED_FIELD_MISSING":                        Permanent,
	"STRING_TOO_LONG":                               Permanent,
	"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST":       Permanent,
	"FIELD_CUSTOM_VALIDATION_EXCEPTION":             Permanent,
	"FIELD_FILTER_VALIDATION_EXCEPTION":             Permanent,
	"INVALID_EMAIL_ADDRESS":                         Permanent,
	"NUMBER_OUTSIDE_VALID_RANGE":                    Permanent,
	"FIELD_INTEGRITY_EXCEPTION":                     Permanent,
	"INSUFFICIENT_ACCESS_OR_READONLY":               Permanent,
	"INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Permanent,
	"JSON_PARSER_ERROR":                             Permanent,
	"MALFORMED_QUERY":                               Permanent,
	"MALFORMED_SEARCH":                              Permanent,
	"INVALID_QUERY_FILTER_OPERATOR":                 Permanent,
	"METHOD_NOT_ALLOWED":                            Permanent,
	"API_DISABLED_FOR_ORG":                          Permanent,
	"STORAGE_LIMIT_EXCEEDED":                        Permanent,
	"LIMIT_EXCEEDED":                                Permanent,
	"TXN_SECURITY_METERING_ERROR":                   Permanent,
	"DUPLICATES_DETECTED":                           Permanent,
	"QUERY_TIMEOUT":                                 Permanent,
	"OPERATION_TOO_LARGE":                           Permanent,

	// The transaction was rolled back or never begun, so that even a POST may be repeated.
	"UNABLE_TO_LOCK_ROW":                                  Backoff,
	"TOO_MANY_APEX_REQUESTS":                              Backoff,
	"RECORD_IN_USE_BY_WORKFLOW":                           Backoff,
	"INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE": Backoff,
	"PLATFORM_EVENT_PUBLISHING_UNAVAILABLE":               Backoff,
	"REQUEST_RUNNING_TOO_LONG":                            Backoff,
	// Another part of the same composite or collection failed and took this one with it.
	"PROCESSING_HALTED":                 Backoff,
	"ALL_OR_NONE_OPERATION_ROLLED_BACK": Backoff,

	// The server itself does not know how far it came.
	"UNKNOWN_EXCEPTION":  Ambiguous,
	"SERVER_UNAVAILABLE": Ambiguous,
}

// slow lists the codes that clear in tens of seconds rather than at once.
// A second try within a second would meet the same maintenance or the same crowd.
var slow = []string{
	"TOO_MANY_APEX_REQUESTS", "RECORD_IN_USE_BY_WORKFLOW", "PLATFORM_EVENT_PUBLISHING_UNAVAILABLE",
	"INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "API_CURRENTLY_DISABLED", "REQUEST_RUNNING_TOO_LONG",
}

// sternness orders classes for an answer that carries several codes: a record found under
// our key outweighs what else was wrong with it, a doubt outweighs a refusal, and a refusal
// outweighs a pause, because a try that is refused as well is wasted.
var sternness = []Class{Backoff, Permanent, Ambiguous, Resolved, Park, Refresh}

// classify decides the class of an answered call. The order of the rules is the order of
// what is known best: codes, then status.
func (e *Error) classify(keyField string, html bool) Class {
	if e.Status == http.StatusUnauthorized && !e.Has("INVALID_SESSION_ID") {
		return Permanent // a refused session did no work, and a new one will not help
	}
	// A page instead of an answer is the edge's or a maintenance window's: what stood behind it may
	// have been reached first.
	if html {
		return Ambiguous
	}
	var worst Class
	for _, c := range e.Codes {
		class := e.classOfCode(c, keyField)
		if slices.Index(sternness, class) > slices.Index(sternness, worst) {
			worst = class
		}
	}
	if worst != "" {
		return worst
	}
	return classOfStatus(e.Status)
}

// classOfCode judges one code, where needed by its message and the status. The switch holds
// the codes that mean two things; what tells them apart stands with each.
func (e *Error) classOfCode(c ErrorCode, keyField string) Class {
	switch c.Code {
	case "INVALID_SESSION_ID":
		if e.Status == http.StatusUnauthorized && !notExpiry(c.Message) {
			return Refresh
		}
		return Permanent
	case "REQUEST_LIMIT_EXCEEDED":
		// The same code for the day's total and for too many long requests just now.
		if strings.Contains(c.Message, "Concurrent") {
			return Backoff
		}
		return Park
	case "API_CURRENTLY_DISABLED":
		// For the time of a maintenance, or for a user who may not use the API at all.
		if strings.Contains(strings.ToLower(c.Message), "maintenance") {
			return Backoff
		}
		return Permanent
	case "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER":
		// An Apex trigger or flow threw; what it met may be a lock.
		if strings.Contains(c.Message, "UNABLE_TO_LOCK_ROW") {
			return Backoff
		}
		return Permanent
	case "DUPLICATE_VALUE":
		if keyField != "" && duplicatesKey(c, keyField) {
			return Resolved
		}
		return Permanent
	}
	if class, ok := classes[c.Code]; ok {
		return class
	}
	return classOfStatus(e.Status)
}

// notExpiry knows the 401s that say INVALID_SESSION_ID about a session that is alive but
// not good for this API; renewing would loop. The wordings are those jsforce matches.
func notExpiry(message string) bool {
	return strings.Contains(message, "not valid for use with the REST API") ||
		strings.Contains(message, "not attached to Agent")
}

// duplicatesKey says whether a DUPLICATE_VALUE is about the key field. Salesforce writes
// "<unknown>" while the winner of a race is not yet committed, and words the message in the
// user's language; the field's API name appears in every wording.
func duplicatesKey(c ErrorCode, keyField string) bool {
	if slices.ContainsFunc(c.Fields, func(f string) bool { return strings.EqualFold(f, keyField) }) {
		return true
	}
	if m := duplicatePattern.FindStringSubmatch(c.Message); m != nil {
		return strings.EqualFold(m[1], keyField) || m[1] == "<unknown>"
	}
	return slices.ContainsFunc(strings.FieldsFunc(c.Message, notName), func(word string) bool {
		return strings.EqualFold(word, keyField)
	})
}

// notName says whether r separates API names in prose.
func notName(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// classOfStatus judges an answer without a code that is known.
//
// A redirect did no work and ends when the token's next renewal brings the new instance
// URL. 420 (edge knows no route), 406 and 429 are not documented to come before any work.
func classOfStatus(status int) Class {
	switch {
	case status == http.StatusMultipleChoices, status == http.StatusNotModified:
		return Permanent
	case status > 300 && status < 400:
		return Backoff
	case status == 406, status == 408, status == 420, status == 429, status >= 500, status < 300:
		return Ambiguous
	}
	return Permanent
}

// pause is the least wait for classes that clear by themselves, where Salesforce sends no
// Retry-After, as core REST never does.
func (e *Error) pause() time.Duration {
	switch {
	case e.Class == Park:
		// The count is of the last 24 hours and falls as they move on, not at midnight.
		return 5 * time.Minute
	case e.Class == Backoff && slices.ContainsFunc(slow, e.Has):
		return 10 * time.Second
	case e.Class == Backoff && e.Has("REQUEST_LIMIT_EXCEEDED"):
		return time.Second
	}
	return 0
}
