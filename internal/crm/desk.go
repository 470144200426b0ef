package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/errgroup"

	"github.com/hookswitch/hookswitch/internal/caller"
	"github.com/hookswitch/hookswitch/internal/salesforce"
)

// CacheFor is how long people, companies and descriptions of objects are believed without asking again.
// State that is spoken (status, stage, amount) is always read fresh.
const CacheFor = 5 * time.Minute

// readTimeout bounds one shared read: whoever asked first may have hung up, but others wait for it too.
const readTimeout = 10 * time.Second

// Desk reads from one org.
type Desk struct {
	client *salesforce.Client
	rows   *otter.Cache[string, []Record]             // by query
	shapes *otter.Cache[string, *salesforce.Describe] // by object
	zone   atomic.Pointer[time.Location]              // nil until Learn has been answered
}

// NewDesk reads with client.
func NewDesk(client *salesforce.Client) *Desk {
	return &Desk{
		client: client,
		rows: otter.Must(&otter.Options[string, []Record]{
			MaximumSize: 20_000, ExpiryCalculator: otter.ExpiryWriting[string, []Record](CacheFor),
		}),
		shapes: otter.Must(&otter.Options[string, *salesforce.Describe]{
			MaximumSize: 200, ExpiryCalculator: otter.ExpiryWriting[string, *salesforce.Describe](CacheFor),
		}),
	}
}

// Close stops what the caches do in the background.
func (d *Desk) Close() {
	d.rows.StopAllGoroutines()
	d.shapes.StopAllGoroutines()
}

// Read returns the records that q asks for. Accounts and contacts come from the cache where it has them,
// and the same question asked by many calls at once is one request.
func (d *Desk) Read(ctx context.Context, q Query) ([]Record, error) {
	if q.Limit == 0 {
		q.Limit = 2
	}
	soql, err := q.soql()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", q.Object, err)
	}
	if q.Fresh || !cached(q.Object) {
		return d.ask(ctx, soql)
	}
	return shared(ctx, d.rows, soql.String(), func(ctx context.Context) ([]Record, error) { return d.ask(ctx, soql) })
}

// cached names the objects whose records describe rather than change.
func cached(object string) bool { return object == "Account" || object == "Contact" }

// Forget drops what is known of an object after a write to it, so that the next read sees the write. The cache knows
// queries and not which records answer them, so all are dropped.
func (d *Desk) Forget(object string) {
	if cached(object) || object == "Lead" {
		d.rows.InvalidateAll()
	}
}

// ask sends a query, and again after a short pause while the caller can wait: a read does no harm twice.
func (d *Desk) ask(ctx context.Context, q salesforce.SOQL) ([]Record, error) {
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		page, err := d.client.Query(ctx, q)
		if err == nil {
			return records(page.Records), nil
		}
		if !again(err) || pause > 400*time.Millisecond {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}

// again reports whether the same question may be answered a moment later. A caller who has gone needs no answer.
func again(err error) bool {
	switch salesforce.ClassOf(err) {
	case salesforce.Backoff, salesforce.Ambiguous, salesforce.Safe:
		return !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
	}
	return false
}

// shared answers from the cache, or asks once for everyone who waits. The request outlives the caller who
// began it, because others may be waiting; each waits no longer than its own deadline.
func shared[V any](ctx context.Context, cache *otter.Cache[string, V], key string, ask func(context.Context) (V, error)) (V, error) {
	if v, ok := cache.GetIfPresent(key); ok {
		return v, nil
	}
	type answer struct {
		v   V
		err error
	}
	done := make(chan answer, 1)
	go func() {
		v, err := cache.Get(ctx, key, otter.LoaderFunc[string, V](func(ctx context.Context, _ string) (V, error) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
			defer cancel()
			return ask(ctx)
		}))
		done <- answer{v, err}
	}()
	select {
	case a := <-done:
		return a.v, a.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// shape describes an object of the org.
func (d *Desk) shape(ctx context.Context, object string) (*salesforce.Describe, error) {
	return shared(ctx, d.shapes, object, func(ctx context.Context) (*salesforce.Describe, error) { return d.client.Describe(ctx, object) })
}

// Who finds whom a number belongs to, over the ways in which people type it. Contacts and leads are read
// side by side; a converted lead is history and does not count.
func (d *Desk) Who(ctx context.Context, n caller.Number) (caller.Identity, error) {
	forms := n.Formats()
	if len(forms) == 0 {
		return caller.Identity{Number: n}, nil
	}
	var contacts, leads []Record
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		contacts, err = d.withPhone(ctx, "Contact", []string{"Id", "Name", "AccountId"}, []string{"Phone", "MobilePhone", "HomePhone", "OtherPhone"}, forms)
		return err
	})
	group.Go(func() (err error) {
		leads, err = d.withPhone(ctx, "Lead", []string{"Id", "Name"}, []string{"Phone", "MobilePhone"}, forms)
		return err
	})
	if err := group.Wait(); err != nil {
		return caller.Identity{Number: n, Unsure: true}, fmt.Errorf("identify caller %s: %w", n.Masked(), err)
	}
	var found []caller.Candidate
	for _, r := range contacts {
		found = append(found, caller.Candidate{Object: "Contact", ID: r.Text("Id"), Name: r.Text("Name"), Account: r.Text("AccountId")})
	}
	for _, r := range leads {
		found = append(found, caller.Candidate{Object: "Lead", ID: r.Text("Id"), Name: r.Text("Name")})
	}
	return caller.Identify(n, found), nil
}

