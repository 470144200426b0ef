package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hookswitch": main})
}

// TestScript runs the scripts of testdata/script against the program itself, in processes of its own. Beside
// the commands of testscript they have:
//
//	exits CODE PROGRAM ARG…    run, and want this exit code
//	start NAME [K=V] PROGRAM ARG…    run in the background until it prints where it listens; $NAME is that address
//	await NAME PATTERN         until the program's standard error holds it
//	signal NAME TERM|HUP|KILL  send a signal
//	ended NAME CODE            wait for the end of the program; its output is in NAME.out and NAME.err
//	insist NAME                send TERM until the program ends, which it must do at once
//	get URL CODE               ask, until the answer has this code
//	post URL FILE              send a file, want 200 or 201; $id is the id in the answer, if it has one
//	hang URL                   begin a request and never finish it
//	keep DATABASE              put a call and four writes into a database
//	newer DATABASE             as if a later program had migrated it
//
// mission-part: A.12
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Values[running{}] = map[string]*process{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "start": start, "await": await, "signal": send, "ended": ended, "insist": insist,
			"get": get, "post": post, "hang": hang, "keep": keep, "newer": newer,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// patienceOfTests bounds every wait for a condition. It is never waited for unless the test fails.
const patienceOfTests = 30 * time.Second

// running is the key under which a script keeps its processes.
type running struct{}

// process is a program in the background.
type process struct {
	cmd      *exec.Cmd
	out, err output
	over     chan struct{} // closed when it has ended
}

// output gathers what a process prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// until asks a condition again and again until it holds.
func until(ts *testscript.TestScript, what string, holds func() bool) {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	end := time.After(patienceOfTests)
	for !holds() {
		select {
		case <-again.C:
		case <-end:
			ts.Fatalf("waited %v for %s", patienceOfTests, what)
		}
	}
}

// arguments checks how many there are.
func arguments(ts *testscript.TestScript, neg bool, args []string, least int) {
	if neg || len(args) < least {
		ts.Fatalf("this command takes %d arguments or more, and no !", least)
	}
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	got := 0
	if exit != nil {
		got = exit.ExitCode()
	}
	if want := number(ts, args[0]); got != want {
		ts.Fatalf("exit code: got %d, want %d", got, want)
	}
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	p, environment := &process{over: make(chan struct{})}, os.Environ()
	environment = append(environment, "TMPDIR="+ts.Getenv("TMPDIR"), "PATH="+ts.Getenv("PATH"))
	for strings.Contains(args[1], "=") {
		environment, args = append(environment, args[1]), append(args[:1:1], args[2:]...)
	}
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, args[1])); err == nil {
			path = filepath.Join(dir, args[1])
			break
		}
	}
	p.cmd = exec.CommandContext(context.Background(), path, args[2:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = ts.MkAbs("."), &p.out, &p.err, environment
	ts.Check(p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // its end is judged by ended
		close(p.over)
	}()
	ts.Defer(func() {
		_ = p.cmd.Process.Kill() // unless it has ended as it should
		<-p.over
	})
	ts.Value(running{}).(map[string]*process)[args[0]] = p
	address := regexp.MustCompile(`http://[0-9.:]+`)
	until(ts, args[0]+" to print its address", func() bool {
		if p.hasEnded() {
			ts.Fatalf("%s has ended by itself:\n%s", args[0], p.err.String())
		}
		at := address.FindString(p.out.String())
		ts.Setenv(args[0], at)
		return at != ""
	})
}

func (p *process) hasEnded() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

func named(ts *testscript.TestScript, name string) *process {
	p := ts.Value(running{}).(map[string]*process)[name]
	if p == nil {
		ts.Fatalf("nothing was started as %s", name)
	}
	return p
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	p, pattern := named(ts, args[0]), regexp.MustCompile(args[1])
	until(ts, args[1], func() bool { return pattern.MatchString(p.err.String()) })
}

func send(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	sig, ok := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}[args[1]]
	if !ok {
		ts.Fatalf("signal %s is none of TERM, HUP, KILL", args[1])
	}
	ts.Check(named(ts, args[0]).cmd.Process.Signal(sig))
}

func ended(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	p := named(ts, args[0])
	until(ts, args[0]+" to end", p.hasEnded)
	for suffix, o := range map[string]*output{".out": &p.out, ".err": &p.err} {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+suffix), []byte(o.String()), 0o600))
	}
	if got, want := p.cmd.ProcessState.ExitCode(), number(ts, args[1]); got != want {
		ts.Fatalf("%s: exit code: got %d, want %d\n%s", args[0], got, want, p.err.String())
	}
}

func insist(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1)
	p, began := named(ts, args[0]), time.Now()
	until(ts, args[0]+" to end at once", func() bool {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails once it has ended
		return p.hasEnded()
	})
	if took := time.Since(began); took > 10*time.Second {
		ts.Fatalf("%s ended after %v: it waited for what was under way", args[0], took)
	}
}

// client waits for no server longer than a script does.
func client() *http.Client { return &http.Client{Timeout: patienceOfTests} }

func get(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	want, last := number(ts, args[1]), ""
	until(ts, args[0], func() bool {
		res, err := client().Get(args[0])
		if err != nil {
			last = err.Error()
			return false
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		last = string(body)
		return err == nil && res.StatusCode == want
	})
	fmt.Fprintln(ts.Stdout(), last)
}

func post(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	res, err := client().Post(args[0], "application/json", strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), string(body))
	var made struct{ ID string }
	if json.Unmarshal(body, &made) == nil && made.ID != "" {
		ts.Setenv("id", made.ID)
	}
	if res.StatusCode/100 != 2 {
		ts.Fatalf("POST %s: %s: %s", args[0], res.Status, body)
	}
}

func hang(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1)
	host := strings.TrimPrefix(args[0], "http://")
	c, err := (&net.Dialer{}).Dial("tcp", host)
	ts.Check(err)
	ts.Defer(func() { _ = c.Close() })
	_, err = fmt.Fprintf(c, "POST /webhook/vapi HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n", host)
	ts.Check(err)
	// The server answers "100 Continue" when it begins to read the body: from then on the request is under way.
	line := make([]byte, 12)
	_, err = io.ReadFull(c, line)
	ts.Check(err)
	if got := string(line); got != "HTTP/1.1 100" {
		ts.Fatalf("begin a request: got %q, want a 100 Continue", got)
	}
}
