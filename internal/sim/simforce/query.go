package simforce

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cursor is an open query. It dies with the session that opened it.
// An open query holds its rows as they were when it began (REST API Developer Guide, "Query": a locator lives two days).
type cursor struct {
	session *session
	rows    []any
	page    int
	made    time.Time
}

const (
	cursorLife = 48 * time.Hour
	maxCursors = 10 // open per user; the oldest is closed for an eleventh
)

// query serves /query and /queryAll: a statement, or the next page of one.
// A statement is read, bound and run in one request; its pages are cut afterwards.
func (o *Org) query(c *call) reply {
	if len(c.path) == 2 {
		return o.nextPage(c, c.path[1])
	}
	if len(c.path) > 2 {
		return notFound().reply()
	}
	text := c.query.Get("q")
	if text == "" {
		return malformedQuery("A query must be specified with the parameter q").reply()
	}
	q, errs := parseSOQL(text)
	if errs != nil {
		return errs.reply()
	}
	v := view{org: o, all: c.path[0] == "queryAll"}
	// A replica that lags serves lists and queries; a record read by its id is always current.
	if c.queryLag > 0 {
		v.at = time.Now().Add(-c.queryLag)
	}
	rows, total, errs := o.run(q, v, c.base)
	if errs != nil {
		return errs.reply()
	}
	return ok(o.firstPage(c, rows, total))
}

// run gives the rendered rows of a statement and totalSize.
// A platform event is no object to a query: it leaves nothing behind.
func (o *Org) run(q statement, v view, base string) ([]any, int, apiErrors) {
	b := o.object(q.from)
	if b == nil || b.Event {
		return nil, 0, fail(http.StatusBadRequest, "INVALID_TYPE", "sObject type '%s' is not supported. If you are attempting to use a custom object, be sure to "+
			"append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.", q.from)
	}
	shape, errs := o.shape(b, q)
	if errs != nil {
		return nil, 0, errs
	}
	matched, errs := o.filter(b, q, v)
	if errs != nil {
		return nil, 0, errs
	}
	// COUNT() answers in totalSize and returns no rows (SOQL and SOSL Reference, "COUNT()").
	if q.count {
		return []any{}, len(matched), nil
	}
	if shape.aggregates != nil {
		row := object{{"attributes", object{{"type", "AggregateResult"}}}}
		for _, a := range shape.aggregates {
			row = append(row, member{a.alias, a.over(v, matched)})
		}
		return []any{row}, 1, nil
	}
	rows := []any{}
	for _, m := range matched {
		rows = append(rows, shape.tree.render(v, b, m, base))
	}
	return rows, len(rows), nil
}

// filter gives the fields of the rows that a statement selects, in its order; without ORDER BY in order of creation.
func (o *Org) filter(b *Object, q statement, v view) ([]map[string]any, apiErrors) {
	where, errs := o.bind(b, q.where)
	if errs != nil {
		return nil, errs
	}
	less, errs := o.sorter(b, q.order)
	if errs != nil {
		return nil, errs
	}
	var matched []map[string]any
	for _, r := range o.candidates(b, q.where, v) {
		if f, there := v.fields(r); there && where(v, f) {
			matched = append(matched, f)
		}
	}
	// Stable, so that equal rows stay in order of creation: a page must not depend on chance.
	if q.order != nil {
		slices.SortStableFunc(matched, func(x, y map[string]any) int { return less(v, x, y) })
	}
	// OFFSET beyond the end is an empty page, no error.
	matched = matched[min(q.offset, len(matched)):]
	if q.limited && len(matched) > q.limit {
		matched = matched[:q.limit]
	}
	return matched, nil
}

// candidates narrows the rows to look at: where a condition demands one id there is no need to read them all.
func (o *Org) candidates(b *Object, c *condition, v view) []*record {
	tab := o.tables[b.Name]
	// A view of the past looks at every row: the index knows the present alone.
	if c == nil || !v.at.IsZero() {
		return tab.rows
	}
	for _, k := range append([]*condition{c}, c.kids...) {
		if !strings.EqualFold(k.path, "Id") || k.cmp != "=" || c.op != "and" && k != c {
			continue
		}
		id, _ := longID(k.values[0].text)
		if r := tab.byID[id]; r != nil {
			return []*record{r}
		}
		return nil
	}
	return tab.rows
}

// shape is a SELECT list held against the schema: a tree of columns, or aggregates.
type shape struct {
	tree       *tree
	aggregates []aggregate
}

// tree nests columns as the answer does: a relation is an object of its own.
type tree struct {
	name string
	step *Field // the reference to follow; nil at the root and in leaves
	col  column // of a leaf
	kids []*tree
}

type aggregate struct {
	fn, alias string
	col       column
}

// shape resolves the SELECT list. A column named twice is refused, as the vendor does.
func (o *Org) shape(b *Object, q statement) (shape, apiErrors) {
	s := shape{tree: &tree{}}
	plain, seen := 0, map[string]bool{}
	for _, it := range q.items {
		c, errs := o.column(b, it.path)
		if errs != nil {
			return s, errs
		}
		if it.aggregate != "" {
			if (it.aggregate == "SUM" || it.aggregate == "AVG") && !c.leaf.numeric() || !c.leaf.filterable() {
				return s, fail(http.StatusBadRequest, "MALFORMED_QUERY", "field %s does not support aggregate operator %s", c.leaf.Name, it.aggregate)
			}
			if it.alias == "" {
				it.alias = fmt.Sprintf("expr%d", len(s.aggregates))
			}
			s.aggregates = append(s.aggregates, aggregate{it.aggregate, it.alias, c})
			continue
		}
		plain++
		low := strings.ToLower(it.path)
		if seen[low] {
			return s, fail(http.StatusBadRequest, "INVALID_FIELD", "duplicate field selected: %s", it.path)
		}
		seen[low] = true
		s.tree.add(c)
	}
	if s.aggregates != nil && plain > 0 {
		return s, malformedQuery("Field must be grouped or aggregated; simforce does not support GROUP")
	}
	return s, nil
}

