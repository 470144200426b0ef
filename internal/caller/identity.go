package caller

// Candidate is a CRM record that carries the caller's number.
type Candidate struct {
	Object  string // "Contact", "Lead" or "Account"
	ID      string
	Name    string
	Account string // a contact's account id
}

// Identity is whom a number belongs to. The zero Identity is a caller whom nobody knows.
type Identity struct {
	Number  Number
	Person  string // keyed hash of the number: what the database knows the caller by
	Name    string
	Contact string // record ids; empty when not known
	Account string
	Lead    string
	Many    bool // more than one person carries the number: ask, never guess
	Unsure  bool // the CRM could not be asked in time: nothing may be concluded from the absence of a record
}

// Known reports whether the number names exactly one person of the CRM.
func (i Identity) Known() bool { return i.Contact != "" || i.Lead != "" }

// Identify chooses among the records that carry n. Order of objects is the order of trust: the first
// object with any candidate decides, and more than one candidate of it leaves the caller unnamed.
// An account alone tells the company, not the person.
func Identify(n Number, found []Candidate, order ...string) Identity {
	if len(order) == 0 {
		order = []string{"Contact", "Lead", "Account"}
	}
	id := Identity{Number: n}
	for _, object := range order {
		of := only(found, object)
		if len(of) == 0 {
			continue
		}
		if len(of) > 1 {
			id.Many = true
			return id
		}
		switch c := of[0]; object {
		case "Contact":
			id.Contact, id.Account, id.Name = c.ID, c.Account, c.Name
		case "Lead":
			id.Lead, id.Name = c.ID, c.Name
		case "Account":
			id.Account = c.ID
		}
		return id
	}
	return id
}

func only(found []Candidate, object string) []Candidate {
	var of []Candidate
	for _, c := range found {
		if c.Object == object {
			of = append(of, c)
		}
	}
	return of
}
