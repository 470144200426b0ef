package simforce

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// find is a search, from SOSL or from parameterizedSearch.
type find struct {
	groups [][]string // any of the groups, all words of it
	in     string     // ALL, NAME, PHONE or EMAIL
	from   []returning
	limit  int
}

// returning is one object of a search with what is wanted of it.
type returning struct {
	object string
	q      statement
}

const (
	maxFound = 2_000  // rows of a search
	maxSOSL  = 10_000 // characters of a SOSL statement
)

// malformedSearch is the one code for whatever is wrong with a search.
func malformedSearch(format string, args ...any) apiErrors {
	return fail(http.StatusBadRequest, "MALFORMED_SEARCH", format, args...)
}

// searchable names the objects that the index covers.
func searchable(b *Object) bool {
	return slices.Contains([]string{"Account", "Contact", "Lead", "Case", "Opportunity", "Task", "Event", "User"}, b.Name)
}

// search serves SOSL: FIND {term} IN PHONE FIELDS RETURNING Lead(Id, Name WHERE … LIMIT n), Contact LIMIT n.
// A search asks the index, not the tables: what was written a moment ago is not in it (see Options.SearchLag).
func (o *Org) search(c *call) reply {
	f, errs := parseSOSL(c.query.Get("q"))
	if errs != nil {
		return errs.reply()
	}
	rows, errs := o.found(c, f)
	if errs != nil {
		return errs.reply()
	}
	// Older versions answer with the bare list (REST API Developer Guide, "Search").
	if c.version < 37 {
		return ok(rows)
	}
	return ok(object{{"searchRecords", rows}})
}

// parseSOSL reads FIND by hand, since its term has a syntax of its own, and the rest with the tokens of SOQL.
func parseSOSL(s string) (find, apiErrors) {
	f := find{in: "ALL", limit: maxFound}
	if len([]rune(s)) > maxSOSL {
		return f, malformedSearch("SOSL statements cannot be longer than 10,000 characters.")
	}
	open := strings.Index(s, "{")
	if open < 0 || !strings.EqualFold(strings.TrimSpace(s[:open]), "FIND") {
		return f, malformedSearch("No search term found. The search term must be enclosed in braces.")
	}
	term, rest, errs := braced(s[open+1:])
	if errs != nil {
		return f, errs
	}
	if f.groups, errs = words(term); errs != nil {
		return f, errs
	}
	tokens, errs := lexSOQL(rest)
	if errs != nil {
		return f, malformedSearch("%s", errs[0].message)
	}
	p := &parser{tokens: tokens}
	if p.accept("IN") {
		f.in = strings.ToUpper(p.next().text)
		p.expect("FIELDS")
	}
	p.expect("RETURNING") // the vendor can do without; then it returns ids of every object, which nobody wants
	for ok := true; ok && p.errs == nil; ok = p.accept(",") {
		f.from = append(f.from, p.returning())
	}
	if p.accept("LIMIT") {
		f.limit = p.number()
	}
	if t := p.peek(); t.kind != endToken {
		p.fail(t)
	}
	if p.errs != nil {
		return f, malformedSearch("%s", p.errs[0].message)
	}
	return f, f.check()
}

// check refuses what holds for both forms of a search.
func (f find) check() apiErrors {
	if !slices.Contains([]string{"ALL", "NAME", "PHONE", "EMAIL"}, f.in) {
		return malformedSearch("simforce does not support IN %s FIELDS", f.in)
	}
	if f.limit > maxFound {
		return malformedSearch("SOSL LIMIT is 2,000 at most")
	}
	return nil
}

// returning reads one object of RETURNING with what may stand in its parentheses.
func (p *parser) returning() returning {
	r := returning{object: p.name(), q: statement{limit: -1}}
	if p.accept("(") {
		for ok := true; ok && p.errs == nil; ok = p.accept(",") {
			r.q.items = append(r.q.items, item{path: p.name()})
		}
		p.tail(&r.q)
		p.expect(")")
	}
	return r
}

// braced takes the term up to the closing brace, undoing escapes. A reserved character that is not escaped is an
// error, save the wildcards, quotes and the hyphen, which the vendor tolerates in a term.
func braced(s string) (term, rest string, errs apiErrors) {
	var b strings.Builder
	escaped := false
	for i, r := range s {
		switch {
		case escaped:
			if !strings.ContainsRune(`?&|!{}[]()^~*:\"'+-`, r) {
				return "", "", malformedSearch("Invalid escape sequence \\%c", r)
			}
			b.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == '}':
			return b.String(), s[i+1:], nil
		case strings.ContainsRune(`&|!{[]()^~:+`, r):
			return "", "", malformedSearch("line 1:%d no viable alternative at character '%c'", i, r)
		default:
			b.WriteRune(r)
		}
	}
	return "", "", malformedSearch("The search term is not closed")
}

