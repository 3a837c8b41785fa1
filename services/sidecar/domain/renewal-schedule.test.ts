import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fits, type LeaseSpan, renewAt, retryRenewalAt } from './renewal-schedule.ts';

const minute = 60_000;
const lease: LeaseSpan = {
  issuedAt: 0,
  expiresAt: 15 * minute,
  hardExpiresAt: 60 * minute,
  renewable: false,
  wantedMs: undefined,
};
const renewable = { ...lease, renewable: true };

test('a caller without a wish is content with a third of the life', () => {
  assert.equal(fits(lease, undefined, 10 * minute), true);
  assert.equal(fits(lease, undefined, 10 * minute + 1), false);
});

test('a lease that is being renewed is given out a little longer', () => {
  const atRenewal = renewAt(renewable) ?? Number.NaN;
  assert.equal(fits(renewable, undefined, atRenewal + 2 * minute), true);
  assert.equal(fits(renewable, undefined, 12.5 * minute + 1), false);
  assert.equal(fits({ ...renewable, hardExpiresAt: 15 * minute }, undefined, 10 * minute + 1), false);
});

test('a caller with a wish gets a lease that lives as long, whatever is left of it', () => {
  assert.equal(fits(lease, minute, 14 * minute), true);
  assert.equal(fits(lease, minute, 14 * minute + 1), false);
});

test('a longer wish is content with less only where as much was asked for before', () => {
  assert.equal(fits(lease, 60 * minute, 0), false, 'an hour was never asked for: it may be had');
  const cut = { ...lease, wantedMs: 60 * minute };
  assert.equal(fits(cut, 60 * minute, minute), true, 'an hour was asked for, and this is what was given');
  assert.equal(fits(cut, 60 * minute, 11 * minute), false, 'but it is nearly over');
  assert.equal(fits({ ...lease, expiresAt: minute, wantedMs: minute }, 60 * minute, 0), false);
});

test('an expired lease fits nobody', () => {
  fc.assert(
    fc.property(fc.nat(), fc.option(fc.integer({ min: 1_000 }), { nil: undefined }), (lateMs, wantedMs) => {
      assert.equal(fits(lease, wantedMs, lease.expiresAt + lateMs), false);
    }),
  );
});

test('a lease that cannot be moved is not renewed', () => {
  assert.equal(renewAt(renewable), 10 * minute);
  assert.equal(renewAt(lease), undefined);
  assert.equal(renewAt({ ...renewable, hardExpiresAt: lease.expiresAt }), undefined);
});

test('retries come before the end, never closer than a second, and stop when there is no time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 0, max: 15 * minute }),
      (failures, now) => {
        const at = retryRenewalAt(lease, failures, now);
        if (lease.expiresAt - now <= 1_000) assert.equal(at, undefined);
        else assert.ok(at !== undefined && at >= now + 1_000 && at <= lease.expiresAt);
      },
    ),
  );
});
