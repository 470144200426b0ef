package app_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hookswitch/hookswitch/internal/app"
	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/crm"
	"github.com/hookswitch/hookswitch/internal/playbook"
	"github.com/hookswitch/hookswitch/internal/salesforce"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/store"
	"github.com/hookswitch/hookswitch/playbooks"
)

// The benchmarks drive the whole server: a signed body of 8 KB comes in, a sentence goes out. How to run
// and read them is in docs/performance.md.

const (
	benchKey  = "a key for the signature of bodies"
	benchHost = "acme.my.salesforce.com"
)

// wire makes bodies as Vapi sends them, about 8 KB each, from a payload of the protocol's own tests.
type wire struct{ text []byte }

// newWire prepares bodies in which the model asks for tool. In args, as everywhere in the body, NNNNNNN is
// the number of the ask, which makes call, tool call and caller its own.
func newWire(tb testing.TB, tool, args string) *wire {
	tb.Helper()
	raw, err := os.ReadFile("../vapi/testdata/payloads/tool-calls.wire-parallel-object-arguments.json")
	if err != nil {
		tb.Fatal(err)
	}
	var body map[string]map[string]any
	if err := json.Unmarshal(raw, &body); err != nil {
		tb.Fatal(err)
	}
	for _, list := range []string{"toolCalls", "toolCallList", "toolWithToolCallList"} {
		one := body["message"][list].([]any)[:1]
		ask := one[0].(map[string]any)
		if inside, ok := ask["toolCall"].(map[string]any); ok {
			ask["function"].(map[string]any)["name"] = tool
			ask = inside
		}
		ask["id"], ask["function"] = "call_Xk2vQ0m1rT9sLwNNNNNNN", map[string]any{"name": tool, "arguments": json.RawMessage(args)}
		body["message"][list] = one
	}
	call := body["message"]["call"].(map[string]any)
	call["id"] = "0198b3a2-6c1e-7aa0-9f51-00000NNNNNNN"
	delete(call, "assistantOverrides") // it names a contact, who would then be the caller
	for _, customer := range []any{body["message"]["customer"], call["customer"]} {
		customer.(map[string]any)["number"] = "+1212NNNNNNN"
		delete(customer.(map[string]any), "externalId")
	}
	return &wire{longer(tb, body, 8<<10)}
}

// longer lets the conversation in a body go on until the body has its size; Vapi sends no blanks.
func longer(tb testing.TB, body map[string]map[string]any, size int) []byte {
	tb.Helper()
	artifact := body["message"]["artifact"].(map[string]any)
	for {
		text, err := json.Marshal(body)
		if err != nil {
			tb.Fatal(err)
		}
		if len(text) >= size {
			return text
		}
		said := artifact["messages"].([]any)
		artifact["messages"] = append(said, map[string]any{
			"role": []string{"user", "bot"}[len(said)%2], "message": "We would like a garden, and room for two children.",
			"time": 1787270400000 + 2000*len(said), "endTime": 1787270401500 + 2000*len(said), "secondsFromStart": 2 * len(said), "duration": 1500,
		})
	}
}

// body is that of the n-th ask.
func (w *wire) body(n int64) []byte {
	return bytes.ReplaceAll(w.text, []byte("NNNNNNN"), fmt.Appendf(nil, "%07d", 2_000_000+n))
}

func sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(benchKey))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// way is how a request reaches a handler. It returns the body of the answer.
type way func(body []byte) ([]byte, error)

// direct calls the handler; no socket, no HTTP client.
func direct(_ testing.TB, h http.Handler) way {
	return func(body []byte) ([]byte, error) {
		r := httptest.NewRequest(http.MethodPost, "/webhook/vapi", bytes.NewReader(body))
		r.Header.Set("X-Vapi-Signature", sign(body))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Body.Bytes(), status(w.Code, w.Body.Bytes())
	}
}

