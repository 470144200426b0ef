package simforce

// The standard objects, as far as a voice agent's back end touches them, with Hookswitch's custom fields. Lengths
// are those of the vendor's limits and object reference; picklist values are those of a new org. Standard
// picklists of a new org are not restricted; here those that steer a process (Status, StageName, Priority …) are,
// so that a value nobody defined is refused and not silently stored.

// KeyField is the external-id field that Hookswitch writes its keys into.
const KeyField = "Hookswitch_Key__c"

// The constructors below keep a field to a line: the tables that follow are read beside the vendor's Object Reference.
func text(name string, length int) Field { return Field{Name: name, Type: String, Length: length} }

func longText(name string, length int) Field {
	return Field{Name: name, Type: LongText, Length: length}
}
func of(t Type, name string) Field { return Field{Name: name, Type: t} }
func pick(name string, values ...string) Field {
	return Field{Name: name, Type: Picklist, Values: values}
}

func ref(name string, to ...string) Field {
	return Field{Name: name, Type: Reference, RefersTo: to}
}

func number(name string, precision, scale int) Field {
	return Field{Name: name, Type: Double, Precision: precision, Scale: scale}
}

func currency(name string) Field { return Field{Name: name, Type: Currency, Precision: 18, Scale: 2} }

// keyField is unique and case-sensitive, as its field-meta.xml deploys it. On a Task it is a field of Activity.
func keyField() Field {
	return Field{Name: KeyField, Label: "Hookswitch Key", Type: String, Length: 255, ExternalID: true, Unique: true, CaseSensitive: true}
}

// The modifiers return a changed copy, so that they can follow a constructor.
func (f Field) must() Field       { f.Required = true; return f }
func (f Field) readOnly() Field   { f.ReadOnly = true; return f }
func (f Field) createOnly() Field { f.CreateOnly = true; return f }
func (f Field) restrict() Field   { f.Restricted = true; return f }
func (f Field) def(v any) Field   { f.Default = v; return f }

// systemFields are on every object and are written by the org alone.
func systemFields() []Field {
	return []Field{
		of(ID, "Id").readOnly(),
		of(Boolean, "IsDeleted").readOnly().def(false),
		of(DateTime, "CreatedDate").readOnly(),
		ref("CreatedById", "User").readOnly(),
		of(DateTime, "LastModifiedDate").readOnly(),
		ref("LastModifiedById", "User").readOnly(),
		of(DateTime, "SystemModstamp").readOnly(),
	}
}

// owner is required, though a create may leave it out: the org has an owner for it.
func owner(to ...string) Field { return ref("OwnerId", append([]string{"User"}, to...)...).must() }

// standardObjects are all that an org is born with here. A test that needs another adds it by Options.Objects.
func standardObjects() []Object {
	return []Object{
		accountObject(), contactObject(), leadObject(), caseObject(), caseCommentObject(), taskObject(), eventObject(),
		opportunityObject(), userObject(), groupObject(), organizationObject(),
		contentVersionObject(), contentDocumentObject(), contentDocumentLinkObject(),
	}
}

// address is the compound fields' parts; the compound itself, which the API only reads, is left out.
func address(prefix string) []Field {
	return []Field{
		{Name: prefix + "Street", Type: TextArea, Length: 255},
		text(prefix+"City", 40), text(prefix+"State", 80),
		text(prefix+"PostalCode", 20), text(prefix+"Country", 80),
	}
}

