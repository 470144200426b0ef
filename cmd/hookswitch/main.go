// Command hookswitch is the server behind Vapi voice agents that work with Salesforce, and the tools of the
// operator who runs it.
//
//	hookswitch serve                    run the server
//	hookswitch config example|schema|check
//	hookswitch playbook list|show|check
//	hookswitch journal list|show|retry|discard
//	hookswitch calls list|show
//	hookswitch sim salesforce|vapi      the vendors, simulated
//
// What a command finds out goes to standard output, what went wrong to standard error. The exit code is 0 if
// the command did what was asked; 2 if the command line, the configuration or a playbook is at fault, and
// trying again without mending it is no use; 1 for every other failure.
//
// Personal data is masked in everything that is printed.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the zones of orgs and callers, on machines and images without them

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/playbook"
)

func main() { os.Exit(run()) } //nolint:forbidigo // this is the main that decides

// run ends the command gracefully at the first signal. The second ends the program at once, as if none of
// this were here.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	err := rootCommand().ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, told(err))
	}
	return exitCode(err)
}

// misuse is an error that lies in what was typed: exit code 2.
type misuse struct{ error }

func (m misuse) Unwrap() error { return m.error }

// exitCode tells scripts whether trying again can help. Faults of a file count as misuse wherever they were met: a
// server that can't start for a playbook's fault won't start at the next try either.
func exitCode(err error) int {
	var typed misuse
	var inConfig config.Faults
	var inPlaybook playbook.Faults
	switch {
	case err == nil:
		return 0
	case errors.As(err, &typed), errors.As(err, &inConfig), errors.As(err, &inPlaybook):
		return 2
	}
	return 1
}

// told is an error as it is printed: the faults of a file begin with their place, so that an editor finds it.
func told(err error) string {
	switch err.(type) { //nolint:errorlint // only what is not wrapped begins with its own place
	case config.Faults, playbook.Faults:
		return err.Error()
	}
	return "hookswitch: " + err.Error()
}
