package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/hookswitch/hookswitch/internal/world"
)

// verdict ends a scene.
func (s *screen) verdict(scene world.Scene, r world.Result) {
	s.flush()
	if s.columns {
		s.rule("┴", "", "")
	}
	text := fmt.Sprintf("✓ %s held", count(len(scene.Wants), "want"))
	if len(r.Faults) > 0 {
		text = "✗ not as it should be:"
	}
	s.scenes = append(s.scenes, outcome(r))
	s.plainly(" " + s.paint(outcome(r), text) + s.paint(quiet, "  "+seconds(r.Took)))
	s.faults(r)
}

func (s *screen) faults(r world.Result) {
	for _, fault := range r.Faults {
		for line := range strings.Lines(fault.Error()) {
			for _, row := range s.hang("", 3, masked(strings.TrimSpace(line)), s.width-1) {
				s.plainly(" " + row)
			}
		}
	}
}

func outcome(r world.Result) tone {
	if len(r.Faults) > 0 {
		return trouble
	}
	return good
}

// summary prints each scene's outcome, and the sums.
func (s *screen) summary(scenes []world.Scene, results []world.Result, took time.Duration) {
	s.plainly("")
	var sum world.Result
	longest := 0
	for _, scene := range scenes {
		longest = max(longest, lipgloss.Width(scene.Title))
	}
	for i, r := range results {
		mark := "✓"
		if len(r.Faults) > 0 {
			mark = "✗"
		}
		pad := strings.Repeat(" ", longest-lipgloss.Width(scenes[i].Title))
		s.plainly(" " + s.paint(outcome(r), mark) + " " + scenes[i].Title + pad + s.paint(quiet, "  "+count(len(scenes[i].Wants), "want")))
		s.faults(r)
		sum.Asks += r.Asks
		sum.Records += r.Records
		sum.Duplicates += r.Duplicates
		sum.Promised += r.Promised
		sum.Kept += r.Kept
		sum.Faults = append(sum.Faults, r.Faults...)
	}
	s.plainly("")
	text := fmt.Sprintf("%s, %s made, %s, %d of %s kept, in %s",
		count(sum.Asks, "ask"), count(sum.Records, "record"), count(sum.Duplicates, "duplicate"), sum.Kept, count(sum.Promised, "promise"), seconds(took))
	for _, l := range s.wrap(text, s.width-2) {
		s.plainly(" " + s.paint(outcome(sum), l))
	}
}

// command is something to try, and why.
type command struct{ text, why string }

// next prints what to try.
func (s *screen) next(title string, commands []command) {
	s.plainly("")
	s.plainly(" " + s.paint(strong, title))
	for _, c := range commands {
		s.plainly("   " + s.paint(quiet, "# "+c.why))
		s.plainly("   " + c.text)
	}
}

// program is how the reader started this program: as typed, or by go run.
func program() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/hookswitch"
	}
	return os.Args[0]
}

// afterwards is what to try once the demonstration is over.
func afterwards() []command {
	return []command{
		{program() + " demo", "the same, one scene after the other; then make calls of your own"},
		{program() + " playbook show customer-support", "what such a call is made of, each line explained"},
		{program() + " config example > hookswitch.yaml", "begin with an org and an assistant of your own"},
	}
}
