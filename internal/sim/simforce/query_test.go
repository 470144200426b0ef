package simforce

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// gallery is an org with a few leads, told apart by last name.
func gallery(t *testing.T) *peer {
	t.Helper()
	p := newPeer(t, bare())
	account := p.org.Put("Account", map[string]any{"Name": "ACME", "AccountNumber": "A-1"})
	p.org.Put("Contact", map[string]any{"LastName": "Carr", "AccountId": account})
	p.org.Put("Contact", map[string]any{"LastName": "Dorn"})
	for _, l := range []map[string]any{
		{"LastName": "Abe", "Company": "x", "Budget__c": 100, "Email": "abe@x.test", "DoNotCall": true},
		{"LastName": "Bea", "Company": "50% off_x", "Budget__c": 200.5, "Description": "long"},
		{"LastName": "O'Hara", "Company": `a\b`, "Phone": "+1 415", "Last_AI_Contact__c": "2026-01-02T03:04:05.000+0000"},
	} {
		p.org.Put("Lead", l)
	}
	return p
}

func TestSOQLSelects(t *testing.T) {
	p := gallery(t)
	for soql, want := range map[string]string{
		"SELECT Name FROM Lead":                                                                    "Abe Bea O'Hara",
		"select name from lead":                                                                    "Abe Bea O'Hara",
		"SELECT Name FROM Lead WHERE Budget__c > 100":                                              "Bea",
		"SELECT Name FROM Lead WHERE Budget__c >= 100 AND Budget__c < 200.5":                       "Abe",
		"SELECT Name FROM Lead WHERE Budget__c = NULL":                                             "O'Hara",
		"SELECT Name FROM Lead WHERE Budget__c != 100":                                             "Bea O'Hara",
		"SELECT Name FROM Lead WHERE DoNotCall = TRUE":                                             "Abe",
		"SELECT Name FROM Lead WHERE LastName = 'o\\'hara'":                                        "O'Hara",
		"SELECT Name FROM Lead WHERE Company = 'a\\\\b'":                                           "O'Hara",
		"SELECT Name FROM Lead WHERE Company LIKE '50\\% off\\_%'":                                 "Bea",
		"SELECT Name FROM Lead WHERE LastName LIKE '_E%'":                                          "Bea",
		"SELECT Name FROM Lead WHERE LastName LIKE '%e%'":                                          "Abe Bea",
		"SELECT Name FROM Lead WHERE LastName LIKE '.*'":                                           "",
		"SELECT Name FROM Lead WHERE LastName IN ('abe', 'Bea')":                                   "Abe Bea",
		"SELECT Name FROM Lead WHERE LastName NOT IN ('abe', 'Bea')":                               "O'Hara",
		"SELECT Name FROM Lead WHERE (LastName = 'Abe' OR LastName = 'Bea') AND DoNotCall = false": "Bea",
		"SELECT Name FROM Lead WHERE NOT LastName = 'Abe'":                                         "Bea O'Hara",
		"SELECT Name FROM Lead WHERE (NOT LastName = 'Abe') AND Phone = null":                      "Bea",
		"SELECT Name FROM Lead WHERE Phone = ''":                                                   "Abe Bea",
		"SELECT Name FROM Lead WHERE LastName = '\\u0041be'":                                       "Abe",
		"SELECT Name FROM Lead WHERE Last_AI_Contact__c = 2026-01-02T03:04:05Z":                    "O'Hara",
		"SELECT Name FROM Lead WHERE Last_AI_Contact__c < 2026-01-02T04:04:06+01:00":               "O'Hara",
		"SELECT Name FROM Lead WHERE CreatedDate = TODAY":                                          "Abe Bea O'Hara",
		"SELECT Name FROM Lead WHERE CreatedDate = LAST_N_DAYS:3 AND CreatedDate >= YESTERDAY":     "Abe Bea O'Hara",
		"SELECT Name FROM Lead WHERE CreatedDate > TODAY":                                          "",
		"SELECT Name FROM Lead ORDER BY Budget__c DESC":                                            "O'Hara Bea Abe",
		"SELECT Name FROM Lead ORDER BY Budget__c ASC NULLS LAST":                                  "Abe Bea O'Hara",
		"SELECT Name FROM Lead ORDER BY DoNotCall, LastName DESC LIMIT 2":                          "O'Hara Bea",
		"SELECT Name FROM Lead ORDER BY LastName LIMIT 1 OFFSET 1":                                 "Bea",
		"SELECT Name FROM Lead LIMIT 0":                                                            "",
		"SELECT Name FROM Contact WHERE Account.AccountNumber = 'a-1'":                             "Carr",
		"SELECT Name FROM Contact WHERE Account.Name = null":                                       "Dorn",
		"SELECT Name FROM Lead WHERE Owner.Type = 'User' AND LastName < 'B'":                       "Abe",
	} {
		if got := p.names(soql); got != want {
			t.Errorf("%s:\ngot  %q\nwant %q", soql, got, want)
		}
	}
}

