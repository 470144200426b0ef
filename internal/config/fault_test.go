package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// faultsOf parses text that must be refused.
func faultsOf(t *testing.T, text string) Faults {
	t.Helper()
	_, _, err := Parse([]byte(text), Options{Env: func(name string) (string, bool) { return "", name == "EMPTY" }})
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("%q: got %v, want faults", text, err)
	}
	return faults
}

// TestFaultNamesPlaceAndMend: line, column, field, what and mend of one fault each.
func TestFaultNamesPlaceAndMend(t *testing.T) {
	for _, c := range []struct{ text, at, field, what, mend string }{
		{"listn: x", "1:1", "listn", "unknown field", "did you mean listen?"},
		{"vapi:\n  apiKey: x", "2:3", "vapi.apiKey", "unknown field", "did you mean api_key?"},
		{"salesforce:\n  login-url: x\n  client_id: a\n  flow: browser\n  redirect_uri: https://a.example/x", "2:3", "salesforce.login-url", "unknown field", "did you mean login_url?"},
		{"operator: {public_url: x, password: y}", "1:12", "operator.public_url", "unknown field", "public_url stands at the top of the file, not under operator"},
		{"vapi: {client_secret: x, webhook_auth: [{secret: y}]}", "1:8", "vapi.client_secret", "unknown field", "client_secret belongs under salesforce"},
		{"workspaces:\n  acme:\n    vapi: {client_secret: x, webhook_auth: [{secret: y}]}", "3:12", "workspaces.acme.vapi.client_secret", "unknown field", "client_secret belongs under salesforce"},
		{"vapi: {webhook_auth: {secret: x}}", "1:22", "vapi.webhook_auth", "is a group of fields, not a list", "write [a, b], or one item a line"},
		{"api_keys: [${X_KEY}]", "1:12", "api_keys", "the variable X_KEY is not set", "set X_KEY in the environment or in a .env file"},
		{"public_url: ${EMPTY}", "1:13", "public_url", "the variable EMPTY is empty", "give EMPTY a value"},
		{"operator: {password: \"${UNCLOSED\"}", "1:22", "operator.password", "has a ${ that is not a reference", "write ${NAME}"},
		{"operator: {password: ${UNCLOSED", "1:23", "", "a ${ is not closed", "end the reference with }"},
		{"operator:\n\tusername: x", "2:1", "", "a tab indents this line", "indent with spaces"},
		{"listen: :1\nlisten: :2", "2:1", "listen", "is given twice", "keep one"},
		{"listen: [a]", "1:9", "listen", "is a list, not one value", "write one value"},
		{"listen: nowhere", "1:9", "listen", `"nowhere" is no address to listen on`, "write HOST:PORT"},
		{"listen: \":99999\"", "1:9", "listen", `"99999" is no port`, "write a number"},
		{"deadline: 3", "1:11", "deadline", `"3" has no unit`, "write for example 3s or 3m"},
		{"deadline: soon", "1:11", "deadline", `"soon" is not a duration`, "write for example"},
		{"deadline: -1s", "1:11", "deadline", `"-1s" is negative`, "from 0 on"},
		{"deadline: 16s", "1:11", "deadline", "is longer than 15s", "at most 15s"},
		{"settle: 3s", "1:9", "settle", "is not shorter than the deadline (3s)", "write 500ms"},
		{"trusted_proxies: [10.1.2.3/8]", "1:19", "trusted_proxies[0]", `"10.1.2.3/8" has bits beyond its length`, "write 10.0.0.0/8 for the range or 10.1.2.3"},
		{"doors: {twilio: [everyone]}", "1:18", "doors.twilio[0]", `"everyone" is not an address range`, "write for example 10.0.0.0/8"},
		{"public_url: http://voice.example.com", "1:13", "public_url", "is not encrypted", "write https://voice.example.com"},
		{"public_url: https://voice.example.com/hook", "1:13", "public_url", "has a path", "write https://voice.example.com"},
		{"public_url: voice.example.com", "1:13", "public_url", "is no address", "write https://HOST"},
		{"database: mysql://x", "1:11", "database", "names no engine that is known", "write sqlite:PATH"},
		{"encryption_key: short", "1:17", "encryption_key", "is not 32 bytes in base64", "openssl rand -base64 32"},
		{"playbooks: [real-estate, real-estate]", "1:26", "playbooks[1]", `"real-estate" is listed twice`, "keep one"},
		{"playbooks: [customer_suport]", "1:13", "playbooks[0]", `no playbook "customer_suport" ships`, "did you mean customer-support?"},
		{"playbooks: []", "1:12", "playbooks", "is empty", "name one"},
		{"log: {level: warning}", "1:14", "log.level", `"warning" is not one of its values`, "did you mean warn?"},
		{"salesforce: {introspect: maybe, my_domain: a, client_id: a, client_secret: b}", "1:26", "salesforce.introspect", `"maybe" is neither true nor false`, ""},
		{"workspaces: {Acme Inc: {}}", "1:14", "workspaces.Acme Inc", "is no name for a workspace", "lower-case"},
		{"workspaces: {default: {}}", "1:14", "workspaces.default", "is the workspace at the top", "move its fields"},
		{"vapi: {webhook_auth: [{}]}", "1:23", "vapi.webhook_auth[0]", "proves nothing", "give it secret, bearer or hmac"},
		{"vapi: {webhook_auth: [{secret: a, bearer: b}]}", "1:23", "vapi.webhook_auth[0]", "has secret and bearer", "an entry for each"},
		{"vapi: {webhook_auth: [{hmac: {preset: svx, secret: a}}]}", "1:39", "vapi.webhook_auth[0].hmac.preset", `"svx" is not one of its values`, "did you mean svix?"},
		{"vapi: {webhook_auth: [{hmac: {secret: a, payload: \"{timestamp}\"}}]}", "1:51", "vapi.webhook_auth[0].hmac.payload", "does not contain {body}", "{timestamp}.{body}"},
		{"vapi: {webhook_auth: [{hmac: {secret: \"!\", secret_is_base64: true}}]}", "1:39", "vapi.webhook_auth[0].hmac.secret", "is not base64", "secret_is_base64: false"},
		{"twilio: {account_sid: SK1, auth_token: x}", "1:23", "twilio.account_sid", "is no account", "goes into api_key"},
		{"twilio: {account_sid: AC1, auth_token: x, from: 555 0100}", "1:49", "twilio.from", "is not a number in E.164", "country code"},
		{"a: &x {b: 1}\n", "1:1", "a", "unknown field", "known here"},
		{"vapi: *x", "1:7", "vapi", "is an alias of nothing", "anchor it"},
		{"listen: :1\n---\nlisten: :2", "3:1", "", "a second document begins here", "remove the ---"},
		{"just words", "1:1", "", "is one value, not a group of fields", "indented: listen"},
	} {
		faults := faultsOf(t, c.text)
		f := faults[0]
		if got := fmt.Sprintf("%d:%d", f.Line, f.Column); got != c.at || f.Field != c.field || !strings.HasPrefix(f.What, c.what) || !strings.Contains(f.Mend, c.mend) || len(faults) != 1 {
			t.Errorf("%q:\ngot  %s %s: %s (%s), %d faults\nwant %s %s: %s (%s)", c.text, got, f.Field, f.What, f.Mend, len(faults), c.at, c.field, c.what, c.mend)
		}
	}
}

