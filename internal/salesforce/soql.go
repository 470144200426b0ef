package salesforce

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// maxSOQL leaves room in a URI of 16,384 bytes for host, path and the rest.
	maxSOQL = 15000
	// maxLiteral is the vendor's limit on a string in a WHERE clause.
	maxLiteral = 4000
	// maxDepth is how many relationships a field path may cross.
	maxDepth = 5
)

var (
	namePattern        = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	dateLiteralPattern = regexp.MustCompile(`^(YESTERDAY|TODAY|TOMORROW|(LAST|NEXT)_90_DAYS` +
		`|(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR|FISCAL_QUARTER|FISCAL_YEAR)` +
		`|((LAST|NEXT)_N_(DAYS|WEEKS|MONTHS|QUARTERS|YEARS)|N_(DAYS|WEEKS|MONTHS|QUARTERS|YEARS)_AGO):[0-9]{1,5})$`)
)

// SOQL is a query that can be sent. It comes from a Builder, whose names are checked and
// whose values are typed, or from text that stands in the program.
type SOQL struct{ text, object string }

// String returns the query's text. It may hold personal data.
func (q SOQL) String() string { return q.text }

// literal is a type to which other packages can only convert constants.
type literal string

// Fixed is a query written in the program. The compiler accepts constants only, so that
// nothing heard or received can become part of it.
func Fixed(text literal) SOQL { return SOQL{text: string(text)} }

// Builder puts a query together. Its methods may be chained; the first fault is kept and
// returned by Build. A Builder is for one query and one goroutine.
type Builder struct {
	fields []string
	object string
	where  []Cond
	order  []string
	limit  int // below 0: none
	offset int
	err    error
}

// Select begins a query for fields or paths such as "Account.Name".
func Select(fields ...string) *Builder {
	b := &Builder{fields: fields, limit: -1}
	if len(fields) == 0 {
		b.err = errors.New("no field selected")
	}
	b.fault(checkPaths(fields...))
	return b
}

// Count begins a query for the number of rows, which is Page.Total.
// The rows themselves are not read: 2,000 of them would be a page of ids.
func Count() *Builder { return &Builder{fields: []string{"COUNT()"}, limit: -1} }

// From names the object.
func (b *Builder) From(object string) *Builder {
	b.fault(checkNames(object))
	b.object = object
	return b
}

// Where adds conditions, all of which must hold.
func (b *Builder) Where(conds ...Cond) *Builder {
	for _, c := range conds {
		b.fault(c.err)
	}
	b.where = append(b.where, conds...)
	return b
}

// OrderBy adds a field to sort by, ascending.
func (b *Builder) OrderBy(field string) *Builder { return b.sort(field, "ASC") }

// OrderByDesc adds a field to sort by, descending.
func (b *Builder) OrderByDesc(field string) *Builder { return b.sort(field, "DESC") }

// sort adds a field with its direction, which is ours and not the caller's text.
func (b *Builder) sort(field, direction string) *Builder {
	b.fault(checkPaths(field))
	b.order = append(b.order, field+" "+direction)
	return b
}

// Limit bounds the number of rows.
func (b *Builder) Limit(rows int) *Builder {
	if rows < 1 || rows > 50000 {
		b.fault(fmt.Errorf("limit %d is not between 1 and 50000", rows))
	}
	b.limit = rows
	return b
}

// Offset skips rows, at most 2,000.
// That is the vendor's bound, and pages beyond it are read by QueryAll (SOQL and SOSL Reference,
// "OFFSET").
func (b *Builder) Offset(rows int) *Builder {
	if rows < 0 || rows > 2000 {
		b.fault(fmt.Errorf("offset %d is not between 0 and 2000", rows))
	}
	b.offset = rows
	return b
}