func TestSOQLAnswersNestParents(t *testing.T) {
	p := gallery(t)
	g := p.query("SELECT LastName, Account.Name, Account.Owner.Name, Account.AccountNumber FROM Contact")
	p.want(g, 200, `"Account":{"attributes":{"type":"Account","url":"/services/data/v67.0/sobjects/Account/001`,
		`"Name":"ACME","Owner":{"attributes":{"type":"User"`, `"AccountNumber":"A-1"}`, `"LastName":"Dorn","Account":null`)
	p.want(p.query("SELECT COUNT() FROM Lead WHERE LastName != 'Abe'"), 200, `{"totalSize":2,"done":true,"records":[]}`)
	p.want(p.query("SELECT COUNT(Id), MAX(Budget__c) top, MIN(LastName) FROM Lead"), 200,
		`"records":[{"attributes":{"type":"AggregateResult"},"expr0":3,"top":200.5,"expr2":"Abe"}]`)
}

func TestSOQLRefusals(t *testing.T) {
	p := gallery(t)
	for soql, code := range map[string]string{
		"":                                       "MALFORMED_QUERY",
		"SELECT FROM Lead":                       "MALFORMED_QUERY",
		"SELECT Id Lead":                         "MALFORMED_QUERY",
		"DELETE FROM Lead":                       "MALFORMED_QUERY",
		"SELECT * FROM Lead":                     "MALFORMED_QUERY",
		"SELECT Id FROM Lead;":                   "MALFORMED_QUERY",
		"SELECT Id FROM Lead LIMIT -1":           "MALFORMED_QUERY",
		"SELECT Id FROM Lead LIMIT 1 WHERE Id=1": "MALFORMED_QUERY",
		"SELECT Id FROM Lead OFFSET 2001":        "NUMBER_OUTSIDE_VALID_RANGE",
		"SELECT Id FROM Lead GROUP BY Id":        "simforce does not support GROUP",
		"SELECT Id, (SELECT Id FROM Contacts) FROM Account":                         "simforce does not support sub-queries",
		"SELECT Id FROM Lead WHERE Id IN (SELECT WhoId FROM Task)":                  "simforce does not support sub-queries",
		"SELECT Id FROM Lead WHERE LastName = 'a' AND Company = 'b' OR Phone = 'c'": "unexpected token: 'OR'",
		"SELECT Id FROM Lead WHERE NOT LastName = 'a' AND Company = 'b'":            "unexpected token: 'AND'",
		"SELECT Id FROM Lead WHERE LastName = 'O'Hara'":                             "MALFORMED_QUERY",
		"SELECT Id FROM Lead WHERE LastName = 'open":                                "MALFORMED_QUERY",
		`SELECT Id FROM Lead WHERE LastName = 'a\x'`:                                "MALFORMED_QUERY",
		`SELECT Id FROM Lead WHERE LastName = 'a\'`:                                 "MALFORMED_QUERY",
		`SELECT Id FROM Lead WHERE LastName = '\u12'`:                               "MALFORMED_QUERY",
		`SELECT Id FROM Lead WHERE LastName = 'a\%'`:                                "MALFORMED_QUERY",
		"SELECT Id FROM Lead WHERE LastName = 'a\nb'":                               "MALFORMED_QUERY",
		"SELECT Id FROM Lead WHERE LastName = \"a\"":                                "MALFORMED_QUERY",
		"SELECT Id FROM Lead WHERE LastName = '" + strings.Repeat("x", 4001) + "'":  "MALFORMED_QUERY",
		"SELECT Id FROM Lead WHERE LastName = a":                                    "INVALID_FIELD",
		"SELECT Id FROM Lead WHERE LastName = 5":                                    "INVALID_FIELD",
		"SELECT Id FROM Lead WHERE Budget__c = '5'":                                 "should not be enclosed in quotes",
		"SELECT Id FROM Lead WHERE DoNotCall = 'true'":                              "INVALID_FIELD",
		"SELECT Id FROM Lead WHERE CreatedDate > 2026-01-01":                        "INVALID_FIELD",
		"SELECT Id FROM Lead WHERE CreatedDate > '2026-01-01T00:00:00Z'":            "INVALID_FIELD",
		"SELECT Id FROM Lead WHERE CreatedDate > 2026-01-01T00:00:00":               "INVALID_FIELD",
		"SELECT Id FROM Task WHERE ActivityDate = 2026-13-01":                       "INVALID_FIELD",
		"SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DAYS":                       "MALFORMED_QUERY",
		"SELECT Id FROM Lead WHERE CreatedDate = TODAY:3":                           "MALFORMED_QUERY",
		"SELECT Id FROM Lead WHERE Id = 'abc'":                                      "INVALID_QUERY_FILTER_OPERATOR",
		"SELECT Id FROM Lead WHERE Id LIKE '00Q%'":                                  "INVALID_QUERY_FILTER_OPERATOR",
		"SELECT Id FROM Lead WHERE DoNotCall > false":                               "INVALID_QUERY_FILTER_OPERATOR",
		"SELECT Id FROM Lead WHERE Budget__c LIKE '1%'":                             "INVALID_QUERY_FILTER_OPERATOR",
		"SELECT Id FROM Lead WHERE Description = 'x'":                               "field 'Description' can not be filtered in a query call",
		"SELECT Id FROM Lead ORDER BY Description":                                  "can not be sorted",
		"SELECT Id, Nope FROM Lead":                                                 "INVALID_FIELD",
		"SELECT Id, id FROM Lead":                                                   "duplicate field selected",
		"SELECT AccountNumber FROM Case":                                            "INVALID_FIELD",
		"SELECT Nope.Name FROM Case":                                                "Didn't understand relationship",
		"SELECT Id FROM Nope":                                                       "INVALID_TYPE",
		"SELECT Id FROM Lead WHERE Nope = 1":                                        "INVALID_FIELD",
		"SELECT Id FROM Lead ORDER BY Nope":                                         "INVALID_FIELD",
		"SELECT Id FROM Lead WHERE":                                                 "MALFORMED_QUERY",
		"SELECT Id FROM Lead WHERE (LastName = 'a'":                                 "MALFORMED_QUERY",
		"SELECT Id FROM Lead WHERE LastName IN ()":                                  "MALFORMED_QUERY",
		"SELECT Id FROM Lead -- x":                                                  "MALFORMED_QUERY",
		"SELECT LastName, COUNT(Id) FROM Lead":                                      "MALFORMED_QUERY",
	} {
		if g := p.query(soql); g.status != 400 || !strings.Contains(g.body, code) {
			t.Errorf("%s:\ngot  %d %s\nwant 400 %s", soql, g.status, g.body, code)
		}
	}
}

func TestCursorIsBoundToItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := bare()
		o.PageSize, o.Rotation = 2, true
		p := newPeer(t, o)
		for i := range 5 {
			p.org.Put("Lead", map[string]any{"LastName": fmt.Sprint("L", i), "Company": "c"})
		}
		access, refresh := p.org.SignIn()
		p.token = access
		g := p.query("SELECT Name FROM Lead")
		p.want(g, 200, `"totalSize":5,"done":false`)
		next := g.text(t, "nextRecordsUrl")
		if !strings.HasPrefix(next, "/services/data/v67.0/query/01g") || !strings.HasSuffix(next, "-2") {
			t.Fatalf("nextRecordsUrl: got %q", next)
		}
		page := func(url string) got { return p.send(p.request("GET", url, "")) }
		g = page(next)
		p.want(g, 200, `"done":false`, `"Name":"L2"`, `"Name":"L3"`)
		p.want(page(g.text(t, "nextRecordsUrl")), 200, `"done":true`, `"Name":"L4"`)
		p.want(page("/services/data/v67.0/query/01gHs0000000000AAA-2"), 400, `"INVALID_QUERY_LOCATOR"`)
		p.token = p.refresh(refresh).text(t, "access_token")
		p.want(page(next), 400, `"INVALID_QUERY_LOCATOR"`)
	})
}

