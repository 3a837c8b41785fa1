import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { suiteScope } from '../../../test/harness/suite-scope.ts';
import { tempDir } from '../../../test/harness/temp-dir.ts';
import { testDomain } from '../../../test/harness/test-broker.ts';
import { openStore, recordsFile } from './open-store.ts';
import { quarantineBytesMax } from './quarantine-store.ts';

const scope = suiteScope();
const broker = stintIds.broker(testDomain, 'b1');
const refused = (firstSeq: number, payload = Buffer.from(`message ${firstSeq}`)) => ({
  reason: 'bad_signature' as const,
  detail: 'it is not what its broker signed',
  subject: 'audit.b1',
  broker,
  firstSeq,
  payload,
});

test('what was refused is listed by id, in pages, and as claims of a place, until it is settled', async () => {
  const { quarantine, close } = await openStore(tempDir(scope));
  for (const seq of [4, 5, 9]) quarantine.add([refused(seq)], 1_000);
  quarantine.add([refused(5)], 2_000);
  const ids = (query: { fromId: number; count: number; includeSettled: boolean }) =>
    quarantine.list(query).map(({ id, firstSeq, times }) => [id, firstSeq, times]);
  const all = { fromId: 0, count: 10, includeSettled: false };
  assert.deepEqual(ids(all), [
    [1, 4, 1],
    [2, 5, 2],
    [3, 9, 1],
  ]);
  assert.deepEqual(ids({ ...all, fromId: 2, count: 1 }), [[2, 5, 2]]);
  const claims = (from: number, to: number) =>
    quarantine.claims({ broker, from, to, count: 10 }).map(({ id }) => id);
  assert.deepEqual(claims(4, 5), [1, 2]);
  assert.deepEqual(claims(6, 8), []);
  for (const id of [1, 3]) quarantine.settle(id, 77);
  assert.deepEqual(ids(all), [[2, 5, 2]]);
  assert.deepEqual(ids({ ...all, includeSettled: true }).length, 3);
  assert.deepEqual(claims(4, 9), [2]);
  assert.equal(quarantine.find(3)?.settledIndex, 77);
  assert.equal(quarantine.find(4), undefined);
  assert.equal(quarantine.unsettledCount(), 1);
  close();
});

test('what is refused is kept, counted when it comes again, and never fills the disk', async () => {
  const { quarantine, close } = await openStore(tempDir(scope));
  for (let i = 0; i < 5; i++) quarantine.add([refused(1)], 0);
  assert.equal(quarantine.unsettledCount(), 1);
  const large = Buffer.alloc(quarantineBytesMax / 2);
  for (let i = 0; i < 4; i++) quarantine.add([refused(2, Buffer.concat([Buffer.from([i]), large]))], 0);
  assert.equal(quarantine.unsettledCount(), 5);
  const kept = [2, 3, 4, 5].map((id) => quarantine.find(id)?.isKept);
  assert.deepEqual(kept, [true, false, false, false]);
  close();
});

test('a message is refused and a status told as fast when a flood of others was refused before', async () => {
  const directory = tempDir(scope);
  const { quarantine, close } = await openStore(directory);
  const refuseSome = () => {
    const startedAt = performance.now();
    for (let i = 0; i < 50; i++) {
      quarantine.add([refused(i + 1)], 0);
      quarantine.unsettledCount();
    }
    return performance.now() - startedAt;
  };
  const before = refuseSome();
  const database = new DatabaseSync(path.join(directory, recordsFile));
  database.exec(`WITH RECURSIVE flood (n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM flood WHERE n < 200000)
    INSERT INTO quarantine SELECT n, randomblob(32), 'bad_signature', '', 'audit.b1', NULL, NULL, 1, NULL, 1, 0, 0, NULL FROM flood`);
  database.close();
  const [after, most] = [refuseSome(), before * 4 + 250];
  assert.ok(after < most, `${after} ms, not ${most}: it looks at none of them`);
  close();
});

test('bytes that there was no room for are known by their hash', async () => {
  const { quarantine, close } = await openStore(tempDir(scope));
  quarantine.add([refused(1, Buffer.alloc(quarantineBytesMax))], 1_000);
  quarantine.add([refused(2)], 1_000);
  assert.deepEqual([quarantine.find(1)?.isKept, quarantine.find(2)?.isKept], [true, false]);
  assert.equal(quarantine.payload(2), undefined);
  assert.equal(quarantine.find(2)?.payloadSha256.length, 32);
  close();
});

test('a log made before messages could be settled is brought up to date, and keeps what it holds', async () => {
  const directory = tempDir(scope);
  const first = await openStore(directory);
  first.quarantine.add([refused(1)], 1_000);
  first.close();
  const database = new DatabaseSync(path.join(directory, recordsFile));
  database.exec(`ALTER TABLE quarantine DROP COLUMN settled_index;
    DELETE FROM kysely_migration WHERE name = '0002-settle-quarantine'`);
  database.close();
  const { quarantine, close } = await openStore(directory);
  assert.equal(quarantine.unsettledCount(), 1);
  assert.equal(quarantine.find(1)?.settledIndex, undefined);
  close();
});
