import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import fc from 'fast-check';
import { cacheKey, type HeldLease, LeaseCache } from './lease-cache.ts';

type Lease = HeldLease<string>;

function lease(n: number, more: Partial<Lease> = {}): Lease {
  return {
    leaseId: `lse_${n}` as LeaseId,
    grantId: `grt_${n}` as GrantId,
    key: `key ${n % 3}`,
    wantedMs: undefined,
    issuedAt: 0,
    expiresAt: 90,
    hardExpiresAt: 90,
    renewable: false,
    bytes: 2 ** n,
    access: `secret ${n}`,
    ...more,
  };
}

/** What may happen to the cache, at random. Grants are 0 to 5, holders two sessions and the unnamed. */
const grantNumber = fc.integer({ min: 0, max: 5 });
const holder = fc.constantFrom('one', 'two', undefined);
const happening = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    grant: grantNumber,
    lifeMs: fc.integer({ min: 1, max: 50 }),
  }),
  fc.record({ kind: fc.constant('hold' as const), grant: grantNumber, holder }),
  fc.record({ kind: fc.constant('release' as const), grant: grantNumber, holder }),
  fc.record({ kind: fc.constant('end session' as const), session: fc.constantFrom('one', 'two') }),
  fc.record({ kind: fc.constant('evict' as const), grant: grantNumber }),
  fc.record({ kind: fc.constant('pass time' as const), ms: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ kind: fc.constant('find' as const), key: fc.integer({ min: 0, max: 2 }) }),
);

const unclaimedMs = 5;

/** The same as the cache should be, said as simply as can be. */
type Model = Map<
  number,
  { sessions: Set<string>; unnamed: number; until: number | undefined; expiresAt: number }
>;

