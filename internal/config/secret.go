package config

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what every printer of a Secret prints.
const hidden = "[secret]"

// Secret is a value that prints nothing. Only Reveal gives it out, so that every place which does
// can be found by its name.
type Secret struct {
	// A pointer, since fmt prints unexported fields of the structs that contain us without asking our
	// methods: it then finds an address.
	value *string
}

// NewSecret hides value.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal returns what is hidden.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal compares in constant time; the length may be learnt.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String implements fmt.Stringer and prints nothing.
func (s Secret) String() string { return hidden }

// GoString implements fmt.GoStringer and prints nothing.
func (s Secret) GoString() string { return hidden }

// Format implements fmt.Formatter and prints nothing, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue implements slog.LogValuer and logs nothing.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON implements json.Marshaler and writes nothing.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText implements encoding.TextMarshaler and writes nothing.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalYAML implements yaml.InterfaceMarshaler and writes nothing.
func (s Secret) MarshalYAML() (any, error) { return hidden, nil }

// Secrets is a secret and those it replaces, newest first. What we send carries the first; what we
// verify may match any.
type Secrets []Secret

// First is the one to send; the zero Secret when there is none.
func (s Secrets) First() Secret {
	if len(s) == 0 {
		return Secret{}
	}
	return s[0]
}