// leadSource is not restricted: a new org's is not, and "Voice AI" is written into it by integrations.
func leadSource() Field {
	return pick("LeadSource", "Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
}

// accountObject has no key field of Hookswitch's: accounts are found, not made, by a voice agent.
func accountObject() Object {
	return Object{Name: "Account", Label: "Account", Plural: "Accounts", Prefix: "001", Fields: append([]Field{
		text("Name", 255).must(), text("AccountNumber", 40), of(Phone, "Phone"), of(Phone, "Fax"), of(URL, "Website"),
		pick("Type", "Prospect", "Customer - Direct", "Customer - Channel", "Other"),
		pick("Industry", "Banking", "Construction", "Education", "Energy", "Other"), pick("Rating", "Hot", "Warm", "Cold"),
		currency("AnnualRevenue"),
		{Name: "NumberOfEmployees", Type: Int, Precision: 8},
		text("Site", 80),
		longText("Description", 32000), ref("ParentId", "Account"), owner(),
	}, address("Billing")...)}
}

// contactObject's Name is computed from its parts and cannot be written, as with a Lead.
func contactObject() Object {
	return Object{Name: "Contact", Label: "Contact", Plural: "Contacts", Prefix: "003", Fields: append([]Field{
		text("LastName", 80).must(), text("FirstName", 40), pick("Salutation", "Mr.", "Ms.", "Mrs.", "Dr.", "Prof."),
		text("Name", 121).readOnly(), ref("AccountId", "Account"), of(Phone, "Phone"), of(Phone, "MobilePhone"),
		of(Phone, "HomePhone"), of(Phone, "OtherPhone"), of(Phone, "AssistantPhone"), of(Phone, "Fax"), of(Email, "Email"),
		text("Title", 128), text("Department", 80), of(Date, "Birthdate"), leadSource(), longText("Description", 32000),
		of(Boolean, "HasOptedOutOfEmail").def(false), of(Boolean, "DoNotCall").def(false), owner(),
		ref("MasterRecordId", "Contact").readOnly(),
		keyField(), longText("Call_Transcript__c", 131072), text("Account_Status__c", 255),
		of(Date, "Last_Contact_Date__c"), text("Preferred_Language__c", 40),
	}, address("Mailing")...)}
}

// leadObject requires Company, which trips clients that know a caller's name alone.
func leadObject() Object {
	return Object{Name: "Lead", Label: "Lead", Plural: "Leads", Prefix: "00Q", Fields: append([]Field{
		text("LastName", 80).must(), text("FirstName", 40), pick("Salutation", "Mr.", "Ms.", "Mrs.", "Dr.", "Prof."),
		text("Name", 121).readOnly(), text("Title", 128), text("Company", 255).must(), of(Phone, "Phone"),
		of(Phone, "MobilePhone"), of(Phone, "Fax"), of(Email, "Email"), of(URL, "Website"), longText("Description", 32000),
		leadSource(), pick("Status", "Open - Not Contacted", "Working - Contacted", "Closed - Converted",
			"Closed - Not Converted").restrict().must().def("Open - Not Contacted"),
		pick("Industry", "Banking", "Construction", "Education", "Energy", "Other"), pick("Rating", "Hot", "Warm", "Cold"),
		currency("AnnualRevenue"),
		{Name: "NumberOfEmployees", Type: Int, Precision: 8},
		of(Boolean, "HasOptedOutOfEmail").def(false), of(Boolean, "DoNotCall").def(false), owner("Group"),
		of(Boolean, "IsConverted").readOnly().def(false), of(Date, "ConvertedDate").readOnly(),
		ref("ConvertedAccountId", "Account").readOnly(), ref("ConvertedContactId", "Contact").readOnly(),
		ref("ConvertedOpportunityId", "Opportunity").readOnly(), ref("MasterRecordId", "Lead").readOnly(),
		keyField(), text("Property_Type__c", 255), currency("Budget__c"), text("Location__c", 255),
		text("Timeline__c", 255), number("Interrupt_Count__c", 18, 0), text("Last_Interrupt_Text__c", 255),
		text("Engagement_Score__c", 40), number("AI_Qualification_Score__c", 3, 0),
		longText("Qualification_Signals__c", 32768), of(DateTime, "Last_AI_Contact__c"),
		longText("Call_Transcript__c", 131072),
	}, address("")...)}
}

// caseObject has no AccountNumber: that is Account's, reached as Account.AccountNumber. Nothing is required by schema.
func caseObject() Object {
	return Object{Name: "Case", Label: "Case", Plural: "Cases", Prefix: "500", Fields: []Field{
		text("CaseNumber", 30).readOnly(), ref("ContactId", "Contact"), ref("AccountId", "Account"), ref("ParentId", "Case"),
		text("SuppliedName", 80).createOnly(),
		{Name: "SuppliedEmail", Type: Email, CreateOnly: true},
		text("SuppliedPhone", 40).createOnly(), text("SuppliedCompany", 80).createOnly(),
		pick("Type", "Mechanical", "Electrical", "Electronic", "Structural", "Other").restrict(),
		pick("Status", "New", "Working", "Escalated", "Closed").restrict().def("New"),
		pick("Reason", "Installation", "Equipment Complexity", "Performance", "Breakdown", "Feedback", "Other").restrict(),
		pick("Origin", "Phone", "Email", "Web").restrict(), text("Subject", 255),
		pick("Priority", "High", "Medium", "Low").restrict().def("Medium"), longText("Description", 32000),
		of(Boolean, "IsClosed").readOnly().def(false), of(DateTime, "ClosedDate").readOnly(),
		of(Boolean, "IsEscalated").def(false), owner("Group"), keyField(),
	}}
}

// caseCommentObject takes no custom fields at the vendor, so no key: its create cannot be made idempotent.
func caseCommentObject() Object {
	return Object{Name: "CaseComment", Label: "Case Comment", Plural: "Case Comments", Prefix: "00a", Fields: []Field{
		ref("ParentId", "Case").must().createOnly(), of(Boolean, "IsPublished").def(false),
		{Name: "CommentBody", Type: TextArea, Length: 4000},
	}}
}

// activityFields are what Task and Event share. WhatId must be empty where WhoId is a Lead; see activity.
func activityFields() []Field {
	return []Field{
		ref("WhoId", "Lead", "Contact"), ref("WhatId", "Account", "Opportunity", "Case"), text("Subject", 255),
		longText("Description", 32000), ref("AccountId", "Account").readOnly(), owner(),
	}
}

// taskObject's CallType and its kin are what a logged call is made of (Object Reference, "Task").
func taskObject() Object {
	return Object{Name: "Task", Label: "Task", Plural: "Tasks", Prefix: "00T", Fields: append(activityFields(),
		of(Date, "ActivityDate"),
		pick("Status", "Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred").restrict().must().def("Not Started"),
		pick("Priority", "High", "Normal", "Low").restrict().must().def("Normal"),
		of(Boolean, "IsClosed").readOnly().def(false), of(Boolean, "IsHighPriority").readOnly().def(false),
		pick("TaskSubtype", "Task", "Email", "ListEmail", "Cadence", "Call", "LinkedIn").restrict().createOnly().def("Task"),
		pick("CallType", "Internal", "Inbound", "Outbound").restrict(),
		Field{Name: "CallDurationInSeconds", Type: Int, Precision: 8}, text("CallDisposition", 255), text("CallObject", 255),
		of(Boolean, "IsReminderSet").def(false), of(DateTime, "ReminderDateTime"), keyField(),
	)}
}

// eventObject needs a time and a length or an end, which no flag of a field can say; see computeEvent.
func eventObject() Object {
	return Object{Name: "Event", Label: "Event", Plural: "Events", Prefix: "00U", Fields: append(activityFields(),
		text("Location", 255), of(Boolean, "IsAllDayEvent").def(false), of(DateTime, "ActivityDateTime"),
		of(Date, "ActivityDate"), of(DateTime, "StartDateTime"), of(DateTime, "EndDateTime"),
		Field{Name: "DurationInMinutes", Type: Int, Precision: 8},
		pick("ShowAs", "Busy", "OutOfOffice", "Free").restrict().def("Busy"), of(Boolean, "IsPrivate").def(false), keyField(),
	)}
}

// opportunityObject's stage decides what else is true of it; see stages.
func opportunityObject() Object {
	return Object{Name: "Opportunity", Label: "Opportunity", Plural: "Opportunities", Prefix: "006", Fields: []Field{
		text("Name", 120).must(), ref("AccountId", "Account"), ref("ContactId", "Contact").createOnly(),
		pick("StageName", stageNames()...).restrict().must(), of(Date, "CloseDate").must(), currency("Amount"),
		{Name: "Probability", Type: Percent, Precision: 3},
		pick("Type", "Existing Business", "New Business"),
		leadSource(), text("NextStep", 255), longText("Description", 32000),
		pick("ForecastCategoryName", "Omitted", "Pipeline", "Best Case", "Commit", "Closed").restrict(),
		of(Boolean, "IsClosed").readOnly().def(false), of(Boolean, "IsWon").readOnly().def(false), owner(), keyField(),
	}}
}

// stage is one row of the org's stage map: writing StageName moves the other columns along.
type stage struct {
	name        string
	probability float64
	forecast    string
	closed, won bool
}

// stages are those of a new org (Setup, "Opportunity Stages").
func stages() []stage {
	return []stage{
		{"Prospecting", 10, "Pipeline", false, false},
		{"Qualification", 10, "Pipeline", false, false},
		{"Needs Analysis", 20, "Pipeline", false, false},
		{"Value Proposition", 50, "Pipeline", false, false},
		{"Id. Decision Makers", 60, "Pipeline", false, false},
		{"Perception Analysis", 70, "Pipeline", false, false},
		{"Proposal/Price Quote", 75, "Pipeline", false, false},
		{"Negotiation/Review", 90, "Pipeline", false, false},
		{"Closed Won", 100, "Closed", true, true},
		{"Closed Lost", 0, "Omitted", true, false},
	}
}

// stageNames are the picklist's values.
func stageNames() []string {
	var names []string
	for _, s := range stages() {
		names = append(names, s.name)
	}
	return names
}

// userObject is readable and little else; users are made in Setup.
func userObject() Object {
	return Object{Name: "User", Label: "User", Plural: "Users", Prefix: "005", NoCreate: true, NoDelete: true, Fields: []Field{
		text("Username", 80).readOnly(), text("LastName", 80), text("FirstName", 40), text("Name", 121).readOnly(),
		of(Email, "Email"), of(Phone, "Phone"), of(Phone, "MobilePhone"), text("Alias", 8), of(Boolean, "IsActive").def(true),
		text("TimeZoneSidKey", 40).def("GMT"),
	}}
}

// groupObject holds the queues that assignment rules give records to.
func groupObject() Object {
	return Object{Name: "Group", Label: "Group", Plural: "Groups", Prefix: "00G", NoCreate: true, NoUpdate: true, NoDelete: true, Fields: []Field{
		text("Name", 40), text("DeveloperName", 80), pick("Type", "Queue", "Regular"),
	}}
}

// organizationObject has one row, by which a client learns where it is.
func organizationObject() Object {
	return Object{Name: "Organization", Label: "Organization", Plural: "Organizations", Prefix: "00D", NoCreate: true, NoUpdate: true, NoDelete: true, Fields: []Field{
		text("Name", 80), of(Boolean, "IsSandbox"), text("InstanceName", 5), text("OrganizationType", 40), text("TimeZoneSidKey", 40),
	}}
}

// contentVersionObject is a file. All but title, description and owner are for the create: a replayed upsert of a file
// is refused, not repeated.
func contentVersionObject() Object {
	return Object{Name: "ContentVersion", Label: "Content Version", Plural: "Content Versions", Prefix: "068", NoDelete: true, Fields: []Field{
		text("Title", 255), text("PathOnClient", 500).must().createOnly(), of(Base64, "VersionData").must().createOnly(),
		ref("FirstPublishLocationId", "Account", "Contact", "Lead", "Case", "Task", "Event", "Opportunity", "User").createOnly(),
		ref("ContentDocumentId", "ContentDocument").createOnly(), longText("Description", 1000),
		text("VersionNumber", 20).readOnly(), of(Boolean, "IsLatest").readOnly().def(true),
		{Name: "ContentSize", Type: Int, ReadOnly: true},
		text("FileExtension", 40).readOnly(), owner(), keyField(),
	}}
}

// contentDocumentObject is made by the org for the first version of a file, and by nobody else.
func contentDocumentObject() Object {
	return Object{Name: "ContentDocument", Label: "Content Document", Plural: "Content Documents", Prefix: "069", NoCreate: true, Fields: []Field{
		text("Title", 255), ref("LatestPublishedVersionId", "ContentVersion").readOnly(), owner(),
	}}
}

// contentDocumentLinkObject has no place for a key either, so that its create cannot be made idempotent.
func contentDocumentLinkObject() Object {
	return Object{Name: "ContentDocumentLink", Label: "Content Document Link", Plural: "Content Document Links", Prefix: "06A", Fields: []Field{
		ref("ContentDocumentId", "ContentDocument").must().createOnly(),
		ref("LinkedEntityId", "Account", "Contact", "Lead", "Case", "Task", "Event", "Opportunity", "User").must().createOnly(),
		pick("ShareType", "V", "C", "I").restrict().def("V"), pick("Visibility", "AllUsers", "InternalUsers", "SharedUsers").restrict().def("AllUsers"),
	}}
}
