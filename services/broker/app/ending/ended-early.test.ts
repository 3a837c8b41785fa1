import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grantAndLease } from '../../../../test/harness/ledger-entries.ts';
import type { Lease } from '../../domain/lease.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import { endedEarly, endedLeasesMax } from './ended-early.ts';

const now = Date.UTC(2026, 10, 22);

/** The pages that come of a store with so many leases, and how often the store was read. */
async function pagesOf(count: number): Promise<{ pages: string[][]; reads: number; all: string[] }> {
  const leases: Lease[] = Array.from(
    { length: count },
    () => grantAndLease(now, { lease: { state: 'revoked', endReason: 'revoked' } }).lease,
  ).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  let reads = 0;
  const store: Pick<GrantStore, 'listEndedEarly'> = {
    listEndedEarly: (...[, , after, limit]) => {
      reads++;
      return Promise.resolve(leases.filter(({ id }) => after === undefined || id > after).slice(0, limit));
    },
  };
  const pages: string[][] = [];
  for await (const page of endedEarly({ store, providers: new Map(), clock: { now: () => now } }))
    pages.push(page.map(({ id }) => id));
  return { pages, reads, all: leases.map(({ id }) => id) };
}

test('what ended early comes whole, each once, in pages that one message takes, and none of them is empty', async () => {
  for (const [count, sizes] of [
    [0, []],
    [1, [1]],
    [endedLeasesMax, [endedLeasesMax]],
    [endedLeasesMax + 1, [endedLeasesMax, 1]],
  ] as const) {
    const { pages, all } = await pagesOf(count);
    assert.deepEqual(
      pages.map(({ length }) => length),
      sizes,
    );
    assert.deepEqual(pages.flat(), all);
  }
});

test('a page that is not full is the last: the store is not asked again', async () => {
  assert.equal((await pagesOf(endedLeasesMax - 1)).reads, 1);
});
