package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hookswitch/hookswitch/internal/world"
)

// stayOpen lets the reader in: the server and both simulators listen on loopback until ctx ends.
func (d *demo) stayOpen(ctx context.Context, w *world.World) error {
	sims := http.NewServeMux()
	sims.Handle("/", w.Cloud.Handler())
	sims.Handle("/_sim/", w.Cloud.Script())
	w.Org.Put("Account", map[string]any{"Name": "Your Own", "AccountNumber": "AC-9000"})
	addresses := make([]string, 3)
	for i, door := range []struct {
		at string
		h  http.Handler
	}{{"127.0.0.1:8080", w.App().Handler()}, {"127.0.0.1:8090", w.Org}, {"127.0.0.1:8091", sims}} {
		l, err := listenNear(ctx, door.at)
		if err != nil {
			return err
		}
		addresses[i] = l.Addr().String()
		srv := &http.Server{
			Handler: door.h, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		}
		go func() { _ = srv.Serve(l) }()   // ends with Close
		defer func() { _ = srv.Close() }() // the demonstration is over
	}
	local := make(chan error, 1)
	go func() { local <- w.App().ServeLocal(ctx) }()
	file, err := d.writeConfig(addresses)
	if err != nil {
		return err
	}
	if err := d.invite(addresses, file); err != nil {
		return err
	}
	<-ctx.Done()
	d.screen.plainly("")
	return <-local
}

// listenNear listens at an address, or on a free port if that one is taken.
func listenNear(ctx context.Context, at string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", at)
	if err == nil {
		return l, nil
	}
	l, other := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if other != nil {
		return nil, fmt.Errorf("listen: %w", errors.Join(err, other))
	}
	return l, nil
}

// writeConfig writes the file by which the commands journal and calls find this server.
func (d *demo) writeConfig(addresses []string) (string, error) {
	file := filepath.Join(d.dir, configFile)
	text := fmt.Sprintf(`listen: %s
database: sqlite:%s
playbooks: [customer-support, real-estate]
vapi: {webhook_auth: [{secret: %q}]}
salesforce: {login_url: "http://%s", client_id: %s, client_secret: %s}
`, addresses[0], filepath.Join(d.dir, "hookswitch.db"), world.Secret, addresses[1], simClientID, simClientSecret)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// ask is a message of Vapi with one tool call, for a case of that kind.
func ask(n int, issue string) string {
	return fmt.Sprintf(`{"message":{"type":"tool-calls","call":{"id":"my-call-%[1]d","customer":{"number":"+15550100177"}},`+
		`"toolCallList":[{"id":"my-ask-%[1]d","type":"function","function":{"name":"create_case",`+
		`"arguments":{"accountNumber":"AC-9000","issueType":%[2]q,"description":"It happened twice"}}}]}}`, n, issue)
}

// invite says what can be done now, in lines that work as they stand.
func (d *demo) invite(at []string, config string) error {
	curl := make([]string, 2)
	for i, issue := range []string{"billing", "technical"} {
		file := filepath.Join(d.dir, fmt.Sprintf("ask-%d.json", i+1))
		if err := os.WriteFile(file, []byte(ask(i+1, issue)), 0o600); err != nil {
			return err
		}
		curl[i] = fmt.Sprintf("curl -s http://%s/webhook/vapi -H 'X-Vapi-Secret: %s' -d @%s", at[0], world.Secret, file)
	}
	d.screen.next("Everything stays up until Ctrl-C. In another terminal:", []command{
		{curl[0], "ask as Vapi does; say it twice, and there is still one case"},
		{fmt.Sprintf("curl -s 'http://%s/_sim/records?object=Case'", at[1]), "the cases in Salesforce"},
		{fmt.Sprintf(`curl -s http://%s/_sim/faults -d '{"kind":"down","for":"30s"}'`, at[1]), "take Salesforce down for half a minute,"},
		{curl[1], "and hear what is said then; the case comes later"},
		{fmt.Sprintf("%s journal list --config %s", program(), config), "what was promised, and what became of it"},
	})
	d.screen.plainly("")
	where := fmt.Sprintf("server http://%s   Salesforce http://%s   Vapi http://%s", at[0], at[1], at[2])
	d.screen.plainly(" " + d.screen.paint(quiet, where))
	return nil
}
