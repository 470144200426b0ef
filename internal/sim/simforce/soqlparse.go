package simforce

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// statement is a parsed SELECT, not yet held against the schema.
type statement struct {
	count   bool   // SELECT COUNT()
	items   []item // otherwise
	from    string
	where   *condition
	order   []sorting
	limit   int // -1 for none
	offset  int
	limited bool
}

// item is one column of the SELECT list: a field path, or an aggregate over one.
type item struct{ path, aggregate, alias string }

type sorting struct {
	path            string
	desc, nullsLast bool
}

// condition is a node of WHERE: and, or, not over kids, or a comparison.
type condition struct {
	op     string // "and", "or", "not", "" for a comparison
	kids   []*condition
	path   string
	cmp    string // = != < <= > >= LIKE IN NOT IN
	values []soqlToken
}

// parser walks the tokens. The first error stays and ends the walk.
type parser struct {
	tokens []soqlToken
	errs   apiErrors
}

// peek looks at the next token; there always is one, the last being the end.
func (p *parser) peek() soqlToken { return p.tokens[0] }

// next takes it; the end is never taken.
func (p *parser) next() soqlToken {
	t := p.tokens[0]
	if t.kind != endToken {
		p.tokens = p.tokens[1:]
	}
	return t
}

// fail keeps the first error: later ones follow from it.
func (p *parser) fail(t soqlToken) {
	if p.errs == nil {
		p.errs = unexpected(t)
	}
}

// accept takes a word or mark if it is next. After an error it takes nothing, so that loops over it end.
func (p *parser) accept(s string) bool {
	if p.errs == nil && p.peek().is(s) {
		p.next()
		return true
	}
	return false
}

// expect is accept for what must be there.
func (p *parser) expect(s string) {
	if !p.accept(s) {
		p.fail(p.peek())
	}
}

// name reads a field path or an object's name.
func (p *parser) name() string {
	t := p.next()
	reserved := slices.ContainsFunc([]string{"FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "ORDER", "LIMIT", "OFFSET", "SELECT", "GROUP"}, t.is)
	if t.kind != wordToken || reserved || strings.Contains(t.text, ":") || strings.HasSuffix(t.text, ".") || strings.Contains(t.text, "..") {
		p.fail(t)
		return ""
	}
	return t.text
}

// parseSOQL reads a whole statement (SOQL and SOSL Reference, "SOQL SELECT Syntax").
func parseSOQL(s string) (statement, apiErrors) {
	tokens, errs := lexSOQL(s)
	if errs != nil {
		return statement{}, errs
	}
	p := &parser{tokens: tokens}
	q := statement{limit: -1}
	p.expect("SELECT")
	p.selectList(&q)
	p.expect("FROM")
	q.from = p.name()
	p.tail(&q)
	if t := p.peek(); t.kind != endToken {
		p.fail(t)
	}
	return q, p.errs
}

// tail reads what may follow FROM, in its only order.
func (p *parser) tail(q *statement) {
	if p.accept("WHERE") {
		q.where = p.condition()
	}
	if p.accept("ORDER") {
		p.expect("BY")
		for q.order = append(q.order, p.sorting()); p.accept(","); {
			q.order = append(q.order, p.sorting())
		}
	}
	if p.accept("LIMIT") {
		q.limit, q.limited = p.number(), true
	}
	if p.accept("OFFSET") {
		if q.offset = p.number(); q.offset > 2_000 && p.errs == nil {
			p.errs = fail(http.StatusBadRequest, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
		}
	}
}

// selectList reads field paths and aggregates. COUNT() without a field stands alone.
func (p *parser) selectList(q *statement) {
	for {
		if p.peek().is("(") {
			p.errs = malformedQuery("simforce does not support sub-queries")
			return
		}
		it := item{path: p.name()}
		if p.accept("(") {
			it.aggregate, it.path = strings.ToUpper(it.path), ""
			if !p.peek().is(")") {
				it.path = p.name()
			}
			p.expect(")")
			if !slices.Contains([]string{"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"}, it.aggregate) && p.errs == nil {
				p.errs = malformedQuery("simforce does not support %s()", it.aggregate)
			}
			if q.count = it.aggregate == "COUNT" && it.path == ""; q.count && len(q.items) == 0 {
				return
			}
			if it.path == "" {
				p.fail(soqlToken{kind: markToken, text: ")"})
			}
			if t := p.peek(); t.kind == wordToken && !t.is("FROM") {
				it.alias = p.name()
			}
		}
		q.items = append(q.items, it)
		if p.errs != nil || !p.accept(",") {
			return
		}
	}
}

// sorting reads one term of ORDER BY.
func (p *parser) sorting() sorting {
	s := sorting{path: p.name()}
	if p.accept("DESC") {
		s.desc = true
	} else {
		p.accept("ASC")
	}
	if p.accept("NULLS") {
		if s.nullsLast = p.accept("LAST"); !s.nullsLast {
			p.expect("FIRST")
		}
	}
	return s
}

// number reads a whole number that is not negative: a LIMIT or an OFFSET.
func (p *parser) number() int {
	t := p.next()
	n, err := strconv.Atoi(t.text)
	if err != nil || t.kind != valueToken || n < 0 {
		p.fail(t)
	}
	return n
}

// condition follows the reference's grammar: AND and OR do not mix without parentheses, and NOT stands before one
// simple expression that nothing follows ("conditionExpression Syntax").
func (p *parser) condition() *condition {
	if p.accept("NOT") {
		return &condition{op: "not", kids: []*condition{p.simple()}}
	}
	first := p.simple()
	for _, word := range [...]string{"AND", "OR"} {
		if !p.peek().is(word) {
			continue
		}
		c := &condition{op: strings.ToLower(word), kids: []*condition{first}}
		for p.accept(word) {
			c.kids = append(c.kids, p.simple())
		}
		return c // the other word, if it follows, is unexpected to whoever called
	}
	return first
}

// simple reads one filter, or a condition in parentheses.
func (p *parser) simple() *condition {
	if p.errs != nil {
		return nil
	}
	if p.accept("(") {
		c := p.condition()
		p.expect(")")
		return c
	}
	c := &condition{path: p.name()}
	if t := p.peek(); t.is("(") {
		p.fail(t)
		return nil
	}
	switch t := p.next(); {
	case t.is("NOT"):
		p.expect("IN")
		c.cmp, c.values = "NOT IN", p.list()
	case t.is("IN"):
		c.cmp, c.values = "IN", p.list()
	case t.is("LIKE"):
		c.cmp, c.values = "LIKE", []soqlToken{p.literal()}
	case t.is("<>"):
		c.cmp, c.values = "!=", []soqlToken{p.literal()}
	case t.kind == markToken && slices.Contains([]string{"=", "!=", "<", "<=", ">", ">="}, t.text):
		c.cmp, c.values = t.text, []soqlToken{p.literal()}
	default:
		p.fail(t)
	}
	return c
}

// list reads the values of IN; an empty list is an error.
func (p *parser) list() []soqlToken {
	p.expect("(")
	if p.peek().is("SELECT") {
		p.errs = malformedQuery("simforce does not support sub-queries")
		return nil
	}
	list := []soqlToken{p.literal()}
	for p.accept(",") {
		list = append(list, p.literal())
	}
	p.expect(")")
	return list
}

// literal takes any token that may be a value; whether it suits the field is decided when it is bound.
func (p *parser) literal() soqlToken {
	t := p.next()
	if t.kind == endToken || t.kind == markToken {
		p.fail(t)
	}
	return t
}
