package simforce

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// column is a field path held against the schema: references to follow, then a field.
type column struct {
	steps []*Field
	leaf  *Field
}

// view is how a query sees the org: now, or as it was at a moment.
// With all, deleted rows are seen too: that is what tells /queryAll from /query.
type view struct {
	org *Org
	at  time.Time // zero: now
	all bool      // the recycle bin too
}

// fields gives a record's fields as the view sees them.
func (v view) fields(r *record) (map[string]any, bool) {
	if v.at.IsZero() {
		return r.fields, v.all || !r.deleted
	}
	f, there := r.asOf(v.at)
	return f, f != nil && (there || v.all)
}

// follow walks a column's references from a row. Parents are seen as they are now.
func (v view) follow(fields map[string]any, steps []*Field) (*record, map[string]any) {
	var r *record
	for _, s := range steps {
		id, _ := fields[s.Name].(string)
		if r, _ = v.org.live(id); r == nil {
			return nil, nil
		}
		fields = r.fields
	}
	return r, fields
}

// value reads a column of a row; a parent that is not there makes it null.
func (v view) value(fields map[string]any, c column) any {
	r, f := v.follow(fields, c.steps)
	if len(c.steps) > 0 && r == nil {
		return nil
	}
	if r != nil && c.leaf.Name == "Type" && c.leaf.Label == polymorphic {
		return r.object
	}
	return f[c.leaf.Name]
}

// polymorphic labels the fields of the pseudo-object Name, to which references of several objects lead.
const polymorphic = "Name"

// nameObject is what Who, What and Owner show of whatever they point to.
func nameObject() *Object {
	b := &Object{Name: "Name", Label: "Name"}
	for _, n := range [...]string{"Id", "Name", "FirstName", "LastName", "Phone", "Email", "Title", "Type", "Username", "Alias"} {
		b.Fields = append(b.Fields, Field{Name: n, Label: polymorphic, Type: String, Length: 255})
	}
	return b
}

// column resolves a path such as Account.Owner.Name from an object.
// Names are not case-sensitive, in paths as in fields.
func (o *Org) column(b *Object, path string) (column, apiErrors) {
	var c column
	parts := strings.Split(path, ".")
	// Five relationships and a field (SOQL and SOSL Reference, "Understanding Relationship Query Limitations").
	if len(parts) > 6 {
		return c, fail(http.StatusBadRequest, "INVALID_FIELD", "relationship path is longer than five levels: %s", path)
	}
	for _, part := range parts[:len(parts)-1] {
		f := b.relation(part)
		if f == nil {
			return c, fail(http.StatusBadRequest, "INVALID_FIELD", "Didn't understand relationship '%s' in field path. If you are attempting to use a custom "+
				"relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.", part)
		}
		c.steps = append(c.steps, f)
		// What a polymorphic reference leads to is not known before a row is read; it shows what all of them have.
		if len(f.RefersTo) > 1 {
			b = nameObject()
		} else {
			b = o.object(f.RefersTo[0])
		}
	}
	last := parts[len(parts)-1]
	if c.leaf = b.field(last); c.leaf == nil {
		return c, fail(http.StatusBadRequest, "INVALID_FIELD", "No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append "+
			"the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.", last, b.Name)
	}
	return c, nil
}

// predicate decides about one row.
type predicate func(v view, fields map[string]any) bool

// bind compiles a condition against an object, or says what is wrong with it.
func (o *Org) bind(b *Object, c *condition) (predicate, apiErrors) {
	if c == nil {
		return func(view, map[string]any) bool { return true }, nil
	}
	if c.op == "" {
		return o.comparison(b, c)
	}
	var kids []predicate
	for _, k := range c.kids {
		p, errs := o.bind(b, k)
		if errs != nil {
			return nil, errs
		}
		kids = append(kids, p)
	}
	op := c.op
	return func(v view, f map[string]any) bool {
		for _, k := range kids {
			switch holds := k(v, f); {
			case op == "not":
				return !holds
			case op == "or" && holds:
				return true
			case op == "and" && !holds:
				return false
			}
		}
		return op == "and"
	}, nil
}

// bound is a literal in a column's type: a value, or a span of time that a date literal means.
type bound struct {
	value    any // nil for NULL
	from, to string
	span     bool
}

