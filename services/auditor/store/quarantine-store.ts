import { sha256 } from '@stint/common/merkle.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { type Compilable, type Kysely, sql } from 'kysely';
import type { ClaimedRange, Quarantined, QuarantinedMessage, QuarantineStore } from '../app/ports.ts';
import { signedReasons } from '../domain/quarantine-reason.ts';
import type { Schema } from './schema.ts';
import { compileQuarantine } from './statements.ts';
import { withinRoom } from './within-room.ts';

/** Bytes of refused messages that are kept whole; beyond it only their hash and what is known of them. */
export const quarantineBytesMax = 67_108_864;

/** What was refused, and what became of it. */
export class SqliteQuarantineStore implements QuarantineStore {
  readonly #database: SqliteDatabase;
  readonly #db: Kysely<Schema>;
  readonly #statements: ReturnType<typeof compileQuarantine>;
  /** Counted here: to ask the table for each message would read all of it, and whoever floods the bus makes it long. */
  #keptBytes: number;
  /** Counted for the same reason; undefined: to be counted anew. */
  #unsettled: number | undefined;

  /** `db` compiles queries for `database`, whose migrations have run. */
  constructor(database: SqliteDatabase, db: Kysely<Schema>) {
    this.#database = database;
    this.#db = db;
    this.#statements = compileQuarantine(database, db);
    const [{ kept } = { kept: 0 }] = this.#statements.keptBytes.all([]) as { kept: number }[];
    this.#keptBytes = kept;
  }

  add(refused: readonly Quarantined[], now: UnixMs): void {
    let kept = this.#keptBytes;
    let added = 0;
    const insert = (one: Quarantined) => {
      const { payload, reason, detail, subject, broker = null, firstSeq = null } = one;
      const stored = kept + payload.length <= quarantineBytesMax ? payload : null;
      const known = [sha256(payload), reason, detail, subject, broker, firstSeq, payload.length];
      const [row] = this.#statements.add.all([...known, stored, 1, now, now]) as { times: number }[];
      if (row?.times !== 1) return; // it is known, and counted
      kept += stored?.length ?? 0;
      added++;
    };
    withinRoom(() =>
      this.#database.transaction(() => {
        for (const one of refused) insert(one);
      }),
    );
    this.#keptBytes = kept;
    if (this.#unsettled !== undefined) this.#unsettled += added;
  }

  unsettledCount(): number {
    this.#unsettled ??= this.#countUnsettled();
    return this.#unsettled;
  }

  #countUnsettled(): number {
    const [row] = this.#database.rows(
      this.#db
        .selectFrom('quarantine')
        .select((eb) => eb.fn.countAll().as('count'))
        .where('settled_index', 'is', null),
    ) as { count: number }[];
    return row?.count ?? 0;
  }

  list(query: { fromId: number; count: number; includeSettled: boolean }): QuarantinedMessage[] {
    const found = this.#messages().where('id', '>=', query.fromId).orderBy('id').limit(query.count);
    return this.#read(query.includeSettled ? found : found.where('settled_index', 'is', null));
  }

  find(id: number): QuarantinedMessage | undefined {
    return this.#read(this.#messages().where('id', '=', id))[0];
  }

  payload(id: number): Buffer | undefined {
    const [row] = this.#database.rows(
      this.#db.selectFrom('quarantine').select('payload').where('id', '=', id),
    ) as {
      payload: Uint8Array | null;
    }[];
    return row?.payload === null || row === undefined ? undefined : Buffer.from(row.payload);
  }

  claims(range: Parameters<QuarantineStore['claims']>[0]): QuarantinedMessage[] {
    const { broker, from, to, count, reasons, includeSettled } = range;
    let found = this.#messages()
      .where('broker', '=', broker)
      .where('first_seq', '>=', from)
      .where('first_seq', '<=', to);
    if (reasons !== undefined) found = found.where('reason', 'in', [...reasons]);
    if (includeSettled !== true) found = found.where('settled_index', 'is', null);
    const signed = sql.join(signedReasons);
    return this.#read(
      found.orderBy(sql`reason NOT IN (${signed})`).orderBy('first_seq').orderBy('id').limit(count),
    );
  }

  settle(id: number, recordIndex: number): void {
    this.#unsettled = undefined; // before the write: a transaction around it may still be undone
    const settled = this.#db.updateTable('quarantine').set({ settled_index: recordIndex });
    this.#database.rows(settled.where('id', '=', id));
  }

  settleClaims({ broker, from, to }: ClaimedRange, recordIndex: number): void {
    this.#unsettled = undefined;
    const settled = this.#db.updateTable('quarantine').set({ settled_index: recordIndex });
    const claims = settled.where('broker', '=', broker).where('settled_index', 'is', null);
    this.#database.rows(claims.where('first_seq', '>=', from).where('first_seq', '<=', to));
  }

  #messages() {
    return this.#db
      .selectFrom('quarantine')
      .select(['id', 'reason', 'detail', 'subject', 'broker', 'first_seq', 'size_bytes', 'payload_sha256'])
      .select(['times', 'first_at', 'last_at', 'settled_index', sql<number>`payload IS NOT NULL`.as('kept')]);
  }

  #read(query: Compilable<unknown>): QuarantinedMessage[] {
    return (this.#database.rows(query) as MessageRow[]).map((row) => ({
      id: row.id,
      reason: row.reason,
      detail: row.detail,
      subject: row.subject,
      broker: row.broker ?? undefined,
      firstSeq: row.first_seq ?? undefined,
      sizeBytes: row.size_bytes,
      payloadSha256: Buffer.from(row.payload_sha256),
      isKept: row.kept === 1,
      times: row.times,
      firstAt: row.first_at,
      lastAt: row.last_at,
      settledIndex: row.settled_index ?? undefined,
    }));
  }
}

type MessageRow = {
  readonly id: number;
  readonly reason: string;
  readonly detail: string;
  readonly subject: string;
  readonly broker: SpiffeId | null;
  readonly first_seq: number | null;
  readonly size_bytes: number;
  readonly payload_sha256: Uint8Array;
  readonly times: number;
  readonly first_at: number;
  readonly last_at: number;
  readonly settled_index: number | null;
  readonly kept: number;
};
