import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { cpSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { before, test } from 'node:test';
import { makeEpochStarted, type SignedBatch, sealBatch } from '@stint/common/audit-batch.ts';
import { encodeEvent } from '@stint/common/audit-event.ts';
import { newId } from '@stint/common/ids.ts';
import { createLog } from '@stint/common/log.ts';
import { sha256 } from '@stint/common/merkle.ts';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { formatTime } from '@stint/common/time.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import { heldClock } from '../../../../test/harness/held-clock.ts';
import { suiteScope } from '../../../../test/harness/suite-scope.ts';
import { tempDir } from '../../../../test/harness/temp-dir.ts';
import {
  batchPayload,
  TestBroker,
  type TestTrust,
  testDomain,
  testTrust,
} from '../../../../test/harness/test-broker.ts';
import { gapReportMs } from '../../domain/source-sequence.ts';
import { LogFiles } from '../../store/log-files.ts';
import { createLogKey } from '../../store/log-key.ts';
import { openStore } from '../../store/open-store.ts';
import { appendOnlyTables } from '../../store/schema.ts';
import { verifyCommand, verifyDirectory } from '../../verify-command.ts';
import { CheckpointPublisher } from '../checkpoints/publish-checkpoint.ts';
import { Ingest } from '../ingest/ingest-batch.ts';
import { LogSignal } from '../log-signal.ts';
import { dismissRefusal } from './dismiss-refusal.ts';
import { findGaps, skipAfterMs } from './find-gaps.ts';
import { skipGap } from './skip-gap.ts';

const scope = suiteScope();
const clock = heldClock(Date.UTC(2026, 10, 22));
let trust: TestTrust;
let svid: SvidState;
before(async () => {
  trust = await testTrust(scope, clock);
  svid = (await trust.source(stintIds.auditor(testDomain))).current();
});

const words = { reason: 'its disk was lost', operator: 'ada' };

/** An auditor over a real store, fed by hand; what is asked for again is delivered again, as the bus would. */
async function auditor(directory = path.join(tempDir(scope), 'log')) {
  const key = await createLogKey(path.join(path.dirname(directory), 'state'), 'stint.local/stint/log');
  const { store, quarantine, close } = await openStore(directory);
  const files = new LogFiles(directory);
  files.writeVerifierKey(key.verifierKey);
  const announced: string[] = [];
  const announcer = {
    announceEvent: (type: string) => void announced.push(type),
    sendReceipt: () => undefined,
  };
  const log = createLog({ service: 'test', level: 'silent' });
  const onGrown = () => undefined;
  const common = { store, quarantine, clock, announcer, log, signal: new LogSignal(), onGrown };
  const ingest = new Ingest({ ...common, rootsDer: () => trust.rootsDer, onReceiptDue: () => undefined });
  const parts = { ...common, svid: () => svid, sources: () => ingest.sources() };
  const publisher = new CheckpointPublisher({ ...common, signer: key.signer, files });
  const again: Buffer[] = [];
  const deliverOf = (name: string, ...batches: (SignedBatch | Buffer)[]) => {
    const payloads = batches.map((batch) => (Buffer.isBuffer(batch) ? batch : batchPayload(batch)));
    const delivery = (payload: Buffer, place = 0) => ({
      place,
      subject: `audit.${name}`,
      payload,
      ack: () => undefined,
      retryAfter: () => void again.push(payload),
    });
    ingest.accept(payloads.map(delivery));
  };
  const deliver = (...batches: (SignedBatch | Buffer)[]) => deliverOf('b1', ...batches);
  const forget = () => void again.splice(0);
  const redeliver = () => deliver(...again.splice(0));
  const waitFor = (ms: number) => {
    ingest.watchGaps();
    clock.advance(ms);
    ingest.watchGaps();
  };
  const events = () =>
    store
      .list({ from: undefined, count: 1_000, newestFirst: false, filter: {} })
      .records.map(
        ({ leaf }) =>
          JSON.parse(leaf.toString()) as { type: string; source: { broker: string; seq: number } },
      );
  const sequences = () =>
    events()
      .filter(({ source }) => source.broker.endsWith('/b1'))
      .map(({ source }) => source.seq);
  const verify = (...known: number[]) => {
    publisher.current();
    return verifyDirectory({ logDir: directory, knownSkips: new Set(known) });
  };
  return {
    ...parts,
    parts,
    ingest,
    deliver,
    deliverOf,
    redeliver,
    forget,
    waitFor,
    events,
    sequences,
    verify,
    announced,
    directory,
    close,
  };
}

type Auditor = Awaited<ReturnType<typeof auditor>>;

/** An auditor that has 1 to 3 of b1, refused 4 (an event id that it has), and holds 5 and 6 back. */
async function withRefusedBatch(into?: Auditor) {
  const at = into ?? (await auditor());
  const broker = await TestBroker.make(trust, 'b1', clock);
  const id = 'evt_01k0000000000000000000000a';
  const refused = [broker.startEpoch(), broker.batch([{ id }]), broker.fill(1), broker.batch([{ id }])];
  const waiting = broker.fill(2);
  at.deliver(...refused, waiting);
  return { at, broker, waiting, refused: refused[3] as SignedBatch };
}

const order = (at: Auditor, change: object = {}) => {
  const [gap] = findGaps(at.parts);
  assert.ok(gap);
  const { broker: spiffeId, missingFrom } = gap;
  return { spiffeId, missingFrom, resumeAt: gap.resume?.at ?? 0, ...words, ...change };
};

test('what was refused in its turn is skipped by an operator: the log goes on, and says so in a record of its own', async () => {
  const { at, broker, refused } = await withRefusedBatch();
  at.waitFor(skipAfterMs);
  const index = skipGap(order(at), at.parts);
  at.redeliver();
  assert.deepEqual(at.sequences(), [1, 2, 3, 5, 6]);
  at.deliver(broker.fill(1));
  assert.deepEqual(at.sequences(), [1, 2, 3, 5, 6, 7]);
  const record = at.store.record(index);
  const event = JSON.parse(String(record?.leaf)) as { data: Record<string, unknown> };
  assert.deepEqual(
    { ...event.data, after_batch_sha256: '', resume_prev_sha256: '' },
    {
      broker: broker.spiffeId,
      missing_from: 4,
      resume_at: 5,
      after_batch_sha256: '',
      resume_prev_sha256: '',
      refused_sha256: [sha256(batchPayload(refused)).toString('hex')],
      ...words,
    },
  );
  assert.equal(event.data['resume_prev_sha256'], sha256(refused.header).toString('hex'));
  assert.deepEqual(at.announced.slice(3, 5), ['epoch.started', 'log.gap_skipped']);
  assert.equal(at.quarantine.unsettledCount(), 0, 'the refused message is settled by the record');
  assert.equal(at.quarantine.find(1)?.settledIndex, index);
  at.close();
});

test('verify tells a declared hole each time, under its own code, until its reader says that he knows', async () => {
  const { at } = await withRefusedBatch();
  at.waitFor(skipAfterMs);
  const index = skipGap(order(at), at.parts);
  assert.deepEqual([...at.verify().findings.counts.keys()], ['skipped'], 'before the broker has gone on');
  at.redeliver();
  const { findings } = at.verify();
  assert.equal(findings.exitCode, 21);
  assert.deepEqual(findings.kept, [
    {
      class: 'skipped',
      message:
        'events 4 to 4 of spiffe://stint.local/stint/broker/b1 were skipped, it says by ada: its disk was lost',
      index,
    },
  ]);
  const mistaken = at.verify(index - 1);
  assert.equal(mistaken.findings.exitCode, 21);
  assert.deepEqual(mistaken.unfoundSkips, [index - 1]);
  assert.equal(at.verify(index).findings.exitCode, 0);
  let text = '';
  verifyCommand(['--log-dir', at.directory, '--known-skip', String(index)], (part) => (text += part));
  assert.match(text, /^whole: [\s\S]*but for events 4 to 4 of .*b1, skipped by an operator in record 4/);
  assert.doesNotMatch(text, /changed nothing/);
  at.close();
});

test('a hole is believed by nothing but the auditor’s record of exactly that hole', async () => {
  const { at } = await withRefusedBatch();
  at.waitFor(skipAfterMs);
  const index = skipGap(order(at), at.parts);
  at.redeliver();
  at.verify();
  at.close();
  const changes: readonly (readonly [string, string])[] = [
    [
      'another end',
      `UPDATE records SET leaf = CAST(replace(leaf, '"resume_at":5', '"resume_at":6') AS BLOB)`,
    ],
    ['a wider hole', 'DELETE FROM records WHERE source_id = 1 AND seq = 5'],
    ['the author', "UPDATE sources SET spiffe_id = 'spiffe://stint.local/stint/broker/b7' WHERE id = 2"],
    ['the signature', `UPDATE batches SET signature = zeroblob(64) WHERE first_index = ${index - 1}`],
    ['the record', `DELETE FROM records WHERE idx = ${index}`],
  ];
  for (const [what, change] of changes) {
    const copy = path.join(tempDir(scope), 'log');
    cpSync(at.directory, copy, { recursive: true });
    const database = new DatabaseSync(path.join(copy, 'records.db'));
    for (const table of appendOnlyTables)
      database.exec(`DROP TRIGGER ${table}_refuse_update; DROP TRIGGER ${table}_refuse_delete`);
    database.exec(change);
    database.close();
    const { findings } = verifyDirectory({ logDir: copy, knownSkips: new Set([index]) });
    assert.ok(findings.exitCode >= 10 && findings.exitCode < 20, `${what}: ${findings.exitCode}`);
  }
});

test('holes declared one after the other are believed together, each told by itself', async () => {
  const at = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const epoch = broker.startEpoch();
  broker.fill(1);
  at.deliver(epoch, broker.fill(1));
  at.waitFor(skipAfterMs);
  const first = skipGap(order(at), at.parts);
  at.forget(); // what was to go on is lost too
  at.deliver(broker.fill(1));
  at.waitFor(skipAfterMs);
  const second = skipGap(order(at), at.parts);
  at.redeliver();
  at.deliver(broker.fill(1));
  assert.deepEqual(at.sequences(), [1, 4, 5]);
  assert.deepEqual(at.verify(first, second).findings.kept, []);
  assert.equal(at.verify(first).findings.exitCode, 21);
  at.close();
});

test('the log goes on only at a batch that would be taken', async () => {
  const { at, broker, waiting } = await withRefusedBatch();
  const again = broker.batch([{ id: 'evt_01k0000000000000000000000a' }]);
  at.close();
  const next = await auditor(at.directory);
  next.deliver(again);
  next.waitFor(skipAfterMs);
  assert.equal(findGaps(next.parts)[0]?.resume, undefined, 'its event id is in the log already');
  next.deliver(broker.fill(1));
  assert.equal(findGaps(next.parts)[0]?.resume?.at, 8);
  next.deliver(waiting);
  assert.equal(findGaps(next.parts)[0]?.resume?.at, 5);
  next.close();
});

test('a gap that nobody can fill is skipped, and what comes of it afterwards is put aside and never appended', async () => {
  const at = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const [epoch, lost, later] = [broker.startEpoch(), broker.fill(3), broker.fill(1)];
  at.deliver(epoch, later);
  at.waitFor(skipAfterMs);
  skipGap(order(at), at.parts);
  at.redeliver();
  assert.deepEqual(at.sequences(), [1, 5]);
  at.deliver(lost);
  assert.deepEqual(at.sequences(), [1, 5]);
  assert.deepEqual(
    at.quarantine.list({ fromId: 0, count: 9, includeSettled: false }).map(({ reason }) => reason),
    ['skipped'],
  );
  at.close();
});

test('what comes for a skipped place is judged first: a forgery and a second history are called what they are', async () => {
  const at = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const epoch = broker.startEpoch();
  const [twin, reaching] = [broker.clone(), broker.clone()];
  const [lost, lostNext] = [broker.fill(1), broker.fill(2)];
  at.deliver(epoch, broker.fill(1));
  at.waitFor(skipAfterMs);
  skipGap(order(at), at.parts);
  at.redeliver();
  const judged = (batch: SignedBatch) => {
    at.deliver(batch);
    return at.quarantine.list({ fromId: 0, count: 99, includeSettled: true }).at(-1)?.reason;
  };
  assert.equal(judged({ ...lost, signature: Buffer.alloc(64, 1) }), 'bad_signature');
  assert.equal(judged(lost), 'skipped');
  assert.equal(judged(twin.fill(1)), 'equivocation', 'another was signed for this place, and put aside');
  assert.equal(judged(twin.fill(2)), 'equivocation', 'the log goes on after another one');
  assert.equal(judged(reaching.fill(4)), 'equivocation', 'it says something else of what is in the log');
  const other = await TestBroker.make(trust, 'b1', clock);
  other.startEpoch();
  assert.equal(judged(other.startEpoch()), 'equivocation', 'it follows another than the one before the hole');
  at.quarantine.settleClaims({ broker: broker.spiffeId, from: 2, to: 4 }, 2);
  assert.equal(judged(lostNext), 'equivocation', 'two were signed for the place before it');
  assert.deepEqual(at.sequences(), [1, 5]);
  at.close();
});

test('forged claims of a hole keep the hash of what was refused in its turn out of no record, and are settled with it', async () => {
  const at = await auditor();
  const spiffeId = stintIds.broker(testDomain, 'b1');
  const forged = { reason: 'bad_signature', detail: '', subject: 'audit.b1', broker: spiffeId } as const;
  for (let i = 0; i < 70; i++)
    at.quarantine.add([{ ...forged, firstSeq: 4, payload: Buffer.from(`forged ${i}`) }], clock.now());
  const { refused } = await withRefusedBatch(at);
  at.waitFor(skipAfterMs);
  const index = skipGap(order(at), at.parts);
  const { data } = JSON.parse(String(at.store.record(index)?.leaf)) as { data: { refused_sha256: string[] } };
  assert.equal(data.refused_sha256[0], sha256(batchPayload(refused)).toString('hex'));
  assert.equal(data.refused_sha256.length, 64);
  assert.equal(at.quarantine.unsettledCount(), 0);
  at.close();
});

test('the beginning of a broker can be skipped to the next epoch that it opens', async () => {
  const at = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  broker.startEpoch();
  at.deliver(broker.fill(1));
  at.waitFor(skipAfterMs);
  assert.match(String(findGaps(at.parts)[0]?.blockedBy), /start the broker again/);
  assert.throws(() => skipGap(order(at), at.parts), { reason: 'GAP_NOT_SKIPPABLE' });
  at.deliver(broker.startEpoch(), broker.fill(1));
  skipGap(order(at), at.parts);
  at.redeliver();
  assert.deepEqual(at.sequences(), [3, 4]);
  assert.deepEqual([...at.verify(1).findings.counts.keys()], []);
  at.close();
});

test('nothing is skipped in haste, to a batch that is not the broker’s own, between two histories, or otherwise than it was shown', async () => {
  const { at, broker } = await withRefusedBatch();
  const size = at.store.size();
  const refuses = (reason: string, change: object = {}) =>
    assert.throws(() => skipGap(order(at, change), at.parts), { reason });
  at.waitFor(gapReportMs);
  refuses('GAP_NOT_SKIPPABLE');
  at.waitFor(skipAfterMs);
  refuses('CONCURRENT_UPDATE', { missingFrom: 3 });
  refuses('CONCURRENT_UPDATE', { missingFrom: 1 });
  refuses('CONCURRENT_UPDATE', { resumeAt: 6 });
  refuses('CONCURRENT_UPDATE', { spiffeId: stintIds.broker(testDomain, 'b9') });
  for (const change of [
    { reason: '' },
    { reason: ' ' },
    { reason: 'a\nb' },
    { operator: '' },
    { reason: 'x'.repeat(501) },
  ])
    refuses('INVALID_FIELD', change);
  const forged = { ...broker.clone().fill(1), signature: Buffer.alloc(64, 1) };
  at.deliver(forged);
  assert.equal(findGaps(at.parts)[0]?.resume?.at, 5, 'a forged batch is no place to go on at');
  const other = await TestBroker.make(trust, 'b1', clock);
  for (let seq = 1; seq <= 4; seq++) other.startEpoch();
  at.deliver(other.startEpoch());
  refuses('GAP_NOT_SKIPPABLE', { resumeAt: 5 });
  assert.equal(at.store.size(), size);
  at.close();
});

test('a crash before the commit leaves nothing, and after a crash right behind it the log goes on from the mark', async () => {
  const { at, waiting } = await withRefusedBatch();
  at.waitFor(skipAfterMs);
  const size = at.store.size();
  const quarantine = { claims: () => [], settleClaims: () => assert.fail('the disk is full') };
  const failing = { ...at.parts, quarantine: quarantine as never };
  assert.throws(() => skipGap(order(at), failing), /the disk is full/);
  assert.equal(at.store.size(), size);
  at.deliver(waiting);
  assert.deepEqual(at.sequences(), [1, 2, 3]);
  const index = skipGap(order(at), at.parts);
  at.close(); // what memory would have done is lost
  const next = await auditor(at.directory);
  next.deliver(waiting);
  assert.deepEqual(next.sequences(), [1, 2, 3, 5, 6]);
  assert.deepEqual(next.verify(index).findings.kept, []);
  next.close();
});

test('a refused message that is nobody’s turn is dismissed by a record that names its bytes, and stays', async () => {
  const at = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  at.deliver(broker.startEpoch(), Buffer.from('junk'));
  assert.equal(at.quarantine.unsettledCount(), 1);
  const index = dismissRefusal({ id: 1, ...words }, at.parts);
  assert.equal(at.quarantine.unsettledCount(), 0);
  assert.equal(at.quarantine.payload(1)?.toString(), 'junk');
  const event = JSON.parse(String(at.store.record(index)?.leaf)) as { data: Record<string, unknown> };
  assert.equal(event.data['payload_sha256'], sha256(Buffer.from('junk')).toString('hex'));
  assert.throws(() => dismissRefusal({ id: 1, ...words }, at.parts), { reason: 'CONCURRENT_UPDATE' });
  assert.throws(() => dismissRefusal({ id: 2, ...words }, at.parts), { reason: 'RECORD_NOT_FOUND' });
  at.deliver(Buffer.from('junk'));
  assert.equal(at.quarantine.unsettledCount(), 0, 'the same bytes again are dealt with already');
  at.deliver(Buffer.from('more'));
  dismissRefusal({ id: 2, ...words }, at.parts);
  at.deliver(broker.fill(2));
  assert.deepEqual(at.verify().findings.kept, []);
  at.close();
});

test('nobody writes in the auditor’s name over the bus: no broker, and not who stole the auditor’s SVID', async () => {
  const at = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  at.deliver(broker.startEpoch(), broker.batch([{ type: 'log.gap_skipped', data: {} }]));
  assert.deepEqual(at.sequences(), [1]);
  assert.match(String(at.quarantine.find(1)?.detail), /is the auditor’s to say/);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const facts = { broker: svid.svid.spiffeId, epoch: 1, first_seq: 1, prev_batch_sha256: '' };
  const time = formatTime(clock.now());
  const leaf = encodeEvent({
    v: 1,
    id: newId('event', clock.now()),
    type: 'epoch.started',
    actor: { kind: 'auditor' },
    data: makeEpochStarted(1, publicKey, svid.svid),
    time,
    source: { broker: svid.svid.spiffeId, epoch: 1, seq: 1 },
  });
  at.deliver(sealBatch({ ...facts, time }, [leaf], privateKey));
  assert.equal(at.quarantine.find(2)?.reason, 'wrong_subject');
  assert.equal(at.store.size(), 1);
  at.close();
});

test('a grant whose life a declared hole cuts is not judged, and one behind the hole is', async () => {
  const at = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const event = (grant: string, type: string) =>
    broker.batch([
      {
        type: type as 'grant.decided',
        grant_id: `grt_01k000000000000000000000${grant}` as never,
        lease_id: `lse_01k000000000000000000000${grant}` as never,
        data: {},
      },
    ]);
  at.deliver(broker.startEpoch(), event('0a', 'grant.decided'));
  event('0a', 'lease.activated');
  at.deliver(event('0a', 'lease.revoking'), event('0b', 'lease.contained'));
  at.waitFor(skipAfterMs);
  const index = skipGap(order(at), at.parts);
  at.redeliver();
  assert.deepEqual([...at.verify(index).findings.counts.keys()], []);
  at.deliver(event('0c', 'grant.decided'), event('0c', 'lease.contained'));
  assert.deepEqual([...at.verify(index).findings.counts.keys()], ['grant']);
  at.close();
});

test('a grant that was made after a known hole is judged, with or without a beginning', async () => {
  const { at, broker } = await withRefusedBatch();
  at.waitFor(skipAfterMs);
  const index = skipGap(order(at), at.parts);
  at.redeliver();
  const yearLater = clock.now() + 365 * 86_400_000;
  const lives = [newId('grant', clock.now() - skipAfterMs), newId('grant', yearLater)].map((grant_id) => {
    const lease_id = newId('lease', yearLater);
    const types = ['lease.activated', 'lease.revoked', 'grant.ended'] as const;
    return broker.batch(types.map((type) => ({ type, grant_id, lease_id, data: {} })));
  });
  at.deliver(broker.fill(200), ...lives.slice(0, 1));
  assert.deepEqual(at.verify(index).findings.kept, [], 'its beginning may lie in the hole');
  at.deliver(...lives.slice(1));
  assert.equal(at.verify(index).findings.exitCode, 19);
  assert.equal(at.verify(index).findings.counts.get('grant'), 3);
  at.close();
});

test('a grant that nobody seems to have made may have been made in a declared hole, unless it is younger', async () => {
  const { at, broker: b1 } = await withRefusedBatch();
  at.waitFor(skipAfterMs);
  const index = skipGap(order(at), at.parts);
  at.redeliver();
  const b2 = await TestBroker.make(trust, 'b2', clock);
  at.deliverOf('b2', b2.startEpoch());
  const endOf = (madeAt: number) => {
    const ids = { grant_id: newId('grant', madeAt), lease_id: newId('lease', madeAt) };
    const types = ['lease.revoking', 'lease.contained', 'lease.revoked', 'grant.ended'] as const;
    at.deliverOf('b2', b2.batch(types.map((type) => ({ type, ...ids, data: {} }))));
    clock.advance(600_000);
    at.deliver(b1.fill(1));
  };
  endOf(clock.now() - skipAfterMs);
  assert.deepEqual(at.verify(index).findings.kept, []);
  clock.advance(600_000);
  endOf(clock.now());
  assert.deepEqual([...at.verify(index).findings.counts], [['grant', 1]]);
  at.close();
});
