import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { newId } from '@stint/common/ids.ts';
import { auditLogOfOneBroker } from '../../../../test/harness/audit-log.ts';
import { clockDifferenceMsMax } from '../../domain/clock-difference.ts';
import type { RecordPage } from '../ports.ts';
import { type ListQuery, listRecords } from './list-records.ts';
import { QueryTurns } from './query-turns.ts';
import { partsPerCallMax, recordsPerPartMax } from './search-records.ts';

const perCallMax = partsPerCallMax * recordsPerPartMax;
const minuteMs = 60_000;

/** A real log, and how it is asked. */
async function openLog(t: TestContext) {
  const log = await auditLogOfOneBroker(t);
  const turns = new QueryTurns();
  const none = { fromIndex: 0, pageSize: 0, grantId: '', requestId: '', leaseId: '', spiffeId: '' };
  const list = (query: Partial<ListQuery>, signal = new AbortController().signal) =>
    listRecords(
      { store: log.store, turns },
      { ...none, typePrefix: '', newestFirst: false, ...query },
      signal,
    );
  return { ...log, list, turns };
}

const indexes = ({ records }: RecordPage) => records.map(({ index }) => index);

test('the records of a request and of a lease are found, and no others: not one that only speaks of the id', async (t) => {
  const { clock, write, list } = await openLog(t);
  const [request, other, lease] = [
    newId('request', clock.now()),
    newId('request', clock.now()),
    newId('lease', clock.now()),
  ];
  const grant = newId('grant', clock.now());
  write(
    { type: 'grant.decided', request_id: request, grant_id: grant, lease_id: lease },
    { request_id: other, data: { request_id: request, justification: `"request_id":"${request}"` } },
    { type: 'lease.renewed', grant_id: grant, lease_id: lease },
    { type: 'grant.ended', request_id: request, grant_id: grant, lease_id: lease },
  );
  assert.deepEqual(indexes(await list({ requestId: request })), [1, 4]);
  assert.deepEqual(indexes(await list({ leaseId: lease })), [1, 3, 4]);
  assert.deepEqual(indexes(await list({ leaseId: lease, requestId: request })), [1, 4]);
  assert.deepEqual(indexes(await list({ requestId: request, newestFirst: true })), [4, 1]);
  assert.deepEqual(indexes(await list({ requestId: request, grantId: grant })), [1, 4]);
  assert.deepEqual(indexes(await list({ requestId: other, grantId: grant })), []);
  assert.deepEqual(indexes(await list({ requestId: request, typePrefix: 'grant.e' })), [4]);
  for (const bad of [{ requestId: lease }, { leaseId: request }, { requestId: 'req_' }])
    await assert.rejects(list(bad), { reason: 'INVALID_FIELD' });
});

test('pages go on where they ended, in both directions', async (t) => {
  const { clock, write, list } = await openLog(t);
  const requestId = newId('request', clock.now());
  write(...Array.from({ length: 5 }, () => ({ request_id: requestId })));
  const first = await list({ requestId, pageSize: 2 });
  assert.deepEqual([indexes(first), first.nextIndex], [[1, 2], 3]);
  assert.deepEqual(indexes(await list({ requestId, pageSize: 2, fromIndex: 3 })), [3, 4]);
  const last = await list({ requestId, pageSize: 2, newestFirst: true });
  assert.deepEqual([indexes(last), last.nextIndex], [[5, 4], 4]);
  const before = await list({ requestId, newestFirst: true, fromIndex: 4 });
  assert.deepEqual([indexes(before), before.nextIndex], [[3, 2, 1], undefined]);
});

test('a search begins at the time of its id, as far as clocks may differ, and a newest-first one ends there', async (t) => {
  const { clock, write, fill, list } = await openLog(t);
  const requestId = newId('request', clock.now() + 60 * minuteMs);
  write({ request_id: requestId });
  clock.advance(60 * minuteMs - clockDifferenceMsMax);
  write({ request_id: requestId });
  clock.advance(60 * minuteMs);
  fill(3);
  assert.deepEqual(indexes(await list({ requestId })), [2], 'nothing is appended an hour before it is made');
  assert.deepEqual(indexes(await list({ requestId, fromIndex: 1 })), [1, 2], 'unless it is asked for');
  const never = await list({ requestId: newId('request', clock.now() + 60 * minuteMs) });
  assert.deepEqual(never, { records: [], nextIndex: undefined });
  const recent = newId('request', clock.now());
  fill(recordsPerPartMax);
  const downwards = await list({ requestId: recent, newestFirst: true });
  assert.deepEqual(downwards, { records: [], nextIndex: undefined });
});

test('a call looks at so many records and no more, says where to go on, and its end is found so', async (t) => {
  const { clock, store, write, fill, list } = await openLog(t);
  const requestId = newId('request', clock.now());
  const grantId = newId('grant', clock.now());
  fill(perCallMax + 100);
  write({ request_id: requestId, grant_id: grantId, type: 'grant.decided' });
  fill(perCallMax);
  const first = await list({ requestId });
  assert.deepEqual(first, { records: [], nextIndex: perCallMax });
  const second = await list({ requestId, fromIndex: perCallMax });
  assert.deepEqual([indexes(second), second.nextIndex], [[perCallMax + 101], 2 * perCallMax]);
  const rest = await list({ requestId, fromIndex: 2 * perCallMax });
  assert.deepEqual(rest, { records: [], nextIndex: undefined });
  const ofGrant = await list({ requestId, grantId });
  assert.deepEqual([indexes(ofGrant), ofGrant.nextIndex], [[perCallMax + 101], undefined], 'by its index');
  assert.equal(store.size(), 2 * perCallMax + 102);
});

test('searches take turns with one another and with everything else, and end with their callers', async (t) => {
  const { clock, fill, list, turns } = await openLog(t);
  fill(4 * recordsPerPartMax);
  const requestId = newId('request', clock.now());
  let isOver = false;
  const long = list({ requestId }).then(() => {
    isOver = true;
  });
  await list({});
  assert.equal(isOver, false, 'a short question does not wait for the end of a long one');
  await turns.next();
  assert.equal(isOver, false, 'and neither does ingest');
  await long;
  const caller = new AbortController();
  const left = list({ requestId }, caller.signal);
  caller.abort(new Error('the caller has gone'));
  await assert.rejects(left, /the caller has gone/);
});
