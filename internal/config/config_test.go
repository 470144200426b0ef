package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	schemas "github.com/santhosh-tekuri/jsonschema/v6"
)

// goodKey is 32 bytes in base64.
const goodKey = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

// all answers every variable: the key with a key, the account with an account, the rest with their own names.
func all(name string) (string, bool) {
	switch {
	case name == "PORT":
		return "", false
	case name == "HOOKSWITCH_KEY":
		return goodKey, true
	case strings.HasSuffix(name, "ACCOUNT_SID"):
		return "AC00000000000000000000000000000001", true
	}
	return "value-of-" + name, true
}

func none(string) (string, bool) { return "", false }

func parse(t *testing.T, text string, env func(string) (string, bool)) (*Config, []Warning) {
	t.Helper()
	c, warnings, err := Parse([]byte(text), Options{Env: env})
	if err != nil {
		t.Fatalf("parse:\n%s\ngot fault:\n%v", text, err)
	}
	return c, warnings
}

// TestDefaults holds the documented defaults: an empty file is a configuration.
func TestDefaults(t *testing.T) {
	c := Default()
	if c.Listen != "127.0.0.1:8080" || c.Database.String() != "sqlite:data/hookswitch.db" || c.Operator.Username != "ops" {
		t.Errorf("got %q, %v, %q", c.Listen, c.Database, c.Operator.Username)
	}
	for _, d := range []struct {
		name      string
		got, want time.Duration
	}{
		{"secret_grace", c.SecretGrace, 5 * time.Minute},
		{"deadline", c.Deadline, 3 * time.Second},
		{"settle", c.Settle, 500 * time.Millisecond},
		{"repeat_window", c.RepeatWindow, 500 * time.Millisecond},
		{"interruption_window", c.InterruptionWindow, 200 * time.Millisecond},
		{"idle_call", c.IdleCall, 10 * time.Minute},
		{"session_life", c.Salesforce.SessionLife, 95 * time.Minute},
		{"refresh_early", c.Salesforce.RefreshEarly, 5 * time.Minute},
		{"retention.calls", c.Retention.Calls, 365 * 24 * time.Hour},
	} {
		if d.got != d.want {
			t.Errorf("%s: got %v, want %v", d.name, d.got, d.want)
		}
	}
	if diff := cmp.Diff(Shipped(), c.Playbooks); diff != "" {
		t.Errorf("playbooks (-want +got):\n%s", diff)
	}
	if c.Salesforce.APIVersion != "62.0" || c.Salesforce.Introspect || c.Vapi.APIURL != "https://api.vapi.ai" {
		t.Errorf("got %+v", c.Salesforce)
	}
	if c.Vapi.Configured() || c.Salesforce.Configured() || c.Twilio.Configured() {
		t.Error("got an account by default, want none")
	}
}

const whole = `
listen: 127.0.0.1:8080
public_url: https://voice.example.com/
database: sqlite:./data/hookswitch.db
encryption_key: ${HOOKSWITCH_KEY}
operator: {username: ops, password: ${HOOKSWITCH_PASSWORD}}
trusted_proxies: [10.0.0.0/8, 192.0.2.7]
api_keys: [${HOOKSWITCH_API_KEY}]
playbooks: [customer-support, ./playbooks/ours.yaml]
doors: {vapi: [44.229.228.186, "2001:db8::/32"]}
vapi:
  api_key: ${VAPI_API_KEY}
  webhook_auth:
    - {secret: ${VAPI_SERVER_SECRET}}
    - {bearer: [${VAPI_WEBHOOK_TOKEN}, ${VAPI_WEBHOOK_TOKEN_OLD}]}
    - {hmac: {secret: ${VAPI_HMAC_SECRET}, previous: ${VAPI_HMAC_SECRET_OLD}, preset: hmac-raw-body}}
    - {hmac: {secret: s, algorithm: sha512, signature_header: x-sig, timestamp_header: x-time, payload: "{timestamp}.{body}", encoding: base64, tolerance: 2m}}
salesforce:
  login_url: https://test.salesforce.com
  flow: browser
  client_id: ${SF_CLIENT_ID}
  client_secret: ${SF_CLIENT_SECRET}
  session_life: 55m
  api_version: 62.0
  events: {webhook_secret: ${SF_WEBHOOK_SECRET}, pubsub: {topics: [/event/Voice_Call_Request__e]}}
twilio: {account_sid: ${TWILIO_ACCOUNT_SID}, auth_token: ${TWILIO_AUTH_TOKEN}, from: +15550100142}
deadline: 4s
retention: {bodies: 7d}
workspaces:
  acme:
    settle: 250ms
    salesforce: {my_domain: acme--uat.sandbox, client_id: ${A}, client_secret: ${B}}
`

