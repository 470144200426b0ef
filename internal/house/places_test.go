package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
)

func placeRules() []rule {
	return []rule{{
		"sql-in-store-files",
		"rule 7: move the statement into the package's store.go, which maps rows and decides nothing",
		sqlInStoreFiles,
	}}
}

// sql is how a statement begins: in capitals, or as whole phrases that prose does not contain. "DELETE /path" is HTTP.
var sql = regexp.MustCompile(`^\s*(?:(?:SELECT|PRAGMA|WITH)\s|UPDATE\s+\w|(?:CREATE|ALTER|DROP)\s+[A-Z]|(?:INSERT|REPLACE)\s+(?:INTO|OR)\b|DELETE\s+(?:FROM\b|$)` +
	`|(?i:select\s.*\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|(?:create|alter|drop)\s+(?:table|index|view|trigger)\s|pragma\s+\w+\s*[=;(]))`)

// sqlInStoreFiles looks at string literals. SOQL begins as SQL does; where it is built and read is listed in soql.
// Tests may look at a row directly.
func sqlInStoreFiles(tr *tree) []fault {
	var faults []fault
	for p, f := range tr.each(false) {
		if path.Base(f.name) == "store.go" || p.path == "internal/store" || strings.HasPrefix(p.path, "internal/store/") {
			continue
		}
		if _, ok := soql()[p.path]; ok {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if s, err := strconv.Unquote(lit.Value); err == nil && sql.MatchString(s) {
				faults = append(faults, fault{tr.where(lit), fmt.Sprintf("holds SQL: %.40q", strings.TrimSpace(s))})
			}
			return true
		})
	}
	return faults
}