// loopback goes through net/http on both sides, over connections that are kept.
func loopback(tb testing.TB, h http.Handler) way {
	srv := httptest.NewServer(h)
	t := &http.Transport{MaxIdleConnsPerHost: 2048, DisableCompression: true}
	tb.Cleanup(func() { t.CloseIdleConnections(); srv.Close() })
	return func(body []byte) ([]byte, error) {
		r, err := http.NewRequest(http.MethodPost, srv.URL+"/webhook/vapi", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("X-Vapi-Signature", sign(body))
		resp, err := t.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		return answer, errors.Join(err, status(resp.StatusCode, answer))
	}
}

var ways = []struct {
	name string
	over func(testing.TB, http.Handler) way
}{{"direct", direct}, {"loopback", loopback}}

func status(code int, answer []byte) error {
	if code != http.StatusOK {
		return fmt.Errorf("HTTP %d: %s", code, answer)
	}
	return nil
}

// said reports the sentence that must be in an answer.
func said(send way, words string) func(body []byte) error {
	return func(body []byte) error {
		answer, err := send(body)
		if err == nil && !bytes.Contains(answer, []byte(words)) {
			err = fmt.Errorf("got %s, want %q in it", answer, words)
		}
		return err
	}
}

// took is what one run of a load measured.
type took struct {
	rate     float64 // a second
	p50, p99 time.Duration
}

func summary(laps []time.Duration, whole time.Duration) took {
	slices.Sort(laps)
	return took{rate: float64(len(laps)) / whole.Seconds(), p50: laps[len(laps)/2], p99: laps[len(laps)*99/100]}
}

func (t took) String() string {
	return fmt.Sprintf("%.0f/s (p50 %v, p99 %v)", t.rate, t.p50.Round(10*time.Microsecond), t.p99.Round(10*time.Microsecond))
}

// load makes n operations from so many goroutines, each beginning its next when its last has ended, and
// returns how long each took, and all.
func load(tb testing.TB, goroutines, n int, op func(n int64) error) (laps []time.Duration, whole time.Duration) {
	tb.Helper()
	var next atomic.Int64
	var failed atomic.Pointer[error]
	each := make([][]time.Duration, goroutines)
	began := time.Now()
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				start := time.Now()
				if err := op(i); err != nil {
					failed.Store(&err)
					return
				}
				each[g] = append(each[g], time.Since(start))
			}
		})
	}
	all.Wait()
	whole = time.Since(began)
	if err := failed.Load(); err != nil {
		tb.Fatal(*err)
	}
	return slices.Concat(each...), whole
}

// run is load for a benchmark: b.N operations, with the quantiles reported.
func run(b *testing.B, goroutines int, op func(n int64) error) {
	b.ReportAllocs()
	b.ResetTimer()
	t := summary(load(b, goroutines, b.N, op))
	b.StopTimer()
	b.ReportMetric(t.rate, "answers/s")
	b.ReportMetric(float64(t.p50.Microseconds()), "p50-µs")
	b.ReportMetric(float64(t.p99.Microseconds()), "p99-µs")
}

// inside is a transport that calls the org's handler: Salesforce without a network and without delay.
type inside struct{ org *simforce.Org }

func (t inside) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Clone(r.Context())
	sent.RequestURI, sent.Host, sent.RemoteAddr = r.URL.RequestURI(), r.URL.Host, "127.0.0.1:1"
	if sent.Body == nil {
		sent.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	t.org.ServeHTTP(w, sent)
	return w.Result(), nil
}

// server is a running server, with its org.
type server struct {
	*app.App
	org *simforce.Org
}