test('no lease is given up while held, none stays without a holder, none is served when expired', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      const cache = new LeaseCache<string>();
      const model: Model = new Map();
      let now = 0;
      const isHeld = (grant: number) => {
        const held = model.get(grant);
        return held !== undefined && (held.sessions.size > 0 || held.unnamed > 0);
      };
      const numberOf = (given: { grantId: string }) => Number(given.grantId.slice(4));
      for (const what of happenings) {
        switch (what.kind) {
          case 'add': {
            const known = model.get(what.grant);
            const span = { issuedAt: now, expiresAt: now + what.lifeMs, hardExpiresAt: now + what.lifeMs };
            cache.add(lease(what.grant, span), now + unclaimedMs);
            model.set(what.grant, {
              sessions: known?.sessions ?? new Set(),
              unnamed: known?.unnamed ?? 0,
              until: isHeld(what.grant) ? undefined : now + unclaimedMs,
              expiresAt: span.expiresAt,
            });
            break;
          }
          case 'hold': {
            const known = model.get(what.grant);
            assert.equal(cache.hold(lease(what.grant).grantId, what.holder), known !== undefined);
            if (known === undefined) break;
            known.until = undefined;
            if (what.holder === undefined) known.unnamed += 1;
            else known.sessions.add(what.holder);
            break;
          }
          case 'release': {
            const known = model.get(what.grant);
            const wasHolder =
              known !== undefined &&
              (what.holder === undefined ? known.unnamed > 0 : known.sessions.delete(what.holder));
            if (known !== undefined && wasHolder && what.holder === undefined) known.unnamed -= 1;
            const { kind } = cache.release(lease(what.grant).grantId, what.holder);
            const isLast = wasHolder && !isHeld(what.grant);
            assert.equal(kind, known === undefined ? 'unknown' : isLast ? 'last' : 'still_held');
            if (isLast) model.delete(what.grant);
            break;
          }
          case 'end session': {
            const last: number[] = [];
            for (const [grant, known] of [...model]) {
              if (!known.sessions.delete(what.session) || isHeld(grant)) continue;
              last.push(grant);
              model.delete(grant);
            }
            assert.deepEqual(cache.releaseSession(what.session).map(numberOf).sort(), last.sort());
            break;
          }
          case 'evict': {
            const known = model.get(what.grant);
            const evicted = cache.evict(lease(what.grant).leaseId);
            assert.deepEqual(evicted?.sessions.toSorted(), known && [...known.sessions].sort());
            model.delete(what.grant);
            break;
          }
          case 'pass time': {
            now += what.ms;
            const { expired, unclaimed } = cache.sweep(now);
            for (const { lease: gone } of expired)
              assert.ok((model.get(numberOf(gone))?.expiresAt ?? 0) <= now);
            for (const gone of unclaimed) {
              assert.ok(!isHeld(numberOf(gone)), 'given up while held');
              assert.ok((model.get(numberOf(gone))?.until ?? Number.POSITIVE_INFINITY) <= now);
            }
            for (const gone of [...expired.map((one) => one.lease), ...unclaimed])
              model.delete(numberOf(gone));
            for (const known of model.values())
              assert.ok(known.expiresAt > now && (known.until ?? now + 1) > now);
            break;
          }
          case 'find': {
            const found = cache.find(`key ${what.key}`, undefined, now);
            if (found === undefined) break;
            assert.ok(found.expiresAt > now, 'served when expired');
            assert.equal(found.key, `key ${what.key}`);
            assert.ok(model.has(numberOf(found)), 'served after it was given up');
            break;
          }
        }
        const held = [...cache.list()].map((one) => [numberOf(one.lease), one.holders]);
        const expected = [...model].map(([grant, { sessions, unnamed }]) => [grant, sessions.size + unnamed]);
        assert.deepEqual(held.toSorted(), expected.toSorted());
        assert.equal(cache.size, model.size);
        const bytes = [...model.keys()].reduce((sum, grant) => sum + lease(grant).bytes, 0);
        assert.equal(cache.bytes, bytes);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('two questions share a key exactly when all their parts are equal', () => {
  const entries = fc.dictionary(
    fc.constantFrom('a', 'b', 'ab', 'c'),
    fc.constantFrom('', 'a', 'b', '","', '\\'),
  );
  const word = fc.constantFrom('', 'a', 'b', 'a","b', '[', ']');
  const question = fc.record({ resource: word, action: word, parameters: entries, context: entries });
  fc.assert(
    fc.property(question, question, (left, right) => {
      const sorted = (map: Record<string, string>) => Object.entries(map).sort();
      const parts = (of: typeof left) => [of.resource, of.action, sorted(of.parameters), sorted(of.context)];
      const areEqual = JSON.stringify(parts(left)) === JSON.stringify(parts(right));
      assert.equal(cacheKey(left) === cacheKey(right), areEqual);
    }),
  );
  const context = { a: '1', b: '2' };
  const base = { resource: 'r', action: 'a', parameters: {} };
  assert.equal(cacheKey({ ...base, context }), cacheKey({ ...base, context: { b: '2', a: '1' } }));
});

test('a lease without a key is nobody else’s', () => {
  const cache = new LeaseCache<string>();
  cache.add(lease(0, { key: undefined }), 5);
  assert.equal(cache.find('key 0', undefined, 1), undefined);
});

test('the newest lease answers its key, and an older one stays with its holders', () => {
  const cache = new LeaseCache<string>();
  cache.add(lease(0), 5);
  cache.hold(lease(0).grantId, 'one');
  cache.add(lease(3), 5);
  assert.equal(cache.find('key 0', undefined, 1)?.grantId, 'grt_3');
  cache.evict(lease(0).leaseId);
  assert.equal(
    cache.find('key 0', undefined, 1)?.grantId,
    'grt_3',
    'its going does not take the newer one away',
  );
});

test('a renewal is asked for once, at two thirds, and again after a failure', () => {
  const cache = new LeaseCache<string>();
  const renewable = lease(0, { expiresAt: 90_000, hardExpiresAt: 900_000, renewable: true });
  cache.add(renewable, 5);
  cache.hold(renewable.grantId, 'one');
  assert.equal(cache.sweep(59_999).toRenew.length, 0);
  assert.equal(cache.sweep(60_000).toRenew.length, 1);
  assert.equal(cache.sweep(60_000).toRenew.length, 0);
  cache.renewalFailed(renewable.leaseId, { isFinal: false, now: 60_000 });
  assert.equal(cache.sweep(60_999).toRenew.length, 0);
  assert.equal(cache.sweep(61_000).toRenew.length, 1);
  assert.deepEqual(cache.renewed({ ...renewable, issuedAt: 61_000, expiresAt: 151_000 }), ['one']);
  assert.equal(cache.sweep(120_999).toRenew.length, 0);
  assert.equal(cache.sweep(121_000).toRenew.length, 1);
  cache.renewalFailed(renewable.leaseId, { isFinal: true, now: 121_000 });
  assert.equal(cache.sweep(150_999).toRenew.length, 0);
  assert.deepEqual(
    cache.sweep(151_000).expired.map(({ sessions }) => sessions),
    [['one']],
  );
});
