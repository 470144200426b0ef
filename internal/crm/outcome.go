package crm

import (
	"errors"
	"slices"
	"time"

	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/salesforce"
)

// limitPause is how long a workspace's writes wait at the org's daily limit before one of them asks again.
// The limit is a rolling total of 24 hours: it falls slowly, and asking costs a request.
const limitPause = 5 * time.Minute

// outcome says what an error of Salesforce means for a promise. Only an ambiguous error leaves a doubt;
// everything else certainly did not happen.
func outcome(err error) journal.Outcome {
	e, ok := errors.AsType[*salesforce.Error](err)
	if !ok { // of no known class: the request may have left
		return journal.Outcome{Verdict: journal.Unknown, Blame: journal.Outage, Why: "no answer from Salesforce"}
	}
	out := journal.Outcome{After: e.RetryAfter, Why: e.Error(), Hint: e.Hint()}
	switch e.Class {
	case salesforce.Permanent:
		out.Verdict = journal.Refused
	case salesforce.Park:
		out.Verdict, out.Blame, out.After = journal.Retry, journal.Limit, max(out.After, limitPause)
	case salesforce.Backoff:
		out.Verdict, out.Blame = journal.Retry, journal.Own
		if slices.ContainsFunc(orgWide, e.Has) {
			out.Blame = journal.Outage
		}
	case salesforce.Safe, salesforce.Refresh:
		out.Verdict, out.Blame = journal.Retry, away(e)
	default:
		out.Verdict, out.Blame = journal.Unknown, away(e)
	}
	return out
}

// away tells an org that answered that it cannot serve from a connection that broke: the first is not asked
// again while a caller waits, the second is worth one more try.
func away(e *salesforce.Error) journal.Blame {
	if e.Status == 0 {
		return journal.None
	}
	return journal.Outage
}

// orgWide are the codes that clear by themselves and are about the org, not about the write: too many long
// requests of everyone's, or maintenance.
var orgWide = []string{
	"REQUEST_LIMIT_EXCEEDED", "TOO_MANY_APEX_REQUESTS", "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "API_CURRENTLY_DISABLED",
}

// absent reports whether err says that there is no such record.
func absent(err error) bool {
	e, ok := errors.AsType[*salesforce.Error](err)
	return ok && e.Absent()
}

// done is a write that happened.
func done(id salesforce.ID, facts map[string]string) journal.Outcome {
	return journal.Outcome{Verdict: journal.Done, Effect: string(id), Facts: facts}
}

// refused is a write that a person must look at.
func refused(why, hint string) journal.Outcome {
	return journal.Outcome{Verdict: journal.Refused, Why: why, Hint: hint}
}
