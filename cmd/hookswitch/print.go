package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// inJSON reports whether the command was told to print JSON.
func inJSON(c *cobra.Command) bool {
	asked, err := c.Flags().GetBool("json")
	return err == nil && asked
}

// printJSON prints v, indented, for people and programs.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// stamp is a time as tables have it: in UTC, so that two people mean the same.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
