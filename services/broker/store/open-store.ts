import type { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { Kysely, SqliteAdapter, SqliteDialect } from 'kysely';
import type { GrantStore, Ledger, Outbox } from '../app/ports.ts';
import { KyselyGrantStore } from './grant-store.ts';
import { GroupCommitLedger, type LedgerOptions } from './ledger.ts';
import { migrate } from './migrate.ts';
import { sqliteColumnTypes } from './migrations/column-types.ts';
import { StoreOutbox } from './outbox.ts';
import type { Schema } from './schema.ts';
import { SqliteEngine } from './sqlite-engine.ts';

/** A broker's store, open. */
export type Store = {
  readonly ledger: Ledger;
  readonly grants: GrantStore;
  readonly outbox: Outbox;
  /** Commits what waits and closes. */
  close(): Promise<void>;
};

export type StoreOptions = Omit<LedgerOptions, 'engine'>;

/**
 * Opens the store in a SQLite file that was opened exclusively, and begins the broker's next epoch.
 * @throws ServiceError STORE_UNAVAILABLE
 */
export async function openSqliteStore(database: SqliteDatabase, options: StoreOptions): Promise<Store> {
  const kysely = new Kysely<Schema>({ dialect: new TransactionalSqliteDialect({ database }) });
  await migrate(kysely, sqliteColumnTypes);
  const ledger = await GroupCommitLedger.open({ ...options, engine: new SqliteEngine(database) });
  return {
    ledger,
    grants: new KyselyGrantStore(kysely, 'none'),
    outbox: new StoreOutbox(ledger, kysely, options.name),
    close: async () => {
      await ledger.close();
      await kysely.destroy();
    },
  };
}

/** Kysely's dialect, but with migrations in a transaction: SQLite can, and a crash half-way must leave nothing. */
class TransactionalSqliteDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalSqliteAdapter();
  }
}

class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}
