package simforce

import (
	"fmt"
	"slices"
	"strings"
)

// Type is a field's type as describe names it.
type Type string

// Types of fields. LongText is a textarea of more than 255: it can be neither filtered nor sorted by.
const (
	ID        Type = "id"
	String    Type = "string"
	TextArea  Type = "textarea"
	LongText  Type = "longtextarea"
	Phone     Type = "phone"
	Email     Type = "email"
	URL       Type = "url"
	Boolean   Type = "boolean"
	Int       Type = "int"
	Double    Type = "double"
	Currency  Type = "currency"
	Percent   Type = "percent"
	Date      Type = "date"
	DateTime  Type = "datetime"
	Picklist  Type = "picklist"
	Reference Type = "reference"
	Base64    Type = "base64"
)

// Field is one column of an object. The zero flags make an optional field that may be written.
type Field struct {
	Name, Label string
	Type        Type
	Length      int // characters; bytes as well for TextArea and LongText
	Precision   int // digits in all, for numbers; 0 means 18
	Scale       int // digits after the point; more are rounded away

	Required   bool // must be there on create and may not be emptied
	ReadOnly   bool // neither createable nor updateable
	CreateOnly bool // createable, not updateable
	Hidden     bool // no field-level security: to the caller the field does not exist
	Default    any

	ExternalID, Unique, CaseSensitive bool

	Values     []string // picklist entries, all active
	Restricted bool     // other values are refused

	RefersTo     []string // objects that a Reference may point to
	Relationship string   // its name in SOQL: Account for AccountId
}

// Object is one sObject.
type Object struct {
	Name, Label, Plural, Prefix string
	Fields                      []Field

	NoCreate, NoUpdate, NoDelete bool
	// Event makes a platform event: it can be published and nothing else.
	Event bool
}

// The classes of types that rules speak of.
func (f *Field) custom() bool { return strings.HasSuffix(f.Name, "__c") }

func (f *Field) numeric() bool {
	return slices.Contains([]Type{Int, Double, Currency, Percent}, f.Type)
}

func (f *Field) textual() bool {
	return slices.Contains([]Type{String, TextArea, LongText, Phone, Email, URL, Picklist}, f.Type)
}

// filterable is false for long text areas and blobs: WHERE and ORDER BY refuse them.
func (f *Field) filterable() bool { return f.Type != LongText && f.Type != Base64 }

// field finds a field by name, regardless of case as the vendor does. Hidden fields are not found.
func (b *Object) field(name string) *Field {
	for i := range b.Fields {
		if f := &b.Fields[i]; !f.Hidden && strings.EqualFold(f.Name, name) {
			return f
		}
	}
	return nil
}

// relation finds the reference field behind a relationship name: Account → AccountId.
func (b *Object) relation(name string) *Field {
	for i := range b.Fields {
		f := &b.Fields[i]
		if !f.Hidden && f.Relationship != "" && strings.EqualFold(f.Relationship, name) {
			return f
		}
	}
	return nil
}

// clone keeps what an org changes of its schema from another org's.
func (b *Object) clone() *Object {
	c := *b
	c.Fields = slices.Clone(b.Fields)
	return &c
}

// object finds an sObject by name, regardless of case.
func (o *Org) object(name string) *Object {
	if b := o.schema[name]; b != nil {
		return b
	}
	for n, b := range o.schema {
		if strings.EqualFold(n, name) {
			return b
		}
	}
	return nil
}

// byPrefix finds the sObject whose ids begin with the id's first three characters.
func (o *Org) byPrefix(id string) *Object {
	if len(id) < 3 {
		return nil
	}
	for _, b := range o.schema {
		if b.Prefix == id[:3] {
			return b
		}
	}
	return nil
}

// AddObject adds an sObject, or replaces the one of that name. The system fields (Id, CreatedDate and so on) are
// added where they are missing. Records that are there stay.
func (o *Org) AddObject(b Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.addObject(b)
}