func TestBatchSizeIsAHint(t *testing.T) {
	p := newPeer(t, bare())
	for range 450 {
		p.org.Put("Lead", map[string]any{"LastName": "L", "Company": "c"})
	}
	p.want(p.query("SELECT Id FROM Lead"), 200, `"done":true`)
	p.want(p.with("Sforce-Query-Options", "batchSize=200").query("SELECT Id FROM Lead"), 200, `"done":false`, `-200"`)
	p.want(p.with("Sforce-Query-Options", "batchSize=20").query("SELECT Id FROM Lead"), 200, `"done":true`)
}

func TestLongAnswersAreCompressedForWhoAsks(t *testing.T) {
	p := newPeer(t, bare())
	plain := p.do("GET", "/sobjects/Lead/describe", "")
	zipped := p.with("Accept-Encoding", "gzip").do("GET", "/sobjects/Lead/describe", "")
	if plain.header.Get("Content-Encoding") != "" || zipped.header.Get("Content-Encoding") != "gzip" || len(zipped.body) >= len(plain.body) {
		t.Errorf("got encodings %q and %q, want none and gzip", plain.header.Get("Content-Encoding"), zipped.header.Get("Content-Encoding"))
	}
}

const phoneSearch = `{"q":"4155550123","in":"PHONE","fields":["Id","Name"],"sobjects":[{"name":"Contact","fields":["Id","Name"],"limit":5},{"name":"Lead"}],"overallLimit":10,"defaultLimit":10,"spellCorrection":false}`

func TestSearchIndexIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, bare())
		find := func() got { return p.do("POST", "/parameterizedSearch", phoneSearch) }
		id := p.make("Lead", `{"LastName":"Doe","Company":"ACME","Phone":"+1 (415) 555-0123"}`)
		p.want(find(), 200, `{"searchRecords":[]}`)
		if got := p.names("SELECT Name FROM Lead"); got != "Doe" {
			t.Errorf("the query lags too: got %q", got)
		}
		time.Sleep(15 * time.Minute)
		p.want(find(), 200, `"Name":"Doe"`)
		p.want(p.do("PATCH", "/sobjects/Lead/"+id, `{"Phone":null}`), 204)
		p.want(find(), 200, `"Name":"Doe"`) // the index still has the old number
		time.Sleep(15 * time.Minute)
		p.want(find(), 200, `{"searchRecords":[]}`)
		p.org.Put("Contact", map[string]any{"LastName": "Old", "Phone": "415.555.0123"})
		p.want(find(), 200, `"Name":"Old"`)
	})
}

