package journal

import (
	"math/rand/v2"
	"time"

	"github.com/hookswitch/hookswitch/internal/mutant"
)

// action is what an attempt does.
type action string

// The actions.
const (
	do   action = "do"
	look action = "look"
)

// actionFor is what the next attempt of an intent must be: after an unknown outcome, a look. To do
// it again without one is how a customer gets two of something.
func actionFor(in Intent) action {
	if in.State == StateUnknown && !mutant.On(mutant.SkipLook) {
		return look
	}
	return do
}

// longestPause bounds the growing pauses of an outage.
const longestPause = 30 * time.Second

// rules are the numbers by which outcomes are judged.
type rules struct {
	tries int           // failures of its own before a person must look
	limit time.Duration // pause at a limit whose end the vendor did not tell
	quiet time.Duration // of the kind
}

// finding is an outcome, the action that found it, and when it was written down.
type finding struct {
	Outcome
	by action
	at time.Time
}

// judge returns the intent as the outcome of an attempt leaves it.
// It decides alone, without a clock or a database, so that its test is a table. Own failures are
// counted over the intent's whole life, not since the last outage: what fails by its own fault
// does not get better by waiting. An outage counts none, or an evening without Salesforce would
// send a night's work to review.
func judge(in Intent, f finding, r rules) Intent {
	out, now := f.Outcome, f.at
	if out.Blame == "" {
		out.Blame = Own
	}
	in.Verdict, in.Blame, in.Why, in.Hint = out.Verdict, out.Blame, out.Why, out.Hint
	switch {
	case out.Verdict == Done:
		return finish(in, out, now)
	case out.Verdict == Refused:
		return refuse(in, out.Why, now)
	// Of a look, Retry says that the effect is not there, which is no failure of anybody's.
	case out.Verdict == Retry && f.by == look:
		return absent(in, r, now)
	}
	counts := out.Blame == Own
	if counts {
		in.Counted++
	}
	in.Due = now.Add(pause(in, out, r))
	if out.Verdict == Retry {
		in.State = StateRetry
		if counts && in.Counted >= r.tries {
			return refuse(in, out.Why, now)
		}
		return in
	}
	// A missing verdict ends here as well: a doer that forgot to say is not believed to have failed.
	in.State, in.Verdict = StateUnknown, Unknown
	// A failed try that is unknown is never refused at once, whatever it counts: it gets its look.
	if f.by == look && counts && in.Counted >= r.tries {
		return refuse(in, "it could not be found out whether it happened: "+out.Why, now)
	}
	return in
}

// finish is an intent that happened. What was read back before stays if this attempt read nothing:
// a look may find the record without its number.
func finish(in Intent, out Outcome, now time.Time) Intent {
	in.State, in.Blame, in.Settled, in.Due = StateDone, "", now, now
	if out.Effect != "" {
		in.Effect = out.Effect
	}
	if len(out.Facts) > 0 {
		in.Facts = out.Facts
	}
	return in
}

// refuse gives an intent to a person. It holds nobody back any more but those that need it.
func refuse(in Intent, why string, now time.Time) Intent {
	in.State, in.Why, in.Settled, in.Due = StateRefused, why, now, now
	return in
}

// absent is a look that found nothing. For an effect with a key that settles it. Without
// one the vendor may still be about to do it: only two looks, the second after the quiet
// period, are believed.
// The vendor may have had the request in a queue of its own when our connection broke; the quiet
// period is that queue's longest life, as its kind was registered.
func absent(in Intent, r rules, now time.Time) Intent {
	in.Looks++
	quietEnds := in.Tried.Add(r.quiet)
	switch {
	case r.quiet > 0 && (in.Looks < 2 || now.Before(quietEnds)):
		in.State, in.Verdict = StateUnknown, Unknown
		in.Due = laterOf(now.Add(jittered(time.Second)), quietEnds)
	case in.Counted >= r.tries:
		return refuse(in, in.Why, now)
	// Now, without a pause: nothing failed, and a caller may be waiting.
	default:
		in.State, in.Due = StateRetry, now
	}
	return in
}

// pause is how long to wait after a failure: what the vendor said, else 1, 2, 4 s by its own
// failures, or growing to 30 s by the attempts of an outage.
func pause(in Intent, out Outcome, r rules) time.Duration {
	switch {
	case out.After > 0:
		return out.After
	case out.Blame == Limit:
		return r.limit
	// Counted, not attempts: a write that stood through an outage begins with a short pause again.
	case out.Blame == Own:
		return jittered(growing(in.Counted))
	}
	return jittered(growing(in.Attempts))
}

// growing is 1, 2, 4, 8, 16, 30, 30, … seconds.
func growing(n int) time.Duration {
	return min(time.Second<<min(max(n-1, 0), 5), longestPause)
}

// jittered spreads a pause by a tenth to either side, so that what failed together does not
// come back together.
func jittered(d time.Duration) time.Duration {
	return d*9/10 + rand.N(d/5+1) //nolint:gosec // it spreads load: nobody gains by guessing it
}
