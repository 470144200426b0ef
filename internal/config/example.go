package config

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// exampleWidth wraps the comments of the example.
const exampleWidth = 110

// Example is an annotated file to start from. It loads once its variables are set. A field that is given
// in earnest is written plainly; one that shows its default, or that few need, stands behind "#" without a
// blank, and loads too when that is removed.
func Example() string {
	var b strings.Builder
	b.WriteString(`# Hookswitch reads this one file.
#
# ${NAME} is taken from the environment, or from a .env file beside this one; ${file:PATH} is a file's content;
# $${NAME} is the text itself. Every secret may be a list, newest first: [${NEW}, ${OLD}]. Durations: 500ms, 95m, 30d.
# Fields behind "#" show their default, or are needed by few.
`)
	writeExample(&b, reflect.TypeFor[Config](), 0)
	return b.String()
}

// writeExample writes the fields of one group.
func writeExample(b *strings.Builder, t reflect.Type, depth int) {
	pad := strings.Repeat("  ", depth)
	for f := range fields(t) {
		if depth == 0 {
			b.WriteString("\n")
		}
		for _, line := range wrap(f.Tag.Get("doc"), exampleWidth-len(pad)) {
			fmt.Fprintf(b, "%s# %s\n", pad, line)
		}
		example, hasExample := f.Tag.Lookup("example")
		value, hasDefault := f.Tag.Lookup("default")
		special, isSpecial := exampleOf(f.name)
		inner, isGroup := group(f.Type)
		switch {
		case isSpecial:
			for line := range strings.Lines(special) {
				b.WriteString(pad + line)
			}
		case isGroup:
			fmt.Fprintf(b, "%s%s:\n", pad, f.name)
			writeExample(b, inner, depth+1)
		case hasExample && !hasDefault:
			fmt.Fprintf(b, "%s%s: %s\n", pad, f.name, example)
		case hasExample:
			fmt.Fprintf(b, "%s#%s: %s\n", pad, f.name, example)
		case hasDefault:
			fmt.Fprintf(b, "%s#%s: %s\n", pad, f.name, value)
		default:
			fmt.Fprintf(b, "%s#%s: …\n", pad, f.name)
		}
	}
}

// exampleOf gives the fields whose example is not one value.
func exampleOf(name string) (string, bool) {
	switch name {
	case "webhook_auth":
		return `webhook_auth:
  - {secret: ${VAPI_SERVER_SECRET}}                         # X-Vapi-Secret
  #- {bearer: ${VAPI_WEBHOOK_TOKEN}}                         # Authorization: Bearer …
  #- {hmac: {secret: ${VAPI_HMAC_SECRET}, preset: hmac-raw-body}}
  # Every setting of Vapi's HMAC credential (sha256, sha512 or sha1; hex or base64):
  #- {hmac: {secret: ${VAPI_HMAC_SECRET}, previous: ${VAPI_HMAC_SECRET_OLD}, algorithm: sha256, signature_header: x-signature, signature_prefix: "sha256=", ` +
			`timestamp_header: x-timestamp, message_id_header: x-id, payload: "{timestamp}.{body}", encoding: hex, secret_is_base64: false, tolerance: 5m}}
`, true
	case "workspaces":
		return `#workspaces:
#  acme:
#    playbooks: [customer-support]
#    vapi: {api_key: ${ACME_VAPI_API_KEY}, webhook_auth: [{secret: ${ACME_VAPI_SERVER_SECRET}}]}
#    salesforce: {my_domain: acme, client_id: ${ACME_SF_CLIENT_ID}, client_secret: ${ACME_SF_CLIENT_SECRET}}
`, true
	case "login_url":
		// Beside my_domain it would be one too many; behind client-credentials its default is refused.
		return "#login_url: https://test.salesforce.com\n", true
	}
	return "", false
}

// wrap breaks text into lines of at most width characters.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// Schema is the file's JSON Schema, for editors. It judges shape and listed values; references are text,
// so what they stand for is judged when the file is loaded.
func Schema() []byte {
	r := jsonschema.Reflector{
		FieldNameTag: "yaml", ExpandedStruct: true, RequiredFromJSONSchemaTags: true,
		Mapper: schemaOf, Anonymous: true,
		LookupComment: func(t reflect.Type, name string) string {
			if t.Kind() != reflect.Struct {
				return ""
			}
			f, _ := t.FieldByName(name)
			return f.Tag.Get("doc")
		},
	}
	s := r.Reflect(&Config{})
	s.Title = "hookswitch.yaml"
	describeFields(s, reflect.TypeFor[Config]())
	for t := range groups(reflect.TypeFor[Config]()) {
		describeFields(s.Definitions[t.Name()], t)
	}
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("config: schema: " + err.Error()) // unreachable: the schema holds strings, maps and lists
	}
	return append(out, '\n')
}

// schemaOf gives the schemas of values that are written as text.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	text := func(pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern}
	}
	switch t {
	case reflect.TypeFor[Secrets]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}},
		}}
	case reflect.TypeFor[time.Duration]():
		return text(`^([0-9]+d)?([0-9.]+(ns|us|µs|ms|s|m|h))*$|^0$|\$\{`)
	case reflect.TypeFor[netip.Prefix](), reflect.TypeFor[Flow]():
		return text("")
	case reflect.TypeFor[Database]():
		return text(`^(sqlite:|postgres(ql)?://)|\$\{`)
	}
	return nil
}

// describeFields adds listed values and defaults, which have tags of our own.
func describeFields(s *jsonschema.Schema, t reflect.Type) {
	if s == nil || s.Properties == nil {
		return
	}
	for f := range fields(t) {
		property, ok := s.Properties.Get(f.name)
		if !ok {
			continue
		}
		if _, isGroup := group(f.Type); isGroup && property.Ref != "" {
			// A group whose fields are all commented out is null.
			property.AnyOf, property.Ref = []*jsonschema.Schema{{Ref: property.Ref}, {Type: "null"}}, ""
		}
		for _, value := range enumOf(f) {
			property.Enum = append(property.Enum, value)
		}
		if text, has := f.Tag.Lookup("default"); has && f.Type.Kind() != reflect.Slice {
			property.Default = any(strings.Trim(text, `"`))
			if f.Type.Kind() == reflect.Bool {
				property.Default = text == "true"
			}
		}
	}
}

// groups yields the type of every group below t.
func groups(t reflect.Type) func(yield func(reflect.Type) bool) {
	return func(yield func(reflect.Type) bool) {
		seen := map[reflect.Type]bool{}
		var walk func(t reflect.Type) bool
		walk = func(t reflect.Type) bool {
			for f := range fields(t) {
				ft := f.Type
				if ft.Kind() == reflect.Map {
					ft = ft.Elem()
				}
				inner, ok := group(ft)
				if !ok || seen[inner] {
					continue
				}
				seen[inner] = true
				if !yield(inner) || !walk(inner) {
					return false
				}
			}
			return true
		}
		walk(t)
	}
}
