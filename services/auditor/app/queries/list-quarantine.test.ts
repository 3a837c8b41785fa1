import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QuarantinedMessage, QuarantineStore } from '../ports.ts';
import { getQuarantined } from './get-quarantined.ts';
import { listQuarantine } from './list-quarantine.ts';

/** A quarantine of so many messages, with ids from one on; the second has no bytes. */
function quarantineOf(count: number): Pick<QuarantineStore, 'list' | 'find' | 'payload'> {
  const messages = Array.from({ length: count }, (_, i) => ({ id: i + 1 }) as QuarantinedMessage);
  return {
    list: (query) => messages.filter(({ id }) => id >= query.fromId).slice(0, query.count),
    find: (id) => messages.find((message) => message.id === id),
    payload: (id) => (id === 2 ? undefined : Buffer.from(`message ${id}`)),
  };
}

test('pages follow one another without a gap or a repeat, and the last one says that it is', () => {
  const quarantine = quarantineOf(6);
  const page = (fromId: number) => {
    const { messages, nextId } = listQuarantine(
      { quarantine },
      { fromId, pageSize: 3, includeSettled: false },
    );
    return { ids: messages.map(({ id }) => id), nextId };
  };
  assert.deepEqual(page(0), { ids: [1, 2, 3], nextId: 4 });
  assert.deepEqual(page(4), { ids: [4, 5, 6], nextId: undefined });
});

test('a page has 100 messages unless told otherwise, and 500 at most: more is refused', () => {
  const quarantine = quarantineOf(501);
  const sizeOf = (pageSize: number) =>
    listQuarantine({ quarantine }, { fromId: 0, pageSize, includeSettled: false }).messages.length;
  assert.equal(sizeOf(0), 100);
  assert.equal(sizeOf(500), 500);
  assert.throws(() => sizeOf(501), { reason: 'INVALID_FIELD' });
});

test('a refused message comes with its bytes, or with none where there was no room; another is not found', () => {
  const quarantine = quarantineOf(2);
  assert.equal(getQuarantined({ quarantine }, 1).payload?.toString(), 'message 1');
  assert.equal(getQuarantined({ quarantine }, 2).payload, undefined);
  assert.throws(() => getQuarantined({ quarantine }, 3), { reason: 'RECORD_NOT_FOUND' });
});
