import { ServiceError } from '@stint/common/errors.ts';
import pg from 'pg';
import type { Writes } from './commit-plan.ts';
import {
  type LedgerEngine,
  type LedgerTransaction,
  type OutboxSize,
  type Released,
  StateMoved,
} from './ledger-engine.ts';
import { selectMiscounts } from './miscounts.ts';
import {
  holdBrokerName,
  lockKey,
  openSession,
  type PostgresPlace,
  type Session,
} from './postgres-connection.ts';
import { beginWithFacts } from './postgres-facts.ts';
import {
  type BrokerStateRow,
  type EpochRow,
  grantColumns,
  grantMutableColumns,
  type LiveGrantsRow,
  leaseColumns,
  leaseMutableColumns,
  liveGrantsColumns,
  type OutboxRow,
  onLiveGrants,
  outboxColumns,
} from './schema.ts';

/**
 * The ledger's hot path on PostgreSQL: facts in a few statements, then everything written by one, whatever the number of
 * entries. It holds one session, and on it the lock on the broker's name: without the lock there is no session, so
 * nothing is ever committed without it.
 */
export class PostgresEngine implements LedgerEngine {
  readonly #place: PostgresPlace;
  readonly #name: string;
  #session: Session;

  private constructor(place: PostgresPlace, name: string, session: Session) {
    this.#place = place;
    this.#name = name;
    this.#session = session;
  }

  /** @throws ServiceError STORE_IN_USE, STORE_UNAVAILABLE */
  static async open(place: PostgresPlace, name: string): Promise<PostgresEngine> {
    return new PostgresEngine(place, name, await openLocked(place, name));
  }

  async transact(transaction: LedgerTransaction): Promise<Released | undefined> {
    const { client } = this.#session;
    try {
      const facts = await beginWithFacts(this.#session, transaction.entries);
      const writes = transaction.decide(facts);
      if (transaction.epoch !== undefined) await this.#beginEpoch(transaction.epoch, transaction.expected);
      await this.#write(writes, transaction.expected);
      const { releaseTo } = transaction;
      const released = releaseTo === undefined ? undefined : await this.#release(releaseTo);
      await client.query('commit');
      return released;
    } catch (thrown) {
      await this.#undo(thrown);
      throw thrown;
    }
  }

  async readState(broker: string): Promise<BrokerStateRow | undefined> {
    if (this.#session.isLost()) this.#session = await openLocked(this.#place, this.#name);
    const text = 'select broker, epoch, seq, batch_sha256 from broker_state where broker = $1';
    return (await this.#session.client.query<BrokerStateRow>(text, [broker])).rows[0];
  }

  async outboxSize(broker: string): Promise<OutboxSize> {
    const { rows } = await this.#session.client.query<{
      events: number;
      bytes: number;
      oldest_at: number | null;
    }>(
      `select coalesce(sum(last_seq - first_seq + 1), 0)::bigint as events, coalesce(sum(bytes), 0)::bigint as bytes,
        min(committed_at) as oldest_at from outbox where broker = $1`,
      [broker],
    );
    return {
      events: rows[0]?.events ?? 0,
      bytes: rows[0]?.bytes ?? 0,
      oldestAt: rows[0]?.oldest_at ?? undefined,
    };
  }

  /**
   * The ledgers move grants and counts together, so what a count lacks stays the same whatever they commit, and can be
   * added afterwards: nobody waits for the counting. Only another recount could add it twice; it is kept out before the
   * counting statement takes its snapshot. The counts' rows are locked last, in the ledgers' own order and until the
   * commit that follows, so that nobody waits in a circle.
   */
  async mendLiveGrants(): Promise<readonly LiveGrantsRow[]> {
    const { client } = this.#session;
    try {
      await client.query(
        `begin isolation level read committed; select pg_advisory_xact_lock(${lockKey('recount', 'live_grants')})`,
      );
      const { rows: miscounts } = await client.query<LiveGrantsRow>(selectMiscounts);
      if (miscounts.length > 0) await client.query(addLive, [JSON.stringify(miscounts)]);
      await client.query('commit');
      return miscounts;
    } catch (thrown) {
      await this.#undo(thrown);
      throw thrown;
    }
  }

  /** Data and integrity faults; serialisation and deadlock too, which an entry by itself does not meet again. */
  isEntryFault(thrown: unknown): boolean {
    return thrown instanceof pg.DatabaseError && /^(?:22|23|40)/.test(thrown.code ?? '');
  }

  async close(): Promise<void> {
    // The server frees the lock when the session ends, in order or not.
    await this.#session.client.end().catch(() => this.#session.drop());
  }

  /** Rolls back; a session that cannot even do that, or whose answer was lost, is not used again. */
  async #undo(thrown: unknown): Promise<void> {
    const isAnswer =
      thrown instanceof pg.DatabaseError || thrown instanceof StateMoved || thrown instanceof ServiceError;
    if (!isAnswer || this.#session.isLost()) return this.#session.drop();
    await this.#session.client.query('rollback').catch(() => this.#session.drop());
  }

  async #beginEpoch(epoch: EpochRow, expected: BrokerStateRow): Promise<void> {
    const { client } = this.#session;
    const values = [epoch.broker, epoch.epoch, epoch.public_key, epoch.started_at];
    await client.query(
      'insert into epochs (broker, epoch, public_key, started_at) values ($1, $2, $3, $4)',
      values,
    );
    if (expected.epoch > 0) return;
    await client.query("insert into broker_state (broker, epoch, seq, batch_sha256) values ($1, 0, 0, '')", [
      epoch.broker,
    ]);
  }

  async #write(writes: Writes, expected: BrokerStateRow): Promise<void> {
    const { grantInserts, leaseInserts, grantUpdates, leaseUpdates, liveChanges, sealed } = writes;
    const lists = [grantInserts, leaseInserts, leaseUpdates, grantUpdates, liveChanges];
    const rows = lists.map((list) => JSON.stringify(list));
    if (sealed === undefined) {
      if (lists.every((list) => list.length === 0)) return;
      await this.#session.client.query({ name: 'write-rows', text: `${writeRows} select 1`, values: rows });
      return;
    }
    const { row, state } = sealed;
    const moved = [state.epoch, state.seq, state.batch_sha256, state.broker, expected.epoch, expected.seq];
    const values = [...rows, ...outboxColumns.map((column) => row[column]), ...moved];
    const { rowCount } = await this.#session.client.query({ name: 'write-batch', text: writeBatch, values });
    if (rowCount !== 1) throw new StateMoved();
  }