// start runs a server on a database of its own. Parked, it records and does nothing else.
func start(tb testing.TB, parked bool) *server {
	tb.Helper()
	org := simforce.New(simforce.Options{MyDomain: benchHost, DailyLimit: 100_000_000, Duplicates: []simforce.DuplicateRule{}})
	a, err := app.New(tb.Context(), app.Options{
		Config: settings(tb.TempDir()), Log: quiet(), Transport: inside{org}, Books: books,
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := a.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := errors.Join(a.Close(ctx), org.Close()); err != nil {
			tb.Error(err)
		}
	})
	if parked {
		if err := a.Journal().Park(tb.Context(), config.DefaultWorkspace, "", time.Now().Add(time.Hour), "benchmark"); err != nil {
			tb.Fatal(err)
		}
	}
	return &server{a, org}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func settings(dir string) *config.Config {
	c := config.Default()
	c.PublicURL = "http://127.0.0.1"
	c.Database = config.Database{Engine: config.SQLite, Path: filepath.Join(dir, "hookswitch.db")}
	c.Playbooks = []string{"real-estate", "directory"}
	c.Vapi.WebhookAuth = []config.WebhookAuth{{HMAC: &config.HMAC{
		Secret: config.Secrets{config.NewSecret(benchKey)}, Algorithm: "sha256",
		SignatureHeader: "x-vapi-signature", Payload: "{body}", Encoding: "hex",
	}}}
	c.Salesforce.LoginURL = "http://" + benchHost
	c.Salesforce.Flow = config.ClientCredentials
	c.Salesforce.ClientID = "simforce-client"
	c.Salesforce.ClientSecret = config.Secrets{config.NewSecret("simforce-secret")}
	return c
}

// directory is a playbook with one tool, which reads what the cache has.
const directory = `
name: directory
description: Tells which company an account number belongs to.
language: en
region: US
tools:
  - name: find_account
    description: Tells which company an account number belongs to.
    arguments:
      required: [accountNumber]
      properties:
        accountNumber: {type: string, maxLength: 40, ask: "What is your account number?"}
    read:
      account:
        object: Account
        fields: [Name]
        where: {AccountNumber: =args.accountNumber}
        limit: 1
    words:
      - when: account.found
        say: "That is {account.Name}."
      - say: I do not find that account number.
`

// books gives the playbook that ships, without the time in which the caller may take the lead back: with it
// every write would wait for that, and the benchmark would measure a clock.
func books(name string) (*playbook.Playbook, error) {
	text := directory
	if name != "directory" {
		shipped, err := fs.ReadFile(playbooks.FS, name+".yaml")
		if err != nil {
			return nil, err
		}
		text = strings.ReplaceAll(string(shipped), "settle: 500ms", "settle: 0s")
	}
	return playbook.Load(fstest.MapFS{name + ".yaml": {Data: []byte(text)}}, name+".yaml")
}

const (
	leadArgs = `{"firstName": "Ada", "lastName": "Byron", "phone": "+1212NNNNNNN", "propertyType": "house",
		"budget": "450k", "location": "Austin", "timeline": "within the next month"}`
	promised = "They are not yet in our system"
	saved    = "Your details are saved"
)

// BenchmarkAnsweredAgain is a tool call that was answered before: verified, decoded, found and said again.
func BenchmarkAnsweredAgain(b *testing.B) {
	for _, over := range ways {
		for _, at := range []int{1, 64} {
			b.Run(over.name+"/"+strconv.Itoa(at), func(b *testing.B) {
				send := said(over.over(b, start(b, true).Handler()), promised)
				body := newWire(b, "create_lead", leadArgs).body(1)
				if err := send(body); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(body)))
				run(b, at, func(int64) error { return send(body) })
			})
		}
	}
}

// BenchmarkPromise is a tool call that promises a write, recorded durably before it is answered, while the
// org is away.
func BenchmarkPromise(b *testing.B) { promises(b, true, promised) }

// BenchmarkPromiseKept is the same with an org that answers at once: the write is done and the caller hears so.
func BenchmarkPromiseKept(b *testing.B) { promises(b, false, saved) }

func promises(b *testing.B, parked bool, words string) {
	for _, over := range ways {
		for _, at := range []int{1, 64, 1000} {
			b.Run(over.name+"/"+strconv.Itoa(at), func(b *testing.B) {
				send := said(over.over(b, start(b, parked).Handler()), words)
				asks := newWire(b, "create_lead", leadArgs)
				run(b, at, func(n int64) error { return send(asks.body(n)) })
			})
		}
	}
}

// BenchmarkCachedAsk is a tool call that only reads, and whose read the cache answers.
func BenchmarkCachedAsk(b *testing.B) {
	for _, over := range ways {
		for _, at := range []int{1, 64} {
			b.Run(over.name+"/"+strconv.Itoa(at), func(b *testing.B) {
				s := start(b, false)
				s.org.Put("Account", map[string]any{"Name": "Acme", "AccountNumber": "AC-1001"})
				send := said(over.over(b, s.Handler()), "That is Acme.")
				asks := newWire(b, "find_account", `{"accountNumber": "AC-1001"}`)
				if err := send(asks.body(0)); err != nil {
					b.Fatal(err)
				}
				run(b, at, func(n int64) error { return send(asks.body(n)) })
			})
		}
	}
}

// BenchmarkCachedRead is the lookup alone.
func BenchmarkCachedRead(b *testing.B) {
	org := simforce.New(simforce.Options{MyDomain: benchHost})
	org.Put("Account", map[string]any{"Name": "Acme", "AccountNumber": "AC-1001"})
	client := &http.Client{Transport: inside{org}}
	app := salesforce.App{LoginURL: "http://" + benchHost, ClientID: "simforce-client", ClientSecrets: []salesforce.Secret{"simforce-secret"}}
	tokens, err := salesforce.NewTokens(salesforce.TokensConfig{Flow: salesforce.ClientCredentials{App: app}, HTTP: client})
	if err != nil {
		b.Fatal(err)
	}
	c, err := salesforce.New(salesforce.Config{Tokens: tokens, HTTP: client})
	if err != nil {
		b.Fatal(err)
	}
	desk := crm.NewDesk(c)
	b.Cleanup(desk.Close)
	q := crm.Query{Object: "Account", Fields: []string{"Id", "Name"}, Where: []crm.Cond{{Field: "AccountNumber", Op: "=", Value: "AC-1001"}}, Limit: 1}
	b.ReportAllocs()
	for b.Loop() {
		if rows, err := desk.Read(b.Context(), q); err != nil || len(rows) != 1 {
			b.Fatalf("got %v, %v, want one account", rows, err)
		}
	}
}

