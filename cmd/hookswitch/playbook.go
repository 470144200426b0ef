package main

import (
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hookswitch/hookswitch/internal/playbook"
	"github.com/hookswitch/hookswitch/playbooks"
)

func playbookCommand() *cobra.Command {
	return group(
		&cobra.Command{Use: "playbook", Short: "List, show and check playbooks"},
		&cobra.Command{Use: "list", Short: "List the playbooks that ship", Args: takes(0, 0), RunE: listPlaybooks},
		&cobra.Command{
			Use: "show NAME", Short: "Print a playbook that ships, to copy and change", Args: takes(1, 1),
			RunE: func(c *cobra.Command, args []string) error {
				if _, err := playbook.Shipped(args[0]); err != nil {
					return misuse{err}
				}
				text, err := playbooks.FS.ReadFile(args[0] + ".yaml")
				if err != nil {
					return err
				}
				_, err = c.OutOrStdout().Write(text)
				return err
			},
		},
		&cobra.Command{Use: "check FILE…", Short: "Tell everything that is wrong with playbooks", Args: takes(1, many), RunE: checkPlaybooks},
	)
}

func listPlaybooks(c *cobra.Command, _ []string) error {
	all, err := playbook.List()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, b := range all {
		fmt.Fprintf(w, "%s\t%s\n", b.Name, b.Description)
	}
	return w.Flush()
}

// checkPlaybooks checks every file, whatever the others are like, and fails if any is at fault.
func checkPlaybooks(c *cobra.Command, files []string) error {
	var all error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			all = errors.Join(all, fmt.Errorf("read playbook: %w", err))
			continue
		}
		book, err := playbook.Parse(file, text)
		if err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "%v\n", err)
			all = errors.Join(all, misuse{fmt.Errorf("%s can't be used", file)})
			continue
		}
		fmt.Fprintf(c.OutOrStdout(), "%s is good: playbook %s, %s\n", file, book.Name, count(len(book.Tools), "tool"))
	}
	return all
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
