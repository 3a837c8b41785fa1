import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { initial } from './migrations/0001-initial.ts';
import { liveGrants } from './migrations/0002-live-grants.ts';
import type { ColumnTypes } from './migrations/column-types.ts';
import type { Schema } from './schema.ts';

/**
 * Brings the tables to this version, in one transaction: a crash on the way leaves the version before. The list is
 * static and only grows; a store of a newer version is refused, because its rows may mean what we do not know.
 * @throws Error when a step fails or the store is newer than we are.
 */
export async function migrate(database: Kysely<Schema>, types: ColumnTypes): Promise<void> {
  const migrations = {
    '0001-initial': initial(types),
    '0002-live-grants': liveGrants(types),
  };
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: () => Promise.resolve(migrations) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
