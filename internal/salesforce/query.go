package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxRestarts bounds how often QueryAll begins anew. One restart follows each renewal of
// the session that falls into the reading; three in one reading are no coincidence.
const maxRestarts = 3

// Page is one page of a query's result, up to 2,000 rows.
type Page struct {
	Total   int // rows of the whole result
	Done    bool
	Records []Record
	next    string
}

// wirePage is the answer to a query and to each of its further pages alike.
type wirePage struct {
	TotalSize int      `json:"totalSize"`
	Done      bool     `json:"done"`
	Next      string   `json:"nextRecordsUrl"`
	Records   []Record `json:"records"`
}

// Query returns the first page of q's result.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
func (c *Client) Query(ctx context.Context, q SOQL) (Page, error) {
	r := queryCall(q)
	if q.text == "" {
		return Page{}, r.rejected(errors.New("the query is empty"))
	}
	r.path, r.query = "/query", url.Values{"q": {q.text}}
	return c.page(ctx, r)
}

// QueryAll returns all rows of q's result, or those of its first pages and more true. The
// cursor between pages dies with the session it was opened in; then the whole query is
// run anew.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_query.htm
func (c *Client) QueryAll(ctx context.Context, q SOQL, pages int) (all []Record, more bool, err error) {
	for range maxRestarts {
		all, more, err = c.pages(ctx, q, pages)
		if e, ok := errors.AsType[*Error](err); !ok || !e.Has("INVALID_QUERY_LOCATOR") {
			break
		}
	}
	if err != nil {
		return nil, false, err
	}
	return all, more, nil
}

// pages reads q from its first page on, once.
// pages bounds what a query may cost: at 2,000 rows a page, a forgotten condition would read the org.
func (c *Client) pages(ctx context.Context, q SOQL, pages int) ([]Record, bool, error) {
	p, err := c.Query(ctx, q)
	all := p.Records
	for n := 1; err == nil && !p.Done; n++ {
		if n >= pages {
			return all, true, nil
		}
		p, err = c.next(ctx, q, p)
		all = append(all, p.Records...)
	}
	return all, false, err
}

// next reads the page after p. The link is a path that already holds /services/data/vNN; the
// token goes nowhere else.
func (c *Client) next(ctx context.Context, q SOQL, p Page) (Page, error) {
	r := queryCall(q)
	u, err := url.Parse(p.next)
	if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/services/data/v") {
		return Page{}, r.rejected(errors.New("the link to the next page is not a path below /services/data"))
	}
	r.path, r.query = u.EscapedPath(), u.Query()
	return c.page(ctx, r)
}

// queryCall is what all pages of a query have in common.
func queryCall(q SOQL) call {
	return call{op: "query", object: q.object, method: http.MethodGet, want: []int{http.StatusOK}}
}

// page reads one page. A page that neither ends the result nor links to the next would lose
// rows in silence, so it is an error.
func (c *Client) page(ctx context.Context, r call) (Page, error) {
	var w wirePage
	if _, err := c.do(ctx, r, &w); err != nil {
		return Page{}, err
	}
	if !w.Done && w.Next == "" {
		return Page{}, r.unreadable(answer{status: http.StatusOK}, "answer says that more follows, not where")
	}
	return Page{Total: w.TotalSize, Done: w.Done, Records: w.Records, next: w.Next}, nil
}

// SearchIn names the fields that a search looks into.
type SearchIn string

// The groups of fields that can be searched.
const (
	SearchAll    SearchIn = "ALL"
	SearchName   SearchIn = "NAME"
	SearchPhone  SearchIn = "PHONE"
	SearchEmail  SearchIn = "EMAIL"
	SearchScoped SearchIn = "SIDEBAR"
)

// SearchQuery asks the search index, which lags behind the records by about 15 minutes:
// it cannot find what was made a moment ago.
type SearchQuery struct {
	Text    string // the words; no syntax, at least two characters
	In      SearchIn
	Objects []SearchObject
	Limit   int // of all objects together; default 10
}

// SearchObject is an object to search, with the fields to return.
type SearchObject struct {
	Name   string   `json:"name"`
	Fields []string `json:"fields,omitempty"`
	Limit  int      `json:"limit,omitempty"`
}

// Search finds records by words, by parameterized search: the text cannot be taken for
// search syntax.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_search_parameterized.htm
func (c *Client) Search(ctx context.Context, s SearchQuery) ([]Record, error) {
	if s.Limit <= 0 {
		s.Limit = 10
	}
	if s.In == "" {
		s.In = SearchAll
	}
	r := call{
		op: "search", method: http.MethodPost, path: "/parameterizedSearch", want: []int{http.StatusOK},
		body: map[string]any{
			"q": s.Text, "in": s.In, "sobjects": s.Objects,
			// Spell correction is off: a name that sounds alike is another person.
			"overallLimit": s.Limit, "defaultLimit": s.Limit, "spellCorrection": false,
		},
	}
	if err := s.check(); err != nil {
		return nil, r.rejected(err)
	}
	var found struct {
		Records []Record `json:"searchRecords"`
	}
	if _, err := c.do(ctx, r, &found); err != nil {
		return nil, err
	}
	return found.Records, nil
}

// check refuses what Salesforce would, and names that could carry syntax.
func (s SearchQuery) check() error {
	if utf8.RuneCountInString(strings.TrimSpace(s.Text)) < 2 {
		return errors.New("search text has fewer than two characters: ask for more of the name or number")
	}
	if len(s.Objects) == 0 {
		return errors.New("search names no object")
	}
	for _, o := range s.Objects {
		if err := checkNames(o.Name); err != nil {
			return err
		}
		if err := checkPaths(o.Fields...); err != nil {
			return fmt.Errorf("search %s: %w", o.Name, err)
		}
	}
	return nil
}