func TestSOSL(t *testing.T) {
	o := bare()
	o.SearchLag = -1
	p := newPeer(t, o)
	p.org.Put("Lead", map[string]any{"FirstName": "Ann", "LastName": "O'Hara", "Company": "Blue Sky", "Phone": "14155550123", "Email": "ann@sky.test"})
	p.org.Put("Contact", map[string]any{"FirstName": "Ann", "LastName": "Lee", "MobilePhone": "(415) 555-0123"})
	sosl := func(q string) got {
		return p.send(p.request(http.MethodGet, "/services/data/v67.0/search?"+"q="+strings.NewReplacer(" ", "+", "{", "%7B", "}", "%7D", "\\", "%5C", "&", "%26", "+", "%2B").Replace(q), ""))
	}
	p.want(sosl("FIND {4155550123} IN PHONE FIELDS RETURNING Lead(Id,Name),Contact(Id,Name) LIMIT 5"), 200, `{"searchRecords":[{"attributes":{"type":"Lead"`, `"Name":"Ann Lee"`)
	p.want(sosl("FIND {14155550123} IN PHONE FIELDS RETURNING Contact"), 200, `{"searchRecords":[]}`)
	p.want(sosl("FIND {ann} IN NAME FIELDS RETURNING Lead(Name WHERE Company = 'Blue Sky' LIMIT 1), Contact(Name)"), 200, `"Name":"Ann O'Hara"`, `"Name":"Ann Lee"`)
	p.want(sosl(`FIND {O\'Hara OR nobody} RETURNING Lead(Name)`), 200, `"Name":"Ann O'Hara"`)
	p.want(sosl("FIND {an*} RETURNING Contact(Name)"), 200, `"Name":"Ann Lee"`)
	p.want(sosl("FIND {an} RETURNING Contact(Name)"), 200, `{"searchRecords":[]}`)
	for q, code := range map[string]string{
		"FIND {a} RETURNING Lead": "MALFORMED_SEARCH", "FIND ann RETURNING Lead": "MALFORMED_SEARCH", "FIND {(415)} RETURNING Lead": "MALFORMED_SEARCH",
		"FIND {ann": "MALFORMED_SEARCH", "FIND {ann} RETURNING Nope": "INVALID_TYPE", "FIND {ann} RETURNING Lead(Nope)": "INVALID_FIELD",
		`FIND {a\nn} RETURNING Lead`: "MALFORMED_SEARCH", "FIND {ann} RETURNING Lead LIMIT 2001": "MALFORMED_SEARCH",
	} {
		p.want(sosl(q), 400, code)
	}
	old := p.send(p.request("GET", "/services/data/v36.0/search?q=FIND+%7Bann%7D+RETURNING+Lead(Id)", ""))
	if !strings.HasPrefix(old.body, "[{") {
		t.Errorf("v36.0: got %s, want a bare array", old.body)
	}
}

func TestParameterizedSearchRefusals(t *testing.T) {
	p := newPeer(t, bare())
	post := func(body string) got { return p.do("POST", "/parameterizedSearch", body) }
	p.want(post(`{"q":"x","sobjects":[{"name":"Lead"}]}`), 400, "MALFORMED_SEARCH")
	p.want(post(`{"q":"xyz","sobjects":[{"name":"Lead","limit":2001}]}`), 400)
	p.want(post(`{"q":"xyz","objects":[{"name":"Lead"}]}`), 400, "JSON_PARSER_ERROR")
	p.want(post(`{"q":"xyz","sobjects":[{"name":"Lead","fields":["Nope"]}]}`), 400, "INVALID_FIELD")
	p.want(p.do("GET", "/parameterizedSearch?q=xyz&sobject=Lead&Lead.fields=Id,Name&in=NAME", ""), 200, `{"searchRecords":[]}`)
}
