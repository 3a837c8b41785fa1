import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { before, test } from 'node:test';
import { type SignedBatch, sealBatch } from '@stint/common/audit-batch.ts';
import { createLog } from '@stint/common/log.ts';
import { leafHash, treeHash } from '@stint/common/merkle.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { heldClock } from '../../../../test/harness/held-clock.ts';
import { suiteScope } from '../../../../test/harness/suite-scope.ts';
import { tempDir } from '../../../../test/harness/temp-dir.ts';
import { batchPayload, TestBroker, type TestTrust, testTrust } from '../../../../test/harness/test-broker.ts';
import { gapReportMs, putOffMax, putOffMs, waitingBatchesMax } from '../../domain/source-sequence.ts';
import { frontierRoot, readFrontier } from '../../domain/tree-hashes.ts';
import { openStore } from '../../store/open-store.ts';
import type { Delivery } from '../ports.ts';
import { Ingest } from './ingest-batch.ts';

const scope = suiteScope();
const log = createLog({ service: 'test', level: 'silent' });
const clock = heldClock(Date.UTC(2026, 10, 22));
let trust: TestTrust;
before(async () => {
  trust = await testTrust(scope, clock);
});

type Answer = 'acked' | 'later' | 'waiting';

/** An auditor's ingest over a real store, fed by hand. */
async function auditor(directory = tempDir(scope)) {
  const { store, quarantine, close } = await openStore(directory);
  const announced: number[] = [];
  const receipts: SpiffeId[] = [];
  /** What became of what was delivered last, also when that threw. */
  const delivered: { answers: Answer[] } = { answers: [] };
  const announcer = {
    announceEvent: (_: string, event: { index: number }) => void announced.push(event.index),
    sendReceipt: () => undefined,
  };
  const ingest = new Ingest({
    store,
    quarantine,
    announcer,
    clock,
    log,
    rootsDer: () => trust.rootsDer,
    onReceiptDue: (broker) => void receipts.push(broker),
  });
  let places = 0;
  const deliver = (...batches: (SignedBatch | Buffer)[]): Answer[] => {
    const answers: Answer[] = batches.map(() => 'waiting');
    delivered.answers = answers;
    const firstPlace = places;
    places += batches.length;
    const deliveries = batches.map((batch, i): Delivery => {
      const payload = Buffer.isBuffer(batch) ? batch : batchPayload(batch);
      return {
        place: firstPlace + i,
        subject: 'audit.b1',
        payload,
        ack: () => answers.splice(i, 1, 'acked'),
        retryAfter: () => answers.splice(i, 1, 'later'),
      };
    });
    ingest.accept(deliveries);
    return answers;
  };
  const leaves = () =>
    store
      .list({ from: undefined, count: 100_000, newestFirst: false, filter: {} })
      .records.map((record) => record.leaf);
  const sequences = () =>
    leaves().map((leaf) => (JSON.parse(leaf.toString()) as { source: { seq: number } }).source.seq);
  return {
    store,
    quarantine,
    close,
    ingest,
    deliver,
    delivered,
    announced,
    receipts,
    leaves,
    sequences,
    directory,
  };
}

const oneTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