// TestWholeFileIsRead reads the file of the design, references inside flow style included.
func TestWholeFileIsRead(t *testing.T) {
	c, warnings := parse(t, whole, all)
	if len(warnings) > 0 {
		t.Errorf("got warnings %v, want none", warnings)
	}
	if c.PublicURL != "https://voice.example.com" {
		t.Errorf("public_url: got %q", c.PublicURL)
	}
	if got := c.Operator.Password.First().Reveal(); got != "value-of-HOOKSWITCH_PASSWORD" {
		t.Errorf("operator.password: got %q", got)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")}
	if !slices.Equal(c.TrustedProxies, want) {
		t.Errorf("trusted_proxies: got %v, want %v", c.TrustedProxies, want)
	}
	if len(c.Doors.Vapi) != 2 || len(c.Doors.API) != 0 {
		t.Errorf("doors: got %v", c.Doors)
	}
	auth := c.Vapi.WebhookAuth
	if len(auth) != 4 || len(auth[1].Bearer) != 2 || auth[1].Bearer[1].Reveal() != "value-of-VAPI_WEBHOOK_TOKEN_OLD" {
		t.Fatalf("webhook_auth: got %+v", auth)
	}
	if h := auth[2].HMAC; h.SignatureHeader != "x-vapi-signature" || h.Payload != "{body}" || len(h.Keys()) != 2 || h.Tolerance != 0 {
		t.Errorf("preset hmac-raw-body: got %+v", h)
	}
	if h := auth[3].HMAC; h.Algorithm != "sha512" || h.Encoding != "base64" || h.SignatureHeader != "x-sig" || h.Tolerance != 2*time.Minute {
		t.Errorf("own hmac: got %+v", h)
	}
	if c.Salesforce.RedirectURI != "https://voice.example.com/oauth/callback" || c.Salesforce.Instance() != Sandbox || c.Salesforce.APIVersion != "62.0" {
		t.Errorf("salesforce: got %+v", c.Salesforce)
	}
	if c.Twilio.From != "+15550100142" {
		t.Errorf("twilio.from: got %q", c.Twilio.From)
	}
}

// TestWorkspaceInheritsTimingOnly: an agency's client gets the server's timing, never another client's credentials.
func TestWorkspaceInheritsTimingOnly(t *testing.T) { // mission-part: A.7
	c, _ := parse(t, whole, all)
	acme, ok := c.Of("acme")
	if !ok {
		t.Fatal("workspace acme is missing")
	}
	if acme.Deadline != 4*time.Second || acme.Settle != 250*time.Millisecond || acme.Retention.Bodies != 7*24*time.Hour {
		t.Errorf("timing: got %+v %+v", acme.Timing, acme.Retention)
	}
	if acme.Vapi.Configured() || acme.Twilio.Configured() || len(acme.APIKeys) > 0 || len(acme.Vapi.WebhookAuth) > 0 {
		t.Errorf("got credentials of the workspace default: %+v", acme)
	}
	if acme.Salesforce.LoginURL != "https://acme--uat.sandbox.my.salesforce.com" || acme.Salesforce.Instance() != MyDomainSandbox {
		t.Errorf("salesforce: got %q", acme.Salesforce.LoginURL)
	}
	if c.Settle != 500*time.Millisecond {
		t.Errorf("settle of default: got %v", c.Settle)
	}
	var names []string
	for name := range c.All() {
		names = append(names, name)
	}
	if !slices.Equal(names, []string{"default", "acme"}) {
		t.Errorf("got workspaces %v", names)
	}
}

// TestInstances: the kind of org follows from the host.
func TestInstances(t *testing.T) { // mission-part: P2.7
	for host, want := range map[string]Instance{
		"https://login.salesforce.com":                      Production,
		"https://test.salesforce.com":                       Sandbox,
		"https://acme.my.salesforce.com":                    MyDomain,
		"https://acme--uat.sandbox.my.salesforce.com":       MyDomainSandbox,
		"https://acme-dev-ed.develop.my.salesforce.com":     MyDomainSandbox,
		"http://127.0.0.1:9000":                             Local,
		"http://simforce:9000":                              Local,
		"https://login.salesforce.com.attacker.example.com": Foreign,
		"https://my.salesforce.com.example.org":             Foreign,
	} {
		if got := (Salesforce{LoginURL: host}).Instance(); got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}

func TestPortIsHonoured(t *testing.T) {
	port := func(name string) (string, bool) { return "9000", name == "PORT" }
	for text, want := range map[string]string{
		"":                             ":9000",
		"listen: 0.0.0.0:8080":         "0.0.0.0:9000",
		"listen: 127.0.0.1:8080":       "127.0.0.1:9000",
		"listen: \":8080\"\nlog: {}\n": ":9000",
	} {
		c, warnings := parse(t, text, port)
		if c.Listen != want {
			t.Errorf("%q: got %q, want %q", text, c.Listen, want)
		}
		if loopback := strings.Contains(text, "127"); loopback != (len(warnings) == 1) {
			t.Errorf("%q: got warnings %v", text, warnings)
		}
	}
}

// TestDotEnvBesideTheFile: the environment wins over .env; ${file:} counts from the file's folder.
func TestDotEnvBesideTheFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write(".env", "# ours\nexport A=from-dotenv\nB='b $x # y' # tail\nC=\"two\\nlines\"\nD = plain # tail\nE=\n")
	write("secret.txt", "from-file\n")
	path := write("hookswitch.yaml", "api_keys: [${A}, ${B}, ${C}, ${D}, \"${file:secret.txt}\", ${X}, $${A}]\nplaybooks: [./p.yaml]\n")
	c, _, err := Load(path, func(name string) (string, bool) { return "from-environment", name == "X" })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range c.APIKeys {
		got = append(got, k.Reveal())
	}
	want := []string{"from-dotenv", "b $x # y", "two\nlines", "plain", "from-file", "from-environment", "${A}"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("api_keys (-want +got):\n%s", diff)
	}
	if c.Playbooks[0] != filepath.Join(dir, "p.yaml") || c.Database.Path != filepath.Join(dir, "data", "hookswitch.db") {
		t.Errorf("got %q and %q, want both in %s", c.Playbooks[0], c.Database.Path, dir)
	}
	if _, _, err := Load(filepath.Join(dir, "none.yaml"), none); err == nil || !strings.Contains(err.Error(), "hookswitch config example") {
		t.Errorf("a file that is not there: got %v", err)
	}
}

// TestSecretPrintsNothing tries every printer, also through a field that fmt cannot ask.
func TestSecretPrintsNothing(t *testing.T) {
	const word = "hunter2hunter2"
	s := NewSecret(word)
	type inner struct{ hidden Secret }
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%p", "%t"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", Secrets{s})
		fmt.Fprintf(&out, verb+"\n", inner{s})
		fmt.Fprintf(&out, verb+"\n", struct{ V any }{map[string]Secret{"a": s}})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", s, "list", Secrets{s}, "in", struct{ S Secret }{s})
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "s", s, "list", Secrets{s}, "in", inner{s})
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		text, err := marshal(struct {
			A Secret
			B Secrets
			C map[string]Secret
			D *Secret
		}{s, Secrets{s}, map[string]Secret{"k": s}, &s})
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	c, _ := parse(t, whole+"\n", all)
	fmt.Fprintf(&out, "%+v %#v", c, c.Operator)
	for _, leak := range []string{word, fmt.Sprintf("%x", word), "value-of-HOOKSWITCH_PASSWORD"} {
		if strings.Contains(strings.ToLower(out.String()), strings.ToLower(leak)) {
			t.Errorf("got %q in:\n%s", leak, out.String())
		}
	}
	if s.Reveal() != word || !s.Equal(NewSecret(word)) || s.Equal(NewSecret("x")) || (Secret{}).Reveal() != "" {
		t.Error("a secret must give itself to Reveal and Equal")
	}
	pg, _ := parse(t, "database: postgres://u:"+word+"@db.example.com/hook\n", none)
	if got := fmt.Sprint(pg.Database); strings.Contains(got, word) || !strings.Contains(got, "db.example.com/hook") {
		t.Errorf("database: got %q", got)
	}
}