  async #release(seq: number): Promise<Released> {
    const { client } = this.#session;
    const { rows } = await client.query<Pick<OutboxRow, 'first_seq' | 'last_seq' | 'bytes'>>({
      name: 'release',
      text: 'delete from outbox where broker = $1 and first_seq <= $2 returning first_seq, last_seq, bytes',
      values: [this.#name, seq],
    });
    const oldest = await client.query<{ committed_at: number }>({
      name: 'oldest',
      text: 'select committed_at from outbox where broker = $1 order by first_seq limit 1',
      values: [this.#name],
    });
    return {
      events: rows.reduce((sum, row) => sum + row.last_seq - row.first_seq + 1, 0),
      bytes: rows.reduce((sum, row) => sum + row.bytes, 0),
      oldestAt: oldest.rows[0]?.committed_at,
    };
  }
}

async function openLocked(place: PostgresPlace, name: string): Promise<Session> {
  let session: Session | undefined;
  try {
    session = await openSession(place);
    await holdBrokerName(session, name);
    return session;
  } catch (cause) {
    session?.drop();
    if (cause instanceof ServiceError) throw cause;
    const server = `${place.host}:${place.port}/${place.database}`;
    throw new ServiceError('STORE_UNAVAILABLE', `store: PostgreSQL at "${server}" cannot be used`, { cause });
  }
}

/** Adds the changes of live grants in parameter `list`, a JSON list of rows. */
function addLiveOf(list: string): string {
  const columns = liveGrantsColumns.join(', ');
  return `insert into live_grants (${columns}) select ${columns} from json_populate_recordset(null::live_grants, ${list}::json) ${onLiveGrants}`;
}

const addLive = addLiveOf('$1');

/** $1 to $5: new grants, new leases, changed leases, changed grants, changes of live grants, each a JSON list of rows. */
const writeRows = `with
  new_grants as (insert into grants (${grantColumns.join(', ')}) select ${grantColumns.join(', ')} from json_populate_recordset(null::grants, $1::json)),
  new_leases as (insert into leases (${leaseColumns.join(', ')}) select ${leaseColumns.join(', ')} from json_populate_recordset(null::leases, $2::json)),
  changed_leases as (update leases as old set ${assignments(leaseMutableColumns)} from json_populate_recordset(null::leases, $3::json) as new where old.id = new.id),
  changed_grants as (update grants as old set ${assignments(grantMutableColumns)} from json_populate_recordset(null::grants, $4::json) as new where old.id = new.id),
  changed_counts as (${addLiveOf('$5')})`;

const listsOfRows = 5;
const afterOutboxRow = listsOfRows + outboxColumns.length;

/** And then: the outbox row, and the broker's state moved from exactly where it was. */
const writeBatch = `${writeRows},
  batch as (insert into outbox (${outboxColumns.join(', ')}) values (${parameters(listsOfRows, outboxColumns.length)}))
  update broker_state set (epoch, seq, batch_sha256) = (${parameters(afterOutboxRow, 3)})
    where (broker, epoch, seq) = (${parameters(afterOutboxRow + 3, 3)})`;

/** `count` parameters, the first of them the one after `taken` others. */
function parameters(taken: number, count: number): string {
  return Array.from({ length: count }, (_, i) => `$${taken + 1 + i}`).join(', ');
}

function assignments(columns: readonly string[]): string {
  return columns.map((column) => `${column} = new.${column}`).join(', ');
}
