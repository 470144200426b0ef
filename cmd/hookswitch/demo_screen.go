package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/term"

	"github.com/hookswitch/hookswitch/internal/world"
)

// Measures of the screen, in cells. The columns need so much that most sentences fit on two lines.
const (
	narrowest  = 100 // for two columns
	widest     = 132
	clockCells = 9
	whoCells   = 11
)

// screen prints a demonstration: in two columns on a wide terminal, line by line elsewhere.
type screen struct {
	out      io.Writer
	terminal bool
	colour   bool
	columns  bool
	width    int
	left     int // cells of the left column
	group    []line
	waits    bool // the last line is one that passes
	scenes   []tone
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out, width: narrowest}
	f, isFile := out.(*os.File)
	if isFile && term.IsTerminal(f.Fd()) {
		s.terminal = os.Getenv("TERM") != "dumb"
		if w, _, err := term.GetSize(f.Fd()); err == nil && w > 20 {
			s.width = min(w-1, widest)
		}
		s.colour = s.terminal && os.Getenv("NO_COLOR") == ""
		s.columns = s.colour && s.width >= narrowest-1
	}
	s.left = s.width * 11 / 20
	return s
}

// paint gives text its tone. The colours are the sixteen that every terminal's theme chooses for itself.
func (s *screen) paint(t tone, text string) string {
	if !s.colour || text == "" {
		return text
	}
	style := lipgloss.NewStyle()
	switch t {
	case quiet:
		style = style.Foreground(lipgloss.BrightBlack)
	case caller:
		style = style.Foreground(lipgloss.Cyan)
	case machine:
		style = style.Foreground(lipgloss.Magenta)
	case heard, strong:
		style = style.Bold(true)
	case pending:
		style = style.Foreground(lipgloss.Blue)
	case good:
		style = style.Foreground(lipgloss.Green)
	case changed:
		style = style.Foreground(lipgloss.Yellow)
	case trouble:
		style = style.Foreground(lipgloss.Red)
	case plain:
	}
	return style.Render(text)
}

// plainly prints a line after what passes is wiped away.
func (s *screen) plainly(text string) {
	s.wipe()
	fmt.Fprintln(s.out, strings.TrimRight(text, " "))
}

func (s *screen) wipe() {
	if s.waits {
		fmt.Fprint(s.out, "\r\x1b[K")
		s.waits = false
	}
}

// waiting shows that time passes, on a terminal.
func (s *screen) waiting(i, of int, since time.Duration) {
	s.flush()
	if !s.terminal {
		return
	}
	const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
	turn := []rune(frames)[int(since/(80*time.Millisecond))%len([]rune(frames))]
	fmt.Fprintf(s.out, "\r\x1b[K%s", s.paint(quiet, fmt.Sprintf(" %c scene %d of %d, %s", turn, i, of, seconds(since))))
	s.waits = true
}

func (s *screen) title(scenes int) {
	s.plainly("")
	for _, l := range s.wrap(s.paint(strong, "Hookswitch")+"  the real server, with Vapi and Salesforce simulated: "+count(scenes, "scene")+", no account, no network.", s.width-2) {
		s.plainly(" " + l)
	}
}

// heading begins a scene.
func (s *screen) heading(i, of int, scene world.Scene) {
	s.plainly("")
	name := s.dots(i, of) + s.paint(quiet, fmt.Sprintf("  %d of %d  ", i, of)) + s.paint(strong, scene.Title)
	gap := s.width - 1 - lipgloss.Width(name) - lipgloss.Width(scene.Playbook)
	if gap > 1 {
		name += strings.Repeat(" ", gap) + s.paint(quiet, scene.Playbook)
	}
	s.plainly(" " + name)
	for _, l := range s.wrap(scene.Watch, s.width-2) {
		s.plainly(" " + l)
	}
	if s.columns {
		s.rule("┬", " the call ", " Salesforce, and the journal ")
	}
}

// dots are the scenes: told, being told, to come.
func (s *screen) dots(i, of int) string {
	if !s.colour {
		return "——"
	}
	var b strings.Builder
	for n := range of {
		switch {
		case n < len(s.scenes):
			b.WriteString(s.paint(s.scenes[n], "●"))
		case n == i-1:
			b.WriteString(s.paint(strong, "●"))
		default:
			b.WriteString(s.paint(quiet, "○"))
		}
	}
	return b.String()
}

// rule is a line over both columns, with titles in it.
func (s *screen) rule(joint, left, right string) {
	fill := func(text string, cells int) string {
		return "──" + text + strings.Repeat("─", max(0, cells-2-lipgloss.Width(text)))
	}
	s.plainly(" " + s.paint(quiet, fill(left, s.left-1)+joint+fill(right, s.width-s.left-2)))
}

