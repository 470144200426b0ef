// Package simforce is a Salesforce org in memory, served over HTTP: OAuth, the REST API from v31.0,
// SOQL, SOSL, the composite family, assignment and duplicate rules, and failures on demand.
//
// It is written from the vendor's documents and from recorded answers, never from a client, and where the
// documents leave a doubt it refuses. A client that works here has met every refusal that it may meet there.
//
// # Data
//
//	object → id → record{fields, versions}     versions serve queries and searches that lag
//	object, unique field → value → record      the unique index
//	access token → session → cursors           a cursor dies with its session
//	refresh token → family → sessions          rotation and reuse act on the family
//	ledger                                     every committed change, in order
//
// # Promises
//
//   - A request is atomic. What it committed stands in the ledger once, in the order of commit.
//   - An upsert looks for its key as of the request's arrival, and the unique index is checked at commit. Of two
//     that overlap, one creates and the other gets DUPLICATE_VALUE.
//   - Same Options, same requests in the same order: same ids, same tokens, same ledger.
//   - Time is time.Now and package time's timers. No goroutine outlives a request, save a commit that a fault
//     has put off, so an Org lives well in a testing/synctest bubble.
//
// # Control
//
// With Options.Control the handler also answers, without a token, under /_sim/:
//
//	POST /_sim/faults    {"kind":"reset-after","method":"PATCH","object":"Lead","path":"","nth":1,"times":1,
//	                      "after":"0s","for":"10m","delay":"2s","status":503,"code":"","message":"","row":false}
//	GET  /_sim/faults    {"reset-after":1}      how often each kind has fired
//	GET  /_sim/ledger    [{"n":1,"at":…,"op":"create","object":"Lead","id":…,"fields":{…},"key":…}]; ?since=N
//	GET  /_sim/records   [{"object":"Lead","id":…,"fields":{…}}]; ?object=Lead
//	GET  /_sim/requests  [{"n":1,"method":"PATCH","path":…,"status":201}]
//	POST /_sim/put       {"object":"Lead","fields":{…}} → {"id":…}: a seed record, not in the ledger
//	POST /_sim/edit      {"id":…,"fields":{…}}: a person's change, in the ledger as "person"
//	POST /_sim/schema    {"object":"Lead","field":"X__c","change":"drop|hide|show|require|relax"}
//	POST /_sim/expire    ends every session
//	POST /_sim/reset     back to the state after New
//
// # Not covered
//
// GROUP BY, HAVING, sub-queries, TYPEOF and FIELDS() are refused as MALFORMED_QUERY with a message that says so;
// composite/graph, Bulk, Tooling, Metadata and SOAP are 404; there is one user who calls, so no sharing rules.
// Wordings that the vendor's documents do not settle (halted and rolled-back parts, a Lead in WhoId together with
// a WhatId, an app without the introspection permission) are this package's: branch on codes.
package simforce
