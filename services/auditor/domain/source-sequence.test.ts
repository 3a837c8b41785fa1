import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import fc from 'fast-check';
import { Source } from './source.ts';
import {
  gapReportMs,
  type HighWater,
  placeBatch,
  WaitingBatches,
  waitingBatchesMax,
  waitingBytesMax,
} from './source-sequence.ts';

const high = (seq: number): HighWater => ({
  broker: parseSpiffeId('spiffe://stint.local/stint/broker/b1'),
  seq,
  batchSha256: '',
  epoch: 1,
});
const waiting = (firstSeq: number, sizeBytes = 1, sha256 = `${firstSeq}`) => ({
  firstSeq,
  sha256,
  sizeBytes,
  item: firstSeq,
});

test('whatever waits comes out once, in order, and only when it is not ahead any more', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 2, max: 40 }), { maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 45 })),
      (offered, marks) => {
        const room = new WaitingBatches<number>();
        for (const seq of offered) room.offer(waiting(seq));
        const out: number[] = [];
        for (const mark of marks.toSorted((a, b) => a - b)) {
          const ready = room.takeReady(high(mark));
          assert.ok(ready.every((seq) => placeBatch(high(mark), seq) !== 'ahead'));
          out.push(...ready);
        }
        assert.deepEqual(
          out,
          [...new Set(offered)]
            .filter((seq) => seq <= (Math.max(0, ...marks) || 0) + 1)
            .toSorted((a, b) => a - b),
        );
        assert.equal(room.count, new Set(offered).size - out.length);
      },
    ),
  );
});

test('the room has bounds in number and bytes, and what leaves makes place', () => {
  const byCount = new WaitingBatches<number>();
  for (let seq = 2; seq < waitingBatchesMax + 2; seq++)
    assert.equal(byCount.offer(waiting(seq)).kind, 'waits');
  assert.equal(byCount.offer(waiting(9_999)).kind, 'full');
  assert.equal(byCount.offer(waiting(2)).kind, 'waits', 'one that waits already is superseded, not added');
  byCount.takeReady(high(1));
  assert.equal(byCount.offer(waiting(9_999)).kind, 'waits');
  const byBytes = new WaitingBatches<number>();
  byBytes.offer(waiting(2, waitingBytesMax));
  assert.equal(byBytes.offer(waiting(3, 1)).kind, 'full');
  byBytes.takeReady(high(1));
  assert.equal(byBytes.offer(waiting(3, 1)).kind, 'waits');
});

test('two that claim one place wait both', () => {
  const room = new WaitingBatches<number>();
  room.offer(waiting(3, 1, 'a'));
  room.offer(waiting(3, 1, 'b'));
  assert.equal(room.takeReady(high(2)).length, 2);
});

test('a gap is reported once, after its time, and closed once; one that follows it has a time of its own', () => {
  const source = new Source<number>(high(1));
  assert.equal(source.followGap(0), undefined);
  source.waiting.offer(waiting(5));
  source.waiting.offer(waiting(9));
  assert.equal(source.followGap(1_000), undefined);
  assert.equal(source.followGap(1_000 + gapReportMs - 1), undefined);
  assert.deepEqual(source.followGap(1_000 + gapReportMs), { event: 'reported', missingFrom: 2 });
  assert.deepEqual(source.reportedGap?.since, 1_000);
  assert.equal(source.followGap(60_000), undefined, 'once');
  source.high = high(5);
  source.waiting.takeReady(high(4));
  assert.deepEqual(source.followGap(61_000), { event: 'closed', missingFrom: 2 });
  assert.equal(source.reportedGap, undefined);
  assert.deepEqual(source.followGap(61_000 + gapReportMs), { event: 'reported', missingFrom: 6 });
  source.high = high(9);
  source.waiting.takeReady(high(9));
  assert.deepEqual(source.followGap(70_000), { event: 'closed', missingFrom: 6 });
  assert.equal(source.followGap(71_000), undefined);
});

test('a clock that is set back puts off the report of a gap by no more than its time', () => {
  const source = new Source<number>(high(1));
  source.waiting.offer(waiting(5));
  source.followGap(7_200_000);
  assert.equal(source.followGap(3_600_000), undefined);
  assert.deepEqual(source.followGap(3_600_000 + gapReportMs), { event: 'reported', missingFrom: 2 });
  assert.equal(source.reportedGap?.since, 3_600_000);
});

test('a gap that closes before its time is never mentioned', () => {
  const source = new Source<number>(high(1));
  source.waiting.offer(waiting(5));
  source.followGap(0);
  source.waiting.takeReady(high(4));
  assert.equal(source.followGap(100_000), undefined);
});
