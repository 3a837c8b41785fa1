import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { type JoinTokenStore, joinTokenReplayMs } from '../../services/broker/domain/join-token.ts';

const spiffeId = parseSpiffeId('spiffe://stint.test/ci/deploy');
const start: UnixMs = 1_800_000_000_000;
const ttlMs = 600_000;

/** A store under test. `open` may give the same store each time: tokens are fresh in every case. */
export type JoinTokenStoreUnderTest = {
  readonly name: string;
  readonly open: () => Promise<JoinTokenStore> | JoinTokenStore;
};

/** What every join token store guarantees. */
export function joinTokenStoreContract({ name, open }: JoinTokenStoreUnderTest): void {
  const hash = () => randomBytes(32).toString('hex');
  const withToken = async () => {
    const store = await open();
    const tokenSha256 = hash();
    await store.create({ tokenSha256, spiffeId, createdAt: start, expiresAt: start + ttlMs });
    const spend = (publicKeySha256: string, now: UnixMs) =>
      store.spend({ tokenSha256, publicKeySha256, now });
    return { store, tokenSha256, spend };
  };

  describe(`join token store: ${name}`, () => {
    it('spends a token once, for the identity it was made for', async () => {
      const { spend } = await withToken();
      assert.deepEqual(await spend(hash(), start + 1), { kind: 'spent', spiffeId });
      assert.deepEqual(await spend(hash(), start + 2), { kind: 'used', spiffeId });
    });

    it('gives a repeat with the same key the same answer for a minute, and no longer', async () => {
      const { spend } = await withToken();
      const key = hash();
      assert.equal((await spend(key, start)).kind, 'spent');
      assert.deepEqual(await spend(key, start + 1), { kind: 'replayed', spiffeId });
      assert.equal((await spend(key, start + joinTokenReplayMs)).kind, 'replayed');
      assert.deepEqual(await spend(key, start + joinTokenReplayMs + 1), { kind: 'used', spiffeId });
    });

    it('answers a repeat also when the token has expired since it was spent', async () => {
      const { spend } = await withToken();
      const key = hash();
      assert.equal((await spend(key, start + ttlMs - 1)).kind, 'spent');
      assert.equal((await spend(key, start + ttlMs + 1)).kind, 'replayed');
    });

    it('refuses another key as soon as the token is spent', async () => {
      const { spend } = await withToken();
      const key = hash();
      await spend(key, start);
      assert.equal((await spend(hash(), start)).kind, 'used');
      assert.equal(
        (await spend(key, start)).kind,
        'replayed',
        "a stranger's attempt changes nothing for the holder",
      );
    });

    it('refuses an expired token, from its very last millisecond on, and leaves it unspent', async () => {
      const { spend } = await withToken();
      const key = hash();
      assert.deepEqual(await spend(key, start + ttlMs), { kind: 'expired', spiffeId });
      assert.equal((await spend(key, start + ttlMs - 1)).kind, 'spent');
    });

    it('does not know what it never made', async () => {
      const { store } = await withToken();
      const attempt = { tokenSha256: hash(), publicKeySha256: hash(), now: start };
      assert.deepEqual(await store.spend(attempt), { kind: 'unknown' });
    });

    it('lets exactly one of fifty attempts at once win', async () => {
      const { spend } = await withToken();
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => spend(hash(), start)));
      assert.equal(outcomes.filter(({ kind }) => kind === 'spent').length, 1);
      assert.equal(outcomes.filter(({ kind }) => kind === 'used').length, 49);
    });

    it('makes one of fifty attempts at once with one key the first, and the rest its repeats', async () => {
      const { spend } = await withToken();
      const key = hash();
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => spend(key, start)));
      assert.equal(outcomes.filter(({ kind }) => kind === 'spent').length, 1);
      assert.equal(outcomes.filter(({ kind }) => kind === 'replayed').length, 49);
    });

    it('purges those of a page that have ended, used or not, and goes through all page by page', async () => {
      const store = await open();
      const made = Array.from({ length: 5 }, () => hash()).toSorted();
      for (const [i, tokenSha256] of made.entries()) {
        const expiresAt = i === 2 ? start + 2 * ttlMs : start + ttlMs;
        await store.create({ tokenSha256, spiffeId, createdAt: start, expiresAt });
      }
      const spend = (i: number) =>
        store.spend({ tokenSha256: made[i] ?? assert.fail(), publicKeySha256: 'k', now: start });
      await spend(1);
      // Other cases' tokens stand among these.
      const throughAll = async (endedBy: UnixMs) => {
        let after: string | undefined;
        do ({ next: after } = await store.purge({ endedBy, after, limit: 2 }));
        while (after !== undefined);
      };
      await throughAll(start + ttlMs - 1);
      assert.equal((await spend(1)).kind, 'replayed');
      await throughAll(start + ttlMs);
      const outcomes = await Promise.all(Array.from(made, (_, i) => spend(i)));
      const kinds = outcomes.map(({ kind }) => kind);
      assert.deepEqual(kinds, ['unknown', 'unknown', 'spent', 'unknown', 'unknown']);
    });

    it('keeps tokens apart', async () => {
      const one = await withToken();
      const two = await withToken();
      const key = hash();
      assert.equal((await one.spend(key, start)).kind, 'spent');
      assert.equal((await two.spend(key, start)).kind, 'spent');
    });
  });
}
