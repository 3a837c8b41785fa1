import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

/**
 * Live grants are counted where they begin and end, so that a quota costs the same however many there are; their index
 * follows the order of their ids, which is the order in which they are made and listed.
 */
export function liveGrants({ text, whole, strict }: ColumnTypes): Migration {
  return {
    async up(database: Kysely<unknown>): Promise<void> {
      await database.schema
        .createTable('live_grants')
        .addColumn('spiffe_id', text, (column) => column.notNull())
        .addColumn('resource', text, (column) => column.notNull())
        .addColumn('action', text, (column) => column.notNull())
        .addColumn('live', whole, (column) => column.notNull())
        .addPrimaryKeyConstraint('live_grants_of', ['spiffe_id', 'resource', 'action'])
        .modifyEnd(strict)
        .execute();
      for (const statement of statements) await sql.raw(statement).execute(database);
    },
  };
}

const statements = [
  `insert into live_grants (spiffe_id, resource, action, live)
    select spiffe_id, resource, action, count(*) from grants where ended_at is null group by spiffe_id, resource, action`,
  'drop index grants_live',
  'create index grants_live on grants (id, spiffe_id, resource) where ended_at is null',
  // The constraint on (provider, entity_name) has an index of its own.
  'drop index leases_open_at_target',
];
