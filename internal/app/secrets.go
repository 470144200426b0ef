package app

import (
	"context"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/intake"
	"github.com/hookswitch/hookswitch/internal/vapi"
)

// verifier is built from the webhook secrets of the configuration. The first of a list is the current one
// and has no end; those behind it were replaced, and end when their grace does.
func (w *workspace) verifier(ctx context.Context) (*vapi.Verifier, error) {
	var credentials []vapi.Credential
	for i, auth := range w.cfg.Vapi.WebhookAuth {
		c, err := w.credential(ctx, i, auth)
		if err != nil {
			return nil, fmt.Errorf("vapi.webhook_auth[%d]: %w", i, err)
		}
		credentials = append(credentials, c)
	}
	return vapi.NewVerifier(credentials)
}

func (w *workspace) keys(ctx context.Context, door string, secrets config.Secrets) ([]vapi.Key, error) {
	var until time.Time
	if len(secrets) > 0 {
		digest := w.box.Hash("secret", w.name, door, secrets.First().Reveal())
		since, err := intake.FirstSeen(ctx, w.db, w.name, door, digest)
		if err != nil {
			return nil, err
		}
		until = since.Add(w.App.cfg.SecretGrace)
	}
	keys := make([]vapi.Key, len(secrets))
	for i, s := range secrets {
		keys[i] = vapi.Key{Value: s.Reveal()}
		if i > 0 {
			keys[i].Until = until
		}
	}
	return keys, nil
}

func (w *workspace) credential(ctx context.Context, i int, auth config.WebhookAuth) (vapi.Credential, error) {
	door := fmt.Sprintf("vapi.%d", i)
	switch {
	case len(auth.Secret) > 0:
		keys, err := w.keys(ctx, door, auth.Secret)
		return vapi.Credential{Kind: vapi.Secret, Keys: keys, Header: auth.Header}, err
	case len(auth.Bearer) > 0:
		keys, err := w.keys(ctx, door, auth.Bearer)
		return vapi.Credential{Kind: vapi.Bearer, Keys: keys, Header: auth.Header}, err
	}
	h := auth.HMAC
	keys, err := w.keys(ctx, door, h.Keys())
	return vapi.Credential{Kind: vapi.HMAC, Keys: keys, Scheme: vapi.Scheme{
		Algorithm: h.Algorithm, SignatureHeader: h.SignatureHeader, TimestampHeader: h.TimestampHeader,
		Prefix: h.SignaturePrefix, Payload: h.Payload, MessageIDHeader: h.MessageIDHeader, Encoding: h.Encoding,
		SecretIsBase64: h.SecretIsBase64, Tolerance: h.Tolerance,
	}}, err
}
