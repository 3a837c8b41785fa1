import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { Kysely, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { SqliteQuarantineStore } from './quarantine-store.ts';
import { SqliteRecordStore } from './record-store.ts';
import { migrations, type Schema } from './schema.ts';

/** The log's database within its directory. */
export const recordsFile = 'records.db';

/** A log's store and the way to close it. */
export type OpenedStore = {
  readonly store: SqliteRecordStore;
  readonly quarantine: SqliteQuarantineStore;
  close(): void;
};

/**
 * Opens the log of a directory, which is made when absent, and brings its tables up to date. One auditor holds a log.
 * @throws ServiceError STORE_IN_USE when another process holds it, STORE_UNAVAILABLE when it cannot be opened.
 */
export async function openStore(directory: string): Promise<OpenedStore> {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const database = new SqliteDatabase({ file: path.join(directory, recordsFile), exclusive: true });
  try {
    const db = compilerFor(database);
    const { error } = await new Migrator({
      db,
      provider: { getMigrations: () => Promise.resolve(migrations) },
    }).migrateToLatest();
    if (error !== undefined) throw error;
    return {
      store: new SqliteRecordStore(database, db),
      quarantine: new SqliteQuarantineStore(database, db),
      close: () => database.close(),
    };
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** Kysely over an opened file: it compiles, and runs what may be asynchronous. */
export function compilerFor(database: SqliteDatabase): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database }) });
}
