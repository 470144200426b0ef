package simforce

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
	"time"
)

// recordBody reads a record: JSON, or for a ContentVersion the multipart form whose parts are entity_content
// (JSON) and VersionData (the bytes).
func (c *call) recordBody() (object, apiErrors) {
	media, params, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return c.bodyObject()
	}
	var body object
	var data []byte
	for form := multipart.NewReader(bytes.NewReader(c.body), params["boundary"]); ; {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, badJSON("Multipart message is malformed: %v", err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, badJSON("Multipart message is malformed: %v", err)
		}
		switch {
		case part.FormName() == "VersionData":
			data = content
		default:
			v, errs := parseJSON(content)
			if errs != nil {
				return nil, errs
			}
			body, _ = v.(object)
		}
	}
	if body == nil || data == nil {
		return nil, badJSON("Multipart message must include a non-binary part and a binary part")
	}
	return append(body, member{"VersionData", base64.StdEncoding.EncodeToString(data)}), nil
}

// versions needs no session.
func (o *Org) versions() reply {
	seasons := [...]string{"Spring", "Summer", "Winter"}
	var list []any
	for n := 31; n <= o.o.Latest; n++ {
		// v31.0 was Summer '14; there are three releases a year, and winter's is named for the year to come.
		i := n - 30
		year := 14 + i/3
		if seasons[i%3] == "Winter" {
			year++
		}
		list = append(list, object{
			{"label", fmt.Sprintf("%s '%02d", seasons[i%3], year)},
			{"url", fmt.Sprintf("/services/data/v%d.0", n)},
			{"version", fmt.Sprintf("%d.0", n)},
		})
	}
	return ok(list)
}

// resources lists what lies below a version; a client may find its way from here instead of knowing it.
func (o *Org) resources(c *call) reply {
	var m object
	for _, name := range []string{"composite", "limits", "parameterizedSearch", "query", "queryAll", "search", "sobjects"} {
		m = append(m, member{name, c.base + "/" + name})
	}
	return ok(append(m, member{"identity", o.identity("https", "login.salesforce.com")}))
}

// limits tells the usage as it was a minute ago at the latest: the vendor's figures lag.
func (o *Org) limits() reply {
	now := time.Now().Truncate(time.Minute)
	used := 0
	for _, m := range o.usage.minutes {
		if m.at.Before(now) {
			used += m.n
		}
	}
	of := func(limit, used int) object {
		return object{{"Max", limit}, {"Remaining", max(0, limit-used)}}
	}
	return ok(object{
		{"ConcurrentAsyncGetReportInstances", of(200, 0)},
		{"DailyApiRequests", of(o.o.DailyLimit, used)},
		{"DailyAsyncApexExecutions", of(250_000, 0)},
		{"DailyStreamingApiEvents", of(10_000, 0)},
		{"DataStorageMB", of(5, 0)},
		{"FileStorageMB", of(20, 0)},
		{"HourlyPublishedPlatformEvents", of(50_000, 0)},
		{"SingleEmail", of(15, 0)},
	})
}

// describeGlobal lists the objects by name.
func (o *Org) describeGlobal(c *call) reply {
	var list []any
	for _, name := range slices.Sorted(maps.Keys(o.schema)) {
		list = append(list, o.summary(c, o.schema[name]))
	}
	return ok(object{{"encoding", "UTF-8"}, {"maxBatchSize", 200}, {"sobjects", list}})
}

// summary is what describeGlobal says of an object.
func (o *Org) summary(c *call, b *Object) object {
	at, custom := c.base+"/sobjects/"+b.Name, strings.HasSuffix(b.Name, "__c") || b.Event
	return object{
		{"activateable", false},
		{"createable", !b.NoCreate},
		{"custom", custom},
		{"customSetting", false},
		{"deletable", !b.NoDelete && !b.Event},
		{"deprecatedAndHidden", false},
		{"feedEnabled", false},
		{"keyPrefix", b.Prefix},
		{"label", b.Label},
		{"labelPlural", b.Plural},
		{"layoutable", !b.Event},
		{"mergeable", b.Name == "Lead" || b.Name == "Contact" || b.Name == "Account"},
		{"mruEnabled", !b.Event},
		{"name", b.Name},
		{"queryable", !b.Event},
		{"replicateable", !b.Event},
		{"retrieveable", !b.Event},
		{"searchable", searchable(b)},
		{"triggerable", true},
		{"undeletable", !b.NoDelete && !b.Event},
		{"updateable", !b.NoUpdate && !b.Event},
		{"urls", object{{"sobject", at}, {"describe", at + "/describe"}, {"rowTemplate", at + "/{ID}"}}},
	}
}

