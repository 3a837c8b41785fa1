import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { grantAndLease } from '../../../../test/harness/ledger-entries.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import { getGrant } from './get-grant.ts';
import { listGrants } from './list-grants.ts';

const now = Date.UTC(2026, 10, 22);

/** A store of so many grants, newest first, as a ledger's is read. */
function storeOf(count: number) {
  const grants = Array.from({ length: count }, () => grantAndLease(now).grant).toSorted((a, b) =>
    a.id < b.id ? 1 : -1,
  );
  const store: Pick<GrantStore, 'findGrant' | 'listGrants'> = {
    findGrant: (id) => {
      const grant = grants.find((one) => one.id === id);
      return Promise.resolve(grant && { grant, leases: [] });
    },
    listGrants: ({ before, limit }) =>
      Promise.resolve(grants.filter(({ id }) => before === undefined || id < before).slice(0, limit)),
  };
  return { store, grants };
}

const every = { liveOnly: false };

test('pages follow one another without a gap or a repeat, and the last one says that it is', async () => {
  const { store, grants } = storeOf(6);
  const first = await listGrants(store, { ...every, pageSize: 3 });
  assert.ok(first.last);
  const second = await listGrants(store, { ...every, pageSize: 3, before: first.last });
  assert.equal(second.last, undefined);
  assert.deepEqual([...first.grants, ...second.grants], grants);
});

test('a page has 50 grants unless told otherwise, and 500 at most: more is refused', async () => {
  const { store } = storeOf(501);
  assert.equal((await listGrants(store, { ...every, pageSize: 0 })).grants.length, 50);
  assert.equal((await listGrants(store, { ...every, pageSize: 500 })).grants.length, 500);
  await assert.rejects(
    listGrants(store, { ...every, pageSize: 501 }),
    (error) => isServiceError(error) && error.reason === 'INVALID_FIELD',
  );
});

test('a grant is found whoever holds it; one that is not there is refused', async () => {
  const { store, grants } = storeOf(1);
  const [grant] = grants;
  assert.ok(grant);
  assert.equal((await getGrant(store, grant.id)).grant, grant);
  await assert.rejects(
    getGrant(store, grantAndLease(now).grant.id),
    (error) => isServiceError(error) && error.reason === 'GRANT_NOT_FOUND',
  );
});
