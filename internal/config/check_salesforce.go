package config

import (
	"fmt"
	"net/url"
	"strings"
)

// checkSalesforce checks hosts, the flow's needs and what the org sends. public is where the workspace is
// reached, for the redirect.
func (d *decoder) checkSalesforce(path string, s *Salesforce, public string) {
	d.salesforceHost(path, s)
	d.salesforceFlow(path, s, public)
	if s.OrgID != "" && !orgID.MatchString(s.OrgID) {
		d.wrong(join(path, "org_id"), fmt.Sprintf("%q is not an org's id", s.OrgID), "copy it from Setup, Company Information: 15 or 18 characters that begin with 00D")
	}
	if !apiVersion.MatchString(s.APIVersion) {
		d.wrong(join(path, "api_version"), fmt.Sprintf("%q is not a version", s.APIVersion), "write for example \"62.0\"")
	}
	if s.RefreshEarly >= s.SessionLife {
		d.wrong(join(path, "refresh_early"), fmt.Sprintf("is not shorter than session_life (%v)", s.SessionLife), "write 5m; every request would refresh otherwise")
	}
	for i, topic := range s.Events.PubSub.Topics {
		if !strings.HasPrefix(topic, "/event/") && !strings.HasPrefix(topic, "/data/") {
			d.wrong(fmt.Sprintf("%s[%d]", join(path, "events.pubsub.topics"), i), fmt.Sprintf("%q is not a topic", topic), "write /event/NAME__e, /data/NAMEChangeEvent or /data/ChangeEvents")
		}
	}
	d.relativeFile(&s.PrivateKeyFile)
}

// salesforceHost settles LoginURL. Salesforce refuses client-credentials at login. and test. with
// invalid_grant, "request not supported on this domain" (Help 000886201): better said here than at the first call.
func (d *decoder) salesforceHost(path string, s *Salesforce) {
	at := join(path, "login_url")
	if s.MyDomain != "" {
		d.myDomain(path, s)
		at = join(path, "my_domain")
	}
	s.LoginURL = strings.TrimRight(s.LoginURL, "/")
	d.checkURL(at, s.LoginURL, false)
	if d.broken[at] {
		return
	}
	switch instance := s.Instance(); {
	case instance == Foreign:
		host := hostOf(s.LoginURL)
		mend := "write https://login.salesforce.com, https://test.salesforce.com or https://NAME.my.salesforce.com"
		if name, _, found := strings.Cut(host, ".lightning.force.com"); found {
			mend = "that is where people work; sign-in is at https://" + name + ".my.salesforce.com"
		}
		d.wrong(at, host+" is not a host of Salesforce to sign in at", mend)
	case s.Flow == ClientCredentials && (instance == Production || instance == Sandbox):
		d.wrong(at, fmt.Sprintf("client-credentials is refused at %s", hostOf(s.LoginURL)),
			"give the org's My Domain (my_domain: acme, or acme--uat.sandbox), or another flow")
	}
}

// myDomain turns the short form into an address.
func (d *decoder) myDomain(path string, s *Salesforce) {
	at := join(path, "my_domain")
	name := strings.ToLower(s.MyDomain)
	name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(name, "https://"), "/"), ".my.salesforce.com")
	switch {
	case d.given(join(path, "login_url")):
		d.wrong(at, "stands beside login_url", "keep one: my_domain is short for the login_url of a My Domain")
	case !myDomain.MatchString(name):
		d.wrong(at, fmt.Sprintf("%q is not a My Domain", s.MyDomain), "write acme for https://acme.my.salesforce.com, acme--uat.sandbox for its sandbox")
	default:
		s.MyDomain, s.LoginURL = name, "https://"+name+".my.salesforce.com"
	}
}

// salesforceFlow wants what each flow needs.
func (d *decoder) salesforceFlow(path string, s *Salesforce, public string) {
	type need struct {
		name, mend string
		have       bool
	}
	id := need{"client_id", "copy the consumer key of the External Client App", s.ClientID != ""}
	secret := need{"client_secret", "copy the consumer secret of the External Client App", len(s.ClientSecret) > 0}
	var needs []need
	switch s.Flow {
	case ClientCredentials:
		needs = []need{id, secret}
	case JWTBearer:
		needs = []need{
			id,
			{"username", "name the user to act as; the app must be pre-authorised for it", s.Username != ""},
			{"private_key_file", "name the PEM file of the key whose certificate the app has", s.PrivateKeyFile != ""},
		}
	case RefreshToken:
		needs = []need{id, {"refresh_token", "give one, or sign in once with flow: browser", len(s.RefreshToken) > 0}}
	case Browser:
		if s.RedirectURI == "" && strings.HasPrefix(public, "http") {
			s.RedirectURI = public + "/oauth/callback"
		}
		needs = []need{id, {"redirect_uri", "give it, or public_url at the top of the file", s.RedirectURI != ""}}
		if s.RedirectURI != "" {
			d.checkURL(join(path, "redirect_uri"), s.RedirectURI, true)
		}
	}
	for _, n := range needs {
		if !n.have {
			d.wrong(join(path, n.name), fmt.Sprintf("is missing; flow %s needs it", s.Flow), n.mend)
		}
	}
}

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	return u.Host
}
