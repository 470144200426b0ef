// Package config reads hookswitch.yaml, the one file that says how a server runs.
//
//	file → references (${NAME}, ${file:PATH}) → typed fields, defaults → checks → *Config
//
// The keys at the top of the file are the workspace "default"; further workspaces stand under workspaces
// and take their timing and retention from the top unless they say otherwise. Credentials, numbers and
// playbooks are never inherited: one customer's call must not reach another customer's org by omission.
//
// Every fault of a file is reported at once, each with its line and column, the faulty line, what is
// wrong and how to mend it. Neither faults nor warnings print the value of a secret, and a Secret prints
// nothing wherever it ends up. The fields, their defaults, the annotated example and the JSON Schema all
// come from the tags in this file: yaml (name), doc (comment), default (YAML text), enum, example.
package config

import (
	"iter"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// DefaultWorkspace names the workspace whose keys stand at the top of the file.
const DefaultWorkspace = "default"

// MaxDeadline bounds an answer's deadline, the server's and a single tool's: Vapi waits 20 s for a tool,
// and the caller's patience ends sooner.
const MaxDeadline = 15 * time.Second

// Config is a whole file, checked. The embedded Workspace is the workspace "default".
type Config struct {
	Listen         string         `yaml:"listen" default:"127.0.0.1:8080" doc:"Address to listen on. The variable PORT replaces the port (and, when this is absent, listens on every interface)."`
	PublicURL      string         `yaml:"public_url" example:"https://voice.example.com" doc:"Where Vapi, Salesforce, Twilio and browsers reach this server; no path."`
	Database       Database       `yaml:"database" default:"sqlite:./data/hookswitch.db" doc:"sqlite:PATH, or postgres://… for several machines. A relative path counts from this file."`
	EncryptionKey  Secrets        `yaml:"encryption_key" example:"${HOOKSWITCH_KEY}" doc:"Seals tokens and personal data at rest: 32 bytes in base64 (openssl rand -base64 32), newest first. Absent: a key file (mode 0600) is made beside the database, with a warning."`
	Operator       Operator       `yaml:"operator" doc:"Who signs in to the pages and to /oauth/login."`
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies" default:"[]" doc:"Address ranges whose X-Forwarded-For is believed."`
	Doors          Doors          `yaml:"doors" doc:"Address ranges that each door admits; an absent list admits everyone."`
	SecretGrace    time.Duration  `yaml:"secret_grace" default:"5m" doc:"How long a webhook secret that was replaced stays good, counted from when the new one was first loaded."`
	Log            Log            `yaml:"log" doc:"What is logged, and how."`
	Workspace      `yaml:",inline"`
	// Workspaces is decoded last: it inherits from the fields above.
	Workspaces map[string]Workspace `yaml:"workspaces" doc:"Further workspaces, one per customer, each reached below /w/NAME."`
}

// Workspace is one customer: a Salesforce org, the assistants that work with it, and their numbers.
type Workspace struct {
	APIKeys    Secrets    `yaml:"api_keys" example:"[${HOOKSWITCH_API_KEY}]" doc:"Keys that programs send to /api/v1 as a bearer token."`
	Playbooks  []string   `yaml:"playbooks" default:"[customer-support, real-estate]" doc:"Playbooks to serve: a name that ships, or a file of your own."`
	Vapi       Vapi       `yaml:"vapi" doc:"The voice."`
	Salesforce Salesforce `yaml:"salesforce" doc:"The org."`
	Twilio     Twilio     `yaml:"twilio" doc:"The line: texts, follow-up calls, inbound numbers."`
	Timing     `yaml:",inline"`
	Retention  Retention `yaml:"retention" doc:"How long the server's own store keeps things; Salesforce and Vapi keep theirs."`
}

// Operator is the person who signs in.
type Operator struct {
	Username string  `yaml:"username" default:"ops" doc:"Name to sign in with."`
	Password Secrets `yaml:"password" example:"${HOOKSWITCH_PASSWORD}" doc:"Password to sign in with. Absent: nobody can sign in."`
}

// Doors are the allow lists of the doors that others knock at. Off (everyone is admitted) when empty.
type Doors struct {
	Vapi       []netip.Prefix `yaml:"vapi" default:"[]" doc:"/webhook/vapi"`
	Salesforce []netip.Prefix `yaml:"salesforce" default:"[]" doc:"/webhook/salesforce and its outbound messages"`
	Twilio     []netip.Prefix `yaml:"twilio" default:"[]" doc:"/webhook/twilio and /twiml"`
	API        []netip.Prefix `yaml:"api" default:"[]" doc:"/api"`
	OAuth      []netip.Prefix `yaml:"oauth" default:"[]" doc:"/oauth"`
}

// Log says what is logged, and how.
type Log struct {
	Format string `yaml:"format" default:"json" enum:"json,text" doc:"json or text"`
	Level  string `yaml:"level" default:"info" enum:"debug,info,warn,error" doc:"debug, info, warn or error"`
}

// Timing is how long a workspace's calls wait for what.
type Timing struct {
	Deadline           time.Duration `yaml:"deadline" default:"3s" doc:"From a request's last byte to the answer's first, unless a tool says otherwise; at most 15s."`
	Settle             time.Duration `yaml:"settle" default:"500ms" doc:"Wait before an irreversible write, in which the caller may take it back."`
	RepeatWindow       time.Duration `yaml:"repeat_window" default:"500ms" doc:"The same tool call again within this time hears the same words."`
	InterruptionWindow time.Duration `yaml:"interruption_window" default:"200ms" doc:"Interruptions within this time count as one."`
	IdleCall           time.Duration `yaml:"idle_call" default:"10m" doc:"A call without an event for this long is forgotten."`
}

// Retention is how long Hookswitch's own store keeps each class of data.
type Retention struct {
	Bodies      time.Duration `yaml:"bodies" default:"30d" doc:"Messages as received, masked."`
	Transcripts time.Duration `yaml:"transcripts" default:"180d" doc:"Transcripts and timelines."`
	Calls       time.Duration `yaml:"calls" default:"365d" doc:"Calls: who, when, how they ended."`
	Writes      time.Duration `yaml:"writes" default:"365d" doc:"Writes that are settled, with their reasons. Unsettled ones stay."`
}

// Vapi is one account at Vapi and the ways its webhooks prove themselves.
type Vapi struct {
	APIURL        string        `yaml:"api_url" default:"https://api.vapi.ai" doc:"Vapi's API; the EU region has its own host."`
	APIKey        Secrets       `yaml:"api_key" example:"${VAPI_API_KEY}" doc:"Private key of the account."`
	PublicKey     Secrets       `yaml:"public_key" doc:"Public key, needed only where live control asks for one (monitorPlan.controlAuthenticationEnabled)."`
	AssistantID   string        `yaml:"assistant_id" example:"0198b3a2-0000-7000-8000-0000000a5515" doc:"The default assistant: answers when the caller is unknown or the org unreachable."`
	PhoneNumberID string        `yaml:"phone_number_id" example:"0198b3a2-0000-7000-8000-0000000000f1" doc:"The number that outbound calls come from."`
	WebhookAuth   []WebhookAuth `yaml:"webhook_auth" doc:"How Vapi proves itself; any one that passes is enough, none at all refuses everything."`
}

// WebhookAuth is one proof: exactly one of Secret, Bearer and HMAC.
type WebhookAuth struct {
	Secret Secrets `yaml:"secret" example:"${VAPI_SERVER_SECRET}" doc:"The server's secret, sent as it is."`
	Bearer Secrets `yaml:"bearer" doc:"A bearer credential's token."`
	HMAC   *HMAC   `yaml:"hmac" doc:"An HMAC credential's signature."`
	Header string  `yaml:"header" doc:"Header that carries the secret (X-Vapi-Secret) or the token (Authorization)."`
}

// Salesforce is how the server signs in to one org, and what the org sends.
type Salesforce struct {
	LoginURL       string        `yaml:"login_url" default:"https://login.salesforce.com" doc:"https://login.salesforce.com (production), https://test.salesforce.com (sandbox), or the org's My Domain."`
	MyDomain       string        `yaml:"my_domain" example:"acme" doc:"Instead of login_url: acme, or acme--uat.sandbox, for https://acme.my.salesforce.com and its sandbox."`
	Flow           Flow          `yaml:"flow" default:"client-credentials" enum:"client-credentials,jwt-bearer,refresh-token,browser" doc:"client-credentials (My Domain only), jwt-bearer, refresh-token or browser."`
	ClientID       string        `yaml:"client_id" example:"${SF_CLIENT_ID}" doc:"Consumer key of the External Client App."`
	ClientSecret   Secrets       `yaml:"client_secret" example:"${SF_CLIENT_SECRET}" doc:"Consumer secret. Needed by client-credentials."`
	RefreshToken   Secrets       `yaml:"refresh_token" doc:"Needed by refresh-token."`
	PrivateKeyFile string        `yaml:"private_key_file" doc:"PEM file of the key that signs. Needed by jwt-bearer. A relative path counts from this file."`
	Username       string        `yaml:"username" doc:"The user to act as. Needed by jwt-bearer."`
	RedirectURI    string        `yaml:"redirect_uri" doc:"Used by browser. Absent: public_url and /oauth/callback."`
	OrgID          string        `yaml:"org_id" doc:"The org that this workspace belongs to, if it should be checked from the first sign-in on."`
	SessionLife    time.Duration `yaml:"session_life" default:"95m" doc:"Assumed life of a session: Salesforce sends no expiry."`
	RefreshEarly   time.Duration `yaml:"refresh_early" default:"5m" doc:"Refresh this long before the assumed end."`
	Introspect     bool          `yaml:"introspect" default:"false" doc:"Ask Salesforce when the session ends, where the app is permitted to."`
	APIVersion     string        `yaml:"api_version" default:"\"62.0\"" doc:"REST API version."`
	Events         Events        `yaml:"events" doc:"What the org sends us."`
}

// Events is how an org tells us that something happened.
type Events struct {
	WebhookSecret Secrets `yaml:"webhook_secret" example:"${SF_WEBHOOK_SECRET}" doc:"Signs callouts (HMAC-SHA256) to /webhook/salesforce."`
	PubSub        PubSub  `yaml:"pubsub" doc:"Subscriptions to the Pub/Sub API."`
}

// PubSub lists the topics to subscribe to.
type PubSub struct {
	Topics []string `yaml:"topics" default:"[]" example:"[/event/Voice_Call_Request__e]" doc:"Platform events (/event/…) and change events (/data/…)."`
}

// Twilio is one account at Twilio.
type Twilio struct {
	AccountSID string  `yaml:"account_sid" example:"${TWILIO_ACCOUNT_SID}" doc:"Account, AC…"`
	APIKey     string  `yaml:"api_key" doc:"Key of an API key pair, SK…; without one the auth token is used."`
	APISecret  Secrets `yaml:"api_secret" doc:"Secret of the API key pair."`
	AuthToken  Secrets `yaml:"auth_token" example:"${TWILIO_AUTH_TOKEN}" doc:"Verifies X-Twilio-Signature; Twilio signs with nothing else."`
	From       string  `yaml:"from" example:"\"+15550100142\"" doc:"Number that texts and calls come from, in E.164."`
	BaseURL    string  `yaml:"base_url" default:"https://api.twilio.com" doc:"Twilio's API."`
}

// Configured reports whether the workspace has an account at Vapi to call out with.
func (v Vapi) Configured() bool { return len(v.APIKey) > 0 }

// Configured reports whether the workspace has an org to sign in to.
func (s Salesforce) Configured() bool { return s.ClientID != "" }

// Configured reports whether the workspace has an account at Twilio.
func (t Twilio) Configured() bool { return t.AccountSID != "" }

// All yields every workspace, "default" first, then by name.
func (c *Config) All() iter.Seq2[string, Workspace] {
	return func(yield func(string, Workspace) bool) {
		if !yield(DefaultWorkspace, c.Workspace) {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(c.Workspaces)) {
			if !yield(name, c.Workspaces[name]) {
				return
			}
		}
	}
}

// Of returns the workspace of that name.
func (c *Config) Of(name string) (Workspace, bool) {
	if name == DefaultWorkspace {
		return c.Workspace, true
	}
	w, ok := c.Workspaces[name]
	return w, ok
}

// Default is the configuration of an empty file: every documented default, no account anywhere.
// It is what the demo runs on.
func Default() *Config {
	// An empty file has no line to be at fault; Parse checks it like any other.
	c, _, err := Parse(nil, Options{Env: func(string) (string, bool) { return "", false }})
	if err != nil {
		panic("config: the documented defaults do not load: " + err.Error()) // unreachable: TestDefaults loads them
	}
	return c
}
