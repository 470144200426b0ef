package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Flow is a way to sign in to Salesforce.
type Flow string

// The flows. Names as in the file.
const (
	ClientCredentials Flow = "client-credentials"
	JWTBearer         Flow = "jwt-bearer"
	RefreshToken      Flow = "refresh-token"
	Browser           Flow = "browser"
)

// Engine is a database engine.
type Engine string

// The engines. Names as in the file.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Database is where the server keeps what it must not forget.
type Database struct {
	Engine Engine
	Path   string // SQLite: the file
	DSN    Secret // Postgres: the URL, which carries a password
}

// String names the database without its password.
func (d Database) String() string {
	if d.Engine == Postgres {
		u, err := url.Parse(d.DSN.Reveal())
		if err != nil {
			return string(Postgres) + ":" + hidden
		}
		return "postgres://" + u.Host + u.Path
	}
	return string(d.Engine) + ":" + d.Path
}

// parseDatabase reads sqlite:PATH or postgres://…. Its errors do not repeat the value: it may hold a password.
func parseDatabase(text string) (Database, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	switch {
	case scheme == "sqlite" && strings.TrimPrefix(rest, "//") != "":
		return Database{Engine: SQLite, Path: strings.TrimPrefix(rest, "//")}, nil
	case scheme == "postgres" || scheme == "postgresql":
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return Database{}, errors.New("is not a PostgreSQL URL; write postgres://USER:PASSWORD@HOST:5432/NAME, with %40 for an @ in the password")
		}
		return Database{Engine: Postgres, DSN: NewSecret(text)}, nil
	}
	return Database{}, errors.New("names no engine that is known; write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")
}

// Instance is the kind of host that a workspace signs in at.
type Instance string

// The instances. Local is a simulator, or a proxy, on this machine or network.
const (
	Production      Instance = "production"        // login.salesforce.com
	Sandbox         Instance = "sandbox"           // test.salesforce.com
	MyDomain        Instance = "my-domain"         // acme.my.salesforce.com
	MyDomainSandbox Instance = "my-domain-sandbox" // acme--uat.sandbox.my.salesforce.com, scratch and developer orgs
	Local           Instance = "local"
	Foreign         Instance = "foreign" // a host that is not Salesforce's
)

// Instance says what kind of host LoginURL names.
// Hosts: Salesforce Help 000886201, "Salesforce host names".
func (s Salesforce) Instance() Instance {
	u, err := url.Parse(s.LoginURL)
	if err != nil {
		return Foreign
	}
	host := strings.ToLower(u.Hostname())
	label, isMyDomain := strings.CutSuffix(host, ".my.salesforce.com")
	switch {
	case host == "login.salesforce.com":
		return Production
	case host == "test.salesforce.com":
		return Sandbox
	case isMyDomain && strings.Contains(label, "--"), isMyDomain && strings.Contains(label, "."):
		return MyDomainSandbox
	case isMyDomain:
		return MyDomain
	case isPrivate(host):
		return Local
	}
	return Foreign
}

// isPrivate reports whether a host may be spoken to without TLS: this machine, a container's name, a private network.
func isPrivate(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback() || a.IsPrivate()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") ||
		strings.HasSuffix(host, ".internal") || strings.HasSuffix(host, ".local")
}

// HMAC is how one HMAC credential of Vapi signs (Vapi API, HMACAuthenticationPlan). Fields that the file
// leaves out are the preset's.
type HMAC struct {
	Secret          Secrets       `yaml:"secret" doc:"Key of the signature."`
	Previous        Secrets       `yaml:"previous" doc:"The key before it, good as long."`
	Preset          string        `yaml:"preset" default:"hmac-default" enum:"hmac-default,hmac-raw-body,svix" doc:"hmac-default (Vapi's own), hmac-raw-body (x-vapi-signature over the body alone) or svix; the fields below differ from it."`
	Algorithm       string        `yaml:"algorithm" enum:"sha256,sha512,sha1" doc:"sha256, sha512 or sha1"`
	SignatureHeader string        `yaml:"signature_header" doc:"Header of the signature."`
	SignaturePrefix string        `yaml:"signature_prefix" doc:"Text before the signature, such as sha256="`
	TimestampHeader string        `yaml:"timestamp_header" doc:"Header of the time; signed as it is written there."`
	MessageIDHeader string        `yaml:"message_id_header" doc:"Header of the message id, for {svix-id}."`
	Payload         string        `yaml:"payload" doc:"What is signed: {body}, {timestamp}, {method}, {url}, {svix-id} and text."`
	Encoding        string        `yaml:"encoding" enum:"hex,base64" doc:"hex or base64"`
	SecretIsBase64  bool          `yaml:"secret_is_base64" default:"false" doc:"The key is base64 of the key."`
	Tolerance       time.Duration `yaml:"tolerance" doc:"How old or new the time may be, where one is signed."`
}

