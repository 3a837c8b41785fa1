import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  batchBytesMax,
  batchEventsMax,
  batchHash,
  parseBatchHeader,
  verifyBatch,
} from '@stint/common/audit-batch.ts';
import { eventBytesMax } from '@stint/common/audit-event.ts';
import { parseCanonicalJson } from '@stint/common/canonical-json.ts';
import { ed25519PublicKey, ed25519RawKey } from '@stint/common/ed25519.ts';
import { isServiceError } from '@stint/common/errors.ts';
import { createLog } from '@stint/common/log.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { LedgerEntry, OutboxBatch } from '../../services/broker/app/ports/ledger.ts';
import type { Store, StoreOptions } from '../../services/broker/store/open-store.ts';
import { heldClock } from '../harness/held-clock.ts';
import { eventOf, grantAndLease, issueEntry } from '../harness/ledger-entries.ts';
import type { Scope } from '../harness/temp-dir.ts';
import { describeStoreChanges } from './store-changes.ts';
import { describeStoreReads, now } from './store-reads.ts';

/** A place for a store that opens, closes and is opened again. */
export type StorePlace = { open(options: StoreOptions): Promise<Store> };

const broker = 'spiffe://stint.local/stint/broker/b1' as SpiffeId;

/** What a broker gives when it opens its store, with a clock that stands still. */
export function storeOptions(overrides: Partial<StoreOptions> = {}): StoreOptions {
  return {
    name: 'b1',
    spiffeId: broker,
    clock: { now: () => now },
    log: createLog({ service: 'broker', level: 'silent' }),
    certifyEpoch: ({ epoch, publicKey }) => ({
      epoch,
      public_key: ed25519RawKey(publicKey).toString('base64'),
    }),
    ...overrides,
  };
}

/** Reads the whole outbox and checks its chain: signatures by their epochs' keys, sequences without a gap, every link. */
export async function checkedEvents(store: Store): Promise<Record<string, unknown>[]> {
  const events: Record<string, unknown>[] = [];
  const keys = new Map<number, string>();
  let previous: OutboxBatch | undefined;
  for (const batch of await store.outbox.read(1, 100_000)) {
    const header = parseBatchHeader(batch.header);
    const facts = batch.events.map((bytes) => parseCanonicalJson(bytes) as Record<string, unknown>);
    for (const fact of facts) {
      if (fact['type'] === 'epoch.started') {
        const { epoch, public_key } = fact['data'] as { epoch: number; public_key: string };
        keys.set(epoch, public_key);
      }
    }
    const key = ed25519PublicKey(Buffer.from(keys.get(header.epoch) ?? '', 'base64'));
    assert.ok(verifyBatch(batch, header, key), `batch at ${header.first_seq} does not verify`);
    assert.equal(header.first_seq, batch.firstSeq);
    assert.equal(batch.lastSeq, batch.firstSeq + batch.events.length - 1);
    if (previous !== undefined) {
      assert.equal(batch.firstSeq, previous.lastSeq + 1);
      assert.equal(header.prev_batch_sha256, batchHash(previous.header));
    }
    for (const [i, fact] of facts.entries()) {
      assert.deepEqual(fact['source'], { broker, epoch: header.epoch, seq: header.first_seq + i });
    }
    events.push(...facts);
    previous = batch;
  }
  assert.equal(previous?.lastSeq ?? store.ledger.sequence(), store.ledger.sequence());
  return events;
}

function change(
  lease: { id: LedgerEntry['lease'] extends infer L ? (L extends { id: infer Id } ? Id : never) : never },
  to: 'revoking',
): LedgerEntry {
  return {
    lease: {
      id: lease.id,
      from: ['active'],
      to,
      set: { endReason: 'revoked', nextAttemptAt: now + 1 },
    },
    events: [eventOf({ what: 'revoking' })],
  };
}

const kindsOf = async (outcomes: Promise<{ kind: string }>[]) =>
  (await Promise.all(outcomes)).map(({ kind }) => kind);

