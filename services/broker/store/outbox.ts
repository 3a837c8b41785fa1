import { asBuffer } from '@stint/common/as-buffer.ts';
import type { Kysely } from 'kysely';
import type { Outbox, OutboxBatch } from '../app/ports/ledger.ts';
import { splitEvents } from './event-encoding.ts';
import type { GroupCommitLedger } from './ledger.ts';
import { orUnavailable } from './or-unavailable.ts';
import type { OutboxRow, Schema } from './schema.ts';

/** The relay's view of the ledger: batches as they are committed, and again from their rows. */
export class StoreOutbox implements Outbox {
  readonly #ledger: GroupCommitLedger;
  readonly #database: Kysely<Schema>;
  readonly #name: string;

  constructor(ledger: GroupCommitLedger, database: Kysely<Schema>, name: string) {
    this.#ledger = ledger;
    this.#database = database;
    this.#name = name;
  }

  sequence(): number {
    return this.#ledger.sequence();
  }

  onCommit(listener: (batch: OutboxBatch) => void): void {
    this.#ledger.onCommit(listener);
  }

  release(seq: number): void {
    this.#ledger.release(seq);
  }

  async read(fromSeq: number, limit: number): Promise<readonly OutboxBatch[]> {
    const rows = await orUnavailable(
      this.#database
        .selectFrom('outbox')
        .selectAll()
        .where('broker', '=', this.#name)
        .where('first_seq', '>=', fromSeq)
        .orderBy('first_seq')
        .limit(limit)
        .execute(),
    );
    return rows.map(fromOutboxRow);
  }

  async findAt(seq: number): Promise<OutboxBatch | undefined> {
    const row = await orUnavailable(
      this.#database
        .selectFrom('outbox')
        .selectAll()
        .where('broker', '=', this.#name)
        .where('first_seq', '<=', seq)
        .orderBy('first_seq', 'desc')
        .limit(1)
        .executeTakeFirst(),
    );
    return row === undefined || row.last_seq < seq ? undefined : fromOutboxRow(row);
  }
}

function fromOutboxRow(row: OutboxRow): OutboxBatch {
  return {
    firstSeq: row.first_seq,
    lastSeq: row.last_seq,
    header: asBuffer(row.header),
    signature: asBuffer(row.signature),
    events: splitEvents(row.events),
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
  };
}
