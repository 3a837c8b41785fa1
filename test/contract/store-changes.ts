import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  GrantChange,
  LeaseChange,
  LeaseFact,
  LedgerEntry,
} from '../../services/broker/app/ports/ledger.ts';
import type { Grant } from '../../services/broker/domain/grant.ts';
import type { Lease, MutableLeaseMember } from '../../services/broker/domain/lease.ts';
import type { Store } from '../../services/broker/store/open-store.ts';
import { grantAndLease, issueEntry } from '../harness/ledger-entries.ts';
import type { Scope } from '../harness/temp-dir.ts';
import { now } from './store-reads.ts';

/** What every store promises of changes; `opened` gives a store of its own, which ends with its scope. */
export function describeStoreChanges(opened: (scope: Scope) => Promise<Store>): void {
  test('what was changed is told as it was left, also when another entry of the commit changes it again', async (t) => {
    const store = await opened(t);
    const { insert } = issueEntry(now, { lease: { handle: { oid: '16384' }, lastError: '08006' } });
    assert.deepEqual(await store.ledger.commit({ insert, events: [] }), { kind: 'committed' });
    const [changed, again] = await Promise.all([
      store.ledger.commit({
        lease: { id: insert.lease.id, from: ['active'], to: 'revoking', set: { lastError: null } },
        grant: { id: insert.grant.id, from: ['active'], to: 'ending', set: { endReason: 'revoked' } },
        events: [],
      }),
      store.ledger.commit({
        lease: { id: insert.lease.id, from: ['revoking'], set: { attempts: 1 } },
        events: [],
      }),
    ]);
    const { lastError: _, ...revoking } = { ...insert.lease, state: 'revoking' };
    const grant = { ...insert.grant, state: 'ending', endReason: 'revoked' };
    assert.deepEqual(changed, { kind: 'committed', lease: revoking, grant });
    assert.deepEqual(again, { kind: 'committed', lease: { ...revoking, attempts: 1 } });
    assert.deepEqual(await store.grants.findLease(insert.lease.id), {
      grant,
      lease: { ...revoking, attempts: 1 },
    });
  });

  test('a move that its state machine does not have is refused, whatever the row, and its neighbours stand', async (t) => {
    const store = await opened(t);
    const { insert, events } = issueEntry(now);
    const { lease, grant } = insert;
    const results = await Promise.allSettled(
      (
        [
          { insert, events },
          { lease: { id: lease.id, from: ['active'], to: 'contained', set: {} }, events: [] },
          { lease: { id: lease.id, from: ['active', 'revoked'], to: 'revoking', set: {} }, events: [] },
          { grant: { id: grant.id, from: ['completed'], to: 'active', set: {} }, events: [] },
          { lease: { id: lease.id, from: ['active'], to: 'revoking', set: {} }, events: [] },
        ] satisfies LedgerEntry[]
      ).map((entry: LedgerEntry) => store.ledger.commit(entry)),
    );
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? result.value.kind : result.reason.reason)),
      ['committed', 'INTERNAL', 'INTERNAL', 'INTERNAL', 'committed'],
    );
    assert.equal((await store.grants.findLease(lease.id))?.lease.state, 'revoking');
    assert.equal((await store.grants.findGrant(grant.id))?.grant.state, 'active');
  });

  test('a change that a lease must be expired for, or undelivered, asks the row as its commit meets it', async (t) => {
    const store = await opened(t);
    const made = issueEntry(now - 1, { lease: { expiresAt: now } });
    const { deliveredAt: _, ...lease } = made.insert.lease;
    const insert = { ...made.insert, lease };
    const { events } = made;
    const end = (onlyIf: LeaseFact): LedgerEntry => ({
      lease: { id: lease.id, from: ['active'], set: { lastError: onlyIf }, onlyIf },
      grant: { id: insert.grant.id, from: ['active'], set: { endReason: onlyIf } },
      events,
    });
    const set = { expiresAt: now + 1, deliveredAt: now, lastError: null };
    const renewal: LedgerEntry = { lease: { id: lease.id, from: ['active'], set }, events: [] };
    await store.ledger.commit({ insert, events });
    const sequence = store.ledger.sequence();
    const commit = async (...entries: LedgerEntry[]) =>
      (await Promise.all(entries.map((entry) => store.ledger.commit(entry)))).map(({ kind }) => kind);
    assert.deepEqual(await commit(end('expired'), end('undelivered')), ['committed', 'committed']);
    const meanwhile = await commit(renewal, end('expired'), end('undelivered'));
    assert.deepEqual(meanwhile, ['committed', 'conflict', 'conflict']);
    assert.deepEqual(await commit(end('expired'), end('undelivered')), ['conflict', 'conflict']);
    const found = await store.grants.findLease(lease.id);
    assert.equal(found?.lease.lastError, undefined);
    assert.equal(store.ledger.sequence(), sequence + 2 * events.length);
  });

  test('an end that somebody was told of never moves back, also within one commit', async (t) => {
    const store = await opened(t);
    const { insert, events } = issueEntry(now, { lease: { expiresAt: now + 10 } });
    const { lease } = insert;
    await store.ledger.commit({ insert, events });
    const renewal = (expiresAt: number): LedgerEntry => ({
      lease: { id: lease.id, from: ['active'], set: { expiresAt } },
      events,
    });
    const ends = [lease.expiresAt, lease.expiresAt + 2, lease.expiresAt + 1, lease.expiresAt - 1];
    const outcomes = await Promise.all(ends.map((end) => store.ledger.commit(renewal(end))));
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['committed', 'committed', 'conflict', 'conflict'],
    );
    assert.equal((await store.grants.findLease(lease.id))?.lease.expiresAt, lease.expiresAt + 2);
    assert.equal((await store.ledger.commit(renewal(lease.expiresAt))).kind, 'conflict');
  });

  test('what never changes is not changed, even by code that goes past the types', async (t) => {
    const store = await opened(t);
    const { insert, events } = issueEntry(now);
    const { grant, lease } = insert;
    await store.ledger.commit({ insert, events });
    // @ts-expect-error: when a lease ends at the latest is no member that a change may set.
    const later: LeaseChange['set'] = { hardExpiresAt: now + 1_000_000 };
    // @ts-expect-error: nor is when its grant ends.
    const longer: GrantChange['set'] = { expiresAt: now + 1_000_000 };
    const outcome = await store.ledger.commit({
      lease: { id: lease.id, from: ['active'], set: later },
      grant: { id: grant.id, from: ['active'], set: longer },
      events: [],
    });
    assert.deepEqual(outcome, { kind: 'committed', grant, lease });
    assert.deepEqual(await store.grants.findLease(lease.id), { grant, lease });
  });

  test('every member that a grant and a lease may have is kept, and every one that may change changes', async (t) => {
    const store = await opened(t);
    const made = grantAndLease(now, {
      lease: { state: 'stuck', expiresAt: now + 10 },
      grant: { state: 'ending' },
    });
    const grant: Required<Grant> = { ...made.grant, traceparent: 'tp', endReason: 'revoked', endedAt: now };
    const lease: Required<Lease> = {
      ...made.lease,
      handle: { oid: '1' },
      deliveredAt: now + 1,
      nextAttemptAt: now + 2,
      attempts: 3,
      endReason: 'revoked',
      containedAt: now + 4,
      revokedAt: now + 5,
      lastError: '2BP01',
    };
    const { endedAt, ...live } = grant;
    await store.ledger.commit({ insert: { grant: live, lease }, events: [] });
    assert.deepEqual(await store.grants.findLease(lease.id), { grant: live, lease });
    const set: Required<Pick<Lease, MutableLeaseMember>> = {
      expiresAt: lease.expiresAt + 1,
      handle: { oid: '2' },
      deliveredAt: now + 11,
      nextAttemptAt: now + 12,
      attempts: 4,
      endReason: 'expired',
      containedAt: now + 14,
      revokedAt: now + 15,
      lastError: '55006',
    };
    const changed = { ...lease, ...set };
    const expired: Grant = { ...grant, state: 'expired', endReason: 'expired' };
    assert.deepEqual(
      await store.ledger.commit({
        lease: { id: lease.id, from: ['stuck'], set },
        grant: { id: grant.id, from: ['ending'], to: 'expired', set: { endedAt, endReason: 'expired' } },
        events: [],
      }),
      { kind: 'committed', lease: changed, grant: expired },
    );
    assert.deepEqual(await store.grants.findLease(lease.id), { grant: expired, lease: changed });
  });
}
