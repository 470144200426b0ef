package simforce

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestJsforce lets a client that others wrote drive the org: jsforce, in the version that jsforce/package.json
// pins. It needs node and npm, and once npm's registry; without them it fails rather than pass unseen.
func TestJsforce(t *testing.T) {
	if _, err := os.Stat(filepath.Join("jsforce", "node_modules", ".package-lock.json")); err != nil {
		ci := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
		ci.Dir = "jsforce"
		if out, err := ci.CombinedOutput(); err != nil {
			t.Fatalf("jsforce cannot be installed (npm ci in internal/sim/simforce/jsforce: %v); node 20 or newer with npm is needed, and the registry the first time:\n%s", err, out)
		}
	}
	srv := httptest.NewServer(New(Options{Control: true, Assignment: []AssignmentRule{}, Duplicates: []DuplicateRule{}}))
	defer srv.Close()
	node := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", "test.mjs")
	node.Dir = "jsforce"
	node.Env = append(os.Environ(), "SIMFORCE_URL="+srv.URL)
	if out, err := node.CombinedOutput(); err != nil {
		t.Fatalf("jsforce disagrees with the org: %v\n%s", err, out)
	}
}
