package salesforce

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every code that the vendor's documents or recorded answers name, under the status with
// which it was seen, on an upsert by Hookswitch_Key__c.
var refusals = []struct {
	status        int
	code, message string
	want          Class
}{
	{401, "INVALID_SESSION_ID", "Session expired or invalid", Refresh},
	{401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API", Permanent},
	{401, "INVALID_SESSION_ID", "Connected app is not attached to Agent", Permanent},
	{401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", Permanent},
	{403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", Park},
	{403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", Backoff},
	{503, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", Backoff},
	{400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 0011x...", Backoff},
	{400, "QUERY_TIMEOUT", "Your query request was running for too long.", Permanent},
	{400, "OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's", Permanent},
	{500, "UNKNOWN_EXCEPTION", "An unexpected error occurred.", Ambiguous},
	{503, "SERVER_UNAVAILABLE", "Server is too busy", Ambiguous},
	{500, "SOMETHING_NEW", "", Ambiguous},
	{502, "", "", Ambiguous},
	{420, "", "", Ambiguous},
	{406, "", "", Ambiguous},
	{429, "", "", Ambiguous},
	{400, "TOO_MANY_APEX_REQUESTS", "", Backoff},
	{400, "RECORD_IN_USE_BY_WORKFLOW", "", Backoff},
	{400, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "", Backoff},
	{500, "PLATFORM_EVENT_PUBLISHING_UNAVAILABLE", "", Backoff},
	{403, "API_CURRENTLY_DISABLED", "API is disabled during maintenance", Backoff},
	{403, "API_CURRENTLY_DISABLED", "API is currently disabled for this user", Permanent},
	{503, "REQUEST_RUNNING_TOO_LONG", "", Backoff},
	{400, "DUPLICATE_VALUE", "duplicate value found: Hookswitch_Key__c duplicates value on record with id: 0018M000003uKqq", Resolved},
	{400, "DUPLICATE_VALUE", "duplicate value found: <unknown> duplicates value on record with id: <unknown>", Resolved},
	{400, "DUPLICATE_VALUE", "doppelter Wert: Hookswitch_Key__c", Resolved},
	{400, "DUPLICATE_VALUE", "duplicate value found: Ext__c duplicates value on record with id: 0018M000003uKqq", Permanent},
	{400, "DUPLICATE_VALUE", "duplicate value found: Other_Hookswitch_Key__c duplicates value on record with id: 0018M000003uKqq", Permanent},
	{400, "DUPLICATES_DETECTED", "Use one of these records?", Permanent},
	{404, "NOT_FOUND", "The requested resource does not exist", Permanent},
	{404, "ENTITY_IS_DELETED", "entity is deleted", Permanent},
	{400, "INVALID_CROSS_REFERENCE_KEY", "", Permanent},
	{400, "MALFORMED_ID", "Account ID: id value of incorrect type: 001900K0001pPuOAAU", Permanent},
	{400, "INVALID_FIELD", "No such column 'foo' on sobject of type Bar", Permanent},
	{400, "INVALID_TYPE", "", Permanent},
	{400, "INVALID_FIELD_FOR_INSERT_UPDATE", "", Permanent},
	{400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Company]", Permanent},
	{400, "STRING_TOO_LONG", "", Permanent},
	{400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "", Permanent},
	{400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "", Permanent},
	{400, "FIELD_FILTER_VALIDATION_EXCEPTION", "", Permanent},
	{400, "INVALID_EMAIL_ADDRESS", "", Permanent},
	{400, "NUMBER_OUTSIDE_VALID_RANGE", "", Permanent},
	{400, "FIELD_INTEGRITY_EXCEPTION", "", Permanent},
	{400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "LeadTrigger: execution of BeforeInsert", Permanent},
	{400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "LeadTrigger: ... first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access", Backoff},
	{403, "INSUFFICIENT_ACCESS_OR_READONLY", "", Permanent},
	{400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "", Permanent},
	{400, "JSON_PARSER_ERROR", "", Permanent},
	{400, "MALFORMED_QUERY", "", Permanent},
	{400, "MALFORMED_SEARCH", "", Permanent},
	{400, "INVALID_QUERY_FILTER_OPERATOR", "", Permanent},
	{405, "METHOD_NOT_ALLOWED", "", Permanent},
	{403, "API_DISABLED_FOR_ORG", "", Permanent},
	{400, "STORAGE_LIMIT_EXCEEDED", "", Permanent},
	{400, "LIMIT_EXCEEDED", "", Permanent},
	{400, "TXN_SECURITY_METERING_ERROR", "", Permanent},
	{500, "TXN_SECURITY_METERING_ERROR", "", Permanent},
	{400, "PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed.", Backoff},
	{400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", "", Backoff},
	{410, "UNSUPPORTED_API_VERSION", "", Permanent},
	{414, "", "", Permanent},
	{431, "", "", Permanent},
	{400, "SOMETHING_NEW", "", Permanent},
	{301, "", "", Backoff},
	{307, "", "", Backoff},
	{202, "", "", Ambiguous},
}

func TestEveryKnownRefusalHasItsClass(t *testing.T) {
	r := call{op: "upsert", object: "Lead", keyField: "Hookswitch_Key__c"}
	for _, tt := range refusals {
		a := answer{status: tt.status, header: http.Header{}, body: []byte(failure(tt.code, tt.message))}
		if tt.code == "" {
			a.body = nil
		}
		if got := r.judge(a).Class; got != tt.want {
			t.Errorf("%d %s %q: got %s, want %s", tt.status, tt.code, tt.message, got, tt.want)
		}
	}
}

func TestPageInsteadOfJSONIsAmbiguousWhateverItsStatus(t *testing.T) {
	for _, status := range []int{400, 404, 420, 500, 502, 503} {
		e := call{}.judge(answer{status: status, body: []byte("\n<html><body>Maintenance</body></html>")})
		if e.Class != Ambiguous || e.Status != status || e.Body == "" {
			t.Errorf("HTML under %d: got %s %d, want ambiguous with status and body kept", status, e.Class, e.Status)
		}
	}
}

func TestSeveralCodesAreJudgedByTheGravest(t *testing.T) {
	r := call{keyField: "Key__c"}
	tests := []struct {
		codes []string
		want  Class
	}{
		{[]string{"UNABLE_TO_LOCK_ROW", "REQUIRED_FIELD_MISSING"}, Permanent},
		{[]string{"REQUIRED_FIELD_MISSING", "UNKNOWN_EXCEPTION"}, Ambiguous},
	}
	for _, tt := range tests {
		body := `[{"errorCode":"` + strings.Join(tt.codes, `"},{"errorCode":"`) + `"}]`
		if got := r.judge(answer{status: 400, body: []byte(body)}).Class; got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.codes, got, tt.want)
		}
	}
}

func TestDuplicatesAreNamed(t *testing.T) {
	const detected = `[{"duplicateResult":{"allowSave":true,"duplicateRule":"Standard_Contact_Duplicate_Rule","duplicateRuleEntityType":"Contact",
	  "errorMessage":"Use one of these records?","matchResults":[{"entityType":"Contact","errors":[],"matchEngine":"FuzzyMatchEngine",
	  "matchRecords":[{"additionalInformation":[],"fieldDiffs":[],"matchConfidence":100.0,"record":{"attributes":{"type":"Contact","url":"..."},"Id":"003aj000002oTldAAE"}}],
	  "rule":"Standard_Contact_Match_Rule_v1_1","size":1,"success":true}]},
	  "errorCode":"DUPLICATES_DETECTED","message":"Use one of these records?"}]`
	tests := []struct {
		name   string
		status int
		body   string
		want   []Match
	}{
		{"duplicate rule", 400, detected, []Match{{ID: contactID, Object: "Contact", Rule: "Standard_Contact_Duplicate_Rule", AllowSave: true}}},
		{
			"300", 300, `["/services/data/v60.0/sobjects/Contact/0033h00000Kzv3AAAR","/services/data/v60.0/sobjects/Contact/0033h00000Kzv3BAAZ"]`,
			[]Match{{ID: "0033h00000Kzv3AAAR", Object: "Contact"}, {ID: "0033h00000Kzv3BAAZ", Object: "Contact"}},
		},
		{
			"unique field", 400, failure("DUPLICATE_VALUE", "duplicate value found: Ext__c duplicates value on record with id: 0018M000003uKqq"),
			[]Match{{ID: received("0018M000003uKqq"), Object: "Lead"}},
		},
		{
			"unique field, race", 400, failure("DUPLICATE_VALUE", "duplicate value found: Ext__c duplicates value on record with id: <unknown>"),
			[]Match{{Object: "Lead"}},
		},
	}
	for _, tt := range tests {
		e := call{object: "Lead"}.judge(answer{status: tt.status, body: []byte(tt.body)})
		if diff := cmp.Diff(tt.want, e.Matches); diff != "" || e.Class != Permanent {
			t.Errorf("%s: class %s, matches (-want +got):\n%s", tt.name, e.Class, diff)
		}
	}
}

func TestMissingKeyFieldIsNotAMissingRecord(t *testing.T) {
	field := call{}.judge(answer{status: 404, body: []byte(failure("NOT_FOUND", "Provided external ID field does not exist or is not accessible: Namez"))})
	record := call{}.judge(answer{status: 404, body: []byte(failure("NOT_FOUND", "The requested resource does not exist"))})
	if field.Absent() || !record.Absent() {
		t.Errorf("absent: field %v, record %v, want false, true", field.Absent(), record.Absent())
	}
	if field.Hint() == "" {
		t.Error("no hint for a missing external-id field")
	}
}

func TestErrorTextQuotesNothingThatWasSent(t *testing.T) {
	e := call{op: "create", object: "Lead"}.judge(answer{
		status: 400,
		body:   []byte(failure("INVALID_EMAIL_ADDRESS", "Email: invalid email address: ann@example", "Email")),
	})
	if s := e.Error(); strings.Contains(s, "ann@") || !strings.Contains(s, "INVALID_EMAIL_ADDRESS (Email)") {
		t.Errorf("got %q, want code and field without the address", s)
	}
	if !strings.Contains(e.Detail(), "ann@") {
		t.Errorf("detail %q: want Salesforce's words", e.Detail())
	}
}

func TestPauses(t *testing.T) {
	tests := []struct {
		code, message, header string
		want                  time.Duration
	}{
		{"REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", "", 5 * time.Minute},
		{"REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests", "", time.Second},
		{"RECORD_IN_USE_BY_WORKFLOW", "", "", 10 * time.Second},
		{"UNABLE_TO_LOCK_ROW", "", "", 0},
		{"UNABLE_TO_LOCK_ROW", "", "7", 7 * time.Second},
	}
	for _, tt := range tests {
		e := call{}.judge(answer{status: 403, header: http.Header{"Retry-After": {tt.header}}, body: []byte(failure(tt.code, tt.message))})
		if e.RetryAfter != tt.want {
			t.Errorf("%s %q: got %v, want %v", tt.code, tt.message, e.RetryAfter, tt.want)
		}
	}
}

func TestForeignErrorIsAmbiguous(t *testing.T) {
	if got := ClassOf(errors.New("other")); got != Ambiguous {
		t.Errorf("got %q, want ambiguous", got)
	}
	if got := ClassOf(nil); got != "" {
		t.Errorf("got %q for nil, want none", got)
	}
}
