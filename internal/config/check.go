package config

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// shipped are the playbooks that the program carries. A test of the program compares them with the folder.
var shipped = []string{"customer-support", "real-estate"}

// Shipped lists the playbooks that may be named without a path.
func Shipped() []string { return slices.Clone(shipped) }

var (
	orgID      = regexp.MustCompile(`^00D[A-Za-z0-9]{12}(?:[A-Z0-5]{3})?$`)
	e164       = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	apiVersion = regexp.MustCompile(`^[1-9][0-9]\.0$`)
	myDomain   = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*(?:--[a-z0-9]+)?(?:\.(?:sandbox|develop|scratch|trailblaze|demo|patch))?$`)
)

// wrong records a fault of a field by its path, where the file gave it or would have.
func (d *decoder) wrong(path, what, mend string) {
	if !d.broken[path] {
		d.fault(d.place(path), path, what, mend)
	}
}

// place finds the node of a field, or of the nearest group around it.
func (d *decoder) place(path string) ast.Node {
	for ; path != ""; path, _ = cut(path) {
		if node := d.nodes[path]; node != nil {
			return node
		}
		if i := strings.IndexByte(path, '['); i > 0 && strings.LastIndexByte(path, '.') < i {
			if node := d.nodes[path[:i]]; node != nil {
				return node
			}
		}
	}
	return nil
}

// given reports whether the file has the field.
func (d *decoder) given(path string) bool { return d.nodes[path] != nil || d.broken[path] }

// port lets the environment choose the port, as platforms that start programs do.
func (d *decoder) port(c *Config) {
	text, set := d.Env("PORT")
	if !set || text == "" || d.broken["listen"] {
		return
	}
	if n, err := strconv.ParseUint(text, 10, 16); err != nil || n == 0 {
		d.wrong("listen", fmt.Sprintf("the variable PORT is %q, no port", text), "set it to a number from 1 to 65535, or unset it")
		return
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return // check says what is wrong with it
	}
	if !d.given("listen") {
		host = ""
	} else if isPrivate(host) && host != "" {
		d.warn(d.place("listen"), "listen", "listens on this machine alone although PORT is set", "where a platform sets PORT, its proxy comes from outside: remove listen, or write :"+text)
	}
	c.Listen = net.JoinHostPort(host, text)
}

// check judges what single values cannot show.
func (d *decoder) check(c *Config) {
	d.checkListen(c.Listen)
	d.enums(reflect.ValueOf(c).Elem(), "")
	if c.PublicURL = strings.TrimRight(c.PublicURL, "/"); c.PublicURL != "" {
		d.checkURL("public_url", c.PublicURL, false)
	}
	for i, key := range c.EncryptionKey {
		if text := strings.TrimSpace(key.Reveal()); !isKey(text) {
			d.wrong(index("encryption_key", i, len(c.EncryptionKey)), "is not 32 bytes in base64", "make one with: openssl rand -base64 32")
		}
	}
	if len(c.Operator.Password) == 0 && d.given("operator") {
		d.warn(d.place("operator"), "operator.password", "is absent", "nobody can sign in until it is set")
	}
	for name, w := range c.All() {
		at := ""
		if name != DefaultWorkspace {
			at = "workspaces." + name
			d.enums(reflect.ValueOf(&w).Elem(), at)
		}
		d.checkWorkspace(at, &w, c.PublicURL+prefixOf(name))
		if name == DefaultWorkspace {
			c.Workspace = w
			continue
		}
		c.Workspaces[name] = w
	}
}

// prefixOf is where a workspace's paths begin.
func prefixOf(name string) string {
	if name == DefaultWorkspace {
		return ""
	}
	return "/w/" + name
}

func (d *decoder) checkListen(listen string) {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		d.wrong("listen", fmt.Sprintf("%q is no address to listen on", listen), "write HOST:PORT, or :PORT for every interface")
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		d.wrong("listen", fmt.Sprintf("%q is no port", port), "write a number from 0 to 65535 after the colon")
	}
}

// enums checks the fields whose values are listed.
func (d *decoder) enums(v reflect.Value, path string) {
	for f := range fields(v.Type()) {
		at, value := join(path, f.name), v.FieldByIndex(f.Index)
		if allowed := enumOf(f); allowed != nil && value.String() != "" && !slices.Contains(allowed, value.String()) {
			mend := "write " + quoteList(allowed)
			if near := nearest(value.String(), allowed); near != "" {
				mend = "did you mean " + near + "? " + mend
			}
			d.wrong(at, fmt.Sprintf("%q is not one of its values", value.String()), mend)
			continue
		}
		switch _, is := group(f.Type); {
		case !is:
		case f.Type.Kind() == reflect.Slice:
			for i := range value.Len() {
				d.enums(value.Index(i), fmt.Sprintf("%s[%d]", at, i))
			}
		case f.Type.Kind() != reflect.Pointer:
			d.enums(value, at)
		case !value.IsNil():
			d.enums(value.Elem(), at)
		}
	}
}

// checkURL wants an absolute address, encrypted unless it stays on this machine or network.
func (d *decoder) checkURL(path, text string, mayHavePath bool) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.wrong(path, "is no address", "write https://HOST")
	case u.Scheme == "http" && !isPrivate(u.Hostname()):
		d.wrong(path, "is not encrypted", "write https://"+u.Host)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		d.wrong(path, "has more than a host and a path", "remove what stands before @ and after ?")
	case !mayHavePath && u.Path != "" && u.Path != "/":
		d.wrong(path, "has a path", fmt.Sprintf("write %s://%s", u.Scheme, u.Host))
	}
}

// checkWorkspace checks one workspace, whose fields begin at path. public is where it is reached.
func (d *decoder) checkWorkspace(path string, w *Workspace, public string) {
	d.checkPlaybooks(join(path, "playbooks"), w)
	d.checkTiming(path, w)
	for i, key := range w.APIKeys {
		if len(key.Reveal()) < 16 {
			at := index(join(path, "api_keys"), i, len(w.APIKeys))
			d.warn(d.place(at), at, "is shorter than 16 characters", "make one with: openssl rand -hex 24")
		}
	}
	if d.given(join(path, "vapi")) {
		d.checkVapi(join(path, "vapi"), w.Vapi)
	}
	if d.given(join(path, "salesforce")) {
		d.checkSalesforce(join(path, "salesforce"), &w.Salesforce, public)
	} else if d.given(join(path, "vapi")) { // a file that was begun: an empty one asks for nothing
		d.warn(d.place(path), join(path, "salesforce"), "is absent", "the server does not start without an org to keep its promises in: give login_url or my_domain, and client_id")
	}
	if d.given(join(path, "twilio")) {
		d.checkTwilio(join(path, "twilio"), w.Twilio)
	}
}

// checkPlaybooks wants each name to ship and each file to be listed once.
func (d *decoder) checkPlaybooks(path string, w *Workspace) {
	if len(w.Playbooks) == 0 {
		d.wrong(path, "is empty", "name one: "+quoteList(shipped))
	}
	seen := map[string]bool{}
	for i, name := range w.Playbooks {
		at := fmt.Sprintf("%s[%d]", path, i)
		isFile := strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
		if isFile {
			name = d.relative(name)
		}
		switch {
		case seen[name]:
			d.wrong(at, fmt.Sprintf("%q is listed twice", w.Playbooks[i]), "keep one of them")
		case !isFile && !slices.Contains(shipped, name):
			mend := "write one that ships (" + quoteList(shipped) + "), or a file with its folder: ./" + name + ".yaml"
			if near := nearest(name, shipped); near != "" {
				mend = "did you mean " + near + "? A file is written with its folder: ./" + name + ".yaml"
			}
			d.wrong(at, fmt.Sprintf("no playbook %q ships", name), mend)
		}
		seen[name] = true
		w.Playbooks[i] = name
	}
}

func (d *decoder) checkTiming(path string, w *Workspace) {
	switch {
	case w.Deadline > MaxDeadline:
		d.wrong(join(path, "deadline"), fmt.Sprintf("is longer than %v", MaxDeadline), "nobody waits that long on a telephone: write at most 15s")
	case w.Deadline == 0:
		d.wrong(join(path, "deadline"), "is zero", "write how long an answer may take, such as 3s")
	case w.Settle >= w.Deadline:
		d.wrong(join(path, "settle"), fmt.Sprintf("is not shorter than the deadline (%v)", w.Deadline), "leave the write time to happen: write 500ms")
	}
	if w.IdleCall == 0 {
		d.wrong(join(path, "idle_call"), "is zero", "calls would be forgotten while they last: write 10m")
	}
}

func (d *decoder) checkVapi(path string, v Vapi) {
	d.checkURL(join(path, "api_url"), v.APIURL, true)
	if len(v.WebhookAuth) == 0 && !d.broken[join(path, "webhook_auth")] {
		d.warn(d.place(path), join(path, "webhook_auth"), "is absent", "every webhook will be refused until it says how Vapi proves itself: - {secret: ${VAPI_SERVER_SECRET}}")
	}
	for i, a := range v.WebhookAuth {
		at := fmt.Sprintf("%s[%d]", join(path, "webhook_auth"), i)
		var ways []string
		for _, way := range []string{"secret", "bearer", "hmac"} {
			if d.given(join(at, way)) {
				ways = append(ways, way)
			}
		}
		switch {
		case len(ways) == 0:
			d.wrong(at, "proves nothing", "give it secret, bearer or hmac")
		case len(ways) > 1:
			d.wrong(at, "has "+strings.Join(ways, " and "), "write an entry for each: any one that passes is enough")
		case a.HMAC != nil:
			d.checkHMAC(join(at, "hmac"), a.HMAC)
		}
	}
}

func (d *decoder) checkHMAC(path string, h *HMAC) {
	if _, known := presets[h.Preset]; !known {
		return // said already; what it would have filled is missing
	}
	if len(h.Secret) == 0 {
		d.wrong(join(path, "secret"), "is missing", "give the key that the credential signs with")
	}
	if h.SecretIsBase64 {
		for i, key := range h.Keys() {
			// Svix writes its keys behind a prefix that is not part of them.
			if _, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key.Reveal(), "whsec_")); err != nil {
				d.wrong(index(join(path, "secret"), i, len(h.Secret)), "is not base64", "correct it, or set secret_is_base64: false")
			}
		}
	}
	if !strings.Contains(h.Payload, "{body}") {
		d.wrong(join(path, "payload"), "does not contain {body}", "a signature that does not cover the body proves nothing: write \"{timestamp}.{body}\"")
	}
	for _, name := range placeholder.FindAllString(h.Payload, -1) {
		if !slices.Contains([]string{"{body}", "{timestamp}", "{method}", "{url}", "{svix-id}"}, name) {
			d.wrong(join(path, "payload"), name+" is not known", "use {body}, {timestamp}, {method}, {url} or {svix-id}")
		}
	}
	if strings.Contains(h.Payload, "{timestamp}") && h.TimestampHeader == "" {
		d.wrong(join(path, "timestamp_header"), "is missing", "the payload signs a {timestamp}: name its header, such as x-timestamp")
	}
	if strings.Contains(h.Payload, "{svix-id}") && h.MessageIDHeader == "" {
		d.wrong(join(path, "message_id_header"), "is missing", "the payload signs a {svix-id}: name its header, such as svix-id")
	}
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func (d *decoder) checkTwilio(path string, t Twilio) {
	d.checkURL(join(path, "base_url"), t.BaseURL, true)
	if t.From != "" && !e164.MatchString(t.From) {
		d.wrong(join(path, "from"), "is not a number in E.164", "write + and the country code, no blanks: \"+15550100142\"")
	}
	switch {
	case t.AccountSID == "":
		d.wrong(join(path, "account_sid"), "is missing", "copy it from the console: it begins with AC")
	case !strings.HasPrefix(t.AccountSID, "AC"):
		d.wrong(join(path, "account_sid"), "is no account: it does not begin with AC", "an API key (SK…) goes into api_key")
	}
	switch {
	case t.APIKey != "" && !strings.HasPrefix(t.APIKey, "SK"):
		d.wrong(join(path, "api_key"), "is no API key: it does not begin with SK", "copy the key's SID; its secret goes into api_secret")
	case t.APIKey != "" && len(t.APISecret) == 0:
		d.wrong(join(path, "api_secret"), "is missing", "api_key needs the secret that was shown when it was made")
	case t.APIKey == "" && len(t.AuthToken) == 0:
		d.wrong(join(path, "auth_token"), "is missing", "give auth_token, or api_key and api_secret")
	case len(t.AuthToken) == 0:
		d.warn(d.place(path), join(path, "auth_token"), "is absent", "Twilio's callbacks are signed with it alone and will be refused")
	}
}

// isKey reports whether text is 32 bytes in either base64 alphabet, padded or not.
func isKey(text string) bool {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawStdEncoding.DecodeString(text)
	return err == nil && len(raw) == 32
}

// index is the path of one of several secrets; a single one may have been given without a list.
func index(path string, i, n int) string {
	if n == 1 {
		return path
	}
	return fmt.Sprintf("%s[%d]", path, i)
}

// relativeFile makes a path of the file absolute, in place.
func (d *decoder) relativeFile(path *string) {
	if *path != "" {
		*path = filepath.Clean(d.relative(*path))
	}
}