test('batches in order are appended, acknowledged, announced and owed a receipt, and the tree is theirs', async () => {
  const { deliver, sequences, store, leaves, announced, receipts, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  assert.deepEqual(deliver(broker.startEpoch(), broker.fill(3)), ['acked', 'acked']);
  assert.deepEqual(deliver(broker.fill(256)), ['acked']);
  assert.deepEqual(sequences(), oneTo(260));
  assert.deepEqual(
    announced,
    oneTo(260).map((n) => n - 1),
  );
  assert.deepEqual(receipts, [broker.spiffeId, broker.spiffeId, broker.spiffeId]);
  assert.deepEqual(frontierRoot(readFrontier(260, store.readNode)), treeHash(leaves().map(leafHash)));
  close();
});

test('whatever the order and however often, each event stands in the log once and in order', async () => {
  const { deliver, sequences, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const batches = [broker.startEpoch(), ...oneTo(30).map((n) => broker.fill(n % 4 === 0 ? 5 : 1))];
  const total = 1 + 30 + 7 * 4;
  for (let round = 0; round < 4; round++) {
    const shuffled = [...batches, ...batches]
      .map((batch) => ({ batch, key: Math.random() }))
      .sort((a, b) => a.key - b.key);
    for (let i = 0; i < shuffled.length; i += 7)
      deliver(...shuffled.slice(i, i + 7).map(({ batch }) => batch));
  }
  assert.deepEqual(sequences(), oneTo(total));
  close();
});

test('after a restart the sequence goes on, and what is there already is acknowledged and receipted again', async () => {
  const first = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const sent = [broker.startEpoch(), broker.fill(2)];
  first.deliver(...sent);
  first.close();
  const second = await auditor(first.directory);
  assert.deepEqual(second.deliver(...sent, broker.fill(1)), ['acked', 'acked', 'acked']);
  assert.deepEqual(second.sequences(), oneTo(4));
  assert.equal(second.receipts.length, 3);
  assert.equal(second.quarantine.unsettledCount(), 0);
  second.close();
});

test('a gap makes later batches wait, is reported after five seconds and closed by what was missing', async () => {
  const { deliver, ingest, sequences, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const [epoch, missing, later] = [broker.startEpoch(), broker.fill(2), broker.fill(3)];
  assert.deepEqual(deliver(epoch, later), ['acked', 'waiting']);
  const missingFrom = () => [...ingest.sources()][0]?.reportedGap?.missingFrom;
  clock.advance(gapReportMs - 1);
  ingest.watchGaps();
  assert.equal(missingFrom(), undefined);
  clock.advance(1);
  ingest.watchGaps();
  assert.equal(missingFrom(), 2);
  assert.deepEqual(deliver(missing), ['acked']);
  assert.equal(missingFrom(), undefined);
  assert.deepEqual(sequences(), oneTo(6));
  close();
});

test('what does not fit into the waiting room comes again later, and nothing is lost', async () => {
  const { deliver, sequences, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const [epoch, missing] = [broker.startEpoch(), broker.fill(1)];
  const later = oneTo(waitingBatchesMax + 10).map(() => broker.fill(1));
  const answers = deliver(epoch, ...later);
  assert.equal(answers.filter((answer) => answer === 'waiting').length, waitingBatchesMax);
  assert.equal(answers.filter((answer) => answer === 'later').length, 10);
  deliver(missing);
  deliver(...later.slice(-10));
  assert.deepEqual(sequences(), oneTo(waitingBatchesMax + 12));
  close();
});

test('of a flood only so many come again later: the rest is left to its broker, until that time is over', async () => {
  const { deliver, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const [epoch] = [broker.startEpoch(), broker.fill(1)];
  const answers = deliver(epoch, ...oneTo(waitingBatchesMax + putOffMax + 10).map(() => broker.fill(1)));
  const counts = (['waiting', 'later', 'acked'] as const).map(
    (kind) => answers.filter((answer) => answer === kind).length,
  );
  assert.deepEqual(counts, [waitingBatchesMax, putOffMax, 1 + 10]);
  clock.advance(putOffMs);
  assert.deepEqual(deliver(broker.fill(1)), ['later']);
  close();
});

test('a second history signed by the broker is put aside and never appended', async () => {
  const { deliver, sequences, quarantine, leaves, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  deliver(broker.startEpoch());
  const restored = broker.clone();
  deliver(broker.fill(3));
  const before = leaves();
  const [other, next] = [restored.fill(3), restored.fill(1)];
  assert.deepEqual(deliver(other, other, next), ['acked', 'acked', 'acked']);
  assert.deepEqual(leaves(), before);
  assert.equal(quarantine.unsettledCount(), 2, 'repetitions are counted, not kept twice');
  assert.deepEqual(deliver(broker.fill(1)), ['acked']);
  assert.deepEqual(sequences(), oneTo(5), 'the first history goes on');
  close();
});

test('a broker that starts on a restored store is an alarm, and a forger who opens an epoch in its place is not', async () => {
  const { deliver, sequences, directory, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  deliver(broker.startEpoch(), broker.fill(3));
  const [restored, restoredLater] = [broker.clone(), broker.clone()];
  deliver(broker.fill(1), broker.startEpoch(), broker.fill(3));
  const source = await trust.source((await TestBroker.make(trust, 'b2', clock)).spiffeId);
  const forger = new TestBroker({ name: 'b1', svid: source.current().svid, clock });
  deliver(restored.startEpoch(), restoredLater.startEpoch(7), forger.startEpoch());
  assert.deepEqual(sequences(), oneTo(9), 'the first history stands');
  close();
  const database = new DatabaseSync(path.join(directory, 'records.db'), { readOnly: true });
  const put = database.prepare('SELECT reason, first_seq FROM quarantine ORDER BY rowid').all();
  database.close();
  assert.deepEqual(
    put.map(({ reason, first_seq }) => [reason, first_seq]),
    [
      ['equivocation', 5],
      ['equivocation', 5],
      ['bad_signature', 1],
    ],
  );
});

test('a forged batch in the place of a missing one does not keep the genuine one out', async () => {
  const { deliver, sequences, quarantine, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const [epoch, missing, later] = [broker.startEpoch(), broker.fill(1), broker.fill(1)];
  const forged = {
    ...later,
    signature: Buffer.alloc(64, 1),
    header: Buffer.from(later.header.toString().replace(/"time":"2026/, '"time":"2027')),
  };
  deliver(epoch, forged, later);
  assert.deepEqual(deliver(missing), ['acked']);
  assert.deepEqual(sequences(), oneTo(3));
  assert.equal(quarantine.unsettledCount(), 1);
  close();
});

test('poison is put aside with its reason, acknowledged, and holds nobody up', async () => {
  const { deliver, sequences, quarantine, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const stranger = await TestBroker.make(trust, 'b2', clock);
  const epoch = broker.startEpoch();
  const event = (change: object) => broker.clone().batch([change]);
  const tampered = { ...broker.clone().fill(1), events: [Buffer.from('{"v":1}')] };
  const poison = [
    Buffer.from('not protobuf'),
    Buffer.alloc(0),
    batchPayload(stranger.startEpoch()),
    batchPayload({ ...broker.clone().fill(1), header: Buffer.from('{ }') }),
    batchPayload({ ...broker.clone().fill(1), signature: Buffer.alloc(64) }),
    batchPayload(tampered),
    batchPayload(event({ type: 'epoch.started', data: {} })),
    batchPayload(event({ type: 'Upper.Case' as 'access.denied' })),
    batchPayload(event({ id: 'evt_short' })),
  ];
  deliver(epoch);
  assert.deepEqual(
    deliver(...poison),
    poison.map(() => 'acked'),
  );
  assert.equal(quarantine.unsettledCount(), poison.length);
  assert.deepEqual(deliver(broker.fill(1)), ['acked']);
  assert.deepEqual(sequences(), oneTo(2));
  close();
});

test('an event id that the log has already does not enter it twice, and what follows waits', async () => {
  const { deliver, sequences, quarantine, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const id = 'evt_01k0000000000000000000000a';
  deliver(broker.startEpoch(), broker.batch([{ id }]));
  assert.deepEqual(deliver(broker.batch([{ id }]), broker.fill(1)), ['acked', 'waiting']);
  assert.deepEqual(sequences(), oneTo(2));
  assert.equal(quarantine.unsettledCount(), 1);
  close();
});

test('an epoch is opened only by its broker’s own SVID, in time, from our trust domain, and never backwards', async () => {
  const { deliver, sequences, quarantine, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const foreign = await TestBroker.make(await testTrust(scope, clock), 'b1', clock);
  const source = await trust.source((await TestBroker.make(trust, 'b2', clock)).spiffeId);
  const impostor = new TestBroker({ name: 'b1', svid: source.current().svid, clock });
  const late = await TestBroker.make(trust, 'b1', clock);
  clock.advance(2 * 3_600_000);
  const expired = late.startEpoch();
  clock.advance(-2 * 3_600_000);
  deliver(foreign.startEpoch(), impostor.startEpoch(), expired, broker.clone().startEpoch(1));
  assert.deepEqual(sequences(), [1]);
  assert.equal(quarantine.unsettledCount(), 3);
  close();
});

test('an epoch opened while the auditor was away is believed by the time it was opened, not by now', async () => {
  const { deliver, sequences, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const sent = [broker.startEpoch(), broker.fill(1), broker.startEpoch(), broker.fill(1)];
  clock.advance(5 * 3_600_000);
  assert.deepEqual(
    deliver(...sent),
    sent.map(() => 'acked'),
  );
  assert.deepEqual(sequences(), oneTo(4));
  clock.advance(-5 * 3_600_000);
  close();
});

test('when the store fails nothing is acknowledged, and all is appended when it works again', async () => {
  const { deliver, ingest, sequences, store, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const sent = [broker.startEpoch(), broker.fill(2)];
  const { append } = store;
  store.append = () => {
    throw new Error('disk full');
  };
  assert.throws(() => deliver(...sent), /disk full/);
  deliver(broker.fill(1)); // behind what could not be stored
  clock.advance(gapReportMs);
  ingest.watchGaps();
  clock.advance(gapReportMs);
  ingest.watchGaps();
  const gaps = () => [...ingest.sources()].map(({ reportedGap }) => reportedGap);
  assert.deepEqual([ingest.outage !== undefined, gaps()], [true, [undefined]], 'nothing is missing');
  store.append = append;
  assert.deepEqual(deliver(...sent), ['acked', 'acked']);
  assert.equal(ingest.outage, undefined);
  assert.deepEqual(sequences(), oneTo(4));
  close();
});

test('when what is refused cannot be put aside, nothing of the delivery is left to itself', async () => {
  const { deliver, delivered, quarantine, ingest, sequences, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const sent = [broker.startEpoch(), Buffer.from('no batch'), broker.fill(1)] as const;
  const { add } = quarantine;
  quarantine.add = () => {
    throw new Error('disk full');
  };
  assert.throws(() => deliver(...sent), /disk full/);
  assert.deepEqual(delivered.answers, ['later', 'later', 'later']);
  assert.ok(ingest.outage !== undefined);
  quarantine.add = add;
  assert.deepEqual(deliver(...sent), ['acked', 'acked', 'acked']);
  assert.equal(ingest.outage, undefined);
  assert.deepEqual(sequences(), oneTo(2));
  close();
});

test('copies of a batch that waits, in messages of their own, do not stay with the bus', async () => {
  const { ingest, deliver, sequences, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  const [opening, early] = [broker.startEpoch(), broker.fill(1)];
  assert.deepEqual(deliver(early, early, early), ['acked', 'acked', 'waiting'], 'one of them is enough');
  const answers: string[] = [];
  const again = {
    place: 2,
    subject: 'audit.b1',
    payload: batchPayload(early),
    ack: () => void answers.push('acked'),
    retryAfter: () => void answers.push('later'),
  };
  ingest.accept([again]);
  ingest.accept([again]);
  assert.deepEqual(answers, [], 'the same message delivered again is the one that waits');
  assert.deepEqual(deliver(opening), ['acked']);
  assert.deepEqual(answers, ['acked']);
  assert.deepEqual(sequences(), [1, 2]);
  close();
});

test('what nobody can read costs one flush for each turn, however much it is', async () => {
  const { deliver, quarantine, sequences, close } = await auditor();
  const broker = await TestBroker.make(trust, 'b1', clock);
  let commits = 0;
  const { add } = quarantine;
  quarantine.add = (refused, now) => {
    commits++;
    add.call(quarantine, refused, now);
  };
  const junk = Array.from({ length: 100 }, (_, i) => Buffer.from(`junk ${i}`));
  const answers = deliver(...junk, broker.startEpoch());
  assert.ok(answers.every((answer) => answer === 'acked'));
  assert.deepEqual([commits, quarantine.unsettledCount(), sequences()], [1, 100, [1]]);
  close();
});

test('a batch larger than the limits cannot even be sealed', async () => {
  const broker = await TestBroker.make(trust, 'b1', clock);
  broker.startEpoch();
  assert.throws(() => broker.fill(257), RangeError);
  assert.throws(
    () =>
      sealBatch(
        { broker: broker.spiffeId, epoch: 1, first_seq: 1, prev_batch_sha256: '', time: '' },
        [],
        {} as never,
      ),
    RangeError,
  );
});
