import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TargetStatus__Output } from '@stint/common/gen/stint/broker/v1/TargetStatus.ts';
import { toTimestamp } from '@stint/common/proto-time.ts';
import { targetJson, targetRow } from './target-view.ts';

const now = 1_800_000_000_000;
const unasked: TargetStatus__Output = {
  provider: 'orders-db',
  kind: 'postgres',
  state: 'unasked',
  since: null,
  lastAskedAt: null,
  lastFailure: '',
  lastFailureAt: null,
};
const answers = {
  ...unasked,
  state: 'answers',
  since: toTimestamp(now - 180_000),
  lastAskedAt: toTimestamp(now - 12_000),
};
const fault = {
  lastFailure: 'it cannot be reached (ECONNREFUSED)',
  lastFailureAt: toTimestamp(now - 12_000),
};
const away = { ...answers, ...fault, state: 'away' };

test('a target is up, unwell with the reason, or unknown until it was asked', () => {
  assert.deepEqual(targetRow(unasked, now), [
    'target',
    { text: 'unknown', paint: 'dim' },
    'orders-db',
    'postgres, not asked yet: the broker asks every target once a minute',
  ]);
  assert.deepEqual(targetRow(answers, now).slice(1), [
    { text: 'up', paint: 'green' },
    'orders-db',
    'has answered for 3m; postgres, last asked 12s ago',
  ]);
  assert.deepEqual(targetRow(away, now).slice(1), [
    { text: 'unwell', paint: 'yellow' },
    'orders-db',
    'away for 3m: it cannot be reached (ECONNREFUSED); postgres, last asked 12s ago',
  ]);
});

test('programs get every key, null for what is absent, and the last failure of a target that is back', () => {
  assert.deepEqual(targetJson(unasked), {
    provider: 'orders-db',
    kind: 'postgres',
    state: 'unknown',
    since: null,
    last_asked_at: null,
    last_failure: null,
    last_failure_at: null,
  });
  assert.partialDeepStrictEqual(targetJson({ ...answers, ...fault }), {
    state: 'up',
    since: '2027-01-15T07:57:00.000Z',
    last_asked_at: '2027-01-15T07:59:48.000Z',
    last_failure: 'it cannot be reached (ECONNREFUSED)',
    last_failure_at: '2027-01-15T07:59:48.000Z',
  });
});
