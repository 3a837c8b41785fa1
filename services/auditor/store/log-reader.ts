import path from 'node:path';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { type Compilable, type Kysely, sql } from 'kysely';
import type { GrantRow, LogReader, RawBatch, RawCheckpoint, RawEpoch, RawRecord } from '../app/ports.ts';
import { compilerFor, recordsFile } from './open-store.ts';
import type { Schema } from './schema.ts';

/**
 * Reads a log's rows as they stand, for verification: in one snapshot, row by row, so that memory stays bounded and an
 * auditor at work is not held up.
 * @throws ServiceError STORE_UNAVAILABLE when there is no log.
 */
export function openLogReader(directory: string): LogReader & { close(): void } {
  const database = new SqliteDatabase({ file: path.join(directory, recordsFile), readOnly: true });
  database.exec('BEGIN');
  const db = compilerFor(database);
  const rows = <Row>(query: Compilable<unknown>) => iterate(database, query) as IterableIterator<Row>;
  return {
    size: () =>
      [...rows<{ size: number }>(db.selectFrom('records').select((eb) => eb.fn.countAll().as('size')))][0]
        ?.size ?? 0,
    sources: () =>
      new Map(
        [
          ...rows<{ id: number; spiffe_id: SpiffeId }>(db.selectFrom('sources').select(['id', 'spiffe_id'])),
        ].map((row) => [row.id, row.spiffe_id]),
      ),
    records: () => rows<RawRecord>(recordsInOrder(db)),
    batches: () => rows<RawBatch>(db.selectFrom('batches').selectAll().orderBy('first_index')),
    epoch: (sourceId, epoch) =>
      [
        ...rows<RawEpoch>(
          db
            .selectFrom('epochs')
            .select(['public_key', 'chain'])
            .where('source_id', '=', sourceId)
            .where('epoch', '=', epoch),
        ),
      ][0],
    checkpoints: () =>
      rows<RawCheckpoint>(db.selectFrom('checkpoints').select(['size', 'root', 'note']).orderBy('size')),
    repeatedEvents: () => rows<{ event_id: string; idx: number }>(repeatedEvents(db)),
    grants: () => rows<GrantRow>(grantsInOrder(db)),
    close: () => database.close(),
  };
}

function* iterate(database: SqliteDatabase, query: Compilable<unknown>): IterableIterator<unknown> {
  const { sql: text, parameters } = query.compile();
  yield* database.prepare(text).iterate(parameters);
}

function recordsInOrder(db: Kysely<Schema>) {
  return db
    .selectFrom('records')
    .select(['idx', 'hashes', 'source_id', 'seq', 'event_id', 'type', 'grant_id', 'spiffe_id', 'leaf'])
    .orderBy('idx');
}

function repeatedEvents(db: Kysely<Schema>) {
  return db
    .selectFrom('records')
    .select(['event_id', (eb) => eb.fn.max('idx').as('idx')])
    .groupBy('event_id')
    .having((eb) => eb(eb.fn.countAll(), '>', 1));
}

function grantsInOrder(db: Kysely<Schema>) {
  const leaseId = sql<string | null>`json_extract(CAST(leaf AS TEXT), '$.lease_id')`.as('lease_id');
  return db
    .selectFrom('records')
    .select(['idx', 'grant_id', 'type', 'source_id', 'appended_at', leaseId])
    .where('grant_id', 'is not', null)
    .orderBy('grant_id')
    .orderBy('idx');
}
