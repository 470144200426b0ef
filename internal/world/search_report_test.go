package world_test

import (
	"fmt"
	"slices"
	"strings"
)

// wanted is what a run of the search must have met at least once. Left out is what no life can meet as the
// server is set up here: rotation (client credentials have no refresh token), a search index that lags (nothing
// is searched), the lanes of background work, and the states of what nobody yet merges, undoes or lets lapse.
func wanted() []string {
	return []string{
		"org latency", "org error", "org html", "org lock-row", "org limit-total", "org limit-concurrent", "org expire-sessions", "org refresh-busy",
		"org reset-before", "org reset-after", "org commit-late", "org down", "org query-lag",
		"vapi concurrent copy", "vapi later copy", "vapi drop response", "vapi cut", "vapi slow", "vapi slow answer", "vapi lose", "vapi hold", "heard by a copy", "corrected",
		"stall", "restart " + byKill, "restart " + byCutBefore, "restart " + byCutAfter, "restart " + byStop,
		"verdict done", "verdict retry", "verdict refused", "verdict unknown", "lane live",
		"state settling", "state waiting", "state trying", "state retry", "state unknown", "state done", "state refused", "state withdrawn",
		"said done", "said noted", "said kept", "said nothing", "said same done", "said same noted", "said sibling done", "said sibling noted", "said read",
	}
}

func (c counts) missing() []string {
	return slices.DeleteFunc(wanted(), func(what string) bool { return c[what] > 0 })
}

// table shows the counts side by side, grouped by their first word.
func (c counts) table() string {
	var b strings.Builder
	group := ""
	for _, what := range sorted(c) {
		first, rest, _ := strings.Cut(what, " ")
		if first != group {
			fmt.Fprintf(&b, "\n%-8s", first)
			group = first
		}
		fmt.Fprintf(&b, "  %s %d", rest, c[what])
	}
	return b.String()
}
