// jsforce, a client that others wrote, drives the simulator. A disagreement is a defect of the simulator until the
// vendor's documents say otherwise. Run by TestJsforce, which starts the org and names it in SIMFORCE_URL.
import assert from 'node:assert/strict';
import test from 'node:test';
import jsforce from 'jsforce';

const url = process.env.SIMFORCE_URL;
const app = { loginUrl: url, clientId: 'simforce-client', clientSecret: 'simforce-secret', redirectUri: 'https://app.test/callback' };
const version = '67.0';

const sim = async (method, path, body) => {
  const r = await fetch(`${url}/_sim/${path}`, { method, body: body && JSON.stringify(body) });
  assert.equal(r.status, 200, await r.clone().text());
  return r.json();
};

// connect signs in by client credentials. Assignment and duplicate rules are the org's own affair here.
const connect = async () => {
  const conn = new jsforce.Connection({ oauth2: new jsforce.OAuth2(app), loginUrl: url, version });
  await conn.authorize({ grant_type: 'client_credentials' });
  return conn;
};

test('client credentials', async () => {
  const conn = await connect();
  assert.equal(conn.instanceUrl, url);
  assert.match(conn.accessToken, /^00D/);
  const who = await conn.identity();
  assert.match(who.organization_id, /^00D/);
  assert.equal(who.username, 'integration@simforce.test');
  const info = conn.limitInfo ?? {};
  await conn.request('/services/data/v67.0/limits');
  assert.equal(conn.limitInfo.apiUsage.limit, 15000, JSON.stringify(info));
});

test('authorization code, PKCE, refresh after a dead session', async () => {
  const oauth2 = new jsforce.OAuth2({ ...app, useVerifier: true });
  const back = await fetch(oauth2.getAuthorizationUrl({ scope: 'api refresh_token', state: 'x y' }), { redirect: 'manual' });
  const q = new URL(back.headers.get('location')).searchParams;
  assert.equal(q.get('state'), 'x y');
  const conn = new jsforce.Connection({ oauth2, version });
  await conn.authorize(q.get('code'));
  assert.ok(conn.refreshToken);
  await assert.rejects(oauth2.requestToken(q.get('code')), /expired authorization code/);

  let refreshed = 0;
  conn.on('refresh', () => { refreshed++; });
  await sim('POST', 'expire');
  const found = await Promise.all([1, 2, 3].map(() => conn.query('SELECT Id FROM Organization')));
  assert.deepEqual(found.map((f) => f.totalSize), [1, 1, 1]);
  assert.equal(refreshed, 1);
});

test('a refresh token that is not there', async () => {
  await assert.rejects(new jsforce.OAuth2(app).refreshToken('none'), (e) => e.name === 'invalid_grant' && e.message === 'expired access/refresh token');
});

test('create, retrieve, update, delete', async () => {
  const conn = await connect();
  const made = await conn.sobject('Lead').create({ LastName: 'Doe', Company: 'CRUD', Budget__c: 250000 });
  assert.equal(made.success, true);
  assert.deepEqual(made.errors, []);
  const lead = await conn.sobject('Lead').retrieve(made.id, { fields: ['Id', 'LastName', 'Budget__c'] });
  assert.equal(lead.Budget__c, 250000);
  assert.equal(lead.attributes.type, 'Lead');
  assert.equal((await conn.sobject('Lead').update({ Id: made.id, Phone: '415' })).success, true);
  assert.equal((await conn.sobject('Lead').retrieve(made.id)).Phone, '415');
  assert.equal((await conn.sobject('Lead').destroy(made.id)).success, true);
  await assert.rejects(conn.sobject('Lead').retrieve(made.id), (e) => e.errorCode === 'NOT_FOUND');
  await assert.rejects(conn.sobject('Lead').create({ LastName: 'Doe' }), (e) => e.errorCode === 'REQUIRED_FIELD_MISSING' && /\[Company\]/.test(e.message));
  await assert.rejects(conn.sobject('Lead').create({ LastName: 'Doe', Company: 'c', foo: 1 }), (e) => e.errorCode === 'INVALID_FIELD');
});

test('upsert by external id', async () => {
  const conn = await connect();
  const row = { LastName: 'Upsert', Company: 'U', Hookswitch_Key__c: 'js:1' };
  const first = await conn.sobject('Lead').upsert(row, 'Hookswitch_Key__c');
  assert.equal(first.created, true);
  const again = await conn.sobject('Lead').upsert(row, 'Hookswitch_Key__c');
  assert.equal(again.created, false);
  assert.equal(again.id, first.id);
});

test('query and its pages', async () => {
  const conn = await connect();
  const rows = Array.from({ length: 450 }, (_, i) => ({ LastName: `P${i}`, Company: 'Pages' }));
  for (const r of rows) await sim('POST', 'put', { object: 'Lead', fields: r });
  const first = await conn.query("SELECT Id, LastName FROM Lead WHERE Company = 'Pages'", { headers: { 'Sforce-Query-Options': 'batchSize=200' } });
  assert.equal(first.totalSize, 450);
  assert.equal(first.done, false);
  assert.equal(first.records.length, 200);
  const second = await conn.queryMore(first.nextRecordsUrl);
  const third = await conn.queryMore(second.nextRecordsUrl);
  assert.equal(third.done, true);
  const names = [...first.records, ...second.records, ...third.records].map((r) => r.LastName);
  assert.deepEqual(names, rows.map((r) => r.LastName));
});

