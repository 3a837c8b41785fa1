import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventFaults } from './event-faults.ts';

const sound = {
  policy_sha256: 'a'.repeat(64),
  policies: 3,
  identities: 2,
  resources: 1,
};

test('an event as the table says has no fault', () => {
  assert.deepEqual(eventFaults({ type: 'policy.loaded', data: sound }), []);
  assert.deepEqual(eventFaults({ type: 'policy.loaded', data: { cut: true, whole_bytes: 20_000 } }), []);
});

test('an unknown type, an unknown member, a missing one and one of another form are faults', () => {
  const { policies: _, ...without } = sound;
  const of = (data: Record<string, unknown>, type = 'policy.loaded') => eventFaults({ type, data }).length;
  assert.equal(of(sound, 'policy.lost'), 1);
  assert.equal(of({ ...sound, extra: 1 }), 1);
  assert.equal(of(without), 1);
  assert.equal(of({ ...sound, policies: 1.5 }), 1);
  assert.equal(of({ ...sound, policy_sha256: 'A'.repeat(64) }), 1);
});
