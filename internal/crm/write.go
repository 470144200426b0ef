// Package crm knows what may be read from and written to Salesforce, and under which key.
//
// Reads go straight: a Desk answers for one org, with a short cache for what describes people and
// companies, and with one request for the same question asked twice at once.
//
// Writes do not start here. A tool decides on a Write, which becomes the body of an intent; the journal
// gives the intent back to one of this package's doers when it is due:
//
//	crm.create   PATCH upsert under a unique external-id field; the key is the intent's own
//	crm.update   PATCH by record id with absolute values
//	crm.comment  POST of a child record that can carry no key (CaseComment)
//
// A create and an update can be repeated without harm. A comment can not, so its Look searches for the
// text below its parent, and the journal believes "absent" only after a quiet period.
package crm

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Kinds of intent that this package does.
const (
	KindCreate  = "crm.create"
	KindUpdate  = "crm.update"
	KindComment = "crm.comment"
)

// KeyField is the external-id field under which records are created, unless the playbook names another
// unique one. Text(255), unique, case sensitive.
const KeyField = "Hookswitch_Key__c"

// What to do when the org's duplicate rules refuse a create (DUPLICATES_DETECTED).
const (
	Attach = "attach" // use the matched record, when exactly one matches and its telephone number is the same
	Save   = "save"   // save all the same, where the rule permits it
	Review = "review" // a person decides
)

// Write is the body of an intent: one record to create, change or add.
type Write struct {
	Object     string            `json:"object"`
	Record     string            `json:"record,omitempty"`     // update: the record's id; empty means the subject's, once known
	Whose      string            `json:"whose,omitempty"`      // update: the caller's own Contact, Account or Lead, by Phone
	Fields     map[string]any    `json:"fields"`               // absolute values
	Later      map[string]Later  `json:"later,omitempty"`      // fields whose value is known only when the write is done
	Picklists  map[string]string `json:"picklists,omitempty"`  // fields matched to a value of the org's picklist, or left out
	KeyField   string            `json:"key_field,omitempty"`  // create: default KeyField
	Key        string            `json:"key,omitempty"`        // create: default the intent's key
	ReadBack   []string          `json:"read_back,omitempty"`  // fields to read after the write, for the words
	Duplicates string            `json:"duplicates,omitempty"` // Attach, Save or Review
	Phone      string            `json:"phone,omitempty"`      // the caller's number: an attached record must carry it, and Whose goes by it
	SkipAssign bool              `json:"skip_assign,omitempty"`
}

// Later says where a field's value comes from when the write is done. Exactly one of its fields is set.
type Later struct {
	Need   string  `json:"need,omitempty"`   // the record id of the intent of this name
	Lookup *Lookup `json:"lookup,omitempty"` // a read that could not be made while the caller waited
	Whose  string  `json:"whose,omitempty"`  // the caller's own Contact, Account or Lead, by the write's Phone
}

// Lookup finds one field of one record. No match or several leave the field out.
type Lookup struct {
	Query Query  `json:"query"`
	Field string `json:"field"`
}

// SetLater leaves a field to be found out when the write is done.
func (w *Write) SetLater(field string, l Later) {
	if w.Later == nil {
		w.Later = map[string]Later{}
	}
	w.Later[field] = l
}

// SetPicklist leaves a field to be matched to the org's picklist.
func (w *Write) SetPicklist(field, spoken string) {
	if w.Picklists == nil {
		w.Picklists = map[string]string{}
	}
	w.Picklists[field] = spoken
}

// Body is w as an intent carries it.
func (w Write) Body() (json.RawMessage, error) {
	b, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode write of %s: %w", w.Object, err)
	}
	return b, nil
}

// DecodeWrite reads the body of an intent, which an older version of the program may have written: a field that it did
// not know is empty, and must then mean what was done before there was one.
func DecodeWrite(body json.RawMessage) (Write, error) {
	var w Write
	if err := json.Unmarshal(body, &w); err != nil {
		return Write{}, fmt.Errorf("decode write: %w", err)
	}
	return w, nil
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9:_-]{1,200}$`)

// Key makes the key of an intent from what caused it. It is the same for the same cause, so that a second
// delivery, a restart and a retry all come to the same record; it holds only characters that survive a
// URL path. Parts with others are hashed, a zero byte between them because a colon may stand in one.
func Key(parts ...string) string {
	key := "hs:" + strings.Join(parts, ":")
	if plainKey.MatchString(key) {
		return key
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "hs:" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20]))
}
