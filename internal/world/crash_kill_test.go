package world_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

// Size of the load, and how often the server is killed under it.
const (
	loadCallers = 32
	loadAsks    = 7 // of each caller
	loadKills   = 3
)

// TestKilledServerLosesAndDoublesNothing runs the real program as a process of its own, with the simulators on
// the loopback interface, kills it under load, and compares what was said with what is in the org.
//
// mission-part: P2.9
func TestKilledServerLosesAndDoublesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and kills the program")
	}
	l := newLoad(t)
	l.start()
	began := time.Now()
	var callers sync.WaitGroup
	for i := range loadCallers {
		callers.Go(func() { l.call(i) })
	}
	for n := range loadKills {
		// Somewhere within this part of the load.
		goal := int64(loadCallers*loadAsks*(n+1)/(loadKills+2) + rand.IntN(20))
		l.until("the load goes on", func() bool { return l.answered.Load() >= goal })
		l.kill()
		l.start()
	}
	callers.Wait()
	l.until("everything is settled", l.settled)
	l.compare()
	t.Logf("%d asks of %d callers, %d kills, %v; resets: %d", l.answered.Load(), loadCallers, loadKills, time.Since(began).Round(time.Millisecond), l.org.Counts()[simforce.ResetAfter])
	l.kill()
}

// load is a server as a process, its neighbours, and what the callers heard.
type load struct {
	*testing.T
	program, config, addr string
	org                   *simforce.Org
	cloud                 *simvapi.Cloud
	client                *http.Client
	answered              atomic.Int64

	mu    sync.Mutex
	cmd   *exec.Cmd
	errs  *bytes.Buffer
	ready chan struct{} // closed while the server is there
	heard map[string]string
}

func newLoad(t *testing.T) *load {
	dir := t.TempDir()
	l := &load{T: t, program: filepath.Join(dir, "hookswitch"), config: filepath.Join(dir, "hookswitch.yaml"), heard: map[string]string{}, ready: make(chan struct{})}
	if out, err := exec.Command("go", "build", "-o", l.program, "github.com/hookswitch/hookswitch/cmd/hookswitch").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.addr = free.Addr().String()
	free.Close()
	l.org = simforce.New(simforce.Options{})
	salesforce := httptest.NewServer(l.org)
	t.Cleanup(salesforce.Close)
	for n := 3; n < 400; n += 1 + n/6 {
		l.org.Fault(simforce.Fault{Kind: simforce.ResetAfter, Method: http.MethodPatch, Nth: n})
	}
	for i := range loadCallers {
		account := l.org.Put("Account", map[string]any{"Name": fmt.Sprint("Company ", i), "AccountNumber": fmt.Sprint("AC-", 2000+i)})
		l.org.Put("Contact", map[string]any{"LastName": fmt.Sprint("Caller ", i), "Phone": number(i), "AccountId": account})
	}
	transport := &http.Transport{MaxIdleConnsPerHost: loadCallers}
	t.Cleanup(transport.CloseIdleConnections)
	l.client = &http.Client{Transport: transport}
	l.cloud = simvapi.New(simvapi.Options{ServerURL: "http://" + l.addr + "/webhook/vapi", HTTP: l.client, Auth: simvapi.VapiSecret(world.Secret), Seed: 1})
	text := fmt.Sprintf(`listen: %s
public_url: http://%s
database: sqlite:%s
vapi: {webhook_auth: [{secret: %q}]}
salesforce: {login_url: %q, flow: client-credentials, client_id: simforce-client, client_secret: simforce-secret}
`, l.addr, l.addr, filepath.Join(dir, "hookswitch.db"), world.Secret, salesforce.URL)
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if l.cmd != nil {
			l.kill()
		}
	})
	return l
}

func number(caller int) string { return fmt.Sprintf("+1555010%04d", 1000+caller) }