// withPhone reads whose number it is. Five are enough: more than one person already means that it is nobody's alone.
func (d *Desk) withPhone(ctx context.Context, object string, fields, phones, forms []string) ([]Record, error) {
	values := make([]salesforce.Value, len(forms))
	for i, f := range forms {
		values[i] = salesforce.String(f)
	}
	either := make([]salesforce.Cond, len(phones))
	for i, p := range phones {
		either[i] = salesforce.In(p, values...)
	}
	conds := []salesforce.Cond{salesforce.Or(either...)}
	if object == "Lead" {
		conds = append(conds, salesforce.Eq("IsConverted", salesforce.Bool(false)))
	}
	q, err := salesforce.Select(fields...).From(object).Where(conds...).Limit(5).Build()
	if err != nil {
		return nil, err
	}
	if object == "Lead" {
		return d.ask(ctx, q) // a lead may have been made a moment ago
	}
	return shared(ctx, d.rows, q.String(), func(ctx context.Context) ([]Record, error) { return d.ask(ctx, q) })
}

// soql builds the query. Names were checked when the playbook was loaded and are checked again by the
// builder; values are escaped by their type.
func (q Query) soql() (salesforce.SOQL, error) {
	b := salesforce.Select(q.Fields...).From(q.Object).Limit(q.Limit)
	for _, c := range q.Where {
		cond, err := c.cond()
		if err != nil {
			return salesforce.SOQL{}, err
		}
		b = b.Where(cond)
	}
	for _, o := range q.Order {
		if o.Descending {
			b = b.OrderByDesc(o.Field)
		} else {
			b = b.OrderBy(o.Field)
		}
	}
	return b.Build()
}

// cond is the condition as the query builder takes it. An operator that is missing here is refused, not left out: a
// query without one of its conditions would find strangers.
func (c Cond) cond() (salesforce.Cond, error) {
	if c.Op == "in" {
		list, ok := c.Value.([]any)
		if !ok {
			return salesforce.Cond{}, fmt.Errorf("%s in: want a list", c.Field)
		}
		values := make([]salesforce.Value, len(list))
		for i, item := range list {
			v, err := value(item)
			if err != nil {
				return salesforce.Cond{}, fmt.Errorf("%s: %w", c.Field, err)
			}
			values[i] = v
		}
		return salesforce.In(c.Field, values...), nil
	}
	if c.Op == "like" {
		s, ok := c.Value.(string)
		if !ok {
			return salesforce.Cond{}, fmt.Errorf("%s like: want text", c.Field)
		}
		return salesforce.Contains(c.Field, strings.Fields(s)...), nil
	}
	v, err := value(c.Value)
	if err != nil {
		return salesforce.Cond{}, fmt.Errorf("%s: %w", c.Field, err)
	}
	switch c.Op {
	case "", "=":
		return salesforce.Eq(c.Field, v), nil
	case "!=":
		return salesforce.Ne(c.Field, v), nil
	case "<":
		return salesforce.Lt(c.Field, v), nil
	case "<=":
		return salesforce.Le(c.Field, v), nil
	case ">":
		return salesforce.Gt(c.Field, v), nil
	case ">=":
		return salesforce.Ge(c.Field, v), nil
	}
	return salesforce.Cond{}, fmt.Errorf("%s: no operator %q", c.Field, c.Op)
}

// value gives each type its own form in SOQL, which escapes it; there are no bind parameters. What has none is refused.
func value(v any) (salesforce.Value, error) {
	switch v := v.(type) {
	case nil:
		return salesforce.Null(), nil
	case string:
		return salesforce.String(v), nil
	case bool:
		return salesforce.Bool(v), nil
	case int64:
		return salesforce.Int(v), nil
	case float64:
		return salesforce.Float(v), nil
	case time.Time:
		return salesforce.DateTime(v), nil
	case json.Number:
		f, err := v.Float64()
		return salesforce.Float(f), err
	}
	return salesforce.Value{}, fmt.Errorf("a %T cannot be compared", v)
}

// records flattens what Salesforce nests: a parent's field stands under its path, attributes are gone.
func records(in []salesforce.Record) []Record {
	out := make([]Record, len(in))
	for i, r := range in {
		out[i] = Record{}
		flatten(out[i], "", r)
	}
	return out
}

func flatten(into Record, prefix string, from map[string]any) {
	for name, v := range from {
		if name == "attributes" {
			continue
		}
		if parent, ok := v.(map[string]any); ok {
			flatten(into, prefix+name+".", parent)
			continue
		}
		into[prefix+name] = v
	}
}