func TestExampleLoads(t *testing.T) {
	text := Example()
	c, warnings := parse(t, text, all)
	if len(warnings) > 0 {
		t.Errorf("got warnings %v, want none", warnings)
	}
	if !c.Vapi.Configured() || !c.Salesforce.Configured() || !c.Twilio.Configured() {
		t.Error("the example leaves an account out")
	}
	// Every field is in it.
	for _, path := range allFields() {
		_, leaf := cut(path)
		if !strings.Contains(text, leaf+":") {
			t.Errorf("%s is not in the example", path)
		}
	}
}

// TestExampleDefaultsLoad removes each "#" that has no blank behind it, one at a time.
func TestExampleDefaultsLoad(t *testing.T) {
	lines := strings.Split(Example(), "\n")
	tried := 0
	for i, line := range lines {
		trimmed := strings.TrimLeft(line, " ")
		if !strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, "# ") || trimmed == "#" ||
			strings.HasSuffix(line, "…") || strings.Contains(line, "login_url") || strings.HasPrefix(trimmed, "# ") ||
			strings.HasPrefix(trimmed, "#  ") || strings.HasPrefix(trimmed, "#workspaces") {
			continue
		}
		one := slices.Clone(lines)
		one[i] = strings.Replace(line, "#", "", 1)
		if _, _, err := Parse([]byte(strings.Join(one, "\n")), Options{Env: all}); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		tried++
	}
	if tried < 30 {
		t.Errorf("tried %d lines, want at least 30", tried)
	}
}

// TestSchemaAcceptsWhatLoads: editors must not mark what the server accepts, and must mark what it refuses.
func TestSchemaAcceptsWhatLoads(t *testing.T) {
	doc, err := schemas.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := schemas.NewCompiler()
	if err := compiler.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	judge := func(text string) error {
		j, err := yaml.YAMLToJSON([]byte(reference.ReplaceAllString(text, "x")))
		if err != nil {
			t.Fatal(err)
		}
		v, err := schemas.UnmarshalJSON(bytes.NewReader(j))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	asText := strings.NewReplacer("62.0", `"62.0"`, "+15550100142", `"+15550100142"`)
	for name, text := range map[string]string{"example": Example(), "whole": asText.Replace(whole)} {
		if err := judge(text); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, text := range []string{"listn: x", "log: {level: loud}", "salesforce: {flow: magic}", "api_keys: {a: b}", "deadline: soon", "workspaces: {a: {vapy: {}}}"} {
		if judge(text) == nil {
			t.Errorf("%q: the schema accepts it, want a fault", text)
		}
	}
}
