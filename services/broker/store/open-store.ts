import path from 'node:path';
import type { Secret } from '@stint/common/secret.ts';
import { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { Kysely, PostgresDialect, SqliteAdapter, SqliteDialect } from 'kysely';
import pg from 'pg';
import type { GrantStore } from '../app/ports/grant-store.ts';
import type { Ledger, Outbox } from '../app/ports/ledger.ts';
import type { JoinTokenStore } from '../domain/join-token.ts';
import type { EpochOptions } from './begin-epoch.ts';
import { KyselyGrantStore } from './grant-store.ts';
import { KyselyJoinTokenStore } from './join-token-store.ts';
import { GroupCommitLedger } from './ledger.ts';
import { migrate } from './migrate.ts';
import { postgresColumnTypes, sqliteColumnTypes } from './migrations/column-types.ts';
import { StoreOutbox } from './outbox.ts';
import { clientSettings, type PostgresPlace } from './postgres-connection.ts';
import { PostgresEngine } from './postgres-engine.ts';
import { parsePostgresUrl } from './postgres-url.ts';
import type { Schema } from './schema.ts';
import { SqliteEngine } from './sqlite-engine.ts';

/** A broker's store, open. */
export type Store = {
  readonly ledger: Ledger;
  readonly grants: GrantStore;
  readonly outbox: Outbox;
  readonly joinTokens: JoinTokenStore;
  /** Commits what waits and closes. */
  close(): Promise<void>;
};

export type StoreOptions = Omit<EpochOptions, 'engine'>;

/** Which store, in the words of the broker's configuration. */
export type StoreChoice = {
  readonly store: 'sqlite' | 'postgresql';
  /** Holds `broker.db` when the store is SQLite. It must exist. */
  readonly stateDir: string;
  /** The text of a file with a `postgres://` URL; see {@link parsePostgresUrl}. */
  readonly storeUrlFile?: Secret | undefined;
};

/**
 * Opens the store of the configuration's choice and begins the broker's next epoch.
 * @throws ServiceError STORE_IN_USE, STORE_UNAVAILABLE
 * @throws Error when the URL is missing or malformed, or the tables cannot be brought to this version.
 */
export async function openStore(choice: StoreChoice, options: StoreOptions): Promise<Store> {
  if (choice.store === 'sqlite') {
    const database = new SqliteDatabase({ file: path.join(choice.stateDir, 'broker.db'), exclusive: true });
    return await openSqliteStore(database, options);
  }
  return await openPostgresStore(postgresPlace(choice), options);
}

/** Where a PostgreSQL store is. Connects to nothing. @throws Error when the URL is missing or malformed. */
export function postgresPlace({ storeUrlFile }: StoreChoice): PostgresPlace {
  if (storeUrlFile === undefined) throw new Error('store: "postgresql" needs a storeUrlFile');
  return parsePostgresUrl(storeUrlFile);
}

/**
 * Opens the store in a SQLite file that was opened exclusively, and begins the broker's next epoch. The store closes the
 * database, also when it cannot be opened.
 * @throws Error when the tables cannot be brought to this version.
 */
export async function openSqliteStore(database: SqliteDatabase, options: StoreOptions): Promise<Store> {
  const kysely = new Kysely<Schema>({ dialect: new TransactionalSqliteDialect({ database }) });
  try {
    await migrate(kysely, sqliteColumnTypes);
    const ledger = await GroupCommitLedger.open({ ...options, engine: new SqliteEngine(database) });
    return makeStore({ ledger, kysely, name: options.name, claimLock: 'none' });
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** Sessions for reads and claims; the ledger has one more of its own. */
const readSessionsMax = 4;

/**
 * Opens the store in a PostgreSQL database, which may hold other brokers' too, and begins the broker's next epoch.
 * @throws ServiceError STORE_IN_USE when a broker of that name is running on it, STORE_UNAVAILABLE
 */
export async function openPostgresStore(place: PostgresPlace, options: StoreOptions): Promise<Store> {
  const engine = await PostgresEngine.open(place, options.name);
  const pool = new pg.Pool({ ...clientSettings(place), max: readSessionsMax });
  // A session that breaks while idle is replaced when it is needed.
  pool.on('error', (thrown) => options.log.warn({ error: thrown }, 'an idle session of the store was lost'));
  const kysely = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(kysely, postgresColumnTypes);
    const ledger = await GroupCommitLedger.open({ ...options, engine });
    return makeStore({ ledger, kysely, name: options.name, claimLock: 'skip-locked' });
  } catch (thrown) {
    await engine.close();
    await kysely.destroy();
    throw thrown;
  }
}

type StoreParts = {
  readonly ledger: GroupCommitLedger;
  readonly kysely: Kysely<Schema>;
  readonly name: string;
  readonly claimLock: 'none' | 'skip-locked';
};

function makeStore({ ledger, kysely, name, claimLock }: StoreParts): Store {
  return {
    ledger,
    grants: new KyselyGrantStore(kysely, claimLock),
    outbox: new StoreOutbox(ledger, kysely, name),
    joinTokens: new KyselyJoinTokenStore(kysely),
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
