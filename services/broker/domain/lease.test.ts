import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activeUntil, deliveryMs, isLegalLeaseMove, type LeaseState, retryAt, retryMsMax } from './lease.ts';

const states: readonly LeaseState[] = [
  'intent',
  'active',
  'unknown',
  'revoking',
  'contained',
  'revoked',
  'aborted',
  'stuck',
];

test('nothing leaves an end state', () => {
  for (const end of ['revoked', 'aborted'] as const)
    for (const next of states) assert.equal(isLegalLeaseMove(end, next), false, `${end} → ${next}`);
});

test('an end can be reached from every state, so no lease is lost', () => {
  for (const start of states) {
    const reached = new Set<LeaseState>([start]);
    for (const from of reached) for (const to of states) if (isLegalLeaseMove(from, to)) reached.add(to);
    assert.ok(reached.has('revoked') || reached.has('aborted'), start);
  }
});

test('a lease whose outcome is not known is never adopted', () => {
  assert.equal(isLegalLeaseMove('unknown', 'active'), false);
});

test('retries spread out, stop growing apart at the longest wait, and never come at once', () => {
  for (const attempts of [0, 1, 5, 20, 1_000]) {
    assert.ok(retryAt(0, attempts, 0) >= 100);
    assert.ok(retryAt(0, attempts, 0.999_999) <= retryMsMax + 100);
  }
});

test('an undelivered lease is looked at when its delivery is due, a delivered one at its end', () => {
  const lease = { createdAt: 0, expiresAt: 60_000 };
  assert.equal(activeUntil(lease, 1_000), 1_000 + deliveryMs);
  assert.equal(activeUntil({ ...lease, deliveredAt: 2_000 }, 1_000), 60_000);
  assert.equal(activeUntil({ ...lease, expiresAt: 3_000 }, 1_000), 3_000);
});
