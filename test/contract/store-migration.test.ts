import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';
import { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { Kysely, PostgresDialect, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import { initial } from '../../services/broker/store/migrations/0001-initial.ts';
import {
  type ColumnTypes,
  postgresColumnTypes,
  sqliteColumnTypes,
} from '../../services/broker/store/migrations/column-types.ts';
import { openPostgresStore, openSqliteStore, type Store } from '../../services/broker/store/open-store.ts';
import { clientSettings } from '../../services/broker/store/postgres-connection.ts';
import { toGrantRow, toLeaseRow } from '../../services/broker/store/rows.ts';
import type { Schema } from '../../services/broker/store/schema.ts';
import { grantAndLease, issueEntry } from '../harness/ledger-entries.ts';
import { scratchPostgres, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { postgresPlace } from './postgres-place.ts';
import { now } from './store-reads.ts';
import { storeOptions } from './store-suite.ts';

const lived = { state: 'active' } as const;
const ended = { endedAt: now + 1, endReason: 'completed' } as const;

/** A store of the first version, with two live grants of one action, one of another, and one that has ended. */
async function writeFirstVersion(database: Kysely<Schema>, types: ColumnTypes): Promise<void> {
  const provider = { getMigrations: () => Promise.resolve({ '0001-initial': initial(types) }) };
  const { error } = await new Migrator({ db: database, provider }).migrateToLatest();
  assert.equal(error, undefined);
  for (const grant of [
    lived,
    lived,
    { ...lived, action: 'write' },
    { ...ended, state: 'completed' },
  ] as const) {
    const rows = grantAndLease(now, { grant });
    await database.insertInto('grants').values(toGrantRow(rows.grant)).execute();
    await database.insertInto('leases').values(toLeaseRow(rows.lease)).execute();
  }
  await database.destroy();
}

/** What lived before counts against the quota, and what ends of it frees its place. */
async function assertCounted(store: Store): Promise<void> {
  assert.equal(await store.grants.countLiveGrants(), 3);
  const entry = issueEntry(now, {}, 2);
  assert.deepEqual(await store.ledger.commit(entry), { kind: 'quota_exceeded', live: 2 });
  const old = (await store.grants.listGrants({ liveOnly: true, limit: 10 })).find(
    ({ action }) => action === 'read',
  );
  const id = old?.id ?? assert.fail();
  const end = { grant: { id, from: ['active'], to: 'completed', set: ended }, events: [] } as const;
  assert.equal((await store.ledger.commit(end)).kind, 'committed');
  assert.equal(await store.grants.countLiveGrants(), 2);
  assert.deepEqual(await store.ledger.commit(entry), { kind: 'committed' });
}

describe('a store of the first version is brought to this one, its live grants counted', () => {
  test('on SQLite', async (t) => {
    const file = path.join(tempDir(t), 'broker.db');
    const database = new SqliteDatabase({ file });
    await writeFirstVersion(new Kysely({ dialect: new SqliteDialect({ database }) }), sqliteColumnTypes);
    const store = await openSqliteStore(new SqliteDatabase({ file, exclusive: true }), storeOptions());
    t.after(() => store.close());
    await assertCounted(store);
  });

  test('on PostgreSQL', { skip: skipWithoutPostgres }, async (t) => {
    const place = await postgresPlace(await scratchPostgres(t));
    const pool = new pg.Pool(clientSettings(place));
    await writeFirstVersion(new Kysely({ dialect: new PostgresDialect({ pool }) }), postgresColumnTypes);
    const store = await openPostgresStore(place, storeOptions());
    t.after(() => store.close());
    await assertCounted(store);
  });
});