// describe leaves hidden fields out: a client learns from it what it may use, and only that.
func (o *Org) describe(c *call, b *Object) object {
	var fields []any
	for i := range b.Fields {
		if !b.Fields[i].Hidden {
			fields = append(fields, b.Fields[i].describe())
		}
	}
	var children []any
	for _, name := range slices.Sorted(maps.Keys(o.schema)) {
		for i := range o.schema[name].Fields {
			if f := &o.schema[name].Fields[i]; f.Type == Reference && !f.Hidden && slices.Contains(f.RefersTo, b.Name) {
				children = append(children, object{{"childSObject", name}, {"field", f.Name}, {"relationshipName", nil}, {"cascadeDelete", false}})
			}
		}
	}
	// One record type, the master, as in an org that has made none.
	return append(o.summary(c, b), member{"fields", fields}, member{"childRelationships", children},
		member{"recordTypeInfos", []any{object{
			{"active", true},
			{"available", true},
			{"defaultRecordTypeMapping", true},
			{"developerName", "Master"},
			{"master", true},
			{"name", "Master"},
			{"recordTypeId", "012000000000000AAA"},
		}}})
}

// describe renders a field (REST API Developer Guide, "sObject Describe"). A long text area is a textarea that can
// neither be filtered nor sorted; there is no type of its own.
func (f *Field) describe() object {
	typ := f.Type
	if typ == LongText {
		typ = TextArea
	}
	length, digits, precision := f.sizes()
	refs := f.RefersTo
	if refs == nil {
		refs = []string{}
	}
	var relationship any
	if f.Relationship != "" {
		relationship = f.Relationship
	}
	// A checkbox is false where nobody ticked it: it is never null, and so never required.
	nillable := !f.Required && f.Type != Boolean && f.Type != ID
	return object{
		{"aggregatable", f.filterable()},
		{"autoNumber", f.Name == "CaseNumber"},
		{"byteLength", 3 * length},
		{"calculated", false},
		{"caseSensitive", f.CaseSensitive},
		{"createable", !f.ReadOnly},
		{"custom", f.custom()},
		{"defaultValue", f.Default},
		{"defaultedOnCreate", f.Default != nil || f.Name == "OwnerId" || f.ReadOnly},
		{"deprecatedAndHidden", false},
		{"digits", digits},
		{"externalId", f.ExternalID},
		{"filterable", f.filterable()},
		{"groupable", f.filterable() && !f.numeric()},
		{"idLookup", f.ExternalID || f.Type == ID || f.Name == "Email"},
		{"inlineHelpText", nil},
		{"label", f.Label},
		{"length", length},
		{"name", f.Name},
		{"nameField", f.Name == "Name" || f.Name == "CaseNumber"},
		{"nillable", nillable},
		{"permissionable", !f.Required && !f.ReadOnly},
		{"picklistValues", f.pickable()},
		{"polymorphicForeignKey", len(refs) > 1},
		{"precision", precision},
		{"referenceTo", refs},
		{"relationshipName", relationship},
		{"restrictedPicklist", f.Restricted},
		{"scale", f.Scale},
		{"soapType", f.describedSOAP()},
		{"sortable", f.filterable()},
		{"type", typ},
		{"unique", f.Unique},
		{"updateable", !f.ReadOnly && !f.CreateOnly},
	}
}

// sizes say how much the field holds, in the member that its type has for it: length for text, digits for an int,
// precision for other numbers; the others are 0.
func (f *Field) sizes() (length, digits, precision int) {
	switch {
	case f.Type == Int:
		return 0, f.Precision, 0
	case f.numeric():
		return 0, 0, f.Precision
	}
	return f.Length, 0, f.Precision
}

// pickable lists the values of a picklist; a field of another type has none, which is [] and not null.
func (f *Field) pickable() []any {
	values := []any{}
	for _, v := range f.Values {
		values = append(values, object{{"active", true}, {"defaultValue", v == f.Default}, {"label", v}, {"validFor", nil}, {"value", v}})
	}
	return values
}

// describedSOAP differs from soapType in what a client sees: describe has namespaces, messages have not.
func (f *Field) describedSOAP() string {
	if f.Type == ID || f.Type == Reference {
		return "tns:ID"
	}
	if f.Type == Base64 {
		return "xsd:base64Binary"
	}
	return "xsd:" + f.soapType()
}
