package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/intake"
	"github.com/hookswitch/hookswitch/internal/vapi"
)

// verifier is built from the webhook secrets of the configuration. The first of a list is the current one
// and has no end; those behind it were replaced, and end when their grace does.
func (w *workspace) verifier(ctx context.Context) (*vapi.Verifier, error) {
	var credentials []vapi.Credential
	for i, auth := range w.cfg.Vapi.WebhookAuth {
		c, err := w.credential(ctx, auth)
		if err != nil {
			return nil, fmt.Errorf("vapi.webhook_auth[%d]: %w", i, err)
		}
		credentials = append(credentials, c)
	}
	if err := intake.KeepDoors(ctx, w.db, w.name, w.doors); err != nil {
		return nil, err
	}
	return vapi.NewVerifier(credentials)
}

// keys are the values of one credential, newest first. A credential is known by its secrets and not by its
// place in the list, so that one which is added before it changes nothing.
func (w *workspace) keys(ctx context.Context, secrets config.Secrets) ([]vapi.Key, error) {
	values := make([]string, len(secrets))
	keys := make([]vapi.Key, len(secrets))
	for i, s := range secrets {
		values[i], keys[i].Value = s.Reveal(), s.Reveal()
	}
	if len(secrets) < 2 { // nothing was replaced, so no grace has to be remembered
		return keys, nil
	}
	digest := w.box.Hash(append([]string{"secret", w.name}, values...)...)
	slices.Sort(values) // the door is the same whichever of its secrets is current
	door := w.box.Hash(append([]string{"door", w.name}, values...)...)
	w.doors = append(w.doors, door)
	since, err := intake.FirstSeen(ctx, w.db, w.name, door, digest)
	if err != nil {
		return nil, err
	}
	for i := range keys[1:] {
		keys[i+1].Until = since.Add(w.App.cfg.SecretGrace)
	}
	return keys, nil
}

func (w *workspace) credential(ctx context.Context, auth config.WebhookAuth) (vapi.Credential, error) {
	switch {
	case len(auth.Secret) > 0:
		keys, err := w.keys(ctx, auth.Secret)
		return vapi.Credential{Kind: vapi.Secret, Keys: keys, Header: auth.Header}, err
	case len(auth.Bearer) > 0:
		keys, err := w.keys(ctx, auth.Bearer)
		return vapi.Credential{Kind: vapi.Bearer, Keys: keys, Header: auth.Header}, err
	}
	h := auth.HMAC
	keys, err := w.keys(ctx, h.Keys())
	return vapi.Credential{Kind: vapi.HMAC, Keys: keys, Scheme: vapi.Scheme{
		Algorithm: h.Algorithm, SignatureHeader: h.SignatureHeader, TimestampHeader: h.TimestampHeader,
		Prefix: h.SignaturePrefix, Payload: h.Payload, MessageIDHeader: h.MessageIDHeader, Encoding: h.Encoding,
		SecretIsBase64: h.SecretIsBase64, Tolerance: h.Tolerance,
	}}, err
}
