import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import type { LeaseId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Ledger, LedgerEntry } from '../../services/broker/app/ports/ledger.ts';
import type { Lease } from '../../services/broker/domain/lease.ts';
import type { Store } from '../../services/broker/store/open-store.ts';
import { holder, issueEntry } from '../harness/ledger-entries.ts';
import type { Scope } from '../harness/temp-dir.ts';

/** When these stores' clock stands still. */
export const now = Date.UTC(2026, 10, 22, 8);

/** What every store promises of its reads and claims; `opened` gives a store of its own, which ends with its scope. */
export function describeStoreReads(opened: (scope: Scope) => Promise<Store>): void {
  const many = async (
    ledger: Ledger,
    count: number,
    make: (i: number) => Parameters<typeof issueEntry>[1],
  ) => {
    const entries = Array.from({ length: count }, (_, i) => issueEntry(now + i, make(i)));
    await Promise.all(entries.map((entry) => ledger.commit(entry)));
    return entries.map((entry) => entry.insert);
  };

  test('grants are listed newest first, in pages, by holder, resource and life', async (t) => {
    const store = await opened(t);
    const other = 'spiffe://stint.local/other' as SpiffeId;
    const made = await many(store.ledger, 12, (i) => ({
      grant: { spiffeId: i % 2 === 0 ? holder : other, resource: i % 3 === 0 ? 'r0' : 'r1' },
    }));
    const ids = made.map(({ grant }) => grant.id).reverse();
    const end: LedgerEntry = {
      grant: {
        id: made[11]?.grant.id ?? assert.fail(),
        from: ['active'],
        to: 'expired',
        set: { endedAt: now },
      },
      events: [],
    };
    await store.ledger.commit(end);
    const list = async (filter: object) =>
      (await store.grants.listGrants({ liveOnly: false, limit: 5, ...filter })).map(({ id }) => id);
    assert.deepEqual(await list({}), ids.slice(0, 5));
    assert.deepEqual(await list({ before: ids[4] }), ids.slice(5, 10));
    assert.deepEqual(await list({ before: ids[9] }), ids.slice(10));
    assert.deepEqual(await list({ liveOnly: true }), ids.slice(1, 6));
    const indexOf = (id: string) => ids.length - 1 - ids.indexOf(id as (typeof ids)[number]);
    assert.deepEqual((await list({ spiffeId: holder })).map(indexOf), [10, 8, 6, 4, 2]);
    assert.deepEqual((await list({ resource: 'r0', spiffeId: holder })).map(indexOf), [6, 0]);
  });

  test('what a store that is away cannot read is STORE_UNAVAILABLE, to be tried again', async (t) => {
    const store = await opened(t);
    const [made] = await many(store.ledger, 1, () => ({}));
    const { grant, lease } = made ?? assert.fail();
    await store.close();
    const reads = [
      () => store.grants.findGrant(grant.id),
      () => store.grants.findLease(lease.id),
      () => store.grants.listGrants({ liveOnly: true, limit: 1 }),
      () => store.grants.listEndedEarly([lease.provider], now, undefined, 1),
      () => store.grants.openEntities(lease.provider, [lease.entityName]),
      () => store.grants.nextDueAt([lease.provider], now),
      () => store.grants.countLiveGrants(),
      () => store.grants.listLiveHolders(),
      () => store.grants.countLeasesByState(),
      () => store.outbox.read(1, 1),
      () => store.outbox.findAt(1),
    ];
    for (const read of reads)
      await assert.rejects(
        read(),
        (thrown) => isServiceError(thrown, 'STORE_UNAVAILABLE') && thrown.retryAfterMs !== undefined,
        String(read),
      );
  });

  test('a due lease is claimed by one only, the longest due first, and comes back when the claim ends', async (t) => {
    const store = await opened(t);
    const made = await many(store.ledger, 30, (i) => ({
      lease: { nextAttemptAt: now + i * 1_000, expiresAt: now + 800_000 + i },
    }));
    const providers = [made[0]?.lease.provider ?? assert.fail()];
    const claim = (at: number, limit: number) =>
      store.grants.claimDueLeases({ now: at, providers, othersDueBy: 0, holdMs: 60_000, limit });
    assert.equal(await store.grants.nextDueAt(providers, now), now);
    assert.equal(await store.grants.nextDueAt(providers, now - 1), undefined);
    assert.deepEqual(await claim(now - 1, 10), []);
    const claims = await Promise.all(Array.from({ length: 4 }, () => claim(now + 19_000, 8)));
    const claimed = claims.flat().map(({ lease }) => lease.id);
    assert.equal(claimed.length, 20);
    assert.deepEqual(new Set(claimed), new Set(made.slice(0, 20).map(({ lease }) => lease.id)));
    for (const { grant, lease } of claims.flat()) {
      assert.equal(grant.id, lease.grantId);
      assert.equal(lease.nextAttemptAt, now + 79_000);
    }
    assert.equal(await store.grants.nextDueAt(providers, now + 900_000), now + 20_000);
    assert.equal((await claim(now + 79_000, 100)).length, 30);
  });

  test('a due lease of a provider that the worker has not got is left to the others until it is long overdue', async (t) => {
    const store = await opened(t);
    const made = await many(store.ledger, 4, (i) => ({
      lease: {
        provider: i % 2 === 0 ? 'mine' : 'theirs',
        nextAttemptAt: now + i,
        expiresAt: now + 800_000 + i,
      },
    }));
    const claim = async (providers: string[], othersDueBy: number) => {
      const options = { now: now + 10, providers, othersDueBy, holdMs: 60_000, limit: 10 };
      const claimed = await store.grants.claimDueLeases(options);
      return claimed.map(({ lease }) => made.findIndex((one) => one.lease.id === lease.id));
    };
    assert.equal(await store.grants.nextDueAt(['theirs'], now + 10), now + 1);
    assert.deepEqual(await claim(['mine', 'other'], now), [0, 2]);
    assert.equal(await store.grants.nextDueAt(['mine'], now + 10), undefined);
    assert.equal(await store.grants.nextDueAt([], now + 10), undefined);
    assert.deepEqual(await claim(['mine'], now + 1), [1]);
    assert.deepEqual(await claim([], now), []);
    assert.deepEqual(await claim(['theirs'], now), [3]);
  });

  test('what somebody was in the middle of, or is to try again, is found, and what is at rest is not', async (t) => {
    const store = await opened(t);
    const later = now + 20_000;
    const cases: Record<string, Partial<Lease>> = {
      intent: { state: 'intent', nextAttemptAt: later },
      unknown: { state: 'unknown', nextAttemptAt: later + 1 },
      revoking: { state: 'revoking', nextAttemptAt: later + 2 },
      contained: { state: 'contained', nextAttemptAt: later + 3 },
      'claimed after its end': { state: 'active', expiresAt: now + 20, nextAttemptAt: later + 4 },
      'failed since': { state: 'revoking', attempts: 1, nextAttemptAt: later + 5 },
      stuck: { state: 'stuck', nextAttemptAt: later + 6 },
      'due already': { state: 'intent', nextAttemptAt: now },
      live: { state: 'active', nextAttemptAt: now + 800_000, expiresAt: now + 800_000 },
    };
    const names = Object.keys(cases);
    const made = await many(store.ledger, names.length, (i) => ({ lease: Object.values(cases)[i] ?? {} }));
    const found = async (limit: number) =>
      (await store.grants.listInterrupted(now, limit)).map(
        ({ id }) => names[made.findIndex(({ lease }) => lease.id === id)],
      );
    assert.deepEqual(await found(100), names.slice(0, 7));
    assert.deepEqual(await found(2), names.slice(0, 2));
    const ids = made.slice(0, 8).map(({ lease }) => lease.id);
    await store.grants.makeDue([], now);
    await store.grants.makeDue(ids, now);
    assert.deepEqual(await found(100), []);
    const due = await store.grants.claimDueLeases({
      now,
      providers: [],
      othersDueBy: now,
      holdMs: 60_000,
      limit: 100,
    });
    assert.deepEqual(due.map(({ lease }) => lease.id).toSorted(), ids.toSorted());
  });

  test('what is to be looked at later than it may be is found, the furthest off first', async (t) => {
    const store = await opened(t);
    const than = { undelivered: now + 5_000, intent: now + 30_000, ending: now + 45_000 };
    const cases: readonly (readonly [keyof typeof than, Partial<Lease>])[] = [
      ['undelivered', { state: 'active' }],
      ['intent', { state: 'intent' }],
      ['ending', { state: 'active', expiresAt: now + 20 }],
      ['ending', { state: 'unknown' }],
      ['ending', { state: 'revoking' }],
      ['ending', { state: 'contained' }],
      ['ending', { state: 'stuck' }],
    ];
    const found = async (limit: number) =>
      (await store.grants.listPutOff(than, limit)).map(({ id }) => putOff.indexOf(id));
    const putOff: LeaseId[] = [];
    for (const [i, [kind, about]] of cases.entries()) {
      for (const nextAttemptAt of [than[kind], than[kind] + 1 + i]) {
        const { insert, events } = issueEntry(now, { lease: { ...about, nextAttemptAt } });
        const { deliveredAt: _, ...undelivered } = insert.lease;
        const lease = kind === 'undelivered' ? undelivered : insert.lease;
        await store.ledger.commit({ insert: { ...insert, lease }, events });
        if (nextAttemptAt > than[kind]) putOff.push(lease.id);
      }
    }
    await many(store.ledger, 1, () => ({ lease: { state: 'active', nextAttemptAt: now + 900_000 } }));
    assert.deepEqual(await found(100), [6, 5, 4, 3, 2, 1, 0]);
    assert.deepEqual(await found(2), [6, 5]);
    await store.grants.makeDue(putOff, now + 5_000);
    assert.deepEqual(await found(100), []);
    const [last] = putOff.slice(-1);
    const brought = await store.grants.findLease(last ?? assert.fail());
    assert.equal(brought?.lease.nextAttemptAt, now + 5_000);
  });

  test('names at a target are told apart by whether an open lease has them', async (t) => {
    const store = await opened(t);
    const made = await many(store.ledger, 7, (i) => ({
      lease: { provider: i < 6 ? 'db' : 'other', entityName: `Stint_${'bAcDeFg'[i]}` },
    }));
    await store.ledger.commit({
      lease: {
        id: made[2]?.lease.id ?? assert.fail(),
        from: ['active'],
        to: 'revoked',
        set: { endReason: 'expired', nextAttemptAt: null },
      },
      events: [],
    });
    const names = ['Stint_A', 'Stint_c', 'Stint_g', 'Stint_none'];
    assert.deepEqual([...(await store.grants.openEntities('db', names))], ['Stint_A']);
    assert.deepEqual([...(await store.grants.openEntities('other', names))], ['Stint_g']);
    assert.deepEqual([...(await store.grants.openEntities('db', []))], []);
  });

  test('leases that ended early are listed while their credential would still pass', async (t) => {
    const store = await opened(t);
    const made = await many(store.ledger, 5, (i) => ({
      lease: {
        provider: i < 4 ? 'tokens' : 'other',
        state: i === 2 ? 'intent' : 'active',
        createdAt: now - 9,
        expiresAt: now + i,
      },
    }));
    const end = (i: number, to: 'revoked' | 'aborted'): LedgerEntry => ({
      lease: {
        id: made[i]?.lease.id ?? assert.fail(),
        from: [to === 'aborted' ? 'intent' : 'active'],
        to,
        set: { endReason: 'revoked', nextAttemptAt: null },
      },
      events: [],
    });
    await Promise.all(
      [end(0, 'revoked'), end(1, 'revoked'), end(2, 'aborted'), end(4, 'revoked')].map((entry) =>
        store.ledger.commit(entry),
      ),
    );
    const list = async (providers: string[], after?: (typeof made)[number]['lease']['id']) =>
      (await store.grants.listEndedEarly(providers, now, after, 10)).map(({ id }) =>
        made.findIndex(({ lease }) => lease.id === id),
      );
    assert.deepEqual(await list(['tokens']), [1]);
    assert.deepEqual(await list(['tokens', 'other']), [1, 4]);
    assert.deepEqual(await list(['tokens', 'other'], made[1]?.lease.id), [4]);
    assert.deepEqual(await list([]), []);
  });

  test('open leases are counted by state', async (t) => {
    const store = await opened(t);
    const made = await many(store.ledger, 3, (i) => ({ lease: { state: i === 0 ? 'revoking' : 'active' } }));
    assert.deepEqual(await store.grants.countLeasesByState(), { active: 2, revoking: 1 });
    await store.ledger.commit({
      lease: {
        id: made[0]?.lease.id ?? assert.fail(),
        from: ['revoking'],
        to: 'stuck',
        set: { endReason: 'revoked' },
      },
      events: [],
    });
    assert.deepEqual(await store.grants.countLeasesByState(), { active: 2, stuck: 1 });
  });

  test('live grants are counted as they begin and end, in one commit or in many', async (t) => {
    const store = await opened(t);
    const made = await many(store.ledger, 3, () => ({}));
    assert.equal(await store.grants.countLiveGrants(), 3);
    const end = ({ grant }: (typeof made)[number], to: 'ending' | 'completed') =>
      store.ledger.commit({
        grant: {
          id: grant.id,
          from: ['active', 'ending'],
          to,
          set: to === 'ending' ? {} : { endedAt: now, endReason: 'completed' },
        },
        events: [],
      });
    const both = issueEntry(now);
    const [first, second] = made;
    const outcomes = await Promise.all([
      store.ledger.commit(both),
      end(both.insert, 'completed'),
      end(first ?? assert.fail(), 'ending'),
      end(second ?? assert.fail(), 'completed'),
      end(second ?? assert.fail(), 'completed'),
    ]);
    const [committed, conflict] = ['committed', 'conflict'];
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      [committed, committed, committed, committed, conflict],
    );
    assert.equal(await store.grants.countLiveGrants(), 2);
  });

  test('who holds live grants is listed once each, and no longer when the last has ended', async (t) => {
    const store = await opened(t);
    const [one, two] = ['spiffe://stint.local/one', 'spiffe://stint.local/two'] as SpiffeId[];
    const made = await many(store.ledger, 4, (i) => ({
      grant: { spiffeId: i === 3 ? (two ?? holder) : (one ?? holder), resource: `r${i}` },
    }));
    assert.deepEqual((await store.grants.listLiveHolders()).toSorted(), [one, two]);
    const set = { endedAt: now, endReason: 'completed' } as const;
    await store.ledger.commit({
      grant: { id: made[3]?.grant.id ?? assert.fail(), from: ['active'], to: 'completed', set },
      events: [],
    });
    assert.deepEqual(await store.grants.listLiveHolders(), [one]);
  });
}
