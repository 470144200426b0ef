package crm_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/hookswitch/hookswitch/internal/crm"
	"github.com/hookswitch/hookswitch/internal/salesforce"
	"github.com/hookswitch/hookswitch/internal/store"
)

// TestVisitToAnotherOrgChangesNothing protects an operator who signs in to the wrong org by browser: the
// connection that is good stays good, and its token is renewed.
//
// mission-part: P1.6 A.7
func TestVisitToAnotherOrgChangesNothing(t *testing.T) {
	db, box := openStore(t)
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		org := "00D000000000001"
		if r.FormValue("code") == "wrong" {
			org = "00D000000000002"
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"a","refresh_token":"r","instance_url":"http://%s","id":"http://login/id/%s/005000000000001"}`, r.Host, org)
	}))
	defer login.Close()
	var stopped error
	tokens, err := salesforce.NewTokens(salesforce.TokensConfig{
		Flow:  salesforce.Browser{App: salesforce.App{LoginURL: login.URL, ClientID: "id", ClientSecrets: []salesforce.Secret{"s"}}, RedirectURL: "http://h/oauth/callback"},
		HTTP:  login.Client(),
		Store: &crm.Tokens{DB: db, Box: box, Workspace: "default", Other: func(err error) { stopped = err }},
	})
	if err != nil {
		t.Fatal(err)
	}
	good, err := tokens.Exchange(t.Context(), "right", "verifier")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Exchange(t.Context(), "wrong", "verifier"); !errors.Is(err, crm.ErrOtherOrg) {
		t.Errorf("a visit to another org: got %v, want ErrOtherOrg", err)
	}
	if stopped != nil {
		t.Errorf("writes were stopped: %v; want them to go on with the good token", stopped)
	}
	if _, err := tokens.Refused(t.Context(), good); err != nil {
		t.Errorf("renewal of the good token: %v", err)
	}
}

func openStore(t *testing.T) (*store.DB, *store.Box) {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "hookswitch.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	box, _, err := store.OpenBox(nil, filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.HashKey(t.Context(), box); err != nil {
		t.Fatal(err)
	}
	return db, box
}