// bare is a handler that does the two things which any receiver must: it verifies the signature, and decodes
// the body.
func bare(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	mac := hmac.New(sha256.New, []byte(benchKey))
	mac.Write(body)
	got, err := hex.DecodeString(r.Header.Get("X-Vapi-Signature"))
	if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		http.Error(w, "Invalid signature", http.StatusUnauthorized)
		return
	}
	var decoded map[string]any
	if err := json.Unmarshal(body, &decoded); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"results":[]}`)
}

// BenchmarkBareHandler is that handler.
func BenchmarkBareHandler(b *testing.B) {
	for _, over := range ways {
		for _, at := range []int{1, 64} {
			b.Run(over.name+"/"+strconv.Itoa(at), func(b *testing.B) {
				send := over.over(b, http.HandlerFunc(bare))
				asks := newWire(b, "create_lead", leadArgs)
				run(b, at, func(n int64) error { _, err := send(asks.body(n)); return err })
			})
		}
	}
}

// bareCommit inserts the bytes of a body, durably, and nothing else.
func bareCommit(tb testing.TB) func(body []byte) error {
	tb.Helper()
	db, err := store.Open(tb.Context(), store.Options{Path: filepath.Join(tb.TempDir(), "bare.db")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	ctx := tb.Context()
	return func(body []byte) error {
		return db.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO event (workspace, call, at, type, body) VALUES ('default', 'bare', 1, 'bare', ?)`, body)
			return err
		})
	}
}

// BenchmarkBareCommit is SQLite's own price for the same bytes.
func BenchmarkBareCommit(b *testing.B) {
	for _, at := range []int{1, 64, 1000} {
		b.Run(strconv.Itoa(at), func(b *testing.B) {
			put, asks := bareCommit(b), newWire(b, "create_lead", leadArgs)
			run(b, at, func(n int64) error { return put(asks.body(n)) })
		})
	}
}

// A round of BenchmarkRatio: so many turns for each contender, of so many operations.
const (
	turns   = 10
	perTurn = 400
)

// contender is one of those that take turns.
type contender struct {
	op    func(n int64) error
	laps  []time.Duration
	spent time.Duration
	done  int64
}

func (c *contender) turn(tb testing.TB) {
	tb.Helper()
	before := c.done
	laps, spent := load(tb, 64, perTurn, func(n int64) error { return c.op(before + n) })
	c.laps, c.spent, c.done = append(c.laps, laps...), c.spent+spent, c.done+perTurn
}

func (c *contender) took() took { return summary(c.laps, c.spent) }

// BenchmarkRatio lets the server and the two bare ones take turns, 64 at once, and reports the medians of
// the rounds' ratios. Only these mean anything on a machine that others use as well. Give the number of
// rounds: -benchtime=5x.
//
//	ratio     our rate ÷ the smaller of the bare handler's and the bare commit's
//	p99ratio  our 99th percentile ÷ the bare commit's
func BenchmarkRatio(b *testing.B) {
	for _, doer := range []struct {
		name, words string
		parked      bool
	}{{"recording", promised, true}, {"doing", saved, false}} {
		for _, over := range ways {
			b.Run(doer.name+"/"+over.name, func(b *testing.B) {
				var rates, tails []float64
				for range b.N {
					ours, handler, commit := round(b, over.over, doer.words, doer.parked)
					rates = append(rates, ours.rate/min(handler.rate, commit.rate))
					tails = append(tails, float64(ours.p99)/float64(commit.p99))
					b.Logf("ours %v, bare handler %v, bare commit %v", ours, handler, commit)
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(median(rates), "ratio")
				b.ReportMetric(median(tails), "p99ratio")
			})
		}
	}
}

// round is one round, on servers and databases of its own.
func round(b *testing.B, over func(testing.TB, http.Handler) way, words string, parked bool) (ours, handler, commit took) {
	b.Helper()
	asks := newWire(b, "create_lead", leadArgs)
	send := said(over(b, start(b, parked).Handler()), words)
	barely, put := over(b, http.HandlerFunc(bare)), bareCommit(b)
	all := []*contender{
		{op: func(n int64) error { return send(asks.body(n)) }},
		{op: func(n int64) error { _, err := barely(asks.body(n)); return err }},
		{op: func(n int64) error { return put(asks.body(n)) }},
	}
	for range turns {
		for _, c := range all {
			c.turn(b)
		}
	}
	return all[0].took(), all[1].took(), all[2].took()
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}
