import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { before, test } from 'node:test';
import type { SignedBatch } from '@stint/common/audit-batch.ts';
import { isServiceError } from '@stint/common/errors.ts';
import { leafHash } from '@stint/common/merkle.ts';
import { openAuditLog } from '../../../test/harness/audit-log.ts';
import { suiteScope } from '../../../test/harness/suite-scope.ts';
import { tempDir } from '../../../test/harness/temp-dir.ts';
import { TestBroker, type TestTrust, testTrust } from '../../../test/harness/test-broker.ts';
import { checkSigned, LogMismatchError } from '../app/checkpoints/publish-checkpoint.ts';
import { LogFiles } from './log-files.ts';
import { createLogKey } from './log-key.ts';
import { openStore } from './open-store.ts';

const scope = suiteScope();
const clock = { now: () => Date.UTC(2026, 10, 22) };
let trust: TestTrust;
before(async () => {
  trust = await testTrust(scope, clock);
});

/** A log with some records and a checkpoint, closed again. */
async function madeLog() {
  const directory = path.join(tempDir(scope), 'log');
  const opened = await openLog(directory);
  const broker = await TestBroker.make(trust, 'b1', clock);
  opened.deliver(broker.startEpoch(), broker.fill(6));
  opened.publisher.current();
  return { directory, broker, ...opened };
}

async function openLog(directory: string) {
  const { deliver, ...opened } = await openAuditLog(directory, { trust, clock });
  const { store, files, key } = opened;
  const check = () => checkSigned({ store, files, verifier: key.verifier, hashLeaf: leafHash });
  return { ...opened, check, deliver: (...batches: SignedBatch[]) => deliver('b1', ...batches) };
}

function alter(directory: string, ...statements: string[]): void {
  const database = new DatabaseSync(path.join(directory, 'records.db'));
  for (const statement of statements) database.exec(statement);
  database.close();
}

test('the tables of the log refuse update, delete and replacement, whoever asks', async () => {
  const { directory, close } = await madeLog();
  close();
  const statements = [
    "UPDATE records SET type = 'x.y'",
    'DELETE FROM records WHERE idx = 6',
    'UPDATE batches SET epoch = 7',
    'DELETE FROM batches',
    "UPDATE epochs SET chain = ''",
    'DELETE FROM epochs',
    "UPDATE checkpoints SET note = ''",
    'DELETE FROM checkpoints',
    'INSERT OR REPLACE INTO records SELECT * FROM records WHERE idx = 2',
    "INSERT INTO records SELECT idx + 100, hashes, source_id, seq + 100, event_id || 'x', type, grant_id, spiffe_id, appended_at, leaf FROM records WHERE idx = 2",
  ];
  for (const statement of statements)
    assert.throws(() => alter(directory, statement), /append-only/, statement);
});

test('one process holds a log; a second is told so', async () => {
  const { directory, close } = await madeLog();
  await assert.rejects(openStore(directory), (thrown) => isServiceError(thrown, 'STORE_IN_USE'));
  close();
  (await openStore(directory)).close();
});

test('opened again, the log goes on where it was', async () => {
  const { directory, broker, close } = await madeLog();
  close();
  const again = await openLog(directory);
  again.check();
  assert.equal(again.store.size(), 7);
  again.deliver(broker.fill(2));
  assert.equal(again.store.size(), 9);
  assert.equal(again.publisher.current().size, 9);
  assert.equal(
    again.publisher.current().note,
    again.publisher.latest()?.note,
    'an unchanged log is not signed again',
  );
  again.close();
});

const dropTriggers = [
  'DROP TRIGGER records_refuse_update',
  'DROP TRIGGER records_refuse_delete',
  'DROP TRIGGER checkpoints_refuse_delete',
  'DROP TRIGGER checkpoints_refuse_update',
];
const mismatches: readonly [string, readonly string[], RegExp][] = [
  [
    'shorter than its checkpoint',
    ['DELETE FROM records WHERE idx = 6'],
    /covers 7 records, and only 6 are left/,
  ],
  [
    'shorter than the public checkpoint alone',
    ['DELETE FROM records WHERE idx = 6', 'DELETE FROM checkpoints'],
    /public checkpoint covers 7/,
  ],
  ['with another root', ['UPDATE records SET hashes = zeroblob(32) WHERE idx = 6'], /another root/],
  [
    'whose checkpoint has another’s signature',
    ["UPDATE checkpoints SET note = replace(note, '— stint', '— stant')"],
    /not signed by this log's key/,
  ],
];
for (const [what, damage, message] of mismatches) {
  test(`nothing is signed over a log ${what}`, async () => {
    const { directory, close } = await madeLog();
    close();
    alter(directory, ...dropTriggers, ...damage);
    const again = await openLog(directory);
    assert.throws(
      () => again.check(),
      (thrown) => thrown instanceof LogMismatchError && message.test(thrown.message),
    );
    again.close();
  });
}

test('a record changed after the last checkpoint is noticed at the start too', async () => {
  const { directory, deliver, broker, close } = await madeLog();
  deliver(broker.fill(2));
  close();
  alter(
    directory,
    ...dropTriggers,
    "UPDATE records SET leaf = CAST(replace(CAST(leaf AS TEXT), 'DENIED', 'DENIAL') AS BLOB) WHERE idx = 8",
  );
  const again = await openLog(directory);
  assert.throws(() => again.check(), /record 8 is missing or was changed/);
  again.close();
});

test('another key does not go on with a log', async () => {
  const { directory, close } = await madeLog();
  close();
  const { verifier } = await createLogKey(path.join(tempDir(scope), 'other'), 'stint.local/stint/log');
  const { store, close: closeAgain } = await openStore(directory);
  assert.throws(
    () => checkSigned({ store, files: new LogFiles(directory), verifier, hashLeaf: leafHash }),
    LogMismatchError,
  );
  closeAgain();
});

test('the log’s key is made once, in a private file, and its public half has a stable form', async () => {
  const directory = path.join(tempDir(scope), 'state');
  const [first, second] = [
    await createLogKey(directory, 'log.example'),
    await createLogKey(directory, 'log.example'),
  ];
  assert.equal(first.verifierKey, second.verifierKey);
  await assert.rejects(createLogKey(directory, 'two words'), /cannot name a key/);
});