// line prints a line, or keeps it until it is known what belongs beside it.
func (s *screen) line(l line) {
	const together = 150 * time.Millisecond
	hasLeft := slices.ContainsFunc(s.group, func(o line) bool { return !o.right })
	if len(s.group) > 0 && (l.across || !l.right && hasLeft && l.who != "hears" || l.at-s.group[0].at > together) {
		s.flush()
	}
	if i := slices.IndexFunc(s.group, func(o line) bool {
		return o.right && l.right && o.mark == l.mark && o.who == l.who && o.who != "Salesforce"
	}); i >= 0 {
		l.text = s.group[i].text + ", " + l.text
		s.group = slices.Delete(s.group, i, i+1)
	}
	s.group = append(s.group, l)
	if l.across {
		s.flush()
	}
}

// flush prints the lines that are kept.
func (s *screen) flush() {
	group := s.group
	s.group = nil
	switch {
	case len(group) == 0:
	case group[0].across && s.columns:
		l := group[0]
		text := "━━━━ " + seconds(l.at) + "  " + l.text + " "
		s.plainly(" " + s.paint(l.tone, text+strings.Repeat("━", max(0, s.width-1-lipgloss.Width(text)))))
	case s.columns:
		s.beside(group)
	default:
		for _, l := range group {
			s.below(l)
		}
	}
}

// beside prints lines in two columns.
func (s *screen) beside(group []line) {
	var left, right []string
	for _, l := range group {
		if l.right {
			right = append(right, s.rightCell(l, s.width-s.left-3)...)
		} else {
			left = append(left, s.leftCell(l, s.left-clockCells-2)...)
		}
	}
	clock := fmt.Sprintf("%*s", clockCells-2, seconds(group[0].at))
	for i := range max(len(left), len(right)) {
		row := strings.Repeat(" ", clockCells)
		if i == 0 {
			row = s.paint(quiet, clock) + "  "
		}
		if i < len(left) {
			row += left[i]
		}
		row += strings.Repeat(" ", max(0, s.left-lipgloss.Width(row))) + s.paint(quiet, "│")
		if i < len(right) {
			row += " " + right[i]
		}
		s.plainly(row)
	}
}

func (s *screen) leftCell(l line, cells int) []string {
	text := s.paint(l.tone, l.text)
	if l.more != "" {
		text += "  " + s.paint(quiet, l.more)
	}
	return s.hang(s.paint(quiet, l.who), whoCells, text, cells)
}

func (s *screen) rightCell(l line, cells int) []string {
	text := s.paint(l.tone, l.text)
	switch {
	case l.who != "Salesforce":
		text = s.paint(l.tone, l.who+":") + " " + l.text
	case l.mark == "!" || l.mark == "•":
		text = s.paint(l.tone, "Salesforce "+l.text)
	}
	all := s.hang(s.paint(l.tone, l.mark), 2, text, cells)
	if l.more != "" {
		all = append(all, s.hang("", 2, s.paint(quiet, l.more), cells)...)
	}
	return all
}

// below prints a line under the one before.
func (s *screen) below(l line) {
	who, text := l.who, s.paint(l.tone, l.text)
	switch {
	case l.right && l.who == "Salesforce":
		text = s.paint(l.tone, l.mark+" "+l.text)
	case l.right:
		who, text = "journal", s.paint(l.tone, l.mark+" "+l.who+":")+" "+l.text
	}
	if l.more != "" {
		text += "  " + s.paint(quiet, l.more)
	}
	head := s.paint(quiet, fmt.Sprintf("%*s  ", clockCells-2, seconds(l.at)))
	for i, row := range s.hang(s.paint(quiet, who), whoCells, text, s.width-clockCells) {
		if i > 0 {
			head = strings.Repeat(" ", clockCells)
		}
		s.plainly(head + row)
	}
}

// hang wraps text into cells, the head before its first line.
func (s *screen) hang(head string, indent int, text string, cells int) []string {
	var all []string
	for i, l := range s.wrap(text, cells-indent) {
		if i > 0 {
			head = ""
		}
		all = append(all, head+strings.Repeat(" ", max(1, indent-lipgloss.Width(head)))+l)
	}
	return all
}

// wrap breaks text into lines, at blanks alone: account numbers have hyphens in them.
func (s *screen) wrap(text string, cells int) []string {
	const hyphen = "\u2011" // at which no line ends
	text = lipgloss.Wrap(strings.ReplaceAll(text, "-", hyphen), cells, "")
	return strings.Split(strings.NewReplacer(hyphen, "-", fixed, " ").Replace(text), "\n")
}
