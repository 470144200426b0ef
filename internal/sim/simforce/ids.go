package simforce

import "strings"

// checksumAlphabet is indexed by five bits, one for each upper-case letter of a chunk of five.
const checksumAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

// base62 is the order in which the org counts its ids; they are case-sensitive.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// checksum gives the three characters that make a 15-character id safe where case is lost.
func checksum(id15 string) string {
	var out [3]byte
	for chunk := range 3 {
		bits := 0
		for j := range 5 {
			if c := id15[chunk*5+j]; c >= 'A' && c <= 'Z' {
				bits |= 1 << j
			}
		}
		out[chunk] = checksumAlphabet[bits]
	}
	return string(out[:])
}

// longID turns a well-formed id of 15 or 18 characters into 18. It reports false for anything else, a wrong
// checksum included: at the vendor such an id does not name a record either.
func longID(id string) (string, bool) {
	if len(id) != 15 && len(id) != 18 {
		return "", false
	}
	for i := range len(id) {
		if !strings.ContainsRune(base62, rune(id[i])) {
			return "", false
		}
	}
	if len(id) == 15 {
		return id + checksum(id), true
	}
	return id, checksum(id[:15]) == id[15:]
}

// newID counts up one sequence for all objects, so that ids tell the order of creation and never meet.
func (o *Org) newID(prefix string) string {
	o.lastID++
	n, tail := o.lastID, [9]byte{}
	for i := len(tail) - 1; i >= 0; i-- {
		tail[i] = base62[n%62]
		n /= 62
	}
	id := prefix + "Hs0" + string(tail[:])
	return id + checksum(id)
}