// Keys are the keys that a signature may have been made with, newest first.
func (h *HMAC) Keys() []Secret { return slices.Concat(h.Secret, h.Previous) }

// fill gives the fields that the file left out the values of its preset.
func (h *HMAC) fill() {
	p, known := presets[h.Preset]
	if !known {
		return
	}
	for _, f := range []struct {
		have *string
		want string
	}{
		{&h.Algorithm, p.Algorithm},
		{&h.SignatureHeader, p.SignatureHeader},
		{&h.SignaturePrefix, p.SignaturePrefix},
		{&h.TimestampHeader, p.TimestampHeader},
		{&h.MessageIDHeader, p.MessageIDHeader},
		{&h.Payload, p.Payload},
		{&h.Encoding, p.Encoding},
	} {
		if *f.have == "" {
			*f.have = f.want
		}
	}
	h.SecretIsBase64 = h.SecretIsBase64 || p.SecretIsBase64
	if h.Tolerance == 0 && strings.Contains(h.Payload, "{timestamp}") {
		h.Tolerance = 5 * time.Minute
	}
}

// presets are the schemes that are met in the field. hmac-default is what Vapi's credential does when only the
// key is set; hmac-raw-body is how older guides had the credential configured; svix is Svix's scheme
// spelt in the credential's fields.
var presets = map[string]HMAC{
	"hmac-default": {
		Algorithm: "sha256", SignatureHeader: "x-signature", TimestampHeader: "x-timestamp",
		Payload: "{timestamp}.{body}", Encoding: "hex",
	},
	"hmac-raw-body": {
		Algorithm: "sha256", SignatureHeader: "x-vapi-signature", Payload: "{body}", Encoding: "hex",
	},
	"svix": {
		Algorithm: "sha256", SignatureHeader: "svix-signature", SignaturePrefix: "v1,", TimestampHeader: "svix-timestamp",
		MessageIDHeader: "svix-id", Payload: "{svix-id}.{timestamp}.{body}", Encoding: "base64", SecretIsBase64: true,
	},
}

// parseDuration reads Go's durations and days: 500ms, 95m, 30d, 1d12h.
func parseDuration(text string) (time.Duration, error) {
	var days time.Duration
	rest := text
	if n, after, found := strings.Cut(text, "d"); found {
		d, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration; write for example 500ms, 95m, 12h or 30d", text)
		}
		days, rest = time.Duration(d)*24*time.Hour, after
	}
	if rest == "" {
		return days, nil
	}
	if _, err := strconv.ParseFloat(rest, 64); err == nil && rest != "0" {
		return 0, fmt.Errorf("%q has no unit; write for example %ss or %sm", text, rest, rest)
	}
	d, err := time.ParseDuration(rest)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration; write for example 500ms, 95m, 12h or 30d", text)
	case d < 0:
		return 0, fmt.Errorf("%q is negative; write how long, from 0 on", text)
	case d > 100*365*24*time.Hour:
		return 0, fmt.Errorf("%q is more than a century; write something shorter", text)
	}
	return days + d, nil
}

// parsePrefix reads a CIDR range, or one address as the range that holds only it.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not an address range; write for example 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7", text)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits beyond its length; write %s for the range or %s for the one address", text, p.Masked(), p.Addr())
	}
	return p, nil
}
