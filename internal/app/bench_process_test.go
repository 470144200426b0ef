package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/hookswitch/hookswitch/internal/app"
	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/store"
)

// What the benchmarks of the real program hold it to.
const (
	readyWithin = time.Second
	idleBelow   = 40 << 10 // KiB resident
)

// program builds the program once for a benchmark, as a release is built.
func program(b *testing.B) string {
	b.Helper()
	bin := filepath.Join(b.TempDir(), "hookswitch")
	build := exec.Command("go", "build", "-trimpath", "-o", bin, "github.com/hookswitch/hookswitch/cmd/hookswitch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// process is `hookswitch serve` on the database in a directory, ready to answer.
type process struct {
	*exec.Cmd
	ready time.Duration // from its start until /readyz said so
	said  bytes.Buffer
}

func serve(b *testing.B, bin, dir string) *process {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	file := filepath.Join(dir, "hookswitch.yaml")
	// Nobody listens where the org should be: an idle server must not depend on it.
	text := fmt.Sprintf("listen: %s\ndatabase: sqlite:./hookswitch.db\nvapi: {webhook_auth: [{secret: %q}]}\n"+
		"salesforce: {flow: client-credentials, login_url: http://127.0.0.1:9, client_id: id, client_secret: a-secret}\n", address, benchKey)
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), l.Close()); err != nil {
		b.Fatal(err)
	}
	p := &process{Cmd: exec.Command(bin, "serve", "--config", file)}
	p.Stdout, p.Stderr = &p.said, &p.said
	began := time.Now()
	if err := p.Start(); err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for time.Since(began) < 20*time.Second {
		if resp, err := client.Get("http://" + address + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				p.ready = time.Since(began)
				return p
			}
		}
		<-time.After(2 * time.Millisecond)
	}
	p.end(b)
	b.Fatalf("it was not ready after 20 s:\n%s", &p.said)
	return nil
}

func (p *process) end(b *testing.B) {
	b.Helper()
	if err := errors.Join(p.Process.Signal(os.Interrupt), p.Wait()); err != nil {
		b.Errorf("stop: %v\n%s", err, &p.said)
	}
}

// BenchmarkReady is the time from the start of the program until it is ready, on a database of 100,000
// intents, of which 1,000 are open.
func BenchmarkReady(b *testing.B) {
	dir := b.TempDir()
	grow(b, dir, 1000, 99)
	bin := program(b)
	b.ResetTimer()
	var slowest, whole time.Duration
	for range b.N {
		p := serve(b, bin, dir)
		p.end(b)
		whole, slowest = whole+p.ready, max(slowest, p.ready)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(whole.Milliseconds())/float64(b.N), "ready-ms")
	b.ReportMetric(float64(slowest.Milliseconds()), "slowest-ms")
	if slowest > readyWithin {
		b.Errorf("ready after %v, want at most %v", slowest, readyWithin)
	}
}

// grow makes a database with so many open intents, recorded as the server records them, and so many done
// ones for each. The done ones are copies of the rows: nobody opens their sealed bodies any more.
func grow(b *testing.B, dir string, open, each int) {
	b.Helper()
	ctx := b.Context()
	cfg := settings(dir)
	a, err := app.New(ctx, app.Options{Config: cfg, Log: quiet(), Books: books})
	if err != nil {
		b.Fatal(err)
	}
	err = errors.Join(a.Journal().Park(ctx, config.DefaultWorkspace, "", time.Now().Add(24*time.Hour), "benchmark"), a.Start(ctx))
	if err != nil {
		b.Fatal(err)
	}
	send, asks := said(direct(b, a.Handler()), promised), newWire(b, "create_lead", leadArgs)
	load(b, 64, open, func(n int64) error { return send(asks.body(n)) })
	if err := a.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(ctx, store.Options{Path: cfg.Database.Path})
	if err != nil {
		b.Fatal(err)
	}
	err = db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `WITH RECURSIVE copy (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < ?)
			INSERT INTO intent (workspace, kind, key, answer, name, subject, parent, lane, body, state, open, due_at, attempts, verdict, effect,
				cause_call, cause_ask, cause_rule, person, playbook, recorded_at, settled_at)
			SELECT workspace, kind, key || n, answer, name, subject, parent, lane, body, ?, 0, due_at, 1, ?, '00Q000000000001', cause_call, cause_ask, cause_rule,
				person, playbook, recorded_at, due_at FROM intent, copy WHERE open = 2`, each, string(journal.StateDone), string(journal.Done))
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkIdle is the memory of a server that has just started and serves nobody.
func BenchmarkIdle(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("resident memory is read from /proc")
	}
	bin, dir := program(b), b.TempDir()
	serve(b, bin, dir).end(b) // makes the database, which takes 1 to 2 MiB once
	resident := 0
	for range b.N {
		p := serve(b, bin, dir)
		<-time.After(2 * time.Second) // what the start took is given back
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
		p.end(b)
		if err != nil {
			b.Fatal(err)
		}
		found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
		if found == nil {
			b.Fatalf("no VmRSS in %s", status)
		}
		kib, err := strconv.Atoi(string(found[1]))
		if err != nil {
			b.Fatal(err)
		}
		resident = max(resident, kib)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(resident)/1024, "MiB")
	if resident > idleBelow {
		b.Errorf("%d KiB resident, want at most %d", resident, idleBelow)
	}
}
