package simvapi

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// assistant is a kept assistant by id; the one that the account began with is among them.
func (c *Cloud) assistant(id string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.assistants {
		if a["id"] == id {
			return a
		}
	}
	if id == c.o.AssistantID {
		return c.firstAssistant()
	}
	return nil
}

// keep stores an assistant whole. Objects are replaced, never changed: calls hold them.
func (c *Cloud) keep(a map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.assistants, func(old map[string]any) bool { return old["id"] == a["id"] })
	if i < 0 {
		c.assistants = append(c.assistants, a)
		return
	}
	c.assistants[i] = a
}

// createAssistant is POST /assistant. Two assistants may have the same name: the vendor has no
// key by which a repeated creation would be recognised.
func (c *Cloud) createAssistant(w http.ResponseWriter, r *http.Request) {
	m, ok := read(w, r)
	if !ok {
		return
	}
	if faults := c.assistantFaults(m); len(faults) > 0 {
		refuse(w, http.StatusBadRequest, faults)
		return
	}
	now := wireTime(time.Now())
	m["id"], m["orgId"], m["createdAt"], m["updatedAt"] = c.id(), c.o.OrgID, now, now
	c.keep(m)
	reply(w, http.StatusCreated, m)
}

// listAssistants is GET /assistant, newest first. The assistant that the account began with is
// the oldest, unless it has been patched since.
func (c *Cloud) listAssistants(w http.ResponseWriter, r *http.Request) {
	limit, faults := listFaults(r.URL.Query())
	if len(faults) > 0 {
		refuse(w, http.StatusBadRequest, faults)
		return
	}
	c.mu.Lock()
	all := slices.Clone(c.assistants)
	c.mu.Unlock()
	if !slices.ContainsFunc(all, func(a map[string]any) bool { return a["id"] == c.o.AssistantID }) {
		all = slices.Insert(all, 0, c.firstAssistant())
	}
	out := []any{}
	for _, a := range slices.Backward(all) {
		if len(out) < limit && within(r.URL.Query(), "createdAt", a) && within(r.URL.Query(), "updatedAt", a) {
			out = append(out, a)
		}
	}
	reply(w, http.StatusOK, out)
}

// getAssistant is GET /assistant/{id}.
func (c *Cloud) getAssistant(w http.ResponseWriter, r *http.Request) {
	if a := c.assistant(r.PathValue("id")); a != nil {
		reply(w, http.StatusOK, a)
		return
	}
	refuse(w, http.StatusNotFound, "Couldn't find assistant "+r.PathValue("id"))
}

// patchAssistant replaces each field that is sent, wholesale: a model sent without its
// tools has none afterwards.
func (c *Cloud) patchAssistant(w http.ResponseWriter, r *http.Request) {
	m, ok := read(w, r)
	if !ok {
		return
	}
	if faults := c.assistantFaults(m); len(faults) > 0 {
		refuse(w, http.StatusBadRequest, faults)
		return
	}
	old := c.assistant(r.PathValue("id"))
	if old == nil {
		refuse(w, http.StatusNotFound, "Couldn't find assistant "+r.PathValue("id"))
		return
	}
	// Replaced as a whole, see keep: a call under way goes on with the assistant that it began with.
	a := maps.Clone(old)
	maps.Copy(a, m)
	a["updatedAt"] = wireTime(time.Now())
	c.keep(a)
	reply(w, http.StatusOK, a)
}

// deleteAssistant is DELETE /assistant/{id}. Calls under way keep the assistant they began
// with. The first assistant, when patched and deleted, is back as it was: the account has
// a number that needs one.
func (c *Cloud) deleteAssistant(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	c.mu.Lock()
	i := slices.IndexFunc(c.assistants, func(a map[string]any) bool { return a["id"] == id })
	var gone map[string]any
	if i >= 0 {
		gone = c.assistants[i]
		c.assistants = slices.Delete(slices.Clone(c.assistants), i, i+1)
	}
	c.mu.Unlock()
	if gone == nil {
		refuse(w, http.StatusNotFound, "Couldn't find assistant "+id)
		return
	}
	reply(w, http.StatusOK, gone)
}