// words cuts a term into groups of words: OR parts groups, AND and blanks join words. A word needs two characters.
func words(term string) ([][]string, apiErrors) {
	groups := [][]string{nil}
	for w := range strings.FieldsSeq(strings.Trim(term, `"`)) {
		switch w {
		case "AND":
		case "NOT":
			return nil, malformedSearch("simforce does not support NOT")
		case "OR":
			groups = append(groups, nil)
		default:
			groups[len(groups)-1] = append(groups[len(groups)-1], strings.ToLower(w))
		}
	}
	for _, g := range groups {
		if len(strings.Trim(strings.Join(g, ""), "*?")) < 2 {
			return nil, malformedSearch("search term must be longer than one character: %s", term)
		}
	}
	return groups, nil
}

// found searches the index, which is late by Options.SearchLag.
func (o *Org) found(c *call, f find) ([]any, apiErrors) {
	v, rows := view{org: o}, []any{}
	if lag := max(0, o.o.SearchLag) + c.searchLag; lag > 0 {
		v.at = time.Now().Add(-lag)
	}
	for _, from := range f.from {
		b := o.object(from.object)
		if b == nil || !searchable(b) {
			return nil, fail(http.StatusBadRequest, "INVALID_TYPE", "sObject type '%s' is not supported in search", from.object)
		}
		if from.q.items == nil {
			from.q.items = []item{{path: "Id"}}
		}
		s, errs := o.shape(b, from.q)
		if errs != nil {
			return nil, errs
		}
		q := from.q
		// The index is asked before the limit: limiting first would let rows that do not match use it up.
		q.limited, q.offset = false, 0
		matched, errs := o.filter(b, q, v)
		if errs != nil {
			return nil, errs
		}
		matched = slices.DeleteFunc(matched, func(m map[string]any) bool { return !f.matches(b, m) })
		matched = matched[min(from.q.offset, len(matched)):]
		if from.q.limited && len(matched) > from.q.limit {
			matched = matched[:from.q.limit]
		}
		for _, m := range matched {
			rows = append(rows, s.tree.render(v, b, m, c.base))
		}
	}
	return rows[:min(f.limit, len(rows))], nil
}

// matches compares a row with the search. Phones match by their digits: the national number finds the number with
// its country code 1, not the other way round. Other text matches by whole words, * and ? being wildcards.
func (f find) matches(b *Object, fields map[string]any) bool {
	var tokens []string
	var phones []string
	for i := range b.Fields {
		d := &b.Fields[i]
		s, _ := fields[d.Name].(string)
		switch {
		case s == "" || d.Hidden:
		case d.Type == Phone && (f.in == "PHONE" || f.in == "ALL"):
			phones = append(phones, digits(s))
		case d.Type == Email && (f.in == "EMAIL" || f.in == "ALL"):
			tokens = append(tokens, strings.ToLower(s))
			tokens = append(tokens, cut(s)...)
		case f.in == "NAME" && nameField(d.Name) || f.in == "ALL" && d.textual() && d.Type != Phone:
			tokens = append(tokens, cut(s)...)
		}
	}
	return slices.ContainsFunc(f.groups, func(g []string) bool {
		// A number may be spoken in groups: its words are joined before they are compared.
		number := digits(strings.Join(g, ""))
		if number != "" && slices.ContainsFunc(phones, func(p string) bool { return p == number || p == "1"+number }) {
			return true
		}
		for _, w := range g {
			for _, part := range parts(w) {
				re := wildcard(part)
				if !slices.ContainsFunc(tokens, re.MatchString) {
					return false
				}
			}
		}
		return true
	})
}

// nameField tells the columns that IN NAME FIELDS looks at.
func nameField(name string) bool {
	return slices.Contains([]string{"Name", "FirstName", "LastName", "Company", "Subject", "CaseNumber"}, name)
}

// cut breaks text into the words that the index knows it by.
func cut(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// parts cuts a word of the term as the text was cut; an e-mail address stays whole.
func parts(w string) []string {
	if strings.Contains(w, "@") {
		return []string{w}
	}
	return strings.FieldsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '*' && r != '?' })
}

// wildcard makes a word's pattern: everything in it stands for itself but * and ?.
func wildcard(w string) *regexp.Regexp {
	q := regexp.QuoteMeta(w)
	q = strings.ReplaceAll(strings.ReplaceAll(q, `\*`, ".*"), `\?`, ".")
	return regexp.MustCompile("^" + q + "$")
}

