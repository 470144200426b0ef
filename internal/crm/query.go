package crm

// Query is one read: which records of which object, and which of their fields. Object, Fields and the
// fields of Where and Order come from a playbook, checked when it was loaded; only the values come from a
// call, and the query builder escapes each by its type.
type Query struct {
	Object string   `json:"object"`
	Fields []string `json:"fields"`
	Where  []Cond   `json:"where"`
	Order  []Order  `json:"order,omitempty"`
	Limit  int      `json:"limit,omitempty"` // default 2: one answer, and the knowledge that there are more
	Fresh  bool     `json:"fresh,omitempty"` // never from the cache
}

// Cond compares one field, or one of a parent ("Account.AccountNumber").
type Cond struct {
	Field string `json:"field"`
	Op    string `json:"op,omitempty"` // = != < <= > >= like in; default =
	Value any    `json:"value"`        // string, bool, int64, float64, time.Time, nil, or a list of them for in
}

// Order sorts by one field.
type Order struct {
	Field      string `json:"field"`
	Descending bool   `json:"descending,omitempty"`
}

// Record is one record as read: field name → value. A field of a parent stands under its path
// ("Account.Name"). A field without a value is present with nil.
type Record map[string]any

// Text is the field as a string, and "" when it has none.
func (r Record) Text(field string) string {
	s, _ := r[field].(string)
	return s
}
