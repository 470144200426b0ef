package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hookswitch/hookswitch/internal/app"
	"github.com/hookswitch/hookswitch/internal/config"
)

func serveCommand() *cobra.Command {
	return withConfig(&cobra.Command{
		Use: "serve", Short: "Run the server", Args: takes(0, 0), RunE: serve,
		Long: `Run the server until it is told to stop.

Interrupt and SIGTERM stop it gracefully: the doors close, answers and attempts under way are finished. A
second signal ends it at once; what was under way is then looked for at the next start. SIGHUP reads the
playbooks again, for calls that begin from then on; a playbook with a fault is reported and changes nothing.`,
	})
}

// startGC is how far the heap may grow between collections while the parts are put together, in per cent.
// Reading playbooks litters much and keeps little: collected often, what it keeps lies close together, and an
// idle server needs some 2 MiB less.
const startGC = 20

// serve takes the database before the address: a second server of one database shall be told of the first, and
// not of its port.
func serve(c *cobra.Command, _ []string) error {
	usual := debug.SetGCPercent(startGC)
	cfg, err := configured(c)
	if err != nil {
		return err
	}
	log, err := logger(c.ErrOrStderr(), cfg.Log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	a, err := app.New(ctx, app.Options{Config: cfg, Log: log})
	if err != nil {
		return err
	}
	debug.SetGCPercent(usual)
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w — stop what listens there, or change listen in the configuration", err), a.Close(ctx))
	}
	announce(c.OutOrStdout(), cfg, l.Addr())
	// The socket stays open while the server stops: until the file is free, only it can answer.
	local, closeLocal := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	beside.Go(func() {
		if err := a.ServeLocal(local); err != nil {
			log.Warn("local.closed", "error", err, "mend", "the commands journal and calls work only while the server is stopped")
		}
	})
	beside.Go(func() { reload(ctx, a, log) })
	err = a.Serve(ctx, l)
	cancel()
	closeLocal()
	beside.Wait()
	return err
}

// announce says where the server is reached, and where Vapi is to send its messages.
func announce(w io.Writer, cfg *config.Config, at net.Addr) {
	fmt.Fprintf(w, "Hookswitch listens on http://%s\n", at)
	if cfg.PublicURL == "" {
		return
	}
	for name := range cfg.All() {
		path := "/webhook/vapi"
		if name != config.DefaultWorkspace {
			path = "/w/" + name + path
		}
		fmt.Fprintf(w, "  server URL for Vapi, workspace %s: %s%s\n", name, cfg.PublicURL, path)
	}
}

// reload reads the playbooks again at each SIGHUP, until ctx ends.
func reload(ctx context.Context, a *app.App, log *slog.Logger) {
	hangUp := make(chan os.Signal, 1)
	signal.Notify(hangUp, syscall.SIGHUP)
	defer signal.Stop(hangUp)
	for {
		select {
		case <-hangUp:
			if err := a.Reload(); err != nil {
				log.Error("playbooks.kept", "error", err, "mend", "every call goes on with the playbooks as they were; mend the fault and send SIGHUP again")
			}
		case <-ctx.Done():
			return
		}
	}
}

// logger writes the log as the configuration says.
func logger(w io.Writer, c config.Log) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, misuse{fmt.Errorf("log.level: %w", err)} // unreachable: the configuration was checked
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return slog.New(slog.NewJSONHandler(w, o)), nil
}
