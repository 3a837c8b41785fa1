import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSpiffeId } from '../spiffe-id.ts';
import { IdentityPlaces } from './identity-places.ts';

const [greedy, modest] = [
  parseSpiffeId('spiffe://stint.local/greedy'),
  parseSpiffeId('spiffe://stint.local/modest'),
];

const perIdentityMax = 1_000;

test('an identity with all its places taken gets no more, shuts nobody else out, and may again when one is free', async () => {
  const places = new IdentityPlaces({ what: 'sessions', perIdentityMax, retryAfterMs: 5_000 });
  const ends = Array.from({ length: perIdentityMax }, () => Promise.withResolvers<void>());
  const sessions = ends.map(({ promise }) => places.hold(greedy, () => promise));
  const opened: string[] = [];
  const open = (spiffeId: typeof greedy) =>
    places.hold(spiffeId, () => {
      opened.push(spiffeId);
      return Promise.resolve();
    });
  await assert.rejects(open(greedy), {
    reason: 'RATE_LIMITED',
    retryAfterMs: 5_000,
    metadata: { sessions_max: '1000' },
  });
  await open(modest);
  assert.deepEqual(opened, [modest]);
  ends[0]?.reject(new Error('the peer is gone'));
  await assert.rejects(sessions[0] ?? assert.fail(), /the peer is gone/);
  await open(greedy);
  assert.deepEqual(opened, [modest, greedy]);
  for (const { resolve } of ends) resolve();
  await Promise.all(sessions.slice(1));
});

test('identities that together take all they may leave room for others, which is theirs alone', async () => {
  const inAllMax = 8;
  const places = new IdentityPlaces({ what: 'tails', perIdentityMax: 4, inAllMax, retryAfterMs: 5_000 });
  const end = Promise.withResolvers<void>();
  const under: Promise<void>[] = [];
  const idOf = (name: string) => parseSpiffeId(`spiffe://stint.local/${name}`);
  const take = (name: string) => under.push(places.hold(idOf(name), () => end.promise));
  const refused = { reason: 'RATE_LIMITED', retryAfterMs: 5_000, metadata: { tails_in_all_max: '8' } };
  for (const name of ['greedy', 'greedy', 'grasping', 'grasping']) take(name);
  const second = places.hold(greedy, () => end.promise);
  await assert.rejects(second, { ...refused, message: /the room left is for identities that have none/ });
  for (const name of ['a', 'b', 'c', 'd']) take(name);
  const late = () => places.hold(modest, () => Promise.resolve());
  await assert.rejects(late(), { ...refused, message: /all identities together have 8 tails/ });
  end.resolve();
  await Promise.all(under);
  for (let i = 0; i < inAllMax; i++) await late();
});
