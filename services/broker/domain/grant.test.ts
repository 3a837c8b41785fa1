import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endState, type GrantState, isLegalGrantMove } from './grant.ts';
import type { EndReason } from './lease.ts';

const ends = ['completed', 'revoked', 'expired', 'failed'] as const satisfies readonly GrantState[];
const states: readonly GrantState[] = ['active', 'ending', ...ends];

test('nothing leaves an end, and what is ending never lives again', () => {
  for (const end of ends)
    for (const next of states) assert.equal(isLegalGrantMove(end, next), false, `${end} → ${next}`);
  assert.equal(isLegalGrantMove('ending', 'active'), false);
});

test('whatever the reason, a grant that lives or is ending can end for it', () => {
  const reasons: Readonly<Record<EndReason, (typeof ends)[number]>> = {
    completed: 'completed',
    abandoned: 'completed',
    expired: 'expired',
    revoked: 'revoked',
    suspended: 'revoked',
    undelivered: 'revoked',
    creation_failed: 'failed',
    outcome_unknown: 'failed',
  };
  for (const [reason, end] of Object.entries(reasons)) {
    assert.equal(endState(reason as EndReason), end);
    for (const from of ['active', 'ending'] as const) assert.ok(isLegalGrantMove(from, end));
  }
});