// parameterizedSearch is search without a syntax in the term: GET with parameters, or POST with a body.
func (o *Org) parameterizedSearch(c *call) reply {
	var f find
	var errs apiErrors
	switch c.method {
	case http.MethodGet:
		f, errs = parameters(c)
	case http.MethodPost:
		f, errs = searchBody(c)
	default:
		return c.notAllowed("GET", "POST")
	}
	if errs == nil {
		errs = f.check()
	}
	if errs != nil {
		return errs.reply()
	}
	rows, errs := o.found(c, f)
	if errs != nil {
		return errs.reply()
	}
	return ok(object{{"searchRecords", rows}})
}

// parameters reads a GET (REST API Developer Guide, "Search with Parameters in the URL").
func parameters(c *call) (find, apiErrors) {
	f := find{in: "ALL", limit: maxFound}
	if in := c.query.Get("in"); in != "" {
		f.in = strings.ToUpper(in)
	}
	var errs apiErrors
	if f.groups, errs = words(c.query.Get("q")); errs != nil {
		return f, errs
	}
	for _, name := range c.query["sobject"] {
		r := returning{object: name, q: statement{limit: -1}}
		for field := range strings.SplitSeq(c.query.Get(name+".fields"), ",") {
			if field != "" {
				r.q.items = append(r.q.items, item{path: strings.TrimSpace(field)})
			}
		}
		if n, err := strconv.Atoi(c.query.Get(name + ".limit")); err == nil {
			r.q.limit, r.q.limited = n, true
		}
		f.from = append(f.from, r)
	}
	if n, err := strconv.Atoi(c.query.Get("overallLimit")); err == nil {
		f.limit = n
	}
	if f.from == nil {
		return f, malformedSearch("simforce needs at least one sobject")
	}
	return f, nil
}

// bodySearch is the body of a POST to parameterizedSearch.
type bodySearch struct {
	Q               string       `json:"q"`
	In              string       `json:"in"`
	Fields          []string     `json:"fields"`
	Sobjects        []bodyObject `json:"sobjects"`
	OverallLimit    *int         `json:"overallLimit"`
	DefaultLimit    *int         `json:"defaultLimit"`
	Offset          *int         `json:"offset"`          // checked for its type, and no more
	SpellCorrection *bool        `json:"spellCorrection"` // the same: there is no dictionary here
}

// bodyObject is one object of a bodySearch; what it leaves out is taken from the whole.
type bodyObject struct {
	Name   string   `json:"name"`
	Fields []string `json:"fields"`
	Limit  *int     `json:"limit"`
	Where  string   `json:"where"`
}

// searchBody reads the body of a POST (REST API Developer Guide, "Search with Parameters in the Request Body").
func searchBody(c *call) (find, apiErrors) {
	f := find{in: "ALL", limit: maxFound}
	body, errs := c.bodyObject()
	if errs == nil {
		errs = body.only("q", "in", "fields", "sobjects", "overallLimit", "defaultLimit", "offset", "spellCorrection", "dataCategories", "netIds", "updateTracking", "updateViewStat", "snippet")
	}
	if errs != nil {
		return f, errs
	}
	var in bodySearch
	if err := json.Unmarshal(c.body, &in); err != nil {
		return f, badJSON("%v", err)
	}
	if in.In != "" {
		f.in = strings.ToUpper(in.In)
	}
	if f.groups, errs = words(in.Q); errs != nil {
		return f, errs
	}
	for _, s := range in.Sobjects {
		r, errs := in.returning(s)
		if errs != nil {
			return f, errs
		}
		f.from = append(f.from, r)
	}
	if in.OverallLimit != nil {
		f.limit = *in.OverallLimit
	}
	if f.from == nil {
		return f, malformedSearch("simforce needs at least one entry in sobjects")
	}
	return f, nil
}

// returning turns one object of the body into what SOSL's RETURNING would say.
func (in bodySearch) returning(s bodyObject) (returning, apiErrors) {
	r := returning{object: s.Name, q: statement{limit: -1}}
	fields := s.Fields
	if fields == nil {
		fields = in.Fields
	}
	for _, name := range fields {
		r.q.items = append(r.q.items, item{path: name})
	}
	if s.Where != "" {
		where, errs := parseWhere(s.Where)
		if errs != nil {
			return r, errs
		}
		r.q.where = where
	}
	for _, limit := range []*int{in.DefaultLimit, s.Limit} { // the object's own comes last and wins
		if limit != nil && (*limit < 1 || *limit > maxFound) {
			return r, malformedSearch("limit must be between 1 and 2000")
		}
		if limit != nil {
			r.q.limit, r.q.limited = *limit, true
		}
	}
	return r, nil
}

// parseWhere reads the condition of one object in a parameterized search, which is SOQL's.
func parseWhere(s string) (*condition, apiErrors) {
	tokens, errs := lexSOQL(s)
	if errs != nil {
		return nil, errs
	}
	p := &parser{tokens: tokens}
	where := p.condition()
	if t := p.peek(); t.kind != endToken {
		p.fail(t)
	}
	return where, p.errs
}
