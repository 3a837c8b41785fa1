import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { newId } from '@stint/common/ids.ts';
import { createLog } from '@stint/common/log.ts';
import { grantAndLease } from '../../../../test/harness/ledger-entries.ts';
import type { Lease } from '../../domain/lease.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import type { ProviderSet } from '../ports/provider.ts';
import { EndedLeaseFeed } from './ended-lease-feed.ts';
import { TellEndedElsewhere } from './tell-ended-elsewhere.ts';

const now = Date.UTC(2026, 10, 22);

function ended(change: Partial<Lease> = {}): Lease {
  return grantAndLease(now, { lease: { state: 'revoked', endReason: 'revoked', ...change } }).lease;
}

/** On a store that holds these leases; `told` are the leases that a session heard of, in order. */
function telling(leases: readonly Lease[], { isListening = true } = {}) {
  const feed = new EndedLeaseFeed();
  const told: string[] = [];
  if (isListening) feed.subscribe((some) => void told.push(...some.map(({ id }) => id)));
  const at = { leases: [...leases], isAway: false, looks: 0, passes: 0, whilePageIsRead: Promise.resolve() };
  const store: Pick<GrantStore, 'findLease' | 'listEndedEarly'> = {
    findLease: (id) => {
      at.looks++;
      if (at.isAway) return Promise.reject(new Error('away'));
      const lease = at.leases.find((one) => one.id === id);
      return Promise.resolve(lease && { grant: grantAndLease(now).grant, lease });
    },
    listEndedEarly: async (...[, , after, limit]: Parameters<GrantStore['listEndedEarly']>) => {
      if (after === undefined) at.passes++;
      if (at.isAway) throw new Error('away');
      const sorted = at.leases.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      const page = sorted.filter(({ id }) => after === undefined || id > after).slice(0, limit);
      await at.whilePageIsRead;
      return page;
    },
  };
  const providers: ProviderSet = new Map();
  const clock = { now: () => now };
  const warnings: string[] = [];
  const log = createLog({ service: 'test', level: 'silent' });
  log.warn = (...[, message]: unknown[]) => void warnings.push(String(message));
  return { told, at, warnings, teller: new TellEndedElsewhere({ store, feed, providers, clock, log }) };
}

/** Lets time go by, and what it began come to its end. */
async function pass(t: TestContext, ms: number): Promise<void> {
  t.mock.timers.tick(ms);
  for (let i = 0; i < 3; i++) await turn();
}

/** More leases than can wait are said to have ended, none of which the store has. */
function lie(teller: TellEndedElsewhere): Promise<unknown> {
  return Promise.all(Array.from({ length: 10_100 }, () => teller.hear(newId('lease', now))));
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
  await teller.catchUp();
  assert.deepEqual(told.toSorted(), leases.map(({ id }) => String(id)).toSorted());
});

test('what ended during a catch-up, before the page that is read, is told by another one after it', async () => {
  const missed = ended();
  const { told, at, teller } = telling(Array.from({ length: 300 }, () => ended()));
  const page = Promise.withResolvers<void>();
  at.whilePageIsRead = page.promise;
  const first = teller.catchUp();
  at.leases.push(missed);
  const others = [teller.catchUp(), teller.catchUp(), teller.catchUp()];
  page.resolve();
  await Promise.all([first, ...others]);
  assert.ok(told.includes(missed.id));
  assert.equal(at.passes, 2);
});

test('a catch-up asked for as soon as another one has ended is made', async () => {
  const { at, teller } = telling([ended()]);
  for (let asked = 1; asked <= 5; asked++) {
    await teller.catchUp();
    assert.equal(at.passes, asked);
  }
});

test('a lease that waits is looked at once, however often it is heard of, and again when it is heard of after that', async () => {
  const lease = ended();
  const { told, at, teller } = telling([lease]);
  const others = Array.from({ length: 8 }, () => teller.hear(newId('lease', now)));
  await Promise.all([...others, ...Array.from({ length: 20_000 }, () => teller.hear(lease.id))]);
  assert.equal(at.looks, 9);
  assert.equal(at.passes, 0);
  await teller.hear(lease.id);
  assert.deepEqual(told, [lease.id, lease.id]);
});

test('more than can wait is told from the store instead, once in five seconds however many lies come', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const leases = Array.from({ length: 3 }, () => ended());
  const { told, at, teller } = telling(leases);
  for (const passes of [1, 2]) {
    await lie(teller);
    await pass(t, 4_999);
    await lie(teller);
    assert.equal(at.passes, passes - 1);
    await pass(t, 1);
    assert.equal(at.passes, passes);
  }
  assert.deepEqual(new Set(told), new Set(leases.map(({ id }) => id)));
});

test('more than can wait during a catch-up is told by another one, five seconds after its end', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { told, at, teller } = telling([]);
  const page = Promise.withResolvers<void>();
  at.whilePageIsRead = page.promise;
  const running = teller.catchUp();
  const missed = ended();
  at.leases.push(missed);
  const lies = lie(teller);
  await pass(t, 60_000);
  page.resolve();
  await Promise.all([running, lies]);
  await pass(t, 4_999);
  assert.equal(at.passes, 1);
  await pass(t, 1);
  assert.deepEqual(told, [missed.id]);
});

test('a lease that could not be looked at is told when the store is back', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lease = ended();
  const { told, at, teller } = telling([lease]);
  at.isAway = true;
  await teller.hear(lease.id);
  at.isAway = false;
  await pass(t, 999);
  assert.deepEqual(told, []);
  await pass(t, 1);
  assert.deepEqual(told, [lease.id]);
  await pass(t, 60_000);
  assert.equal(at.passes, 1);
});

test('a catch-up that failed is tried again after a wait that doubles up to 30 s, and a row of failures is logged once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lease = ended();
  const { told, at, warnings, teller } = telling([lease]);
  at.isAway = true;
  await teller.catchUp();
  for (const [i, seconds] of [1, 2, 4, 8, 16, 30, 30].entries()) {
    await pass(t, seconds * 1_000 - 1);
    assert.equal(at.passes, i + 1);
    if (i === 6) at.isAway = false;
    await pass(t, 1);
    assert.equal(at.passes, i + 2);
  }
  assert.deepEqual(told, [lease.id]);
  assert.equal(warnings.length, 1);
  at.isAway = true;
  await teller.catchUp();
  await pass(t, 1_000);
  assert.equal(at.passes, 10);
  assert.equal(warnings.length, 2);
});

test('looks that fail again and again make passes ever more seldom', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { at, teller } = telling([]);
  at.isAway = true;
  for (let second = 0; second < 60; second++) {
    await teller.hear(newId('lease', now));
    await pass(t, 1_000);
  }
  assert.ok(at.passes <= 7, `${at.passes} passes`);
});

test('once stopped nothing is looked at, and nothing is tried again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lease = ended();
  const { told, at, teller } = telling([lease]);
  at.isAway = true;
  await teller.hear(lease.id);
  await teller.stop();
  at.isAway = false;
  await pass(t, 60_000);
  await Promise.all([teller.hear(lease.id), teller.catchUp()]);
  assert.deepEqual(told, []);
  assert.deepEqual([at.looks, at.passes], [1, 0]);
});

test('without a session nothing is asked of the store', async () => {
  const lease = ended();
  const { at, teller } = telling([lease], { isListening: false });
  await Promise.all([teller.hear(lease.id), teller.catchUp()]);
  assert.deepEqual([at.looks, at.passes], [0, 0]);
});
