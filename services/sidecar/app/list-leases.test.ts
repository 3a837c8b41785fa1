import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '@stint/common/ids.ts';
import { type HeldLease, LeaseCache } from '../domain/lease-cache.ts';
import { listLeases, pageBytesMax, pageLeasesMax } from './list-leases.ts';
import type { Access } from './ports.ts';

/** A cache of so many leases, each held once, and a list of it from a place on. */
function listed(count: number, bytes = 100) {
  const cache = new LeaseCache<Access>();
  const add = (expiresAt = 1_000): HeldLease<Access> => {
    const lease: HeldLease<Access> = {
      leaseId: newId('lease', 0),
      grantId: newId('grant', 0),
      key: undefined,
      wantedMs: undefined,
      issuedAt: 0,
      expiresAt,
      hardExpiresAt: 1_000,
      renewable: false,
      bytes,
      access: {} as Access,
    };
    cache.add(lease, 1_000);
    cache.hold(lease.grantId, undefined);
    return lease;
  };
  const leases = Array.from({ length: count }, () => add());
  const page = (after = 0) => {
    const { leases: shown, next } = listLeases({ cache, clock: { now: () => 500 } }, after);
    return { ids: shown.map(({ leaseId }) => leaseId), next };
  };
  return { cache, leases, add, page };
}

test('pages show every lease once, oldest first, also when leases come and go between them', () => {
  const { cache, leases, add, page } = listed(pageLeasesMax + 2);
  const first = page();
  assert.deepEqual(
    first.ids,
    leases.slice(0, pageLeasesMax).map(({ leaseId }) => leaseId),
  );
  for (const { grantId } of leases.slice(0, pageLeasesMax + 1)) cache.release(grantId, undefined);
  const late = add();
  assert.deepEqual(page(first.next), { ids: [leases.at(-1)?.leaseId, late.leaseId], next: undefined });
  assert.deepEqual(page(Number.MAX_SAFE_INTEGER), { ids: [], next: undefined });
});

test('a page that is just full is the last when nothing alive comes after it', () => {
  const { add, page } = listed(pageLeasesMax);
  add(500);
  assert.equal(page().ids.length, pageLeasesMax);
  assert.equal(page().next, undefined);
});

test('large leases make shorter pages, never an empty one', () => {
  const { page } = listed(3, pageBytesMax);
  let { ids, next } = page();
  for (let pages = 1; pages < 3; pages++) {
    assert.equal(ids.length, 1);
    ({ ids, next } = page(next));
  }
  assert.deepEqual([ids.length, next], [1, undefined]);
});