// fault keeps the first thing that is wrong; later ones often follow from it.
func (b *Builder) fault(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Build returns the query, or the first thing that was wrong with it.
func (b *Builder) Build() (SOQL, error) {
	if b.object == "" {
		b.fault(errors.New("no object named"))
	}
	if b.err != nil {
		return SOQL{}, fmt.Errorf("soql: %w", b.err)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "SELECT %s FROM %s", strings.Join(b.fields, ", "), b.object)
	if len(b.where) > 0 {
		s.WriteString(" WHERE " + And(b.where...).text)
	}
	if len(b.order) > 0 {
		s.WriteString(" ORDER BY " + strings.Join(b.order, ", "))
	}
	if b.limit >= 0 {
		fmt.Fprintf(&s, " LIMIT %d", b.limit)
	}
	if b.offset > 0 {
		fmt.Fprintf(&s, " OFFSET %d", b.offset)
	}
	// Measured as it is sent, with each blank as three bytes.
	if n := len(url.QueryEscape(s.String())) + 2*strings.Count(s.String(), " "); n > maxSOQL {
		return SOQL{}, fmt.Errorf("soql: %d bytes when sent, at most %d fit into a request: compare with fewer values", n, maxSOQL)
	}
	return SOQL{text: s.String(), object: b.object}, nil
}

// Value is a value written as SOQL takes it. A value that cannot be written carries its
// fault along to Build, so that conditions can be put together without checks in between.
type Value struct {
	text string
	err  error
}

// String is a text value.
func String(s string) Value {
	text, err := escaped(s)
	return Value{"'" + text + "'", err}
}

// Int is a whole number.
func Int(n int64) Value { return Value{text: strconv.FormatInt(n, 10)} }

// Float is a number.
func Float(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{err: errors.New("a number is not finite")}
	}
	return Value{text: strconv.FormatFloat(f, 'f', -1, 64)}
}

// Bool is true or false.
func Bool(b bool) Value { return Value{text: strconv.FormatBool(b)} }

// Date is the day of t in t's zone.
// A day has no zone in Salesforce: which day a time is, the caller's zone has decided.
func Date(t time.Time) Value { return moment(t, time.DateOnly) }

// DateTime is the instant t, to the second, in UTC.
func DateTime(t time.Time) Value { return moment(t.UTC(), "2006-01-02T15:04:05Z") }

// moment writes a time without quotes, as SOQL wants it.
func moment(t time.Time, layout string) Value {
	if t.Year() < 1700 || t.Year() > 4000 { // the range that Salesforce keeps
		return Value{err: fmt.Errorf("year %d is not between 1700 and 4000", t.Year())}
	}
	return Value{text: t.Format(layout)}
}

// DateLiteral is one of SOQL's names for a range of days, such as TODAY or LAST_N_DAYS:30
// (SOQL and SOSL Reference, "Date Formats and Date Literals").
func DateLiteral(name string) Value {
	if !dateLiteralPattern.MatchString(name) {
		return Value{err: errors.New("not a date literal such as TODAY or LAST_N_DAYS:30")}
	}
	return Value{text: name}
}

// Ref is a record's id. Its checksum is verified again: an ID can be made by conversion.
func Ref(id ID) Value {
	id, err := ParseID(string(id))
	if err != nil {
		return Value{err: err}
	}
	return Value{text: "'" + string(id) + "'"}
}

// Null is the absence of a value.
func Null() Value { return Value{text: "NULL"} }

// Cond is a condition on rows. Its text is complete in itself: joined conditions are in
// parentheses, since SOQL refuses AND beside OR without them.
type Cond struct {
	text string
	err  error
}

// Eq holds where field equals v. Text is compared without regard to case.
func Eq(field string, v Value) Cond { return compare(field, "=", v) }

// Ne holds where field differs from v.
func Ne(field string, v Value) Cond { return compare(field, "!=", v) }

// Lt holds where field is below v.
func Lt(field string, v Value) Cond { return compare(field, "<", v) }

// Le holds where field is v or below.
func Le(field string, v Value) Cond { return compare(field, "<=", v) }

// Gt holds where field is above v.
func Gt(field string, v Value) Cond { return compare(field, ">", v) }

// Ge holds where field is v or above.
func Ge(field string, v Value) Cond { return compare(field, ">=", v) }

// compare writes a condition of one field and one value.
func compare(field, op string, v Value) Cond {
	return Cond{field + " " + op + " " + v.text, errors.Join(checkPaths(field), v.err)}
}

// In holds where field equals one of the values.
func In(field string, values ...Value) Cond { return among(field, "IN", values) }