// start begins the program and lets the callers go on when it is ready.
func (l *load) start() {
	errs := &bytes.Buffer{}
	cmd := exec.Command(l.program, "serve", "--config", l.config)
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		l.Fatal(err)
	}
	l.mu.Lock()
	l.cmd, l.errs = cmd, errs
	l.mu.Unlock()
	l.until("the server is ready", func() bool {
		res, err := l.client.Get("http://" + l.addr + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	close(l.ready)
}

// kill ends the program as kill -9 does.
func (l *load) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.cmd.Process.Kill(); err != nil {
		l.Errorf("kill: %v", err)
	}
	_ = l.cmd.Wait() // it was killed, and says so
	l.cmd, l.ready = nil, make(chan struct{})
}

// until waits for a condition, and fails the test if it does not come.
func (l *load) until(what string, holds func() bool) {
	l.Helper()
	tick, end := time.NewTicker(20*time.Millisecond), time.NewTimer(20*time.Second)
	defer tick.Stop()
	defer end.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-end.C:
			l.Fatalf("waited in vain until %s", what)
		}
	}
}

// call is one caller's call: a lead and corrections of it, a case, a new address. An ask without an answer is
// delivered again.
func (l *load) call(i int) {
	ctx := context.Background()
	k := l.cloud.Ring(ctx, simvapi.Caller{Number: number(i)})
	for n := range loadAsks {
		mark := markOf(i*loadAsks + n)
		tool, args := loadAsk(i, n, mark)
		id := fmt.Sprintf("call_load_%d_%d", i, n)
		for {
			l.mu.Lock()
			ready := l.ready
			l.mu.Unlock()
			select {
			case <-ready:
			case <-time.After(20 * time.Second):
				l.Errorf("%s: no server came back", id)
				return
			}
			h := k.Asks(ctx, tool, args, simvapi.AskOptions{ID: id})
			if h.Via == simvapi.ViaFailure {
				continue
			}
			l.mu.Lock()
			l.heard[mark] = h.Said
			l.mu.Unlock()
			l.answered.Add(1)
			break
		}
	}
}

func loadAsk(caller, n int, mark string) (tool string, args map[string]any) {
	switch n % 4 {
	case 0, 3:
		return "create_lead", map[string]any{"firstName": "Ada", "lastName": mark, "phone": number(caller), "propertyType": "house", "budget": "450k", "location": mark, "timeline": "immediate"}
	case 1:
		return "create_case", map[string]any{"accountNumber": fmt.Sprint("AC-", 2000+caller), "issueType": []string{"billing", "technical"}[n/4], "description": mark + " happened", "secondCase": true}
	}
	return "update_contact", map[string]any{"email": mark + "@example.com"}
}

// settled asks the server whether anything is still to be done.
func (l *load) settled() bool {
	res, err := l.client.Get("http://" + l.addr + "/health")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	var health struct {
		Backlog *int `json:"backlog"`
	}
	return json.NewDecoder(res.Body).Decode(&health) == nil && health.Backlog != nil && *health.Backlog == 0
}

// compare holds what was said against the ledger.
func (l *load) compare() {
	made, changed, leads := map[string]int{}, map[string]bool{}, map[string]bool{}
	for _, e := range l.org.Ledger() {
		marks := marksOf(e.Sent)
		if len(marks) != 1 {
			l.Errorf("an effect of no ask: %s %s %v", e.Op, e.Object, e.Sent)
			continue
		}
		changed[marks[0]] = true
		if e.Op != simforce.Create {
			continue
		}
		if made[e.Object+marks[0]]++; made[e.Object+marks[0]] > 1 {
			l.Errorf("doubled: %s of %s", e.Object, marks[0])
		}
		if phone, _ := e.Sent["Phone"].(string); e.Object == "Lead" {
			if leads[phone] {
				l.Errorf("doubled: a second lead of %s, for %s", phone, marks[0])
			}
			leads[phone] = true
		}
	}
	for mark, said := range l.heard {
		switch means, _ := understand(said); means {
		case isDone, isNoted:
			if !changed[mark] {
				l.Errorf("lost: %s heard %q", mark, said)
			}
		default:
			l.Errorf("%s heard %q: %s", mark, said, means)
		}
	}
	if want := loadCallers * loadAsks; len(l.heard) != want {
		l.Errorf("got %d answers, want %d", len(l.heard), want)
	}
}