test('find builds SOQL that is understood', async () => {
  const conn = await connect();
  await sim('POST', 'put', { object: 'Contact', fields: { LastName: "O'Hara" } });
  const found = await conn.sobject('Contact').find({ LastName: "O'Hara", CreatedDate: { $gte: jsforce.SfDate.TODAY } }, 'Id, LastName, Account.Name').sort({ LastName: -1 }).limit(5);
  assert.equal(found.length, 1);
  assert.equal(found[0].Account, null);
  const count = await conn.sobject('Contact').count({ LastName: { $like: "O'%" } });
  assert.equal(count, 1);
  await assert.rejects(conn.query('SELECT Nope FROM Contact'), (e) => e.errorCode === 'INVALID_FIELD');
});

test('search', async () => {
  const conn = await connect();
  await sim('POST', 'put', { object: 'Lead', fields: { LastName: 'Seek', Company: 'S', Phone: '+1 (415) 555-0123' } });
  const found = await conn.search('FIND {4155550123} IN PHONE FIELDS RETURNING Lead(Id, LastName)');
  assert.deepEqual(found.searchRecords.map((r) => r.LastName), ['Seek']);
});

test('collections', async () => {
  const conn = await connect();
  const made = await conn.sobject('Lead').create([{ LastName: 'A', Company: 'Coll' }, { LastName: 'B' }], { allOrNone: false });
  assert.deepEqual(made.map((r) => r.success), [true, false]);
  assert.equal(made[1].errors[0].statusCode, 'REQUIRED_FIELD_MISSING');
  const both = await conn.sobject('Lead').create([{ LastName: 'C', Company: 'Coll' }, { LastName: 'D', Company: 'Coll' }]);
  const ids = both.map((r) => r.id);
  assert.deepEqual((await conn.sobject('Lead').update(ids.map((Id) => ({ Id, Phone: '1' })))).map((r) => r.success), [true, true]);
  assert.deepEqual((await conn.sobject('Lead').retrieve(ids)).map((r) => r.Phone), ['1', '1']);
  const keyed = ids.map((_, i) => ({ LastName: `K${i}`, Company: `Coll${i}`, Hookswitch_Key__c: `coll${i}` }));
  assert.deepEqual((await conn.sobject('Lead').upsert(keyed, 'Hookswitch_Key__c')).map((r) => r.created), [true, true]);
  assert.deepEqual((await conn.sobject('Lead').upsert(keyed, 'Hookswitch_Key__c')).map((r) => r.created), [false, false]);
  assert.deepEqual((await conn.sobject('Lead').destroy(ids)).map((r) => r.success), [true, true]);
});

test('composite', async () => {
  const conn = await connect();
  const answer = await conn.requestPost(`/services/data/v${version}/composite`, {
    allOrNone: true,
    compositeRequest: [
      { method: 'PATCH', url: `/services/data/v${version}/sobjects/Lead/Hookswitch_Key__c/comp`, referenceId: 'lead', body: { LastName: 'Comp', Company: 'C' } },
      { method: 'PATCH', url: `/services/data/v${version}/sobjects/Task/Hookswitch_Key__c/comp`, referenceId: 'task', body: { WhoId: '@{lead.id}', Subject: 'Call', Status: 'Completed' } },
    ],
  });
  assert.deepEqual(answer.compositeResponse.map((r) => r.httpStatusCode), [201, 201]);
});

test('describe and limits', async () => {
  const conn = await connect();
  const d = await conn.describe('Task');
  assert.equal(d.keyPrefix, '00T');
  assert.equal(d.fields.find((f) => f.name === 'Hookswitch_Key__c').externalId, true);
  assert.ok((await conn.describeGlobal()).sobjects.some((o) => o.name === 'Lead'));
  assert.equal((await conn.limits()).DailyApiRequests.Max, 15000);
  assert.ok((await conn.request('/services/data/')).some((v) => v.version === version));
});

test('errors that are not JSON, and a limit', async () => {
  const conn = await connect();
  await sim('POST', 'faults', { kind: 'html', status: 503, method: 'POST', object: 'Case' });
  await assert.rejects(conn.sobject('Case').create({ Subject: 'x' }), (e) => /503/.test(e.errorCode ?? '') || /maintenance/.test(e.message));
  await sim('POST', 'faults', { kind: 'limit-total', method: 'POST', object: 'Case' });
  await assert.rejects(conn.sobject('Case').create({ Subject: 'x' }), (e) => e.errorCode === 'REQUEST_LIMIT_EXCEEDED');
});

test('revoke', async () => {
  const conn = await connect();
  await conn.oauth2.revokeToken(conn.accessToken);
  await assert.rejects(new jsforce.Connection({ instanceUrl: url, accessToken: conn.accessToken, version }).query('SELECT Id FROM Lead'), (e) => e.errorCode === 'INVALID_SESSION_ID');
});
