import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Record__Output } from '@stint/common/gen/stint/audit/v1/Record.ts';
import { endNote, recordCells } from './record-view.ts';

function recordOf(type: string, data: object): Record__Output {
  const event = { type, time: '2026-11-22T09:00:00.000Z', actor: { kind: 'operator' }, data };
  return { index: 1, appendedAt: null, leaf: Buffer.from(JSON.stringify(event)) } as Record__Output;
}

const factsOf = (type: string, data: object) => recordCells(recordOf(type, data)).at(-1);

test('the words of whoever revoked a grant stand in the text of its record', () => {
  const data = { resource: 'db', reason: 'revoked', note: 'laptop lost' };
  assert.equal(factsOf('lease.revoking', data), 'by=operator resource=db reason=revoked note="laptop lost"');
});

test('a record about a bundle tells which, and why it was refused; others do not repeat its hash', () => {
  assert.equal(
    factsOf('policy.loaded', { policy_sha256: 'aa', policies: 5 }),
    'by=operator policy_sha256=aa',
  );
  assert.equal(
    factsOf('policy.refused', { running_sha256: 'aa', fault: 'read.cedar:2: unexpected\n token' }),
    'by=operator fault="read.cedar:2: unexpected\\n token" running_sha256=aa',
  );
  assert.equal(factsOf('access.denied', { action: 'read', policy_sha256: 'aa' }), 'by=operator action=read');
});

test('the note of an end is that of the record that has one', () => {
  const records = [recordOf('lease.revoking', { note: 'laptop lost' }), recordOf('lease.revoked', {})];
  assert.equal(endNote(records), 'laptop lost');
  assert.equal(endNote([recordOf('lease.revoked', {})]), undefined);
});
