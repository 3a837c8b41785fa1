import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { leaseEndedElsewhere } from './ended-elsewhere.ts';

const self = 'spiffe://stint.local/stint/broker/b1' as SpiffeId;
const other = 'spiffe://stint.local/stint/broker/b2';
const lease = newId('lease', 0);

const heard = (event: unknown) => leaseEndedElsewhere(Buffer.from(JSON.stringify(event)), self);
const ending = (type: string, data: object, broker = other) => ({
  type,
  lease_id: lease,
  source: { broker },
  data,
});

test('the early end of another broker’s lease is heard once, by the event that begins it', () => {
  assert.equal(heard(ending('lease.revoking', { reason: 'revoked' })), lease);
  assert.equal(heard(ending('lease.revoked', { proof: {} })), undefined);
  const signed = { reason: 'completed', revocation: 'by_verifiers' };
  assert.equal(heard(ending('lease.revoked', signed)), lease);
});

test('what this broker did itself, and what ended at its time, is nothing to hear', () => {
  assert.equal(heard(ending('lease.revoking', { reason: 'revoked' }, self)), undefined);
  assert.equal(heard(ending('lease.revoking', { reason: 'expired' })), undefined);
  assert.equal(heard(ending('lease.revoked', { reason: 'expired', revocation: 'by_verifiers' })), undefined);
});

test('what is no event names no lease', () => {
  for (const text of ['', 'null', '[]', '"x"', '{', '{"type":"lease.revoking"}', '\u0000'])
    assert.equal(leaseEndedElsewhere(Buffer.from(text), self), undefined, text);
  const wrong = { ...ending('lease.revoking', {}), lease_id: 'lse_../../etc' };
  assert.equal(heard(wrong), undefined);
  assert.equal(heard({ ...ending('lease.revoking', {}), source: null, data: 7, lease_id: 7 }), undefined);
});