// TestFlowsNeedTheirFields: what each flow misses, and the hosts that client-credentials cannot use.
func TestFlowsNeedTheirFields(t *testing.T) { // mission-part: P2.7
	for _, c := range []struct{ text, want string }{
		{"client_id: a, client_secret: b", "client-credentials is refused at login.salesforce.com"},
		{"client_id: a, client_secret: b, login_url: https://test.salesforce.com", "client-credentials is refused at test.salesforce.com"},
		{"client_id: a, my_domain: acme", "salesforce.client_secret: is missing; flow client-credentials needs it"},
		{"client_secret: a, my_domain: acme", "salesforce.client_id: is missing"},
		{"flow: jwt-bearer, client_id: a, username: b", "salesforce.private_key_file: is missing; flow jwt-bearer needs it"},
		{"flow: jwt-bearer, client_id: a, private_key_file: b", "salesforce.username: is missing"},
		{"flow: refresh-token, client_id: a", "salesforce.refresh_token: is missing"},
		{"flow: browser, client_id: a", "salesforce.redirect_uri: is missing"},
		{"flow: web, client_id: a", `"web" is not one of its values`},
		{"flow: browser, client_id: a, redirect_uri: https://a.example/cb, login_url: https://acme.lightning.force.com", "sign-in is at https://acme.my.salesforce.com"},
		{"flow: browser, client_id: a, redirect_uri: https://a.example/cb, login_url: https://example.com", "is not a host of Salesforce"},
		{"client_id: a, client_secret: b, my_domain: acme, login_url: https://acme.my.salesforce.com", "stands beside login_url"},
		{"client_id: a, client_secret: b, my_domain: \"ac me\"", "is not a My Domain"},
		{"client_id: a, client_secret: b, my_domain: acme, org_id: 003x", "is not an org's id"},
		{"client_id: a, client_secret: b, my_domain: acme, api_version: v62", "is not a version"},
		{"client_id: a, client_secret: b, my_domain: acme, refresh_early: 2h", "is not shorter than session_life"},
		{"client_id: a, client_secret: b, my_domain: acme, events: {pubsub: {topics: [Voice]}}", "is not a topic"},
	} {
		faults := faultsOf(t, "salesforce: {"+c.text+"}")
		if !strings.Contains(faults.Error(), c.want) || len(faults) != 1 {
			t.Errorf("%s:\ngot  %v\nwant %s, alone", c.text, faults, c.want)
		}
	}
	for _, text := range []string{
		"client_id: a, client_secret: b, my_domain: acme",
		"client_id: a, client_secret: b, login_url: http://127.0.0.1:9000",
		"flow: jwt-bearer, client_id: a, username: b, private_key_file: k.pem",
		"flow: refresh-token, client_id: a, refresh_token: b, login_url: https://test.salesforce.com",
		"flow: browser, client_id: a, redirect_uri: http://localhost:8080/oauth/callback",
	} {
		if _, _, err := Parse([]byte("salesforce: {"+text+"}"), Options{Env: none}); err != nil {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// TestAllFaultsAtOnce: one run shows everything, in the order of the lines, as it will be printed.
func TestAllFaultsAtOnce(t *testing.T) {
	got := faultsOf(t, "listn: x\nsettle: 1\nsalesforce:\n  clientid: ${SF_ID}\n  my_domain: acme\nvapi:\n  api_key: ${VAPI_API_KEY}\n  webhook_auth: [{secret: s}]\n").Error()
	want := `hookswitch.yaml:1:1: listn: unknown field
   1 | listn: x
     | ^
   did you mean listen?

hookswitch.yaml:2:9: settle: "1" has no unit
   2 | settle: 1
     |         ^
   write for example 1s or 1m

hookswitch.yaml:4:3: salesforce.clientid: unknown field
   4 |   clientid: ${SF_ID}
     |   ^
   did you mean client_id?

hookswitch.yaml:4:3: salesforce.client_id: is missing; flow client-credentials needs it
   4 |   clientid: ${SF_ID}
     |   ^
   copy the consumer key of the External Client App

hookswitch.yaml:4:3: salesforce.client_secret: is missing; flow client-credentials needs it
   4 |   clientid: ${SF_ID}
     |   ^
   copy the consumer secret of the External Client App

hookswitch.yaml:7:12: vapi.api_key: the variable VAPI_API_KEY is not set
   7 |   api_key: ${VAPI_API_KEY}
     |            ^
   set VAPI_API_KEY in the environment or in a .env file beside this one`
	if got != want {
		t.Errorf("got\n%s\n\nwant\n%s", got, want)
	}
}

// TestFaultsPrintNoSecret: whatever is wrong on the line of a secret, the secret is not in the message.
func TestFaultsPrintNoSecret(t *testing.T) {
	const word = "sk_live_hunter2"
	for _, text := range []string{
		"vapi: {apikey: " + word + "}",
		"vapi: {api_key: {a: " + word + "}}",
		"vapi:\n  webhook_auth:\n   - secret: \"" + word + "\n",
		"api_keys:\n  - " + word + "\n -  " + word,
		"api_keys:\n  - " + word + ": x",
		"api_keys: [a, " + word,
		"operator: {pasword: '" + word + ", x', username: [b]}",
		"twilio: {authtoken: " + word + ", account_sid: [x]}",
		"encryption_key: " + word,
		"database: postgress://u:" + word + "@h/d",
		"database: postgres://u:" + word + "@",
		"salesforce: {client_secret: [" + word + "], flow: x}",
		"operator: {password: \" " + word + "\", usr: a}",
	} {
		_, warnings, err := Parse([]byte(text), Options{Env: none})
		if err == nil {
			t.Errorf("%q: loads, want a fault", text)
			continue
		}
		if out := fmt.Sprint(err, warnings); strings.Contains(out, "hunter2") {
			t.Errorf("%q: got the secret in\n%s", text, out)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte("A=\"hunter2\nhunter2 = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "h.yaml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(path, none); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), ".env:1:1") {
		t.Errorf(".env: got %v", err)
	}
}

func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"operator: {password: \"word \"}":     "operator.password: begins or ends with a blank",
		"api_keys: [\"0123456789abcdef\\n\"]": "api_keys: begins or ends with a blank",
		"api_keys: [abc]":                     "api_keys: is shorter than 16 characters",
		"operator: {}":                        "nobody can sign in",
		"vapi: {api_key: x}\nsalesforce: {my_domain: acme, client_id: x, client_secret: x}": "every webhook will be refused",
		"vapi: {webhook_auth: [{secret: x}]}":                                               "the server does not start without an org",
		"twilio: {account_sid: AC1, api_key: SK1, api_secret: x}":                           "Twilio's callbacks are signed with it alone",
	} {
		_, warnings := parse(t, text, none)
		if len(warnings) != 1 || !strings.Contains(warnings[0].String(), want) {
			t.Errorf("%q: got %v, want %q", text, warnings, want)
		}
	}
}

// TestAliasIsFollowed: what several workspaces share may be written once.
func TestAliasIsFollowed(t *testing.T) {
	c, _ := parse(t, "twilio: &ours {account_sid: AC1, auth_token: x}\nworkspaces:\n  a: {twilio: *ours}\n", none)
	if c.Workspaces["a"].Twilio.AccountSID != "AC1" {
		t.Errorf("got %+v", c.Workspaces["a"].Twilio)
	}
	if got := faultsOf(t, "workspaces: {a: {<<: *x}}").Error(); !strings.Contains(got, "merge keys are not read") {
		t.Errorf("got %s", got)
	}
}

// FuzzParse: whatever the bytes, a configuration or faults that name their lines, and no panic.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(Example())
	for _, s := range []string{"a: &a [*a]", "? [a]: b", "vapi: &x\n  api_key: *x", "\t", "- a", "a: !!x {", "{{", "workspaces: {a: {workspaces: {}}}", "${", "x: ${file:/dev/zero}", "api_keys: [[a]]", "\ue000\ue001A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, _, err := Parse([]byte(text), Options{Dir: "nowhere", Env: all})
		var faults Faults
		switch {
		case err == nil && c == nil:
			t.Fatal("got neither configuration nor fault")
		case err != nil && !errors.As(err, &faults):
			t.Fatalf("got %v, want faults", err)
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 2
		for _, fault := range faults {
			if fault.Line < 0 || fault.Line > lines || fault.What == "" {
				t.Fatalf("got %+v in %d lines", fault, lines)
			}
		}
	})
}
