import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { boundLifetime, type LifetimeBounds } from './lifetime.ts';

const now = 1_800_000_000_000;
const bounds: LifetimeBounds = {
  wantedMs: undefined,
  profileDefaultMs: 300_000,
  profileMaxMs: 900_000,
  policyMaxMs: 600_000,
  svidExpiresAt: now + 3_600_000,
  renewable: false,
  now,
};

test('without a wish the profile decides', () => {
  assert.deepEqual(boundLifetime(bounds), {
    kind: 'granted',
    grantExpiresAt: now + 300_000,
    leaseExpiresAt: now + 300_000,
    clampedBy: [],
  });
});

test('what shortens a wish is named', () => {
  const lifetime = boundLifetime({ ...bounds, wantedMs: 900_000, svidExpiresAt: now + 700_000 });
  assert.deepEqual(lifetime, {
    kind: 'granted',
    grantExpiresAt: now + 600_000,
    leaseExpiresAt: now + 600_000,
    clampedBy: ['policy', 'svid'],
  });
});

test('a renewable lease may be short while its grant is long', () => {
  const lifetime = boundLifetime({ ...bounds, renewable: true, wantedMs: 60_000 });
  assert.deepEqual(lifetime, {
    kind: 'granted',
    grantExpiresAt: now + 600_000,
    leaseExpiresAt: now + 60_000,
    clampedBy: [],
  });
});

for (const wantedMs of [0, -1, 999, 900_001, Number.NaN]) {
  test(`a wish for ${wantedMs} ms is refused, not cut`, () => {
    assert.deepEqual(boundLifetime({ ...bounds, wantedMs }), { kind: 'out_of_range', maxMs: 900_000 });
  });
}

test('no lease outlives its grant, its SVID, its profile or policy', () => {
  const ms = fc.integer({ min: 1_000, max: 86_400_000 });
  const asked = fc.record({
    wantedMs: ms,
    profileMaxMs: ms,
    policyMaxMs: ms,
    svidMs: ms,
    renewable: fc.boolean(),
  });
  fc.assert(
    fc.property(asked, ({ svidMs, ...wish }) => {
      const lifetime = boundLifetime({ ...bounds, ...wish, svidExpiresAt: now + svidMs });
      if (lifetime.kind === 'out_of_range') return wish.wantedMs > wish.profileMaxMs;
      const { leaseExpiresAt, grantExpiresAt } = lifetime;
      const longest = now + Math.min(wish.profileMaxMs, wish.policyMaxMs);
      return (
        leaseExpiresAt <= Math.min(grantExpiresAt, now + svidMs, now + wish.wantedMs) &&
        grantExpiresAt <= longest
      );
    }),
  );
});
