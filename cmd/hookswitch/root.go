package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// commands makes every command, in the order in which help lists them.
func commands() []func() *cobra.Command {
	return []func() *cobra.Command{
		demoCommand,
		serveCommand,
		configCommand,
		playbookCommand,
		journalCommand,
		callsCommand,
		simCommand,
		versionCommand,
	}
}

// rootCommand is the whole command line. Errors are printed by main, once; usage is printed for who asks for it,
// since a page of flags hides the sentence that says what was wrong.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "hookswitch",
		Short: "The server behind Vapi voice agents that work with Salesforce",
		Long: `Hookswitch answers the tool calls of Vapi voice agents from Salesforce, and keeps every write that was
promised to a caller until it has come true.

Begin with:

  hookswitch config example > hookswitch.yaml
  hookswitch serve

Exit codes: 0, done; 1, failed; 2, the command line, the configuration or a playbook is at fault.`,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	cobra.EnableCommandSorting = false
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return misuse{fmt.Errorf("%w — see %s --help", err, c.CommandPath())}
	})
	for _, command := range commands() {
		root.AddCommand(command())
	}
	root.Args = cobra.ArbitraryArgs
	root.RunE = choose
	return root
}

// group is a command that only holds others.
func group(c *cobra.Command, of ...*cobra.Command) *cobra.Command {
	c.AddCommand(of...)
	c.Args, c.RunE = cobra.ArbitraryArgs, choose
	return c
}

// choose runs where one of a group's commands should have been named. Left to itself the library prints help
// and calls a mistyped command a success.
func choose(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	c.SuggestionsMinimumDistance = 2
	mend := "see " + c.CommandPath() + " --help"
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		mend = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return misuse{fmt.Errorf("there is no command `%s %s` — %s", c.CommandPath(), args[0], mend)}
}

// many lets takes accept any number of arguments.
const many = -1

// takes checks the number of arguments: from least to most.
func takes(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= least && (most == many || len(args) <= most) {
			return nil
		}
		return misuse{fmt.Errorf("write %s", c.UseLine())}
	}
}