// add hangs a column below the relations that lead to it, in the order of the SELECT list.
func (t *tree) add(c column) {
	for _, step := range c.steps {
		i := slices.IndexFunc(t.kids, func(k *tree) bool { return k.step == step })
		if i < 0 {
			t.kids = append(t.kids, &tree{name: step.Relationship, step: step})
			i = len(t.kids) - 1
		}
		t = t.kids[i]
	}
	t.kids = append(t.kids, &tree{name: c.leaf.Name, col: column{leaf: c.leaf}})
}

// render gives one row of the answer.
func (t *tree) render(v view, b *Object, fields map[string]any, base string) object {
	id, _ := fields["Id"].(string)
	row := object{{"attributes", attributes(b, id, base)}}
	for _, k := range t.kids {
		if k.step == nil {
			value := v.value(fields, k.col)
			if k.col.leaf.Label == polymorphic && k.name == "Type" {
				value = b.Name
			}
			row = append(row, member{k.name, k.col.leaf.shown(value, recordURL(b, id, base))})
			continue
		}
		parent, f := v.follow(fields, []*Field{k.step})
		// A reference that is empty, or whose record is gone, shows as null and not as an empty object.
		if parent == nil {
			row = append(row, member{k.name, nil})
			continue
		}
		row = append(row, member{k.name, k.render(v, v.org.schema[parent.object], f, base)})
	}
	return row
}

// over computes an aggregate; of no values it is null, save the counts.
func (a aggregate) over(v view, rows []map[string]any) any {
	var values []any
	for _, r := range rows {
		if x := v.value(r, a.col); x != nil && (a.fn != "COUNT_DISTINCT" || !slices.Contains(values, x)) {
			values = append(values, x)
		}
	}
	sum := 0.0
	for _, x := range values {
		n, _ := x.(float64)
		sum += n
	}
	by := func(x, y any) int { return compare(a.col.leaf, x, y) }
	switch {
	case a.fn == "COUNT" || a.fn == "COUNT_DISTINCT":
		return len(values)
	case len(values) == 0:
		return nil
	case a.fn == "MIN":
		return a.col.leaf.wire(slices.MinFunc(values, by))
	case a.fn == "MAX":
		return a.col.leaf.wire(slices.MaxFunc(values, by))
	case a.fn == "AVG":
		sum /= float64(len(values))
	}
	return a.col.leaf.wire(sum)
}

// firstPage opens a cursor if there is more than a page.
func (o *Org) firstPage(c *call, rows []any, total int) object {
	// Query Options Header: between 200 and 2,000, and a wish only; what is out of bounds is passed over.
	page := o.o.PageSize
	for part := range strings.SplitSeq(c.header.Get("Sforce-Query-Options"), ",") {
		name, value, _ := strings.Cut(part, "=")
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && strings.TrimSpace(name) == "batchSize" && n >= 200 && n <= 2000 {
			page = min(page, n)
		}
	}
	if len(rows) <= page {
		return object{{"totalSize", total}, {"done", true}, {"records", rows}}
	}
	// Drawn from the sequence of ids, so that the oldest cursor is the least of them.
	locator := o.newID("01g")
	o.cursors[locator] = &cursor{session: c.session, rows: rows, page: page, made: time.Now()}
	o.closeCursors()
	return object{{"totalSize", total}, {"done", false}, {"nextRecordsUrl", fmt.Sprintf("%s/query/%s-%d", c.base, locator, page)}, {"records", rows[:page]}}
}

// closeCursors drops cursors of dead sessions, those that are too old, and the oldest beyond the maximum.
func (o *Org) closeCursors() {
	now, oldest := time.Now(), ""
	for id, k := range o.cursors {
		if !k.session.alive(now) || now.Sub(k.made) > cursorLife {
			delete(o.cursors, id)
		} else if oldest == "" || id < oldest {
			oldest = id
		}
	}
	if len(o.cursors) > maxCursors {
		delete(o.cursors, oldest)
	}
}

// nextPage serves a page of an open query. A cursor of another session is as good as none, and the caller must begin
// the query anew.
func (o *Org) nextPage(c *call, locator string) reply {
	id, at, _ := strings.Cut(locator, "-")
	from, err := strconv.Atoi(at)
	k := o.cursors[id]
	if err != nil || k == nil || k.session != c.session || from < 0 || from >= len(k.rows) || time.Since(k.made) > cursorLife {
		return fail(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator").reply()
	}
	to := min(from+k.page, len(k.rows))
	answer := object{{"totalSize", len(k.rows)}, {"done", to == len(k.rows)}}
	if to < len(k.rows) {
		answer = append(answer, member{"nextRecordsUrl", fmt.Sprintf("%s/query/%s-%d", c.base, id, to)})
	}
	return ok(append(answer, member{"records", k.rows[from:to]}))
}
