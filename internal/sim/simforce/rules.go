package simforce

import (
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// AssignmentRule gives new and changed rows of an object to a queue, overruling an OwnerId that the caller sends,
// unless the request carries Sforce-Auto-Assign: FALSE. Rules are active by default, as in most orgs.
// A client that sets OwnerId and does not send the header is overruled, at the vendor as here.
type AssignmentRule struct {
	Object, Queue string // Queue is the DeveloperName of the Group
}

// DuplicateRule compares new rows, and rows whose name, phone or e-mail changes, with those that are there: same
// phone digits, same e-mail, or same name and company. An alert rule can be passed with
// Sforce-Duplicate-Rule-Header: allowSave=true, a blocking one cannot.
type DuplicateRule struct {
	Object string
	Block  bool
}

// autoAssign reports whether assignment rules run. The header takes TRUE, FALSE or the id of a rule.
func (c *call) autoAssign() bool {
	return !strings.EqualFold(strings.TrimSpace(c.header.Get("Sforce-Auto-Assign")), "FALSE")
}

// assign runs the assignment rules (REST API Developer Guide, "Assignment Rule Header": on unless said otherwise).
func (t *tx) assign(w *writing) apiErrors {
	// The browser asks with a box that is not ticked by default; the API assigns unless it is told not to.
	if t.call.person || !t.call.autoAssign() {
		return nil
	}
	for _, rule := range t.org.o.Assignment {
		if !strings.EqualFold(rule.Object, w.b.Name) {
			continue
		}
		// A rule whose queue does not exist changes nothing.
		for _, g := range t.org.tables["Group"].rows {
			if g.str("DeveloperName") == rule.Queue {
				w.fields["OwnerId"] = g.id
			}
		}
	}
	return nil
}

// defaults fills in what the org itself gives a new row, and computes what depends on other columns.
func (t *tx) defaults(w *writing) apiErrors {
	if w.insert() {
		for i := range w.b.Fields {
			f := &w.b.Fields[i]
			if _, sent := w.sent[f.Name]; f.Default != nil && (!sent || f.Type == Picklist && w.sent[f.Name] == nil) {
				w.fields[f.Name] = f.Default
			}
		}
		// Assignment rules come later and may give it to a queue.
		if w.b.field("OwnerId") != nil && w.fields["OwnerId"] == nil {
			w.fields["OwnerId"] = t.call.user()
		}
	}
	return t.compute(w)
}

// compute derives columns from others. It runs on each write, so a derived column cannot be out of step.
func (t *tx) compute(w *writing) apiErrors {
	switch w.b.Name {
	case "Lead", "Contact", "User":
		set(w.fields, "Name", strings.TrimSpace(w.str("FirstName")+" "+w.str("LastName")))
	case "Case":
		t.computeCase(w)
	case "Task":
		w.fields["IsClosed"] = w.str("Status") == "Completed"
		w.fields["IsHighPriority"] = w.str("Priority") == "High"
	case "Event":
		return computeEvent(w)
	case "Opportunity":
		computeOpportunity(w)
	case "ContentVersion":
		if w.insert() {
			data, _ := base64.StdEncoding.DecodeString(w.str("VersionData"))
			w.fields["ContentSize"], w.fields["VersionNumber"] = float64(len(data)), "1"
			set(w.fields, "FileExtension", strings.TrimPrefix(path.Ext(w.str("PathOnClient")), "."))
			if w.fields["Title"] == nil {
				w.fields["Title"] = head(strings.TrimSuffix(path.Base(w.str("PathOnClient")), path.Ext(w.str("PathOnClient"))), 255)
			}
		}
	}
	return nil
}

// computeCase numbers a new case: eight digits with leading zeros, a string and not a number.
func (t *tx) computeCase(w *writing) {
	if w.insert() {
		t.org.lastCase++
		w.fields["CaseNumber"] = fmt.Sprintf("%08d", t.org.lastCase)
	}
	// A case belongs to its contact's account, unless the write names another.
	if contact, _ := t.org.live(w.str("ContactId")); contact != nil && w.fields["AccountId"] == nil {
		set(w.fields, "AccountId", contact.fields["AccountId"])
	}
	closed := w.str("Status") == "Closed"
	w.fields["IsClosed"] = closed
	switch {
	case !closed:
		delete(w.fields, "ClosedDate")
	case w.fields["ClosedDate"] == nil:
		w.fields["ClosedDate"] = t.now.UTC().Truncate(time.Second).Format(timeForm)
	}
}

// computeEvent derives the end of an Event from its duration or the other way round. A timed event needs a start
// and one of the two; wordings of the refusals are ours.
func computeEvent(w *writing) apiErrors {
	start := w.str("StartDateTime")
	// The two are one moment under two names (Object Reference, "Event"); the one that is written now counts.
	if w.sets("ActivityDateTime") || start == "" {
		start = w.str("ActivityDateTime")
	}
	if all, _ := w.fields["IsAllDayEvent"].(bool); all {
		if w.str("ActivityDate") == "" {
			return refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [ActivityDate]", "ActivityDate")
		}
		return nil
	}
	if start == "" {
		return refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [ActivityDateTime]", "ActivityDateTime")
	}
	from, _ := time.Parse(timeForm, start)
	minutes, hasDuration := w.fields["DurationInMinutes"].(float64)
	end, err := time.Parse(timeForm, w.str("EndDateTime"))
	switch {
	case hasDuration && (err != nil || !w.sets("EndDateTime")):
		end = from.Add(time.Duration(minutes) * time.Minute)
	case err != nil:
		return refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [DurationInMinutes]", "DurationInMinutes")
	}
	if end.Before(from) {
		return refuse("FIELD_INTEGRITY_EXCEPTION", "Event duration cannot be negative", "DurationInMinutes")
	}
	w.fields["StartDateTime"], w.fields["ActivityDateTime"], w.fields["EndDateTime"] = start, start, end.Format(timeForm)
	w.fields["ActivityDate"], w.fields["DurationInMinutes"] = from.Format(dateForm), end.Sub(from).Minutes()
	return nil
}

// computeOpportunity follows the stage map where the stage changes, unless the write says otherwise itself.
func computeOpportunity(w *writing) {
	for _, s := range stages() {
		if s.name != w.str("StageName") {
			continue
		}
		w.fields["IsClosed"], w.fields["IsWon"] = s.closed, s.won
		if w.sets("StageName") {
			if _, said := w.sent["Probability"]; !said {
				w.fields["Probability"] = s.probability
			}
			if _, said := w.sent["ForecastCategoryName"]; !said {
				w.fields["ForecastCategoryName"] = s.forecast
			}
		}
	}
}

// crossField refuses what single fields cannot show.
// A person may change a converted lead in the browser, a caller may not.
func (t *tx) crossField(w *writing) apiErrors {
	switch w.b.Name {
	case "Lead":
		if !w.insert() && w.r.fields["IsConverted"] == true && !t.call.person {
			return refuse("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
		}
	case "Task", "Event":
		return t.activity(w)
	}
	return nil
}

// activity keeps a Lead in WhoId and anything in WhatId apart, and finds the activity's account.
func (t *tx) activity(w *writing) apiErrors {
	who, what := w.str("WhoId"), w.str("WhatId")
	if strings.HasPrefix(who, "00Q") {
		if what != "" {
			return refuse("FIELD_INTEGRITY_EXCEPTION", "Related To ID: when the Name is a Lead, Related To must be empty", "WhatId")
		}
		if lead, _ := t.org.live(who); lead != nil && lead.fields["IsConverted"] == true && w.sets("WhoId") {
			return refuse("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", "WhoId")
		}
	}
	delete(w.fields, "AccountId")
	for _, id := range []string{who, what} {
		if r, _ := t.org.live(id); r != nil && r.fields["AccountId"] != nil {
			w.fields["AccountId"] = r.fields["AccountId"]
		} else if r != nil && r.object == "Account" {
			w.fields["AccountId"] = r.id
		}
	}
	return nil
}

// after makes what the vendor makes beside a row: the document of a file, and its link to where it is published.
func (t *tx) after(w *writing, insert bool) apiErrors {
	if w.b.Name != "ContentVersion" || !insert || w.fields["ContentDocumentId"] != nil {
		return nil
	}
	doc := t.side("ContentDocument", map[string]any{"Title": w.fields["Title"], "LatestPublishedVersionId": w.r.id, "OwnerId": w.fields["OwnerId"]})
	fields := maps.Clone(w.r.fields)
	fields["ContentDocumentId"] = doc
	t.put(w.b, w.r, fields)
	// A file always has a link to its owner (Object Reference, "ContentDocumentLink").
	places := []any{w.fields["OwnerId"]}
	if at := w.fields["FirstPublishLocationId"]; at != nil && !slices.Contains(places, at) {
		places = append(places, at)
	}
	for _, at := range places {
		t.side("ContentDocumentLink", map[string]any{"ContentDocumentId": doc, "LinkedEntityId": at, "ShareType": "V", "Visibility": "AllUsers"})
	}
	return nil
}

// side makes a row that no caller asked for. It stands in the ledger only as part of what caused it.
func (t *tx) side(object string, fields map[string]any) string {
	w := &writing{b: t.org.schema[object], fields: fields}
	w.r = t.add(w.b)
	fields["Id"] = w.r.id
	t.stamp(w, true)
	t.put(w.b, w.r, fields)
	return w.r.id
}
