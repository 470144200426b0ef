// Package playbooks holds the playbooks that ship: each is a whole working job in one YAML file, to
// be used by its name, or to be copied and changed.
package playbooks

import "embed"

// FS has one file for each playbook, NAME.yaml.
//
//go:embed *.yaml
var FS embed.FS
