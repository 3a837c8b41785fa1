import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '@stint/common/log.ts';
import { grantAndLease } from '../../../test/harness/ledger-entries.ts';
import type { Lease } from '../domain/lease.ts';
import { SessionFeed } from './ended-lease-feed.ts';
import type { GrantStore, ProviderSet } from './ports.ts';
import { TellEndedElsewhere } from './tell-ended-elsewhere.ts';

const now = Date.UTC(2026, 10, 22);

function ended(change: Partial<Lease> = {}): Lease {
  return grantAndLease(now, { lease: { state: 'revoked', endReason: 'revoked', ...change } }).lease;
}

/** On a store that holds these leases; `told` are the leases that a session heard of, in order. */
function telling(leases: readonly Lease[], { isListening = true, isAway = false } = {}) {
  const feed = new SessionFeed();
  const told: string[] = [];
  if (isListening) feed.subscribe((some) => void told.push(...some.map(({ id }) => id)));
  const sorted = leases.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const store: Pick<GrantStore, 'findLease' | 'listEndedEarly'> = {
    findLease: (id) => {
      const lease = leases.find((one) => one.id === id);
      if (isAway) return Promise.reject(new Error('away'));
      return Promise.resolve(lease && { grant: grantAndLease(now).grant, lease });
    },
    listEndedEarly: (...[, , after, limit]: Parameters<GrantStore['listEndedEarly']>) =>
      Promise.resolve(sorted.filter(({ id }) => after === undefined || id > after).slice(0, limit)),
  };
  const providers: ProviderSet = new Map();
  const clock = { now: () => now };
  const log = createLog({ service: 'test', level: 'silent' });
  return { told, teller: new TellEndedElsewhere({ store, feed, providers, clock, log }) };
}

test('a lease whose row says that it ended early is told', async () => {
  const lease = ended();
  const { told, teller } = telling([lease]);
  await teller.hear(lease.id);
  assert.deepEqual(told, [lease.id]);
});

test('nothing is told on the bus’s word alone: not of a live lease, one that ended at its time, nor one that is not there', async () => {
  const { lease: live } = grantAndLease(now);
  const expired = ended({ endReason: 'expired' });
  const over = ended({ expiresAt: now });
  const { told, teller } = telling([live, expired, over]);
  for (const { id } of [live, expired, over, ended()]) await teller.hear(id);
  assert.deepEqual(told, []);
});

test('after a silence of the bus all that ended early is told, page by page, each once', async () => {
  const leases = Array.from({ length: 600 }, () => ended());
  const { told, teller } = telling(leases);
  await Promise.all([teller.catchUp(), teller.catchUp()]);
  assert.deepEqual(told.toSorted(), leases.map(({ id }) => String(id)).toSorted());
});

test('more than can wait is told from the store instead', async () => {
  const leases = Array.from({ length: 3 }, () => ended());
  const { told, teller } = telling(leases);
  const [first] = leases;
  assert.ok(first);
  await Promise.all(Array.from({ length: 10_100 }, () => teller.hear(first.id)));
  assert.deepEqual(new Set(told), new Set(leases.map(({ id }) => id)));
});

test('a store that is away is survived, and without a session nothing is asked of it', async () => {
  const lease = ended();
  await telling([lease], { isAway: true }).teller.hear(lease.id);
  await telling([lease], { isAway: true, isListening: false }).teller.hear(lease.id);
});
