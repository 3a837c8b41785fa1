import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '@stint/common/log.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { MemoryJoinTokenStore } from '../../../../test/fakes/memory-join-token-store.ts';
import { heldClock } from '../../../../test/harness/held-clock.ts';
import { joinTokenKeptMs } from '../../domain/join-token.ts';
import { PurgeJoinTokens } from './purge-join-tokens.ts';

const start = 1_800_000_000_000;
const spiffeId = parseSpiffeId('spiffe://stint.test/ci/deploy');
const log = createLog({ service: 'test', level: 'silent' });

test('join tokens go a week after their end and not before, all of them in a few bounded passes', async () => {
  const store = new MemoryJoinTokenStore();
  const hashOf = (i: number) => i.toString(16).padStart(64, '0');
  for (let i = 0; i < 2_500; i++) {
    const expiresAt = start + (i % 2 === 0 ? 1_000 : 2_000);
    await store.create({ tokenSha256: hashOf(i), spiffeId, createdAt: start, expiresAt });
  }
  await store.spend({ tokenSha256: hashOf(0), publicKeySha256: 'k', now: start });
  const clock = heldClock(start + joinTokenKeptMs + 999);
  const purging = new PurgeJoinTokens({ store, clock, log });
  const passes = async (count: number) => {
    const purged: number[] = [];
    for (let i = 0; i < count; i++) purged.push(await purging.purge());
    return purged;
  };
  assert.deepEqual(await passes(3), [0, 0, 0]);
  clock.advance(1);
  assert.deepEqual(await passes(3), [500, 500, 250]);
  const attempt = { publicKeySha256: 'k', now: clock.now() };
  assert.equal((await store.spend({ ...attempt, tokenSha256: hashOf(0) })).kind, 'unknown');
  assert.equal((await store.spend({ ...attempt, tokenSha256: hashOf(1) })).kind, 'expired');
  clock.advance(1_000);
  assert.deepEqual(await passes(3), [1_000, 250, 0]);
});

test('a store that fails is asked again from the same place', async () => {
  const asked: (string | undefined)[] = [];
  const answers = [
    { purged: 1, next: 'b' },
    undefined,
    { purged: 2, next: undefined },
    { purged: 0, next: 'a' },
  ];
  const store = {
    purge: ({ after }: { after: string | undefined }) => {
      asked.push(after);
      const answer = answers[asked.length - 1];
      return answer === undefined ? Promise.reject(new Error('disk full')) : Promise.resolve(answer);
    },
  };
  const purging = new PurgeJoinTokens({ store, clock: { now: () => start }, log });
  for (const expected of [1, 0, 2, 0]) assert.equal(await purging.purge(), expected);
  assert.deepEqual(asked, [undefined, 'b', 'b', undefined]);
});
