package simforce

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind tells the tokens of SOQL apart.
type tokenKind int

const (
	endToken tokenKind = iota
	wordToken
	textToken  // a string literal
	valueToken // an unquoted literal that begins with a digit or a sign: number, date, datetime
	markToken  // punctuation
)

type soqlToken struct {
	kind     tokenKind
	text     string // of a string literal: its value
	pattern  string // of a string literal: the regular expression that it means after LIKE
	likeOnly bool   // a string literal with \_ or \%, which are errors elsewhere
}

// is compares a word or a mark regardless of case.
func (t soqlToken) is(s string) bool {
	return (t.kind == wordToken || t.kind == markToken) && strings.EqualFold(t.text, s)
}

const (
	maxStatement = 100_000 // characters of a SOQL statement
	maxLiteral   = 4_000   // characters of a string in WHERE
)

// malformedQuery is the one code for whatever is wrong with a statement's form.
func malformedQuery(format string, args ...any) apiErrors {
	return fail(http.StatusBadRequest, "MALFORMED_QUERY", format, args...)
}

// lexSOQL cuts a statement into tokens.
func lexSOQL(s string) ([]soqlToken, apiErrors) {
	if utf8.RuneCountInString(s) > maxStatement {
		return nil, malformedQuery("SOQL statements cannot be longer than 100,000 characters.")
	}
	var tokens []soqlToken
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		var t soqlToken
		var n int
		switch {
		case unicode.IsSpace(r):
			s = s[size:]
			continue
		case r == '\'':
			var errs apiErrors
			if t, n, errs = lexString(s); errs != nil {
				return nil, errs
			}
		case isDigit(r) || (r == '-' || r == '+') && len(s) > 1 && isDigit(rune(s[1])):
			n = 1 + span(s[1:], func(r rune) bool { return isDigit(r) || isLetter(r) || strings.ContainsRune(":.+-", r) })
			t = soqlToken{kind: valueToken, text: s[:n]}
		case isLetter(r):
			n = span(s, func(r rune) bool { return isDigit(r) || isLetter(r) || strings.ContainsRune("_.:", r) })
			t = soqlToken{kind: wordToken, text: s[:n]}
		default:
			if n = markLength(s); n == 0 {
				return nil, malformedQuery("line 1:0 no viable alternative at character '%c'", r)
			}
			t = soqlToken{kind: markToken, text: s[:n]}
		}
		tokens, s = append(tokens, t), s[n:]
	}
	return append(tokens, soqlToken{text: "<EOF>"}), nil
}

// Names and numbers are ASCII; a letter beyond it can only stand in quotes.
func isDigit(r rune) bool  { return r >= '0' && r <= '9' }
func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// span counts the bytes of the runes that belong to a token.
func span(s string, in func(rune) bool) int {
	if i := strings.IndexFunc(s, func(r rune) bool { return !in(r) }); i >= 0 {
		return i
	}
	return len(s)
}

// markLength finds the longest punctuation that s begins with, 0 if none.
func markLength(s string) int {
	for _, m := range [...]string{"!=", "<>", "<=", ">=", "<", ">", "=", "(", ")", ","} {
		if strings.HasPrefix(s, m) {
			return len(m)
		}
	}
	return 0
}

// lexString reads a string literal. Only the escapes of the SOQL reference are known ("Quoted String Escape
// Sequences"); a backslash before anything else is an error.
func lexString(s string) (soqlToken, int, apiErrors) {
	var value, pattern strings.Builder
	t := soqlToken{kind: textToken}
	literal := func(r rune) {
		value.WriteRune(r)
		pattern.WriteString(regexp.QuoteMeta(string(r)))
	}
	for i := 1; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch r {
		case '\'':
			if t.text, t.pattern = value.String(), pattern.String(); utf8.RuneCountInString(t.text) > maxLiteral {
				return t, 0, malformedQuery("String literal is longer than 4,000 characters")
			}
			return t, i, nil
		case '\\':
			n, escaped := escape(s[i:])
			if n == 0 {
				return t, 0, malformedQuery("Invalid string literal: illegal character sequence '\\%s'", head(s[i:], 1))
			}
			t.likeOnly = t.likeOnly || escaped == '_' || escaped == '%'
			literal(escaped)
			i += n
		case '%':
			value.WriteRune(r)
			pattern.WriteString(".*")
		case '_':
			value.WriteRune(r)
			pattern.WriteByte('.')
		case '\n', '\r', 0:
			return t, 0, malformedQuery("Invalid string literal: control character")
		default:
			literal(r)
		}
	}
	return t, 0, malformedQuery("unterminated string literal")
}

// escape reads what follows a backslash and gives its length, 0 if there is no such escape.
func escape(s string) (int, rune) {
	if s == "" {
		return 0, 0
	}
	switch s[0] {
	case 'n', 'N':
		return 1, '\n'
	case 'r', 'R':
		return 1, '\r'
	case 't', 'T':
		return 1, '\t'
	case 'b', 'B':
		return 1, '\b'
	case 'f', 'F':
		return 1, '\f'
	case '"', '\'', '\\', '_', '%':
		return 1, rune(s[0])
	case 'u':
		if len(s) >= 5 {
			if n, err := strconv.ParseUint(s[1:5], 16, 16); err == nil {
				return 5, rune(n)
			}
		}
	}
	return 0, 0
}

// unexpected is the parser's complaint. Clauses that the vendor knows and this package does not are named, so that
// nobody takes the gap for the vendor's rule.
func unexpected(t soqlToken) apiErrors {
	for _, clause := range [...]string{"GROUP", "HAVING", "WITH", "USING", "FOR", "TYPEOF", "SCOPE"} {
		if t.is(clause) {
			return malformedQuery("simforce does not support %s", clause)
		}
	}
	return fail(http.StatusBadRequest, "MALFORMED_QUERY", "%s", fmt.Sprintf("unexpected token: '%s'", t.text))
}
