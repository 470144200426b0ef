package main

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/spf13/cobra"

	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
)

// What the simulators are signed in to with, unless told otherwise. They guard nothing.
const (
	simClientID     = "simforce-client"
	simClientSecret = "simforce-secret"
	simVapiKey      = "vapi-private-key"
	simVapiSecret   = "vapi-server-secret" //nolint:gosec // a simulator's, printed when it starts
)

func simCommand() *cobra.Command {
	org := &cobra.Command{Use: "salesforce", Short: "Run a Salesforce org in memory", Args: takes(0, 0), RunE: simSalesforce}
	org.Flags().String("listen", "127.0.0.1:8090", "where")
	cloud := &cobra.Command{Use: "vapi --server-url URL", Short: "Run a Vapi account that calls a server", Args: takes(0, 0), RunE: simVapi}
	cloud.Flags().String("listen", "127.0.0.1:8091", "where")
	cloud.Flags().String("server-url", "", "where events go: http://127.0.0.1:8080/webhook/vapi")
	cloud.Flags().String("secret", simVapiSecret, "sent in X-Vapi-Secret")
	return group(&cobra.Command{
		Use: "sim", Short: "The vendors, simulated: strict, with faults on demand",
		Long: `The vendors, simulated: at least as strict as they are, with faults on demand below /_sim/.

They keep everything in memory and ask for no password there: let only this machine reach them.`,
	}, org, cloud)
}

// simSalesforce prints the part of a configuration that signs in to the org, ready to be copied.
func simSalesforce(c *cobra.Command, _ []string) error {
	l, err := simListen(c)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), `Salesforce is simulated on http://%[1]s, faults and records below /_sim/.

salesforce:
  login_url: http://%[1]s
  flow: client-credentials
  client_id: %[2]s
  client_secret: %[3]s
`, l.Addr(), simClientID, simClientSecret)
	return simforce.Serve(c.Context(), l, simforce.Options{ClientID: simClientID, ClientSecret: simClientSecret, Control: true})
}

// simVapi prints the part of a configuration that belongs to the account. The server need not run yet: events that
// nobody hears are lost, as they are at the vendor.
func simVapi(c *cobra.Command, _ []string) error {
	server, err := c.Flags().GetString("server-url")
	if err != nil {
		return err // unreachable: the command defines it, as the one below
	}
	secret, err := c.Flags().GetString("secret")
	if err != nil {
		return err
	}
	if server == "" {
		return misuse{errors.New("--server-url is missing: write where the server hears Vapi, such as http://127.0.0.1:8080/webhook/vapi")}
	}
	l, err := simListen(c)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), `Vapi is simulated on http://%[1]s, calls and faults below /_sim/. Events go to %[2]s.

vapi:
  api_url: http://%[1]s
  api_key: %[3]s
  webhook_auth: [{secret: %[4]q}]
`, l.Addr(), server, simVapiKey, secret)
	return simvapi.Serve(c.Context(), l, simvapi.Options{ServerURL: server, Auth: simvapi.VapiSecret(secret), APIKey: simVapiKey})
}

// simListen opens the address that the simulator was told.
func simListen(c *cobra.Command) (net.Listener, error) {
	at, err := c.Flags().GetString("listen")
	if err != nil {
		return nil, err // unreachable: both simulators define it
	}
	l, err := (&net.ListenConfig{}).Listen(c.Context(), "tcp", at)
	if err != nil {
		return nil, fmt.Errorf("listen: %w — give another address with --listen", err)
	}
	warnOpen(c.ErrOrStderr(), l)
	return l, nil
}

// warnOpen warns if others than this machine reach the simulator.
func warnOpen(w io.Writer, l net.Listener) {
	if at, ok := l.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		fmt.Fprintf(w, "warning: %s is reached from other machines, and a simulator asks nobody who they are\n", at)
	}
}
