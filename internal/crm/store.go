package crm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/salesforce"
	"github.com/hookswitch/hookswitch/internal/store"
)

// ErrOtherOrg is returned for a token of another org than the one that the workspace is tied to. A
// refreshed sandbox and a mistaken login URL look exactly like this, and writes there would be lost.
var ErrOtherOrg = errors.New("the token belongs to another Salesforce org")

// Tokens keeps the token of one workspace's org, sealed, and the id of the org that the workspace is tied
// to. It is the salesforce.TokenStore of the server.
type Tokens struct {
	DB        *store.DB
	Box       *store.Box
	Workspace string
	OrgID     salesforce.ID // from the configuration; empty: the first org that is seen
	// Other hears of a token of another org, and of the right one after it.
	Other func(err error)
}

// neighbour tells the token of the org from those of other vendors in the same table.
const neighbour = "salesforce"

// aad binds a sealed token to its place: copied to another workspace's row, it does not open.
func (t *Tokens) aad() []byte { return []byte("token|" + t.Workspace + "|" + neighbour) }

// Load returns the newest token saved.
func (t *Tokens) Load(ctx context.Context) (tok salesforce.Token, found bool, err error) {
	var sealed []byte
	err = t.DB.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT sealed FROM token WHERE workspace = ? AND neighbour = ?`, t.Workspace, neighbour).Scan(&sealed)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return salesforce.Token{}, false, nil
	}
	if err != nil {
		return salesforce.Token{}, false, fmt.Errorf("load token of workspace %s: %w", t.Workspace, err)
	}
	plain, err := t.Box.Open(sealed, t.aad())
	if err != nil {
		return salesforce.Token{}, false, fmt.Errorf("open token of workspace %s: the encryption key does not fit the database: %w", t.Workspace, err)
	}
	if err := json.Unmarshal(plain, &tok); err != nil {
		return salesforce.Token{}, false, fmt.Errorf("read token of workspace %s: %w", t.Workspace, err)
	}
	return tok, true, t.tie(ctx, tok.OrgID)
}

// Save keeps the token; it is durable when Save returns, because a rotated refresh token is the only key
// to the org from the moment it was issued. A token of another org is not kept: nothing is written there.
func (t *Tokens) Save(ctx context.Context, tok salesforce.Token) error {
	if err := t.tie(ctx, tok.OrgID); err != nil {
		return err
	}
	plain, err := json.Marshal(tok)
	if err != nil {
		return fmt.Errorf("encode token of workspace %s: %w", t.Workspace, err)
	}
	sealed, err := t.Box.Seal(plain, t.aad())
	if err != nil {
		return fmt.Errorf("seal token of workspace %s: %w", t.Workspace, err)
	}
	now := time.Now().UnixMicro()
	err = t.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `
INSERT INTO token (workspace, neighbour, sealed, generation, updated_at) VALUES (?, ?, ?, 1, ?)
ON CONFLICT (workspace, neighbour) DO UPDATE SET sealed = excluded.sealed, generation = token.generation + 1, updated_at = excluded.updated_at`,
			t.Workspace, neighbour, sealed, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("save token of workspace %s: %w", t.Workspace, err)
	}
	return nil
}

// tie holds the workspace to one org: the one that its database was begun with. What the database holds was
// promised for that org, so another one, be it configured on purpose, is refused. A token that names no org
// passes; there is nothing to compare.
func (t *Tokens) tie(ctx context.Context, org salesforce.ID) error {
	if org == "" {
		return nil
	}
	tied, err := t.tied(ctx, org)
	if err != nil {
		return err
	}
	switch {
	case t.OrgID != "" && t.OrgID != tied:
		err = fmt.Errorf("workspace %s is tied to org %s by its database, and configured for %s: %w; correct org_id, or begin with a new database", t.Workspace, tied, t.OrgID, ErrOtherOrg)
	case tied != org:
		err = fmt.Errorf("workspace %s is tied to org %s, the token is of %s: %w; check login_url and credentials, or begin with a new database", t.Workspace, tied, org, ErrOtherOrg)
	}
	if t.Other != nil {
		t.Other(err)
	}
	return err
}

// tied is the org of the workspace. If there is none yet it becomes the configured one, else org.
func (t *Tokens) tied(ctx context.Context, org salesforce.ID) (salesforce.ID, error) {
	if t.OrgID != "" {
		org = t.OrgID
	}
	var tied string
	now := time.Now().UnixMicro()
	err := t.DB.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `
INSERT INTO setting (workspace, name, value, updated_at) VALUES (?, 'salesforce.org', ?, ?) ON CONFLICT DO NOTHING`,
			t.Workspace, []byte(org), now); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT value FROM setting WHERE workspace = ? AND name = 'salesforce.org'`, t.Workspace).Scan(&tied)
	})
	if err != nil {
		return "", fmt.Errorf("tie workspace %s to its org: %w", t.Workspace, err)
	}
	return salesforce.ID(tied), nil
}