/** What every store promises, whatever engine stands under it. */
export function describeStore(makePlace: (scope: Scope) => Promise<StorePlace>): void {
  const opened = async (scope: Scope, overrides: Partial<StoreOptions> = {}) => {
    const place = await makePlace(scope);
    const store = await place.open(storeOptions(overrides));
    scope.after(() => store.close());
    return store;
  };

  test('a grant, its lease and its event are committed together and read back as they were', async (t) => {
    const store = await opened(t);
    const entry = issueEntry(now, {
      lease: { handle: { oid: '16384' }, renewable: true },
      grant: { clampedBy: ['svid'] },
    });
    assert.deepEqual(await store.ledger.commit(entry), { kind: 'committed' });
    const { grant, lease } = entry.insert;
    assert.deepEqual(await store.grants.findGrant(grant.id), { grant, leases: [lease] });
    assert.deepEqual(await store.grants.findLease(lease.id), { grant, lease });
    const events = await checkedEvents(store);
    assert.deepEqual(
      events.map((event) => event['type']),
      ['epoch.started', 'grant.issued'],
    );
    assert.equal(events[1]?.['grant_id'], grant.id);
    assert.equal(events[1]?.['time'], '2026-11-22T08:00:00.000Z');
    assert.equal(await store.grants.findGrant(grantAndLease(now).grant.id), undefined);
    assert.equal(await store.grants.findLease(grantAndLease(now).lease.id), undefined);
  });

  test('entries of one turn share a batch, and batches stay within their limits', async (t) => {
    const store = await opened(t);
    const small = Array.from({ length: 600 }, () => store.ledger.commit(issueEntry(now)));
    assert.ok((await kindsOf(small)).every((kind) => kind === 'committed'));
    const large = Array.from({ length: 200 }, (_, i) =>
      store.ledger.commit({ events: [eventOf({ i, text: 'x'.repeat(16_000) })] }),
    );
    assert.ok((await kindsOf(large)).every((kind) => kind === 'committed'));
    const batches = await store.outbox.read(1, 10_000);
    assert.ok(batches.length < 20, `${batches.length} batches`);
    for (const { events } of batches) {
      assert.ok(events.length <= batchEventsMax);
      assert.ok(events.reduce((sum, event) => sum + event.length, 0) <= batchBytesMax);
    }
    const events = await checkedEvents(store);
    const order = events.map((event) => (event['data'] as { i?: number }).i).filter((i) => i !== undefined);
    assert.deepEqual(
      order,
      Array.from({ length: 200 }, (_, i) => i),
    );
  });

  test('the same key gives the first grant again, another body under it is refused', async (t) => {
    const store = await opened(t);
    const first = issueEntry(now, { grant: { idempotencyKey: 'k' } });
    const again = issueEntry(now, { grant: { idempotencyKey: 'k' } });
    const other = issueEntry(now, { grant: { idempotencyKey: 'k', bodySha256: 'f'.repeat(64) } });
    const stranger = issueEntry(now, {
      grant: { idempotencyKey: 'k', spiffeId: 'spiffe://stint.local/other' as SpiffeId },
    });
    // In one batch, and in batches of their own.
    const replay = { kind: 'replayed', grant: first.insert.grant, lease: first.insert.lease };
    assert.deepEqual(
      await Promise.all([first, again, other, stranger].map((entry) => store.ledger.commit(entry))),
      [{ kind: 'committed' }, replay, { kind: 'key_reused' }, { kind: 'committed' }],
    );
    assert.deepEqual(await store.ledger.commit(again), replay);
    assert.deepEqual(await store.ledger.commit(other), { kind: 'key_reused' });
    assert.equal((await checkedEvents(store)).length, 3);
  });

  test('a replay shows grant and lease as they are now', async (t) => {
    const store = await opened(t);
    const first = issueEntry(now, { grant: { idempotencyKey: 'k' } });
    const again = issueEntry(now, { grant: { idempotencyKey: 'k' } });
    await store.ledger.commit(first);
    const outcomes = await Promise.all([
      store.ledger.commit(change(first.insert.lease, 'revoking')),
      store.ledger.commit(again),
    ]);
    assert.equal(outcomes[1].kind === 'replayed' && outcomes[1].lease.state, 'revoking');
  });

  test('of 200 at once under one key, one is committed and all get its grant', async (t) => {
    const store = await opened(t);
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, () =>
        store.ledger.commit(issueEntry(now, { grant: { idempotencyKey: 'one' } })),
      ),
    );
    assert.equal(outcomes.filter(({ kind }) => kind === 'committed').length, 1);
    const ids = new Set(
      outcomes.map((outcome) => (outcome.kind === 'replayed' ? outcome.grant.id : 'committed')),
    );
    assert.equal(ids.size, 2);
    assert.equal((await store.grants.listGrants({ liveOnly: true, limit: 10 })).length, 1);
  });

  test('a quota holds among 200 at once, is counted per holder, resource and action, and frees what ends', async (t) => {
    const store = await opened(t);
    const entry = (overrides = {}) => issueEntry(now, { grant: overrides }, 5);
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => store.ledger.commit(entry())));
    assert.equal(outcomes.filter(({ kind }) => kind === 'committed').length, 5);
    assert.deepEqual(outcomes.at(-1), { kind: 'quota_exceeded', live: 5 });
    assert.deepEqual(await store.ledger.commit(entry()), { kind: 'quota_exceeded', live: 5 });
    assert.deepEqual(await store.ledger.commit(entry({ action: 'write' })), { kind: 'committed' });
    const [grant] = await store.grants.listGrants({ liveOnly: true, resource: 'demo-db', limit: 10 });
    const end = (to: 'ending' | 'completed', endedAt?: number): LedgerEntry => ({
      grant: {
        id: grant?.id ?? assert.fail(),
        from: ['active', 'ending'],
        to,
        set: endedAt === undefined ? {} : { endedAt },
      },
      events: [],
    });
    const action = grant?.action ?? '';
    await store.ledger.commit(end('ending'));
    if (action === 'read')
      assert.deepEqual(await store.ledger.commit(entry()), { kind: 'quota_exceeded', live: 5 });
    await store.ledger.commit(end('completed', now));
    if (action === 'read') assert.deepEqual(await store.ledger.commit(entry()), { kind: 'committed' });
    else assert.deepEqual(await store.ledger.commit(entry({ action })), { kind: 'committed' });
  });

  test('a conflict writes nothing of its entry and nothing is lost of its neighbours', async (t) => {
    const store = await opened(t);
    const [one, two] = [issueEntry(now), issueEntry(now)];
    await Promise.all([store.ledger.commit(one), store.ledger.commit(two)]);
    const ended: LedgerEntry = {
      lease: {
        id: one.insert.lease.id,
        from: ['active'],
        to: 'revoked',
        set: { endReason: 'completed', nextAttemptAt: null, revokedAt: now },
      },
      grant: {
        id: one.insert.grant.id,
        from: ['active'],
        to: 'completed',
        set: { endedAt: now, endReason: 'completed' },
      },
      events: [eventOf({ what: 'ended' })],
    };
    // The lease's half would pass; the grant's half does not, so neither is written.
    const half: LedgerEntry = {
      lease: { id: two.insert.lease.id, from: ['active'], to: 'revoking', set: { endReason: 'revoked' } },
      grant: { id: two.insert.grant.id, from: ['ending'], to: 'revoked', set: {} },
      events: [eventOf({ what: 'half' })],
    };
    const absent: LedgerEntry = { ...change(grantAndLease(now).lease, 'revoking') };
    const outcomes = [
      ended,
      half,
      ended,
      absent,
      change(two.insert.lease, 'revoking'),
      change(two.insert.lease, 'revoking'),
    ];
    assert.deepEqual(await kindsOf(outcomes.map((entry) => store.ledger.commit(entry))), [
      'committed',
      'conflict',
      'conflict',
      'conflict',
      'committed',
      'conflict',
    ]);
    const first = await store.grants.findLease(one.insert.lease.id);
    assert.equal(first?.lease.state, 'revoked');
    assert.equal(first?.lease.nextAttemptAt, undefined);
    assert.deepEqual(
      { state: first?.grant.state, endedAt: first?.grant.endedAt, endReason: first?.grant.endReason },
      { state: 'completed', endedAt: now, endReason: 'completed' },
    );
    const second = await store.grants.findLease(two.insert.lease.id);
    assert.equal(second?.grant.state, 'active');
    assert.equal(second?.lease.state, 'revoking');
    const whats = (await checkedEvents(store))
      .map((event) => (event['data'] as { what?: string }).what)
      .filter(Boolean);
    assert.deepEqual(whats, ['ended', 'revoking']);
  });

  test('an entry that the store refuses fails alone', async (t) => {
    const store = await opened(t);
    const taken = issueEntry(now);
    await store.ledger.commit(taken);
    const sameEntity = issueEntry(now, { lease: { entityName: taken.insert.lease.entityName } });
    const good = Array.from({ length: 3 }, () => issueEntry(now));
    const results = await Promise.allSettled(
      [good[0], sameEntity, good[1], good[2]].map((entry) => store.ledger.commit(entry ?? assert.fail())),
    );
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    assert.ok(results[1]?.status === 'rejected' && isServiceError(results[1].reason, 'INTERNAL'));
    assert.equal(await store.grants.findGrant(sameEntity.insert.grant.id), undefined);
    assert.equal((await checkedEvents(store)).length, 5);
  });

  test('rows that would break a rule are refused: an end before its beginning, an open lease without a schedule', async (t) => {
    const store = await opened(t);
    const wrong = [
      issueEntry(now, { lease: { expiresAt: now - 1 } }),
      issueEntry(now, { lease: { expiresAt: now + 900_001 } }),
      issueEntry(now, { grant: { expiresAt: now } }),
      issueEntry(now, { lease: { state: 'revoked' } }),
      issueEntry(now, { lease: { state: 'live' as 'active' } }),
    ];
    for (const entry of wrong) await assert.rejects(store.ledger.commit(entry), { reason: 'INTERNAL' });
    const entry = issueEntry(now);
    await store.ledger.commit(entry);
    const { id } = entry.insert.lease;
    const lose: LedgerEntry = { lease: { id, from: ['active'], set: { nextAttemptAt: null } }, events: [] };
    await assert.rejects(store.ledger.commit(lose), { reason: 'INTERNAL' });
  });

  test('an event that is too large is cut and says so; one without a canonical form fails its entry alone', async (t) => {
    const store = await opened(t);
    const outcomes = await Promise.allSettled([
      store.ledger.commit({
        events: [eventOf({ long: 'é'.repeat(20_000), short: 'kept', list: ['y'.repeat(9_000)] })],
      }),
      store.ledger.commit({ events: [eventOf({ half: 0.5 })] }),
      store.ledger.commit({
        events: [eventOf(Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`key${i}`, 'v'])))],
      }),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    const [, cut, emptied] = await checkedEvents(store);
    const data = cut?.['data'] as Record<string, unknown>;
    assert.equal(data['long'], `${'é'.repeat(256)}…`);
    assert.equal(data['short'], 'kept');
    assert.equal(data['cut'], true);
    assert.ok(Number(data['whole_bytes']) > eventBytesMax);
    assert.match(String(data['whole_sha256']), /^[0-9a-f]{64}$/);
    assert.deepEqual(Object.keys(emptied?.['data'] as object), ['cut', 'whole_bytes', 'whole_sha256']);
    await assert.rejects(store.ledger.commit({ events: Array.from({ length: 33 }, () => eventOf({})) }), {
      reason: 'INTERNAL',
    });
  });

  test('a broker that opens again goes on in a new epoch, with the next sequence and the chain unbroken', async (t) => {
    const place = await makePlace(t);
    const first = await place.open(storeOptions());
    await Promise.all(Array.from({ length: 10 }, () => first.ledger.commit(issueEntry(now))));
    const backlog = first.ledger.backlog();
    assert.deepEqual({ events: backlog.events, oldestAt: backlog.oldestAt }, { events: 11, oldestAt: now });
    await first.close();
    await assert.rejects(first.ledger.commit(issueEntry(now)), { reason: 'SHUTTING_DOWN' });
    const second = await place.open(storeOptions({ clock: { now: () => now + 5_000 } }));
    t.after(() => second.close());
    const events = await checkedEvents(second);
    assert.equal(second.ledger.sequence(), 12);
    assert.deepEqual(events.at(-1)?.['source'], { broker, epoch: 2, seq: 12 });
    const bytes = (await second.outbox.read(1, 100))
      .flatMap((batch) => batch.events)
      .reduce((sum, event) => sum + event.length, 0);
    assert.deepEqual(second.ledger.backlog(), { events: 12, bytes, oldestAt: now });
  });

  test('what a receipt covers leaves the outbox and the backlog, and nothing else does', async (t) => {
    const place = await makePlace(t);
    const clock = heldClock(now);
    const store = await place.open(storeOptions({ clock }));
    for (let i = 0; i < 5; i++) {
      clock.advance(1_000);
      await store.ledger.commit(issueEntry(now));
    }
    store.outbox.release(4);
    await store.ledger.commit({ events: [] });
    assert.deepEqual(
      (await store.outbox.read(1, 100)).map((batch) => batch.firstSeq),
      [5, 6],
    );
    assert.equal(store.ledger.backlog().events, 2);
    assert.equal(store.ledger.backlog().oldestAt, now + 4_000);
    // Without a commit to ride on it gets one of its own, at the latest when the store closes.
    store.outbox.release(6);
    await store.close();
    const again = await place.open(storeOptions());
    t.after(() => again.close());
    assert.equal(again.ledger.backlog().events, 1);
    assert.equal((await again.outbox.read(1, 100))[0]?.firstSeq, 7);
    const header = parseBatchHeader((await again.outbox.read(1, 1))[0]?.header ?? Buffer.alloc(0));
    assert.match(header.prev_batch_sha256, /^[0-9a-f]{64}$/);
  });

  test('more than may wait is refused at once and nothing that was taken is lost', async (t) => {
    const store = await opened(t);
    const results = await Promise.allSettled(
      Array.from({ length: 8_300 }, () => store.ledger.commit({ events: [eventOf({})] })),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    assert.equal(refused.length, 8_300 - 8_192);
    assert.ok(
      refused.every(
        ({ reason }) => isServiceError(reason, 'RATE_LIMITED') && reason.retryAfterMs !== undefined,
      ),
    );
    assert.equal(store.ledger.sequence(), 1 + 8_192);
  });

  test('closing commits what waits', async (t) => {
    const place = await makePlace(t);
    const store = await place.open(storeOptions());
    const outcomes = Array.from({ length: 300 }, () => store.ledger.commit(issueEntry(now)));
    await store.close();
    assert.ok((await kindsOf(outcomes)).every((kind) => kind === 'committed'));
  });

  test('the relay is handed every batch in order, as its row holds it', async (t) => {
    const store = await opened(t);
    const told: OutboxBatch[] = [];
    store.outbox.onCommit((batch) => told.push(batch));
    for (let i = 0; i < 3; i++)
      await Promise.all(Array.from({ length: 5 }, () => store.ledger.commit(issueEntry(now))));
    assert.deepEqual(told, await store.outbox.read(2, 100));
    assert.match(told[0]?.traceparent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  describeStoreChanges(opened);
  describeStoreReads(opened);
}
