package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookswitch/hookswitch/internal/config"
)

// configFile is where every command looks unless told otherwise.
const configFile = "hookswitch.yaml"

func configCommand() *cobra.Command {
	return group(
		&cobra.Command{Use: "config", Short: "Show what a configuration looks like, and check one"},
		&cobra.Command{
			Use: "example", Short: "Print an annotated configuration to start from", Args: takes(0, 0),
			RunE: func(c *cobra.Command, _ []string) error {
				fmt.Fprint(c.OutOrStdout(), config.Example())
				return nil
			},
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of the configuration, for editors", Args: takes(0, 0),
			RunE: func(c *cobra.Command, _ []string) error {
				_, err := c.OutOrStdout().Write(config.Schema())
				return err
			},
		},
		&cobra.Command{
			Use: "check [FILE]", Short: "Tell everything that is wrong with a configuration (default " + configFile + ")", Args: takes(0, 1),
			RunE: func(c *cobra.Command, args []string) error {
				file := configFile
				if len(args) > 0 {
					file = args[0]
				}
				if _, err := loadConfig(c, file); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s is good\n", file)
				return nil
			},
		},
	)
}

// withConfig gives c and its commands the flag that names the configuration.
func withConfig(c *cobra.Command) *cobra.Command {
	c.PersistentFlags().String("config", configFile, "the configuration")
	return c
}

// configured loads the configuration that the command was told of.
func configured(c *cobra.Command) (*config.Config, error) {
	file, err := c.Flags().GetString("config")
	if err != nil {
		return nil, err // unreachable: withConfig defines it
	}
	return loadConfig(c, file)
}

// loadConfig reads file and prints its warnings.
func loadConfig(c *cobra.Command, file string) (*config.Config, error) {
	cfg, warnings, err := config.Load(file, nil)
	for _, w := range warnings {
		fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n\n", w)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, misuse{noConfig(file)}
	case err != nil:
		return nil, err
	case cfg.Database.Engine != config.SQLite:
		return nil, misuse{fmt.Errorf("%s: database: %s is not supported yet — keep the data in a file: sqlite:./data/hookswitch.db", file, cfg.Database)}
	}
	return cfg, nil
}

// noConfig says which file was looked for, in full: the folder is the usual mistake.
func noConfig(file string) error {
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	return fmt.Errorf("there is no configuration at %s — make one with: hookswitch config example > %s — or name yours with --config FILE", file, configFile)
}

// workspaceOf is the workspace that the command was told of, if the configuration has it.
func workspaceOf(c *cobra.Command, cfg *config.Config) (string, error) {
	name, err := c.Flags().GetString("workspace")
	if err != nil {
		return "", err // unreachable: the commands that ask define it
	}
	if _, ok := cfg.Of(name); ok {
		return name, nil
	}
	var known []string
	for other := range cfg.All() {
		known = append(known, other)
	}
	return "", misuse{fmt.Errorf("--workspace: the configuration has no workspace %q — it has: %s", name, strings.Join(known, ", "))}
}

// asked opens what the server keeps, for a command of journal or calls.
func asked(c *cobra.Command, do func(ctx context.Context, l ledger, workspace string) error) (err error) {
	cfg, err := configured(c)
	if err != nil {
		return err
	}
	workspace, err := workspaceOf(c, cfg)
	if err != nil {
		return err
	}
	l, err := openLedger(c.Context(), cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return do(c.Context(), l, workspace)
}