// addObject is AddObject under the lock.
func (o *Org) addObject(b Object) {
	c := b.clone()
	for _, f := range systemFields() {
		if !slices.ContainsFunc(c.Fields, func(g Field) bool { return strings.EqualFold(g.Name, f.Name) }) {
			c.Fields = append(c.Fields, f)
		}
	}
	for i := range c.Fields {
		complete(&c.Fields[i])
	}
	o.schema[c.Name] = c
	if o.tables[c.Name] == nil {
		o.tables[c.Name] = newTable()
	}
}

// complete fills in what a field's declaration may leave out.
func complete(f *Field) {
	if f.Label == "" {
		f.Label = strings.ReplaceAll(strings.TrimSuffix(f.Name, "__c"), "_", " ")
	}
	if f.Type == Reference && f.Relationship == "" {
		if base, ok := strings.CutSuffix(f.Name, "__c"); ok {
			f.Relationship = base + "__r"
		} else {
			f.Relationship = strings.TrimSuffix(f.Name, "Id")
		}
	}
	if f.numeric() && f.Precision == 0 {
		f.Precision = 18
	}
	switch {
	case f.Length != 0:
	case f.Type == Phone:
		f.Length = 40
	case f.Type == Email:
		f.Length = 80
	case f.Type == LongText:
		f.Length = 32768
	case f.textual():
		f.Length = 255
	case f.Type == ID || f.Type == Reference:
		f.Length = 18
	}
}

// SetField adds a field to an object, or replaces the one of that name. It panics on an unknown object: that is a
// mistake in the test that calls it.
func (o *Org) SetField(object string, f Field) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.known(object)
	complete(&f)
	for i := range b.Fields {
		if strings.EqualFold(b.Fields[i].Name, f.Name) {
			b.Fields[i] = f
			o.tables[b.Name].reindex(b)
			return
		}
	}
	b.Fields = append(b.Fields, f)
	o.tables[b.Name].reindex(b)
}

// DropField deletes a field with what it holds, as an administrator may at any time.
func (o *Org) DropField(object, field string) { o.mustChange(object, field, "drop") }

// HideField takes the calling user's field-level security for a field away, or gives it back. A hidden field
// cannot be told from one that does not exist.
func (o *Org) HideField(object, field string, hidden bool) {
	o.mustChange(object, field, map[bool]string{true: "hide", false: "show"}[hidden])
}

// RequireField makes a field required, or optional again.
func (o *Org) RequireField(object, field string, required bool) {
	o.mustChange(object, field, map[bool]string{true: "require", false: "relax"}[required])
}

// mustChange is changeField for tests, whose names are their own mistake.
func (o *Org) mustChange(object, field, change string) {
	if err := o.changeField(object, field, change); err != nil {
		panic(err)
	}
}

// changeField is one change of an administrator. Records keep what they hold, save under drop.
func (o *Org) changeField(object, field, change string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.object(object)
	if b == nil {
		return fmt.Errorf("simforce: schema: no object %q", object)
	}
	i := slices.IndexFunc(b.Fields, func(f Field) bool { return strings.EqualFold(f.Name, field) })
	if i < 0 {
		return fmt.Errorf("simforce: schema: no field %s.%s", object, field)
	}
	switch change {
	case "drop":
		name := b.Fields[i].Name
		b.Fields = slices.Delete(b.Fields, i, i+1)
		o.tables[b.Name].dropField(name)
	case "hide", "show":
		b.Fields[i].Hidden = change == "hide"
	case "require", "relax":
		b.Fields[i].Required = change == "require"
	default:
		return fmt.Errorf("simforce: schema: change %q of %s.%s is not one of drop, hide, show, require, relax", change, object, field)
	}
	return nil
}

// known returns the object or panics: for calls that a test makes with names of its own.
func (o *Org) known(object string) *Object {
	b := o.object(object)
	if b == nil {
		panic(fmt.Sprintf("simforce: no object %q", object))
	}
	return b
}
