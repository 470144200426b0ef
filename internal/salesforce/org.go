package salesforce

import (
	"context"
	"net/http"
)

// Describe is what the org says about an object, as far as this user may see it: a field
// without access is not in it at all.
type Describe struct {
	Name        string       `json:"name"`
	Label       string       `json:"label"`
	KeyPrefix   string       `json:"keyPrefix"`
	Createable  bool         `json:"createable"`
	Updateable  bool         `json:"updateable"`
	Queryable   bool         `json:"queryable"`
	Searchable  bool         `json:"searchable"`
	Fields      []Field      `json:"fields"`
	RecordTypes []RecordType `json:"recordTypeInfos"`
}

// Field returns the field of that API name, or nil if the user cannot see one.
// Names are compared as they are written: Salesforce is lenient there, and a playbook need not be.
func (d *Describe) Field(name string) *Field {
	for i := range d.Fields {
		if d.Fields[i].Name == name {
			return &d.Fields[i]
		}
	}
	return nil
}

// Field is a field of an object.
type Field struct {
	Name               string          `json:"name"`
	Label              string          `json:"label"`
	Type               string          `json:"type"` // "string", "picklist", "reference", …
	Length             int             `json:"length"`
	ByteLength         int             `json:"byteLength"`
	Precision          int             `json:"precision"`
	Scale              int             `json:"scale"`
	Nillable           bool            `json:"nillable"`
	Createable         bool            `json:"createable"`
	Updateable         bool            `json:"updateable"`
	Filterable         bool            `json:"filterable"`
	ExternalID         bool            `json:"externalId"`
	Unique             bool            `json:"unique"`
	CaseSensitive      bool            `json:"caseSensitive"`
	IDLookup           bool            `json:"idLookup"`
	Calculated         bool            `json:"calculated"`
	AutoNumber         bool            `json:"autoNumber"`
	DefaultedOnCreate  bool            `json:"defaultedOnCreate"`
	RestrictedPicklist bool            `json:"restrictedPicklist"`
	Picklist           []PicklistValue `json:"picklistValues"`
	ReferenceTo        []string        `json:"referenceTo"`
	RelationshipName   string          `json:"relationshipName"`
	ControllerName     string          `json:"controllerName"`
}

// Required says whether a create without this field is refused. Validation rules can require
// more than a describe tells; a boolean never is, for it defaults to false.
func (f *Field) Required() bool {
	return f.Createable && !f.Nillable && !f.DefaultedOnCreate && f.Type != "boolean"
}

// PicklistValue is one value of a picklist. Value is what is written and read, Label what
// people see; orgs change labels, and keep values that are no longer active.
type PicklistValue struct {
	Value   string `json:"value"`
	Label   string `json:"label"`
	Active  bool   `json:"active"`
	Default bool   `json:"defaultValue"`
}

// RecordType is a record type and whether this user may choose it. Which picklist values it
// permits is not part of a describe.
type RecordType struct {
	ID            ID     `json:"recordTypeId"`
	Name          string `json:"name"`
	DeveloperName string `json:"developerName"`
	Active        bool   `json:"active"`
	Available     bool   `json:"available"`
	Default       bool   `json:"defaultRecordTypeMapping"`
	Master        bool   `json:"master"`
}

// Describe returns the object's fields, picklists and record types. It is a large answer;
// callers keep it.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
func (c *Client) Describe(ctx context.Context, object string) (*Describe, error) {
	r := call{
		op: "describe", object: object, method: http.MethodGet,
		path: "/sobjects/" + object + "/describe", want: []int{http.StatusOK},
	}
	if err := checkNames(object); err != nil {
		return nil, r.rejected(err)
	}
	var d Describe
	if _, err := c.do(ctx, r, &d); err != nil {
		return nil, err
	}
	return &d, nil
}

// Limit is an allocation of the org and what is left of it.
type Limit struct {
	Max       int `json:"Max"`
	Remaining int `json:"Remaining"`
}

// Limits returns the org's allocations by name, such as "DailyApiRequests". The figures lag,
// and the call is itself counted; OnLimit reports the main one for nothing.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_limits.htm
func (c *Client) Limits(ctx context.Context) (map[string]Limit, error) {
	r := call{op: "limits", method: http.MethodGet, path: "/limits", want: []int{http.StatusOK}}
	var limits map[string]Limit
	_, err := c.do(ctx, r, &limits)
	return limits, err
}

// Version is an API version that the org serves.
type Version struct {
	Label   string `json:"label"`
	Version string `json:"version"` // as Config.APIVersion takes it
}

// Versions lists the API versions that the org serves. An org is upgraded on its own
// schedule: the newest version is not served everywhere. It is sent without the token.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_versions.htm
func (c *Client) Versions(ctx context.Context) ([]Version, error) {
	r := call{
		op: "versions", method: http.MethodGet, path: "/services/data/",
		want: []int{http.StatusOK}, anonymous: true,
	}
	var all []Version
	_, err := c.do(ctx, r, &all)
	return all, err
}

// User is who the token speaks for.
type User struct {
	UserID   ID
	OrgID    ID
	Username string
	Name     string
}

// UserInfo asks whose token it is and of which org.
//
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_userinfo_endpoint.htm
func (c *Client) UserInfo(ctx context.Context) (User, error) {
	r := call{op: "userinfo", method: http.MethodGet, path: "/services/oauth2/userinfo", want: []int{http.StatusOK}}
	var w struct {
		UserID   string `json:"user_id"`
		OrgID    string `json:"organization_id"`
		Username string `json:"preferred_username"`
		Name     string `json:"name"`
	}
	if _, err := c.do(ctx, r, &w); err != nil {
		return User{}, err
	}
	return User{UserID: received(w.UserID), OrgID: received(w.OrgID), Username: w.Username, Name: w.Name}, nil
}
