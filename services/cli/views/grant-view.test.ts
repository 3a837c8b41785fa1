import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Grant__Output } from '@stint/common/gen/stint/broker/v1/Grant.ts';
import type { Lease__Output } from '@stint/common/gen/stint/broker/v1/Lease.ts';
import { toTimestamp } from '@stint/common/proto-time.ts';
import { createPainter } from '../terminal/colors.ts';
import { endedBeforeText, grantJson, grantTable, grantText, releasedText } from './grant-view.ts';

const now = 1_800_000_000_000;
const paint = createPainter(false);

const live: Grant__Output = {
  id: 'grt_1',
  requestId: 'req_1',
  spiffeId: 'spiffe://stint.local/job',
  resource: 'db',
  action: 'read',
  state: 'active',
  decidedAt: toTimestamp(now - 60_000),
  expiresAt: toTimestamp(now + 600_000),
  ruleIds: [],
  policySha256: 'aa',
  clampedBy: [],
  justification: 'report',
  endReason: '',
  endedAt: null,
  traceId: '0af7651916cd43dd8448eb211c80319c',
};
const ended = { ...live, state: 'revoked', endReason: 'revoked', endedAt: toTimestamp(now - 5_000) };

test('a grant that has ended says when, and no more when it would have', () => {
  const text = grantText({ grant: ended, leases: [] }, now, paint);
  assert.match(text, /\nended +5s ago \(/);
  assert.doesNotMatch(text, /\nends |in 10m/);
  assert.match(grantText({ grant: live, leases: [] }, now, paint), /\nends +in 10m \(/);
});

test('a list tells when grants ended, and why where the state does not', () => {
  const abandoned = { ...ended, state: 'completed', endReason: 'abandoned' };
  const ending = { ...ended, state: 'ending', endedAt: null };
  const [, ...lines] = grantTable([live, ended, abandoned, ending], now, paint).trimEnd().split('\n');
  const ends = lines.map((line) => /job +(.*?) +report/.exec(line)?.[1]);
  assert.deepEqual(ends, ['in 10m', '5s ago', '5s ago, abandoned', 'not yet (revoked)']);
});

test('request and trace lead from a grant to its records and spans; absent ones are null', () => {
  assert.match(
    grantText({ grant: live, leases: [] }, now, paint),
    /request +req_1\ntrace +0af7651916cd43dd8448eb211c80319c\n/,
  );
  const json = grantJson({ ...live, traceId: '' }) as Record<string, unknown>;
  assert.equal(json['trace_id'], null);
  assert.equal(json['ended_at'], null);
});

test('whoever ends a grant again learns when and why it ended', () => {
  assert.match(
    endedBeforeText({ ...ended, endReason: 'completed' }, now),
    /^grt_1 had ended already, 5s ago \(.*\): completed; nothing was changed, and the reason given now is not recorded$/,
  );
  assert.match(endedBeforeText({ ...ended, state: 'ending' }, now), /^grt_1 was ending already: revoked; /);
});

test('a grant is called released only once nobody can use its credential', () => {
  const lease: Lease__Output = {
    id: 'lse_1',
    grantId: 'grt_1',
    provider: 'db',
    entityName: 'stint_b1_1',
    state: 'revoked',
    expiresAt: toTimestamp(now + 60_000),
    hardExpiresAt: toTimestamp(now + 600_000),
    renewable: true,
    containedAt: toTimestamp(now),
    revokedAt: toTimestamp(now),
    lastError: '',
    attempts: 0,
  };
  const revoking = { ...lease, state: 'revoking', containedAt: null, revokedAt: null };
  const firstLine = (leases: readonly Lease__Output[], { completed = true, endReason = '' } = {}) => {
    const grant = { ...live, endReason, endedAt: toTimestamp(now - 2_000) };
    return releasedText({ grantId: 'grt_1', completed, grant, leases }, now, paint).split('\n')[0];
  };
  assert.equal(firstLine([]), 'released grt_1');
  assert.equal(firstLine([lease]), 'released grt_1');
  assert.equal(firstLine([lease, revoking]), 'given back, and not ended yet: grt_1');
  assert.equal(firstLine([lease], { endReason: 'completed' }), 'released grt_1');
  assert.equal(
    firstLine([lease], { endReason: 'revoked' }),
    'grt_1 had ended before, 2s ago: revoked; there was nothing left to give back',
  );
  assert.equal(firstLine([revoking], { endReason: 'revoked' }), 'given back, and not ended yet: grt_1');
  assert.equal(firstLine([], { completed: false }), 'others still hold grt_1; it ends when they release it');
});
