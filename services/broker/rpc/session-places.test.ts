import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { SessionPlaces, sessionsPerIdentityMax } from './session-places.ts';

const [greedy, modest] = [
  parseSpiffeId('spiffe://stint.local/greedy'),
  parseSpiffeId('spiffe://stint.local/modest'),
];

test('an identity with all its sessions open gets no more, shuts nobody else out, and may again when one ends', async () => {
  const places = new SessionPlaces();
  const ends = Array.from({ length: sessionsPerIdentityMax }, () => Promise.withResolvers<void>());
  const sessions = ends.map(({ promise }) => places.hold(greedy, () => promise));
  const opened: string[] = [];
  const open = (spiffeId: typeof greedy) =>
    places.hold(spiffeId, () => {
      opened.push(spiffeId);
      return Promise.resolve();
    });
  await assert.rejects(open(greedy), (error) => isServiceError(error, 'RATE_LIMITED'));
  await open(modest);
  assert.deepEqual(opened, [modest]);
  ends[0]?.reject(new Error('the peer is gone'));
  await assert.rejects(sessions[0] ?? assert.fail(), /the peer is gone/);
  await open(greedy);
  assert.deepEqual(opened, [modest, greedy]);
  for (const { resolve } of ends) resolve();
  await Promise.all(sessions.slice(1));
});
