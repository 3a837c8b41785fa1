import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { isServiceError } from '../errors.ts';
import { MessageReader, prefixed } from './message-reader.ts';

/** The bytes in pieces, cut wherever `next` says. */
function cut(bytes: Buffer, next: () => number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + next();
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

describe('a message reader', () => {
  test('gives the same messages however their bytes are cut', () => {
    const messages = [0, 1, 5, 700, 3, 0, 40_000].map((length) => randomBytes(length));
    const bytes = Buffer.concat(messages.map(prefixed));
    for (const piece of [() => 1, () => 5, () => bytes.length, () => randomInt(1, 9_000)]) {
      const reader = new MessageReader(40_000);
      const read = cut(bytes, piece).flatMap((part) => reader.take(part));
      assert.deepEqual(read, messages);
      assert.equal(reader.isWithin, false);
    }
  });

  test('knows when a message is not whole', () => {
    const reader = new MessageReader(10);
    assert.deepEqual(reader.take(prefixed(Buffer.from('abc')).subarray(0, 7)), []);
    assert.equal(reader.isWithin, true);
    assert.deepEqual(reader.take(Buffer.from('c')), [Buffer.from('abc')]);
    assert.equal(reader.isWithin, false);
  });

  test('refuses a message by its announced length, before its bytes have come', () => {
    assert.throws(
      () => new MessageReader(10).take(Buffer.from([0, 0, 0, 0, 11])),
      (thrown) => isServiceError(thrown, 'MESSAGE_TOO_LARGE') && thrown.metadata['bytes'] === '11',
    );
    assert.deepEqual(new MessageReader(10).take(prefixed(Buffer.alloc(10))), [Buffer.alloc(10)]);
  });

  test('keeps nothing of what was read beside a message that comes in parts', () => {
    const message = prefixed(randomBytes(4_000));
    const reader = new MessageReader(4_000);
    const read: Buffer[] = [];
    for (const byte of message) {
      const readAtOnce = Buffer.alloc(16_384);
      readAtOnce[9_000] = byte;
      read.push(...reader.take(readAtOnce.subarray(9_000, 9_001)));
    }
    assert.deepEqual(read, [message.subarray(5)]);
    assert.equal(read[0]?.buffer.byteLength, 4_000);
  });

  test('refuses a compressed message', () => {
    assert.throws(
      () => new MessageReader(10).take(Buffer.from([1, 0, 0, 0, 0])),
      (thrown) => isServiceError(thrown, 'INVALID_FIELD') && /compressed/.test(thrown.message),
    );
  });
});
