package salesforce

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestQueriesReadAsWritten(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("x", 3600))
	tests := []struct {
		b    *Builder
		want string
	}{
		{Select("Id", "Account.Owner.Name").From("Contact"), "SELECT Id, Account.Owner.Name FROM Contact"},
		{Count().From("Lead"), "SELECT COUNT() FROM Lead"},
		{Select("Id").From("Lead").Where(Eq("LastName", String(`O'Hara \ "x"`+"\n"))), `SELECT Id FROM Lead WHERE LastName = 'O\'Hara \\ "x"\n'`},
		{
			Select("Id").From("Lead").Where(Eq("A", Int(-3)), Gt("B", Float(1.5)), Ne("C", Bool(true)), Eq("D", Null())),
			"SELECT Id FROM Lead WHERE (A = -3 AND B > 1.5 AND C != true AND D = NULL)",
		},
		{
			Select("Id").From("Lead").Where(Ge("CreatedDate", DateTime(at)), Le("D", Date(at)), Lt("E", DateLiteral("LAST_N_DAYS:30"))),
			"SELECT Id FROM Lead WHERE (CreatedDate >= 2026-01-02T02:04:05Z AND D <= 2026-01-02 AND E < LAST_N_DAYS:30)",
		},
		{
			Select("Id").From("Lead").Where(In("Phone", String("1"), String("2")), NotIn("Id", Ref(leadID))),
			"SELECT Id FROM Lead WHERE (Phone IN ('1', '2') AND Id NOT IN ('00QD000000dYKKFMA4'))",
		},
		{Select("Id").From("Lead").Where(StartsWith("Name", `50%_'\`)), `SELECT Id FROM Lead WHERE Name LIKE '50\%\_\'\\%'`},
		{Select("Id").From("Lead").Where(Contains("Phone", "415", "555")), "SELECT Id FROM Lead WHERE Phone LIKE '%415%555%'"},
		{
			Select("Id").From("Lead").Where(Or(Eq("A", Int(1)), And(Eq("B", Int(2)), Not(Eq("C", Int(3)))))).OrderBy("A").OrderByDesc("B.C").Limit(5).Offset(10),
			"SELECT Id FROM Lead WHERE (A = 1 OR (B = 2 AND (NOT C = 3))) ORDER BY A ASC, B.C DESC LIMIT 5 OFFSET 10",
		},
	}
	for _, tt := range tests {
		q, err := tt.b.Build()
		if err != nil || q.String() != tt.want {
			t.Errorf("got  %s, %v\nwant %s", q, err, tt.want)
		}
	}
}

func TestQueriesThatCarrySyntaxAreRefused(t *testing.T) {
	base := func(c Cond) *Builder { return Select("Id").From("Lead").Where(c) }
	tests := map[string]*Builder{
		"no fields":         Select().From("Lead"),
		"no object":         Select("Id"),
		"field with blank":  Select("Id, Name").From("Lead"),
		"object with blank": Select("Id").From("Lead WHERE Id != null"),
		"newline at end":    Select("Id\n").From("Lead"),
		"deep path":         Select("a.b.c.d.e.f.g").From("Lead"),
		"empty path":        Select("a..b").From("Lead"),
		"order":             Select("Id").From("Lead").OrderBy("Id DESC"),
		"condition field":   base(Eq("Id = 'x' OR Name", String("y"))),
		"like field":        base(StartsWith("1", "y")),
		"in field":          base(In("a b", Int(1))),
		"no values":         base(In("Id")),
		"no pieces":         base(Contains("Name")),
		"empty piece":       base(StartsWith("Name", "")),
		"NUL":               base(Eq("Name", String("a\x00b"))),
		"escape character":  base(Eq("Name", String("a\x1bb"))),
		"bad UTF-8":         base(Eq("Name", String("a\xffb"))),
		"long text":         base(Eq("Name", String(strings.Repeat("x", 4001)))),
		"invented id":       base(Eq("Id", Ref("00QD000000dYKKFMA5"))),
		"date literal":      base(Eq("D", DateLiteral("TODAY OR Id != null"))),
		"not a number":      base(Eq("N", Float(math.NaN()))),
		"infinite":          base(Eq("N", Float(math.Inf(1)))),
		"year":              base(Eq("D", Date(time.Time{}))),
		"inside or":         base(Or(Eq("A", Int(1)), Not(Eq("b c", Int(1))))),
		"limit":             Select("Id").From("Lead").Limit(0),
		"offset":            Select("Id").From("Lead").Offset(2001),
		"empty and":         base(And()),
		"too long to send":  base(In("Name", String(strings.Repeat("é", 2000)), String(strings.Repeat(" ", 2000)))),
	}
	for name, b := range tests {
		if q, err := b.Build(); err == nil {
			t.Errorf("%s: built %s", name, q)
		}
	}
}

// readLiteral reads one quoted string by the vendor's rules and returns its value and what
// follows. It knows nothing of how the builder writes.
func readLiteral(s string, like bool) (value, rest string, err error) {
	if !strings.HasPrefix(s, "'") {
		return "", s, errors.New("no opening quote")
	}
	sequences := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f', '"': '"', '\'': '\'', '\\': '\\'}
	if like {
		sequences['_'], sequences['%'] = '_', '%'
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			return b.String(), s[i+1:], nil
		case c == '\\':
			i++
			if i == len(s) || sequences[s[i]] == 0 {
				return "", "", errors.New("backslash without a sequence")
			}
			b.WriteByte(sequences[s[i]])
		case like && (c == '%' || c == '_'):
			b.WriteByte(0) // a wildcard, told apart from its escaped form
		case c < ' ':
			return "", "", errors.New("raw control character")
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("no closing quote")
}

func FuzzStringsStayInsideTheirQuotes(f *testing.F) {
	for _, s := range []string{"", "O'Hara", `\`, `\'`, "' OR Name != '", "%_", "a\nb\tc", "\u2028", "é😀", "\x00", "\xff", `\u0027`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := Select("Id").From("Lead").Where(Eq("A", String(s)), Eq("B", Int(7))).Build()
		if err != nil {
			if utf8.ValidString(s) && len(s) < 1000 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
				t.Fatalf("%q: refused: %v", s, err)
			}
			return
		}
		tail, ok := strings.CutPrefix(q.String(), "SELECT Id FROM Lead WHERE (A = ")
		if !ok {
			t.Fatalf("%q: head changed: %s", s, q)
		}
		got, rest, err := readLiteral(tail, false)
		if err != nil || got != s || rest != " AND B = 7)" {
			t.Fatalf("%q: read back %q, then %q, %v", s, got, rest, err)
		}
		if s == "" {
			return
		}
		like, err := Select("Id").From("Lead").Where(StartsWith("A", s)).Build()
		if err != nil {
			return // the escapes can make it too long
		}
		got, rest, err = readLiteral(strings.TrimPrefix(like.String(), "SELECT Id FROM Lead WHERE A LIKE "), true)
		if err != nil || got != s+"\x00" || rest != "" {
			t.Fatalf("%q: pattern read back %q, then %q, %v", s, got, rest, err)
		}
	})
}
