import type { KeyObject } from 'node:crypto';
import { asBuffer } from '@stint/common/as-buffer.ts';
import { parseBatchHeader } from '@stint/common/audit-batch.ts';
import { ed25519PublicKey, ed25519RawKey } from '@stint/common/ed25519.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { type Kysely, sql } from 'kysely';
import type {
  AcceptedBatch,
  AcceptedEvent,
  Appended,
  LogRecord,
  RecordFilter,
  RecordPage,
  RecordStore,
  SignedCheckpoint,
  StoredBatch,
} from '../app/ports.ts';
import type { HighWater } from '../domain/source-sequence.ts';
import { appendLeaf, type Frontier, readFrontier } from '../domain/tree-hashes.ts';
import type { Schema } from './schema.ts';
import { compileStatements } from './statements.ts';
import { withinRoom } from './within-room.ts';

/** Rows that one list call looks at without finding enough: it then gives a short page and where to go on. */
export const scannedRowsMax = 20_000;

/**
 * The log on disk. The tree needs no rows of its own: each record carries the hashes of the subtrees that it completes,
 * so any node is one read by key, and appending is one insert a record.
 */
export class SqliteRecordStore implements RecordStore {
  readonly #database: SqliteDatabase;
  readonly #db: Kysely<Schema>;
  readonly #statements: ReturnType<typeof compileStatements>;
  readonly #sourceIds = new Map<SpiffeId, number>();
  /** The key asked for last, of each broker: nearly always the one asked for next. */
  readonly #epochKeys = new Map<SpiffeId, { readonly epoch: number; readonly key: KeyObject }>();
  #frontier: Frontier;

