import { type RawBuilder, sql } from 'kysely';

/** How an engine spells the four types that the tables use, and how it is told to hold to them. */
export type ColumnTypes = {
  readonly text: RawBuilder<unknown>;
  readonly whole: RawBuilder<unknown>;
  readonly bytes: RawBuilder<unknown>;
  readonly strict: RawBuilder<unknown>;
};

export const sqliteColumnTypes: ColumnTypes = {
  text: sql`text`,
  whole: sql`integer`,
  bytes: sql`blob`,
  strict: sql`strict`,
};

export const postgresColumnTypes: ColumnTypes = {
  // Pages follow byte order on every server, whatever its locale.
  text: sql`text collate "C"`,
  whole: sql`bigint`,
  bytes: sql`bytea`,
  strict: sql``,
};
