import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchHash } from '@stint/common/audit-batch.ts';
import type { OutboxBatch } from '../app/ports/ledger.ts';
import { SentWindow, windowMax, windowMin } from './sent-window.ts';

/** Batch `n` holds events 2n+1 and 2n+2. */
function batch(n: number): OutboxBatch {
  return {
    firstSeq: 2 * n + 1,
    lastSeq: 2 * n + 2,
    header: Buffer.from(`header ${n}`),
    signature: Buffer.alloc(64),
    events: [],
  };
}

const receiptOf = (n: number) => ({ seq: 2 * n + 2, sha256: batchHash(batch(n).header) });

function sentWindow(count: number): SentWindow {
  const window = new SentWindow();
  for (let n = 0; n < count; n++) window.send(batch(n));
  return window;
}

test('a receipt covers its batch and all before it, once', () => {
  const window = sentWindow(5);
  assert.equal(window.cursor, 11);
  assert.deepEqual(window.receive(receiptOf(2)), { kind: 'accepted', seq: 6 });
  assert.deepEqual(window.receive(receiptOf(2)), { kind: 'nothing_new' });
  assert.deepEqual(window.receive(receiptOf(1)), { kind: 'nothing_new' });
  assert.equal(window.isEmpty, false);
  assert.deepEqual(window.receive(receiptOf(4)), { kind: 'accepted', seq: 10 });
  assert.equal(window.isEmpty, true);
  assert.deepEqual(window.receive(receiptOf(4)), { kind: 'nothing_new' });
});

test('a receipt for what an earlier process sent is ahead, however full the window is, and moving on goes behind it', () => {
  assert.deepEqual(new SentWindow().receive(receiptOf(0)), { kind: 'ahead' });
  const window = sentWindow(windowMin);
  window.startOver();
  for (let n = 0; n < 10; n++) window.send(batch(n));
  assert.deepEqual(window.receive(receiptOf(windowMin)), { kind: 'ahead' });
  window.moveOn(receiptOf(100).seq);
  assert.deepEqual([window.cursor, window.isEmpty, window.hasRoom], [receiptOf(100).seq + 1, true, true]);
  assert.deepEqual(window.receive(receiptOf(100)), { kind: 'nothing_new' });
  window.send(batch(101));
  window.moveOn(receiptOf(50).seq);
  assert.deepEqual(window.receive(receiptOf(101)), { kind: 'accepted', seq: receiptOf(101).seq });
});

test('a receipt for another batch than ours, or for the middle of one, is false and covers nothing', () => {
  const window = sentWindow(3);
  assert.equal(window.receive({ seq: 4, sha256: 'f'.repeat(64) }).kind, 'false');
  assert.equal(window.receive({ ...receiptOf(1), seq: 3 }).kind, 'false');
  assert.deepEqual(window.receive(receiptOf(0)), { kind: 'accepted', seq: 2 });
});

test('starting over goes back to the oldest without a receipt, and late receipts still count', () => {
  const window = sentWindow(4);
  window.receive(receiptOf(0));
  window.startOver();
  assert.equal(window.cursor, 3);
  window.send(batch(1));
  assert.equal(window.cursor, 5);
  // Everything had arrived after all: what lies between needs no second sending.
  assert.deepEqual(window.receive(receiptOf(3)), { kind: 'accepted', seq: 8 });
  assert.equal(window.cursor, 9);
  assert.equal(window.isEmpty, true);
});

test('the window holds sending back, opens with receipts up to its limit, and shuts when sending starts over', () => {
  const window = sentWindow(windowMin);
  assert.equal(window.hasRoom, false);
  let next = windowMin;
  let room = 0;
  for (let round = 0; round < 10; round++) {
    window.receive(receiptOf(next - 1));
    for (room = 0; window.hasRoom; room++) window.send(batch(next++));
  }
  assert.equal(room, windowMax);
  window.startOver();
  for (room = 0; window.hasRoom; room++) window.send(batch(next - windowMax + room));
  assert.equal(room, windowMin);
});
