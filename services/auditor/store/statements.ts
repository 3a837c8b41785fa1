import type { CachedStatement, SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { type Compilable, type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

/** Inserts a row; run with the values in the order of `columns`. Only the SQL is used, so any value may stand for one. */
function insert<Table extends keyof Schema & string>(
  db: Kysely<Schema>,
  table: Table,
  columns: readonly (keyof Schema[Table] & string)[],
) {
  return db.insertInto(table).values(Object.fromEntries(columns.map((column) => [column, 0])) as never);
}

/** The statements of the log's hot path, compiled once; each is run with its parameters in the order of its text. */
export function compileStatements(database: SqliteDatabase, db: Kysely<Schema>) {
  const prepare = (query: Compilable<unknown>): CachedStatement => database.prepare(query.compile().sql);
  return {
    lastIndex: prepare(db.selectFrom('records').select('idx').orderBy('idx', 'desc').limit(1)),
    node: prepare(
      db.selectFrom('records').select(sql`substr(hashes, ${0}, 32)`.as('hash')).where('idx', '=', 0),
    ),
    record: prepare(db.selectFrom('records').select(['idx', 'leaf', 'appended_at']).where('idx', '=', 0)),
    indexOfEvent: prepare(db.selectFrom('records').select('idx').where('event_id', '=', '')),
    insertRecord: prepare(insert(db, 'records', recordColumns)),
    insertBatch: prepare(insert(db, 'batches', batchColumns)),
    insertEpoch: prepare(insert(db, 'epochs', ['source_id', 'epoch', 'first_seq', 'public_key', 'chain'])),
    moveSource: prepare(moveSource(db)),
  };
}

/** The same for what is refused: whoever floods the bus makes this path hot. */
export function compileQuarantine(database: SqliteDatabase, db: Kysely<Schema>) {
  const kept = db.selectFrom('quarantine').select(sql<number>`coalesce(sum(length(payload)), 0)`.as('kept'));
  return {
    keptBytes: database.prepare(kept.compile().sql),
    add: database.prepare(quarantine(db).compile().sql),
  };
}

const recordColumns = [
  'idx',
  'hashes',
  'source_id',
  'seq',
  'event_id',
  'type',
  'grant_id',
  'spiffe_id',
  'appended_at',
  'leaf',
] as const;

const batchColumns = [
  'first_index',
  'source_id',
  'first_seq',
  'count',
  'epoch',
  'batch_sha256',
  'header',
  'signature',
] as const;

const quarantineColumns = [
  'payload_sha256',
  'reason',
  'detail',
  'subject',
  'broker',
  'first_seq',
  'size_bytes',
  'payload',
  'times',
  'first_at',
  'last_at',
] as const;

/** Sets how far a broker has come; run with spiffe_id, seq, batch_sha256, epoch. Gives its number. */
function moveSource(db: Kysely<Schema>) {
  return insert(db, 'sources', ['spiffe_id', 'seq', 'batch_sha256', 'epoch'])
    .onConflict((on) =>
      on.column('spiffe_id').doUpdateSet((eb) => ({
        seq: eb.ref('excluded.seq'),
        batch_sha256: eb.ref('excluded.batch_sha256'),
        epoch: eb.ref('excluded.epoch'),
      })),
    )
    .returning('id');
}

/** A message that is refused again and again (the bus and the relay both repeat) is one row that counts. Gives how often it came. */
function quarantine(db: Kysely<Schema>) {
  return insert(db, 'quarantine', quarantineColumns)
    .onConflict((on) =>
      on.column('payload_sha256').doUpdateSet((eb) => ({
        times: eb('quarantine.times', '+', sql<number>`1`),
        last_at: eb.ref('excluded.last_at'),
      })),
    )
    .returning('times');
}