// comparison compiles one filter, refusing what the vendor refuses: long text, an operator that the type has not, a
// literal of another type.
func (o *Org) comparison(b *Object, c *condition) (predicate, apiErrors) {
	col, errs := o.column(b, c.path)
	if errs != nil {
		return nil, errs
	}
	f := col.leaf
	if !f.filterable() {
		return nil, fail(http.StatusBadRequest, "INVALID_FIELD", "field '%s' can not be filtered in a query call", f.Name)
	}
	// Ids and truth values can be equal or not, and have no order.
	ordered := f.Type != Boolean && f.Type != ID && f.Type != Reference
	if c.cmp == "LIKE" && !f.textual() || strings.ContainsAny(c.cmp, "<>") && !ordered {
		return nil, fail(http.StatusBadRequest, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on %s field: %s", f.Type, c.cmp)
	}
	if c.cmp == "LIKE" {
		return like(col, c.values[0])
	}
	var bounds []bound
	for _, t := range c.values {
		x, errs := f.literal(t)
		if errs != nil {
			return nil, errs
		}
		bounds = append(bounds, x)
	}
	cmp, among := c.cmp, membership(f, bounds)
	return func(v view, fields map[string]any) bool {
		got := v.value(fields, col)
		switch cmp {
		case "=", "IN":
			return among(got)
		case "!=", "NOT IN":
			return !among(got)
		}
		return bounds[0].ordered(f, got, cmp)
	}, nil
}

// membership decides = and IN. A set of texts, such as the many forms of a phone number, is folded once.
func membership(f *Field, bounds []bound) func(got any) bool {
	if f.textual() {
		set := map[any]bool{}
		for _, x := range bounds {
			if s, isText := x.value.(string); isText {
				set[fold(f, s)] = true
			} else {
				set[nil] = true
			}
		}
		return func(got any) bool {
			if got == nil {
				return set[nil]
			}
			return set[fold(f, got)]
		}
	}
	return func(got any) bool {
		return slices.ContainsFunc(bounds, func(x bound) bool { return x.equals(f, got) })
	}
}

// like compiles a pattern. It is not case-sensitive, and null matches none.
func like(col column, t soqlToken) (predicate, apiErrors) {
	if t.kind != textToken {
		return nil, wrongLiteral(col.leaf, "string")
	}
	re, err := regexp.Compile("(?is)^(?:" + t.pattern + ")$")
	if err != nil {
		return nil, malformedQuery("LIKE pattern is too long")
	}
	return func(v view, fields map[string]any) bool {
		s, isText := v.value(fields, col).(string)
		return isText && re.MatchString(s)
	}, nil
}

// equals holds for a value within the span that a date literal means. null equals null alone.
func (x bound) equals(f *Field, got any) bool {
	if x.span {
		s, there := got.(string)
		return there && s >= x.from && s <= x.to
	}
	if x.value == nil || got == nil {
		return x.value == got
	}
	return compare(f, got, x.value) == 0
}

// ordered answers < <= > >=; null is in no order.
func (x bound) ordered(f *Field, got any, cmp string) bool {
	if got == nil || x.value == nil && !x.span {
		return false
	}
	if s, _ := got.(string); x.span {
		switch cmp {
		case "<":
			return s < x.from
		case "<=":
			return s <= x.to
		case ">":
			return s > x.to
		}
		return s >= x.from
	}
	switch n := compare(f, got, x.value); cmp {
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	default:
		return n >= 0
	}
}

// compare orders two values of a field's type; text without regard to case, unless the field regards it.
func compare(f *Field, x, y any) int {
	switch a := x.(type) {
	case float64:
		b, _ := y.(float64)
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	case bool:
		b, _ := y.(bool)
		switch {
		case a == b:
			return 0
		case b:
			return -1
		}
		return 1
	}
	a, _ := x.(string)
	b, _ := y.(string)
	if f.textual() && !f.CaseSensitive {
		a, b = strings.ToLower(a), strings.ToLower(b)
	}
	return strings.Compare(a, b)
}

// wrongLiteral is said of quotes that should not be there and of those that are missing.
func wrongLiteral(f *Field, typ string) apiErrors {
	quotes := " and should not be enclosed in quotes"
	if typ == "string" {
		quotes = " and should be enclosed in quotes"
	}
	return fail(http.StatusBadRequest, "INVALID_FIELD", "value of filter criterion for field '%s' must be of type %s%s", f.Name, typ, quotes)
}

// literal reads a token as a value of the field's type. Types are not coerced.
func (f *Field) literal(t soqlToken) (bound, apiErrors) {
	if t.likeOnly {
		return bound{}, malformedQuery("Invalid string literal '%s'. Illegal character sequence '\\%%' or '\\_' outside LIKE", t.text)
	}
	if t.is("NULL") {
		return bound{}, nil
	}
	switch {
	case f.Type == Boolean:
		if t.is("TRUE") || t.is("FALSE") {
			return bound{value: t.is("TRUE")}, nil
		}
		return bound{}, wrongLiteral(f, "boolean")
	case f.numeric():
		if n, err := strconv.ParseFloat(t.text, 64); err == nil && t.kind == valueToken {
			return bound{value: n}, nil
		}
		return bound{}, wrongLiteral(f, f.soapType())
	case f.Type == Date || f.Type == DateTime:
		return f.timeLiteral(t)
	case t.kind != textToken:
		return bound{}, wrongLiteral(f, "string")
	case t.text == "":
		return bound{}, nil // the vendor stores no empty text: '' is NULL
	case f.Type == ID || f.Type == Reference:
		id, good := longID(t.text)
		if !good {
			return bound{}, fail(http.StatusBadRequest, "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: %s", t.text)
		}
		return bound{value: id}, nil
	}
	return bound{value: t.text}, nil
}

// timeLiteral reads unquoted dates and datetimes, each for its own type of field, and date literals for both.
func (f *Field) timeLiteral(t soqlToken) (bound, apiErrors) {
	if t.kind == wordToken {
		first, last, known := dateLiteral(t.text, time.Now().UTC())
		if !known {
			return bound{}, unexpected(t)
		}
		if f.Type == DateTime {
			return bound{span: true, from: first.Format(timeForm), to: last.AddDate(0, 0, 1).Add(-time.Millisecond).Format(timeForm)}, nil
		}
		return bound{span: true, from: first.Format(dateForm), to: last.Format(dateForm)}, nil
	}
	parse, typ := parseDate, "date"
	if f.Type == DateTime {
		parse, typ = parseTime, "dateTime"
	}
	v, good := parse(t.text)
	if !good || t.kind != valueToken {
		return bound{}, wrongLiteral(f, typ)
	}
	return bound{value: v}, nil
}

// dateLiteral gives the first and last day that a date literal means; the org's time zone is UTC. The LAST_N and
// NEXT_N forms include today and start tomorrow respectively.
func dateLiteral(word string, now time.Time) (first, last time.Time, known bool) {
	// Days are UTC's: the org's users have no other zone here, which is a simplification.
	today := now.Truncate(24 * time.Hour)
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	name, count, counted := strings.Cut(strings.ToUpper(word), ":")
	n, err := strconv.Atoi(count)
	if counted && (err != nil || n < 0) || counted != strings.Contains(name, "_N_") {
		return first, last, false
	}
	switch name {
	case "TODAY":
		return today, today, true
	case "YESTERDAY":
		return today.AddDate(0, 0, -1), today.AddDate(0, 0, -1), true
	case "TOMORROW":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 1), true
	case "LAST_N_DAYS":
		return today.AddDate(0, 0, -n), today, true
	case "NEXT_N_DAYS":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, n), true
	// Weeks begin on Sunday in the default locale.
	case "THIS_WEEK":
		sunday := today.AddDate(0, 0, -int(today.Weekday()))
		return sunday, sunday.AddDate(0, 0, 6), true
	case "THIS_MONTH":
		return month, month.AddDate(0, 1, -1), true
	case "LAST_MONTH":
		return month.AddDate(0, -1, 0), month.AddDate(0, 0, -1), true
	case "NEXT_MONTH":
		return month.AddDate(0, 1, 0), month.AddDate(0, 2, -1), true
	case "THIS_YEAR":
		return time.Date(now.Year(), 1, 1, 0, 0, 0, 0, time.UTC), time.Date(now.Year(), 12, 31, 0, 0, 0, 0, time.UTC), true
	}
	return first, last, false
}

// sorter compiles ORDER BY. Nulls come first unless said otherwise, in either direction.
func (o *Org) sorter(b *Object, order []sorting) (func(v view, x, y map[string]any) int, apiErrors) {
	var columns []column
	for _, s := range order {
		c, errs := o.column(b, s.path)
		if errs != nil {
			return nil, errs
		}
		if !c.leaf.filterable() {
			return nil, fail(http.StatusBadRequest, "INVALID_FIELD", "%s", fmt.Sprintf("field '%s' can not be sorted in a query call", c.leaf.Name))
		}
		columns = append(columns, c)
	}
	return func(v view, x, y map[string]any) int {
		for i, c := range columns {
			a, b := v.value(x, c), v.value(y, c)
			if a == nil && b == nil {
				continue
			}
			if a == nil || b == nil {
				if (a == nil) != order[i].nullsLast {
					return -1
				}
				return 1
			}
			n := compare(c.leaf, a, b)
			if order[i].desc {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	}, nil
}
