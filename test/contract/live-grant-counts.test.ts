import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { stintIds, type TrustDomain } from '@stint/common/spiffe-id.ts';
import { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import pg from 'pg';
import type { LedgerEntry } from '../../services/broker/app/ports/ledger.ts';
import {
  openPostgresStore,
  openSqliteStore,
  type Store,
  type StoreOptions,
} from '../../services/broker/store/open-store.ts';
import { clientSettings, lockKey } from '../../services/broker/store/postgres-connection.ts';
import { type CapturedLog, capturedLog } from '../harness/captured-log.ts';
import { issueEntry } from '../harness/ledger-entries.ts';
import { scratchPostgres, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';
import { postgresPlace } from './postgres-place.ts';
import { now } from './store-reads.ts';
import { storeOptions } from './store-suite.ts';

/** A store that a hand can write to beside its brokers; on SQLite while it is closed. */
type Place = {
  open(options: StoreOptions): Promise<Store>;
  sql(text: string): Promise<unknown[]>;
};

function sqlitePlace(t: TestContext): Promise<Place> {
  const file = path.join(tempDir(t), 'broker.db');
  return Promise.resolve({
    open: (options) => openSqliteStore(new SqliteDatabase({ file, exclusive: true }), options),
    sql: (text) => {
      const database = new SqliteDatabase({ file });
      try {
        return Promise.resolve(database.prepare(text).all([]));
      } finally {
        database.close();
      }
    },
  });
}

async function postgresPlaceOf(t: TestContext): Promise<Place & { connect(): Promise<pg.Client> }> {
  const place = await postgresPlace(await scratchPostgres(t));
  const connect = async () => {
    const client = new pg.Client(clientSettings(place));
    await client.connect();
    return client;
  };
  return {
    open: (options) => openPostgresStore(place, options),
    connect,
    sql: async (text) => {
      const client = await connect();
      try {
        return (await client.query<Record<string, unknown>>(text)).rows;
      } finally {
        await client.end();
      }
    },
  };
}

/** What the counts say and what lives, of those that anything lives of or is said to. */
const kept = 'select action, live from live_grants where live <> 0 order by action';
const counted =
  'select action, cast(count(*) as bigint) as live from grants where ended_at is null group by action order by action';

async function assertTrue(place: Place): Promise<void> {
  const rows = (text: string) =>
    place.sql(text).then((found) => found.map((row) => ({ ...(row as { action: string; live: number }) })));
  assert.deepEqual(await rows(kept), await rows(counted));
}

/** Options of a broker of this name, and what it logs. */
function brokerOptions(name: string): {
  readonly options: StoreOptions;
  readonly lines: CapturedLog['lines'];
} {
  const { log, lines } = capturedLog({ level: 'warn' });
  const spiffeId = stintIds.broker('stint.local' as TrustDomain, name);
  return { options: storeOptions({ name, spiffeId, log }), lines };
}

const issued = (action: string) => issueEntry(now, { grant: { action } }, 1_000);

function endOf({ insert }: ReturnType<typeof issued>): LedgerEntry {
  const set = { endedAt: now + 1, endReason: 'completed' } as const;
  return { grant: { id: insert.grant.id, from: ['active'], to: 'completed', set }, events: [] };
}

async function assertMended(t: TestContext, place: Place): Promise<void> {
  const first = await place.open(brokerOptions('b1').options);
  const entries = ['read', 'read', 'write', 'write', 'admin'].map(issued);
  for (const entry of entries) await first.ledger.commit(entry);
  await first.ledger.commit(endOf(entries[0] ?? assert.fail()));
  await first.close();
  await assertTrue(place);
  await place.sql("update live_grants set live = 7 where action = 'read'");
  await place.sql("delete from live_grants where action = 'write'");
  await place.sql("insert into live_grants values ('spiffe://stint.local/gone', 'demo-db', 'drop', -2)");

  const { options, lines } = brokerOptions('b1');
  const second = await place.open(options);
  assert.equal(lines.length, 1);
  const { level, counts, miscounted } = lines[0] ?? {};
  assert.deepEqual([level, counts], ['warn', 3]);
  assert.deepEqual(miscounted, [
    'spiffe://stint.local/ci/billing-deploy demo-db read: 6 too many',
    'spiffe://stint.local/ci/billing-deploy demo-db write: 2 too few',
    'spiffe://stint.local/gone demo-db drop: 2 too few',
  ]);
  const write = issueEntry(now, { grant: { action: 'write' } }, 2);
  assert.deepEqual(await second.ledger.commit(write), { kind: 'quota_exceeded', live: 2 });
  await second.close();
  await assertTrue(place);

  const again = brokerOptions('b1');
  const third = await place.open(again.options);
  t.after(() => third.close());
  assert.deepEqual(again.lines, [], 'right counts are nothing to warn of');
}

describe('counts of live grants that are wrong are mended when a broker opens the store, and said', () => {
  test('on SQLite', async (t) => assertMended(t, await sqlitePlace(t)));
  test('on PostgreSQL', { skip: skipWithoutPostgres }, async (t) =>
    assertMended(t, await postgresPlaceOf(t)),
  );
});

/** The least and the greatest number that a column of counts can hold, and others that are more than any count. */
const outlandish = [
  '-9223372036854775807 - 1',
  '9223372036854775807',
  '-9007199254740993',
  '4611686018427387905',
];

async function assertOutlandishMended(place: Place): Promise<void> {
  const first = await place.open(brokerOptions('b1').options);
  for (const action of ['a', 'a', 'b', 'c', 'd']) await first.ledger.commit(issued(action));
  await first.close();
  for (const [i, live] of outlandish.entries()) {
    await place.sql(`update live_grants set live = ${live} where action = '${'abcd'[i]}'`);
    await place.sql(
      `insert into live_grants values ('spiffe://stint.local/gone', 'demo-db', 'x${i}', ${live})`,
    );
  }
  const { options, lines } = brokerOptions('b1');
  const second = await place.open(options);
  const { counts, miscounted } = lines[0] ?? {};
  assert.equal(counts, 8);
  assert.ok(Array.isArray(miscounted));
  assert.equal(
    miscounted[0],
    'spiffe://stint.local/ci/billing-deploy demo-db a: no number of grants, 2 live',
  );
  assert.equal(miscounted[4], 'spiffe://stint.local/gone demo-db x0: no number of grants, 0 live');
  const entry = issueEntry(now, { grant: { action: 'a' } }, 2);
  assert.deepEqual(await second.ledger.commit(entry), { kind: 'quota_exceeded', live: 2 });
  await second.ledger.commit(issued('b'));
  await second.close();
  await assertTrue(place);
  const again = brokerOptions('b1');
  await (await place.open(again.options)).close();
  assert.deepEqual(again.lines, []);
}

describe('counts that are no number of grants, up to the limits of their column, are mended like any others', () => {
  test('on SQLite', async (t) => assertOutlandishMended(await sqlitePlace(t)));
  test('on PostgreSQL', { skip: skipWithoutPostgres }, async (t) =>
    assertOutlandishMended(await postgresPlaceOf(t)),
  );
});

test('on PostgreSQL counts are mended once, and rightly, while brokers open at once and another one commits', {
  skip: skipWithoutPostgres,
}, async (t) => {
  const place = await postgresPlaceOf(t);
  const busy = await place.open(brokerOptions('b1').options);
  t.after(() => busy.close());
  const actions = ['a', 'b', 'c', 'd'];
  for (const action of actions) await busy.ledger.commit(issued(action));
  let isOver = false;
  const working = actions.map(async (action) => {
    while (!isOver) {
      const [stays, ends] = [issued(action), issued(action)];
      await Promise.all([busy.ledger.commit(stays), busy.ledger.commit(ends)]);
      await busy.ledger.commit(endOf(ends));
    }
  });
  try {
    for (let round = 0; round < 8; round++) {
      await place.sql(`update live_grants set live = live + ${round + 1}`);
      const opening = ['b2', 'b3', 'b4'].map((name) => brokerOptions(name));
      const opened = await Promise.all(opening.map(({ options }) => place.open(options)));
      assert.equal(opening.flatMap(({ lines }) => lines).length, 1, 'one broker mends');
      for (const store of opened) await store.close();
    }
  } finally {
    isOver = true;
    await Promise.all(working);
  }
  await assertTrue(place);
});

test('on PostgreSQL counts that another recount mends meanwhile are not mended twice, whatever isolation the database sets', {
  skip: skipWithoutPostgres,
}, async (t) => {
  const place = await postgresPlaceOf(t);
  const first = await place.open(brokerOptions('b1').options);
  await first.ledger.commit(issued('read'));
  await first.close();
  await place.sql('update live_grants set live = 7');
  await place.sql(`do $$ begin execute format(
    'alter database %I set default_transaction_isolation to ''repeatable read''', current_database()); end $$`);
  const other = await place.connect();
  try {
    const recountLock = lockKey('recount', 'live_grants');
    await other.query(`begin; select pg_advisory_xact_lock(${recountLock})`);
    const { options, lines } = brokerOptions('b2');
    const opening = place.open(options);
    opening.catch(() => undefined); // heard below, when the other recount is over
    await until('the broker waits for the other recount', 10_000, async () => {
      const waiting = await place.sql("select 1 from pg_locks where locktype = 'advisory' and not granted");
      return waiting.length === 1;
    });
    await other.query('update live_grants set live = 1; commit');
    await (await opening).close();
    assert.deepEqual(lines, []);
    await assertTrue(place);
  } finally {
    await other.end();
  }
});