// NotIn holds where field equals none of the values.
// Rows whose field is empty are among them, as with Ne.
func NotIn(field string, values ...Value) Cond { return among(field, "NOT IN", values) }

// among writes a condition of one field and a list, which must not be empty in SOQL.
func among(field, op string, values []Value) Cond {
	err := checkPaths(field)
	if len(values) == 0 {
		err = errors.Join(err, fmt.Errorf("%s is compared with no value", field))
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.text
		err = errors.Join(err, v.err)
	}
	return Cond{field + " " + op + " (" + strings.Join(texts, ", ") + ")", err}
}

// StartsWith holds where field's text begins with s, case apart.
func StartsWith(field, s string) Cond { return like(field, "", []string{s}) }

// Contains holds where field's text holds the pieces in this order, with anything before,
// between and after. It makes Salesforce read every row.
func Contains(field string, pieces ...string) Cond { return like(field, "%", pieces) }

// like writes a LIKE whose wildcards are ours alone: those in the pieces are escaped.
func like(field, head string, pieces []string) Cond {
	err := checkPaths(field)
	if len(pieces) == 0 || slices.Contains(pieces, "") {
		err = errors.Join(err, fmt.Errorf("%s is compared with empty text", field))
	}
	var pattern strings.Builder
	pattern.WriteString(head)
	for _, p := range pieces {
		text, e := escaped(p)
		err = errors.Join(err, e)
		pattern.WriteString(wildcards.Replace(text) + "%")
	}
	return Cond{field + " LIKE '" + pattern.String() + "'", err}
}

// And holds where all conditions hold.
func And(conds ...Cond) Cond { return join(conds, " AND ") }

// Or holds where one of the conditions holds.
func Or(conds ...Cond) Cond { return join(conds, " OR ") }

// join keeps a single condition bare and puts several into parentheses.
func join(conds []Cond, op string) Cond {
	if len(conds) == 0 {
		return Cond{err: errors.New("no condition to join")}
	}
	if len(conds) == 1 {
		return conds[0]
	}
	texts := make([]string, len(conds))
	var err error
	for i, c := range conds {
		texts[i] = c.text
		err = errors.Join(err, c.err)
	}
	return Cond{"(" + strings.Join(texts, op) + ")", err}
}

// Not holds where c does not.
func Not(c Cond) Cond { return Cond{"(NOT " + c.text + ")", c.err} }

// escapes are the sequences for which SOQL has a use in a quoted string. Any other
// backslash is an error there (SOQL and SOSL Reference, "Quoted String Escape Sequences").
var escapes = strings.NewReplacer(
	`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`,
)

// wildcards are escaped on top in a LIKE.
var wildcards = strings.NewReplacer("%", `\%`, "_", `\_`)

// escaped writes s as it stands between quotes. Control characters that have no sequence are refused
// rather than dropped: text that holds them was not spoken by anyone.
func escaped(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errors.New("a text is not valid UTF-8")
	}
	for _, r := range s {
		if unicode.IsControl(r) && !strings.ContainsRune("\n\r\t\b\f", r) {
			return "", fmt.Errorf("a text holds the control character %U", r)
		}
	}
	if n := utf8.RuneCountInString(s); n > maxLiteral {
		return "", fmt.Errorf("a text has %d characters, SOQL compares at most %d", n, maxLiteral)
	}
	return escapes.Replace(s), nil
}

// checkNames refuses what is not an API name. Names come from playbooks and describes; a
// name from anywhere else must not be able to carry syntax.
func checkNames(names ...string) error {
	for _, n := range names {
		if !namePattern.MatchString(n) {
			return fmt.Errorf("%q is not an API name: want a letter, then letters, digits and _", n)
		}
	}
	return nil
}

// checkPaths checks field paths such as Account.Owner.Name.
func checkPaths(paths ...string) error {
	for _, p := range paths {
		names := strings.Split(p, ".")
		if len(names) > maxDepth+1 {
			return fmt.Errorf("%q crosses more than %d relationships", p, maxDepth)
		}
		if err := checkNames(names...); err != nil {
			return err
		}
	}
	return nil
}