  /** `db` compiles queries for `database`, whose migrations have run. */
  constructor(database: SqliteDatabase, db: Kysely<Schema>) {
    this.#database = database;
    this.#db = db;
    this.#statements = compileStatements(database, db);
    const [last] = this.#statements.lastIndex.all([1]) as { idx: number }[];
    this.#frontier = readFrontier(last === undefined ? 0 : last.idx + 1, this.readNode);
    for (const source of this.#sources()) this.#sourceIds.set(source.spiffe_id, source.id);
  }

  size(): number {
    return this.#frontier.size;
  }

  readonly readNode = (level: number, position: number): Buffer => {
    const index = (position + 1) * 2 ** level - 1;
    const [row] = this.#statements.node.all([level * 32 + 1, index]) as { hash: Uint8Array }[];
    if (row?.hash.length !== 32) throw new Error(`store: record ${index} has no hash of level ${level}`);
    return asBuffer(row.hash);
  };

  highWaters(): HighWater[] {
    return this.#sources().map((row) => ({
      broker: row.spiffe_id,
      seq: row.seq,
      batchSha256: row.batch_sha256,
      epoch: row.epoch,
    }));
  }

  epochKey(broker: SpiffeId, epoch: number): KeyObject | undefined {
    const cached = this.#epochKeys.get(broker);
    if (cached?.epoch === epoch) return cached.key;
    const query = this.#db
      .selectFrom('epochs')
      .select('public_key')
      .where('source_id', '=', this.#sourceIds.get(broker) ?? 0);
    const [row] = this.#database.rows(query.where('epoch', '=', epoch)) as { public_key: Uint8Array }[];
    if (row === undefined) return undefined;
    const key = ed25519PublicKey(row.public_key);
    this.#epochKeys.set(broker, { epoch, key });
    return key;
  }

  findBatch(broker: SpiffeId, seq: number): StoredBatch | undefined {
    const query = this.#db
      .selectFrom('batches')
      .select(['first_seq', 'count', 'batch_sha256', 'header'])
      .where('source_id', '=', this.#sourceIds.get(broker) ?? 0)
      .where('first_seq', '<=', seq)
      .orderBy('first_seq', 'desc')
      .limit(1);
    const [row] = this.#database.rows(query) as Pick<
      Schema['batches'],
      'first_seq' | 'count' | 'batch_sha256' | 'header'
    >[];
    if (row === undefined) return undefined;
    const { first_seq: firstSeq, count, batch_sha256: hash } = row;
    const { prev_batch_sha256: prevSha256 } = parseBatchHeader(asBuffer(row.header));
    return { firstSeq, lastSeq: firstSeq + count - 1, sha256: hash, prevSha256 };
  }

  append(batches: readonly AcceptedBatch[], now: UnixMs, also?: () => void): Appended {
    const firstIndex = this.#frontier.size;
    const insert = () => {
      const grown = batches.reduce((before, batch) => this.#insertBatch(before, batch, now), this.#frontier);
      also?.();
      return grown;
    };
    let frontier: Frontier;
    try {
      frontier = withinRoom(() => this.#database.transaction(insert));
    } catch (thrown) {
      const duplicate = this.#findDuplicate(batches);
      if (duplicate === undefined) throw thrown;
      return duplicate;
    }
    // Only a commit that returned moves what the next append builds on.
    this.#frontier = frontier;
    for (const batch of batches) this.#rememberSource(batch.broker);
    return { kind: 'appended', firstIndex };
  }

  /** Gives the broker's number. */
  moveMark({ broker, seq, batchSha256, epoch }: HighWater): number {
    const [row] = this.#statements.moveSource.all([broker, seq, batchSha256, epoch]) as { id: number }[];
    return row?.id ?? 0;
  }

  #insertBatch(before: Frontier, batch: AcceptedBatch, now: UnixMs): Frontier {
    const { broker, epoch, firstSeq, events, sha256: hash } = batch;
    const lastSeq = firstSeq + events.length - 1;
    const sourceId = this.moveMark({ broker, seq: lastSeq, batchSha256: hash, epoch });
    if (batch.opens !== undefined) {
      const chain = JSON.stringify(batch.opens.chainDer.map((der) => der.toString('base64')));
      this.#statements.insertEpoch.run([
        sourceId,
        epoch,
        firstSeq,
        ed25519RawKey(batch.opens.publicKey),
        chain,
      ]);
    }
    this.#statements.insertBatch.run([
      before.size,
      sourceId,
      firstSeq,
      events.length,
      epoch,
      hash,
      batch.header,
      batch.signature,
    ]);
    let frontier = before;
    events.forEach((event, i) => {
      const appended = appendLeaf(frontier, event.leafHash);
      this.#insertRecord(event, {
        index: frontier.size,
        hashes: appended.hashes,
        sourceId,
        seq: firstSeq + i,
        now,
      });
      frontier = appended.frontier;
    });
    return frontier;
  }

  #insertRecord(
    event: AcceptedEvent,
    at: { index: number; hashes: readonly Buffer[]; sourceId: number; seq: number; now: UnixMs },
  ) {
    const { id, type, grantId = null, spiffeId = null } = event.facts;
    const hashes = at.hashes.length === 1 ? event.leafHash : Buffer.concat(at.hashes);
    this.#statements.insertRecord.run([
      at.index,
      hashes,
      at.sourceId,
      at.seq,
      id,
      type,
      grantId,
      spiffeId,
      at.now,
      event.leaf,
    ]);
  }

  #findDuplicate(batches: readonly AcceptedBatch[]): Appended | undefined {
    const seen = new Set<string>();
    for (const batch of batches) {
      for (const { facts } of batch.events) {
        if (seen.has(facts.id) || this.#statements.indexOfEvent.all([facts.id]).length > 0)
          return { kind: 'duplicate event', batch, eventId: facts.id };
        seen.add(facts.id);
      }
    }
    return undefined;
  }

  latestCheckpoint(): SignedCheckpoint | undefined {
    const [row] = this.#database.rows(
      this.#db.selectFrom('checkpoints').selectAll().orderBy('size', 'desc').limit(1),
    ) as Schema['checkpoints'][];
    return row === undefined
      ? undefined
      : { size: row.size, root: asBuffer(row.root), note: row.note, signedAt: row.signed_at };
  }

  addCheckpoint(checkpoint: SignedCheckpoint): void {
    const { size, root, note, signedAt } = checkpoint;
    const row = this.#db.insertInto('checkpoints').values({ size, root, note, signed_at: signedAt });
    withinRoom(() => this.#database.rows(row));
  }

  record(index: number): LogRecord | undefined {
    return (this.#statements.record.all([index]) as RecordRow[]).map(asRecord)[0];
  }

  findEvent(eventId: string): LogRecord | undefined {
    const [row] = this.#statements.indexOfEvent.all([eventId]) as { idx: number }[];
    return row === undefined ? undefined : this.record(row.idx);
  }

  list(query: {
    from: number | undefined;
    count: number;
    newestFirst: boolean;
    filter: RecordFilter;
  }): RecordPage {
    const { count, newestFirst, filter } = query;
    const from = query.from ?? (newestFirst ? this.#frontier.size : 0);
    // A filter with an index finds its rows directly; only a scan by type alone needs its reach bounded.
    const isScan = filter.grantId === undefined && filter.spiffeId === undefined;
    const reach = isScan ? scannedRowsMax : Number.MAX_SAFE_INTEGER;
    const [low, high] = newestFirst
      ? [Math.max(0, from - reach), from]
      : [from, Math.min(from + reach, this.#frontier.size)];
    let found = this.#db
      .selectFrom('records')
      .select(['idx', 'leaf', 'appended_at'])
      .where('idx', '>=', low)
      .where('idx', '<', high);
    if (filter.grantId !== undefined) found = found.where('grant_id', '=', filter.grantId);
    if (filter.spiffeId !== undefined) found = found.where('spiffe_id', '=', filter.spiffeId);
    if (filter.typePrefix !== undefined)
      found = found.where(sql<boolean>`substr(type, 1, ${filter.typePrefix.length}) = ${filter.typePrefix}`);
    const rows = this.#database.rows(
      found.orderBy('idx', newestFirst ? 'desc' : 'asc').limit(count),
    ) as RecordRow[];
    return {
      records: rows.map(asRecord),
      nextIndex: this.#nextIndex({ rows, count, newestFirst, low, high }),
    };
  }

  #nextIndex(page: {
    rows: readonly RecordRow[];
    count: number;
    newestFirst: boolean;
    low: number;
    high: number;
  }): number | undefined {
    const last = page.rows.at(-1);
    const isFull = page.rows.length === page.count && last !== undefined;
    if (page.newestFirst) {
      const next = isFull ? last.idx : page.low;
      return next > 0 ? next : undefined;
    }
    const next = isFull ? last.idx + 1 : page.high;
    return next < this.#frontier.size ? next : undefined;
  }

  #sources() {
    return this.#database.rows(this.#db.selectFrom('sources').selectAll().orderBy('id')) as (HighWaterRow & {
      id: number;
    })[];
  }

  #rememberSource(broker: SpiffeId): void {
    if (this.#sourceIds.has(broker)) return;
    for (const source of this.#sources()) this.#sourceIds.set(source.spiffe_id, source.id);
  }
}

type HighWaterRow = {
  readonly spiffe_id: SpiffeId;
  readonly seq: number;
  readonly batch_sha256: string;
  readonly epoch: number;
};
type RecordRow = { readonly idx: number; readonly leaf: Uint8Array; readonly appended_at: number };

function asRecord(row: RecordRow): LogRecord {
  return { index: row.idx, leaf: asBuffer(row.leaf), appendedAt: row.appended_at };
}
