package simforce

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// timeForm is how the vendor writes datetimes. In UTC it sorts as text, so values are kept in it.
const (
	timeForm = "2006-01-02T15:04:05.000+0000"
	dateForm = "2006-01-02"
)

// timeLayouts are the datetimes that are accepted; a zone is always needed.
var timeLayouts = [...]string{time.RFC3339, "2006-01-02T15:04:05.999999999Z0700"}

var emailForm = regexp.MustCompile(`^[^\s@<>()\[\],;:"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// parseTime reads a datetime with a zone into the canonical form.
func parseTime(s string) (string, bool) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1700 && t.Year() <= 4000 {
			return t.UTC().Truncate(time.Second).Format(timeForm), true
		}
	}
	return "", false
}

// parseDate takes a day in the one form there is.
func parseDate(s string) (string, bool) {
	t, err := time.Parse(dateForm, s)
	return s, err == nil && t.Year() >= 1700 && t.Year() <= 4000
}

// value converts a JSON value to what is stored. The first result is nil for null and for text that is empty once
// trimmed: the vendor stores no empty strings. Types are not coerced: "5" is no number here.
func (f *Field) value(v any) (any, apiErrors) {
	switch {
	case v == nil && f.Type == Boolean:
		return nil, badJSON("Cannot deserialize instance of boolean from null value null or request may be missing a required field at [line:1, column:1]")
	case v == nil:
		return nil, nil
	case f.Type == Boolean:
		if b, isBool := v.(bool); isBool {
			return b, nil
		}
		return nil, wrongType("boolean", v)
	case f.numeric():
		return f.numberValue(v)
	}
	s, isText := v.(string)
	if !isText {
		return nil, wrongType(f.soapType(), v)
	}
	switch f.Type {
	case Date:
		return parsed(parseDate, "date", s)
	case DateTime:
		return parsed(parseTime, "datetime", s)
	case Base64:
		if _, err := base64.StdEncoding.DecodeString(s); err != nil {
			return nil, wrongType("base64", s)
		}
		return s, nil
	}
	return f.textValue(s)
}

// parsed applies a parser to text; empty text is null.
func parsed(parse func(string) (string, bool), name, s string) (any, apiErrors) {
	if s == "" {
		return nil, nil
	}
	if v, ok := parse(s); ok {
		return v, nil
	}
	return nil, wrongType(name, s)
}

// numberValue rounds to the field's scale and refuses what does not fit its precision.
func (f *Field) numberValue(v any) (any, apiErrors) {
	n, isNumber := v.(json.Number)
	if !isNumber {
		return nil, wrongType(f.soapType(), v)
	}
	x, err := n.Float64()
	if err != nil || f.Type == Int && tokenName(v) != "VALUE_NUMBER_INT" {
		return nil, wrongType(f.soapType(), v)
	}
	// Digits beyond the scale are rounded away without a word, as the vendor does; digits before it are refused.
	scale := math.Pow10(f.Scale)
	if r := math.Round(x*scale) / scale; !math.IsInf(r, 0) && !math.IsNaN(r) {
		x = r
	}
	if limit := math.Pow10(f.Precision - f.Scale); math.Abs(x) >= limit || f.Type == Int && math.Abs(x) > math.MaxInt32 {
		return nil, refuse("NUMBER_OUTSIDE_VALID_RANGE", fmt.Sprintf("%s: value outside of valid range on numeric field: %s", f.Label, n), f.Name)
	}
	return x, nil
}

// textValue checks length in UTF-16 units, in which the vendor counts, and for text areas in bytes too: several of
// their limits are enforced so, although Setup speaks of characters (help article 000382141).
// Trimming comes first, as at the vendor: blanks at the ends are never stored.
func (f *Field) textValue(s string) (any, apiErrors) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, nil
	}
	length := len(utf16.Encode([]rune(s)))
	if f.Type == TextArea || f.Type == LongText {
		length = max(length, len(s))
	}
	switch {
	case f.Type == Reference || f.Type == ID:
		return f.idValue(s)
	case length > f.Length:
		return nil, refuse("STRING_TOO_LONG", fmt.Sprintf("%s: data value too large: %s (max length=%d)", f.Label, head(s, 50), f.Length), f.Name)
	case f.Type == Email && !emailForm.MatchString(s):
		return nil, refuse("INVALID_EMAIL_ADDRESS", fmt.Sprintf("%s: invalid email address: %s", f.Label, s), f.Name)
	case f.Type == Picklist && f.Restricted && !slices.Contains(f.Values, s):
		return nil, refuse("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
			fmt.Sprintf("%s: bad value for restricted picklist field: %s", f.Label, s), f.Name)
	}
	return s, nil
}

// idValue makes every id 18 characters long, so that two forms of one id are equal.
func (f *Field) idValue(s string) (any, apiErrors) {
	id, good := longID(s)
	if !good {
		return nil, refuse("MALFORMED_ID", fmt.Sprintf("%s: id value of incorrect type: %s", f.Label, s), f.Name)
	}
	return id, nil
}

// head shortens a value that is repeated in a message.
func head(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// wire renders a stored value as the vendor does: doubles always with a point, ints never.
func (f *Field) wire(v any) any {
	x, isNumber := v.(float64)
	switch {
	case !isNumber && v == nil && f.Type == Boolean:
		return false
	case !isNumber:
		return v
	case f.Type == Int:
		return json.Number(strconv.FormatFloat(x, 'f', 0, 64))
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return json.Number(s)
}

// soapType is the name by which the parser's messages and describe call a type.
func (f *Field) soapType() string {
	switch f.Type {
	case Int:
		return "int"
	case Double, Currency, Percent:
		return "double"
	case Boolean, Date, Base64:
		return string(f.Type)
	case DateTime:
		return "dateTime"
	case ID, Reference:
		return "ID"
	}
	return "string"
}
