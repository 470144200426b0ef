package api

import (
	"context"
	"fmt"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/caller"
	"github.com/hookswitch/hookswitch/internal/journal"
)

// Book is what a server has promised and which calls it knows, as an operator may see it: telephone
// numbers, addresses and names are masked before anything leaves it. It works on a running server's parts
// and on those of a file that was opened without one.
//
// Names inside free text (a transcript, a description) are not found, and stay.
type Book struct {
	Journal *journal.Journal
	Log     *call.Log
}

// Intents is a page of intents, newest first, without their bodies.
func (b *Book) Intents(ctx context.Context, f journal.Filter) ([]journal.Intent, error) {
	all, err := b.Journal.List(ctx, f)
	for i := range all {
		all[i] = maskedIntent(all[i])
	}
	return all, err
}

// Intent is one intent with its masked body.
func (b *Book) Intent(ctx context.Context, workspace string, id journal.IntentID) (journal.Intent, error) {
	in, err := b.Journal.Intent(ctx, workspace, id)
	return maskedIntent(in), err
}

// Attempts is the history of an intent.
func (b *Book) Attempts(ctx context.Context, workspace string, id journal.IntentID) ([]journal.AttemptRow, error) {
	return b.Journal.Attempts(ctx, workspace, id)
}

// Retry lets an intent be tried again. Without a running server it is due, and tried when one starts.
func (b *Book) Retry(ctx context.Context, workspace string, id journal.IntentID) error {
	return b.Journal.Retry(ctx, workspace, id)
}

// Discard gives an intent up, and returns what fell with it.
func (b *Book) Discard(ctx context.Context, workspace string, id journal.IntentID, why string) ([]journal.IntentID, error) {
	return b.Journal.Discard(ctx, workspace, id, why)
}

// Counts is how many intents of a workspace stand in each state that is not the end.
func (b *Book) Counts(ctx context.Context, workspace string) (map[journal.State]int, error) {
	return b.Journal.Counts(ctx, workspace)
}

// Calls is the newest calls of a workspace.
func (b *Book) Calls(ctx context.Context, workspace string, limit int) ([]call.Call, error) {
	calls, err := b.Log.List(ctx, workspace, limit)
	for i := range calls {
		calls[i] = maskedCall(calls[i])
	}
	return calls, err
}

// Call is one call; an error if the workspace has never seen it.
func (b *Book) Call(ctx context.Context, workspace, id string) (call.Call, error) {
	c, found, err := b.Log.Get(ctx, workspace, id)
	if err == nil && !found {
		err = fmt.Errorf("call %s: workspace %s has never seen it — `hookswitch calls list` names those it has", id, workspace)
	}
	return maskedCall(c), err
}

// maskedCall hides the caller's number. What is left is no number any more, and is only shown.
func maskedCall(c call.Call) call.Call {
	if c.Number != "" {
		c.Number = caller.Number(c.Number.Masked())
	}
	return c
}

// maskedIntent hides what is personal in the record to write and in the words that caused it.
func maskedIntent(in journal.Intent) journal.Intent {
	in.Body, in.Before = masked(in.Body), masked(in.Before)
	in.Cause.Words = maskedWords(in.Cause.Words)
	facts := make(map[string]string, len(in.Facts))
	for name, v := range in.Facts {
		facts[name] = maskedText(name, v)
	}
	if in.Facts != nil {
		in.Facts = facts
	}
	return in
}
