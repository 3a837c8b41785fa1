import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { isServiceError } from '@stint/common/errors.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Ledger } from '../../services/broker/app/ports/ledger.ts';
import { openPostgresStore, type Store } from '../../services/broker/store/open-store.ts';
import { checkedEvents, storeOptions } from '../contract/store-suite.ts';
import { adminQuery } from '../harness/admin-query.ts';
import { issueEntry } from '../harness/ledger-entries.ts';
import { type ScratchPostgres, scratchPostgres, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { until } from '../harness/until.ts';

const deadlineMs = 30_000;

function placeOf(postgres: ScratchPostgres) {
  const { host, port, superuser: user } = postgres.current();
  return { host, port, user, password: postgres.password, database: 'postgres' };
}

function broker(name: string) {
  return storeOptions({ name, spiffeId: `spiffe://stint.local/stint/broker/${name}` as SpiffeId });
}

/** Ends every session of the brokers, as a failover or a firewall does. */
async function endSessions(postgres: ScratchPostgres): Promise<void> {
  await adminQuery(
    { server: postgres.current(), password: postgres.password },
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stint-broker'",
  );
}

/** Commits in `inFlight` loops until told to stop; remembers what was told to be durable and what failed, by reason. */
function load(ledger: Ledger, inFlight: number) {
  const durable: string[] = [];
  const faults = new Map<string, number>();
  let isStopping = false;
  const worker = async () => {
    while (!isStopping) {
      const entry = issueEntry(1);
      try {
        await ledger.commit(entry);
        durable.push(entry.insert.grant.id);
      } catch (thrown) {
        assert.ok(isServiceError(thrown));
        faults.set(thrown.reason, (faults.get(thrown.reason) ?? 0) + 1);
        await wait(20);
      }
    }
  };
  const running = Promise.all(Array.from({ length: inFlight }, worker));
  return {
    durable,
    faults,
    stop: async () => {
      isStopping = true;
      await running;
    },
  };
}

async function assertAllThere(store: Store, durable: readonly string[]): Promise<void> {
  const events = await checkedEvents(store);
  const recorded = new Set(
    events.flatMap((event) => (event['type'] === 'grant.issued' ? [String(event['grant_id'])] : [])),
  );
  const grants = await store.grants.listGrants({ liveOnly: false, limit: 1_000_000 });
  assert.deepEqual(new Set(grants.map(({ id }) => String(id))), recorded);
  for (const id of durable) assert.ok(recorded.has(id), `${id} was told to be durable and is not there`);
}

describe('brokers on one PostgreSQL', { skip: skipWithoutPostgres }, () => {
  test('a second one of the same name is refused until the first has gone; another name is welcome', async (t) => {
    const postgres = await scratchPostgres(t);
    const first = await openPostgresStore(placeOf(postgres), broker('b1'));
    await assert.rejects(openPostgresStore(placeOf(postgres), broker('b1')), { reason: 'STORE_IN_USE' });
    const other = await openPostgresStore(placeOf(postgres), broker('b2'));
    assert.deepEqual(await other.ledger.commit(issueEntry(1)), { kind: 'committed' });
    await first.close();
    const again = await openPostgresStore(placeOf(postgres), broker('b1'));
    await Promise.all([again.close(), other.close()]);
  });

  test('quotas and idempotency keys hold across them, with both asking at once', async (t) => {
    const postgres = await scratchPostgres(t);
    const stores: Store[] = [];
    for (const name of ['b1', 'b2']) stores.push(await openPostgresStore(placeOf(postgres), broker(name)));
    const ask = (make: (i: number) => ReturnType<typeof issueEntry>) =>
      Promise.all(
        stores.flatMap((store) => Array.from({ length: 100 }, (_, i) => store.ledger.commit(make(i)))),
      );
    const limited = await ask(() => issueEntry(1, {}, 7));
    assert.equal(limited.filter(({ kind }) => kind === 'committed').length, 7);
    const keyed = await ask((i) =>
      issueEntry(1, { grant: { idempotencyKey: `shared-${i}`, action: 'write' } }),
    );
    assert.equal(keyed.filter(({ kind }) => kind === 'committed').length, 100);
    assert.equal(keyed.filter(({ kind }) => kind === 'replayed').length, 100);
    for (const store of stores) await store.close();
  });

  test('a due lease is claimed by one of them only', async (t) => {
    const postgres = await scratchPostgres(t);
    const stores: Store[] = [];
    for (const name of ['b1', 'b2']) stores.push(await openPostgresStore(placeOf(postgres), broker(name)));
    await Promise.all(Array.from({ length: 200 }, () => stores[0]?.ledger.commit(issueEntry(1))));
    const claims = await Promise.all(
      stores.flatMap((store) =>
        Array.from({ length: 8 }, () =>
          store.grants.claimDueLeases({
            now: 2_000_000,
            providers: [],
            othersDueBy: 2_000_000,
            holdMs: 60_000,
            limit: 20,
          }),
        ),
      ),
    );
    const ids = claims.flat().map(({ lease }) => lease.id);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(claims.every((claim) => claim.length <= 20));
    for (const store of stores) await store.close();
  });

  test('a server killed and restarted under load: what was told to be durable is there, and work goes on', async (t) => {
    const postgres = await scratchPostgres(t, { isDurable: true });
    const store = await openPostgresStore(placeOf(postgres), broker('b1'));
    const running = load(store.ledger, 8);
    for (let round = 0; round < 2; round++) {
      const before = running.durable.length;
      await until('progress', deadlineMs, () => running.durable.length > before + 50);
      await postgres.crash();
      const faults = running.faults.get('STORE_UNAVAILABLE') ?? 0;
      await until('a refusal', deadlineMs, () => (running.faults.get('STORE_UNAVAILABLE') ?? 0) > faults);
      await postgres.restart();
    }
    const before = running.durable.length;
    await until('progress', deadlineMs, () => running.durable.length > before + 50);
    await running.stop();
    assert.deepEqual([...running.faults.keys()], ['STORE_UNAVAILABLE']);
    await assertAllThere(store, running.durable);
    await store.close();
  });

  test('sessions that are cut under load are taken up again, and no event is lost or doubled', async (t) => {
    const postgres = await scratchPostgres(t);
    const store = await openPostgresStore(placeOf(postgres), broker('b1'));
    const running = load(store.ledger, 8);
    for (let round = 0; round < 5; round++) {
      const before = running.durable.length;
      await until('progress', deadlineMs, () => running.durable.length > before + 20);
      await endSessions(postgres);
    }
    await running.stop();
    await assertAllThere(store, running.durable);
    await store.close();
  });

  test('a broker whose name was taken over while it was cut off never writes again', async (t) => {
    const postgres = await scratchPostgres(t);
    const first = await openPostgresStore(placeOf(postgres), broker('b1'));
    await endSessions(postgres);
    const second = await openPostgresStore(placeOf(postgres), broker('b1'));
    await second.close();
    await assert.rejects(first.ledger.commit(issueEntry(1)), { reason: 'STORE_IN_USE' });
    await assert.rejects(first.ledger.commit(issueEntry(1)), { reason: 'STORE_IN_USE' });
    await first.close();
  });
});
