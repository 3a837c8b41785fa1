import type { UnixMs } from '@stint/common/time.ts';
import type { LedgerEntry } from '../app/ports/ledger.ts';
import type { Facts, Writes } from './commit-plan.ts';
import type { BrokerStateRow, EpochRow, LiveGrantsRow } from './schema.ts';

/** One transaction of the ledger. */
export type LedgerTransaction = {
  /** What facts the decision will ask for. */
  readonly entries: readonly LedgerEntry[];
  /** How far the log has come by our knowledge; the write fails when the store says otherwise. */
  readonly expected: BrokerStateRow;
  /** Called once, inside the transaction. Throws to undo everything. */
  readonly decide: (facts: Facts) => Writes;
  /** Forget outbox rows up to this sequence, the last of a batch. */
  readonly releaseTo?: number;
  /** Begin this epoch. */
  readonly epoch?: EpochRow;
};

/** Outbox rows that a transaction has forgotten, and when the oldest that is left was committed. */
export type Released = {
  readonly events: number;
  readonly bytes: number;
  readonly oldestAt: UnixMs | undefined;
};

/** The outbox as a whole. */
export type OutboxSize = {
  readonly events: number;
  readonly bytes: number;
  readonly oldestAt: UnixMs | undefined;
};

/**
 * What the ledger needs of a database. SQLite answers at once, on this thread: a commit there is an fsync and little
 * else. PostgreSQL answers with promises. The ledger is the only caller and calls one method at a time.
 */
export interface LedgerEngine {
  /**
   * Runs a transaction; resolves to what was released. When it returns (or resolves), everything is durable. When it
   * throws, nothing was written, unless the connection broke while it committed: then {@link readState} tells.
   */
  transact(transaction: LedgerTransaction): Released | undefined | Promise<Released | undefined>;
  /** Where the broker's log stands; undefined for a name that has none. Connects again if the connection was lost. */
  readState(broker: string): BrokerStateRow | undefined | Promise<BrokerStateRow | undefined>;
  outboxSize(broker: string): OutboxSize | Promise<OutboxSize>;
  /**
   * Counts the live grants anew and adds to the kept counts what they lack, in a transaction of its own; resolves to what
   * was added. Whatever others commit meanwhile is neither lost nor counted twice.
   */
  mendLiveGrants(): readonly LiveGrantsRow[] | Promise<readonly LiveGrantsRow[]>;
  /** Whether the fault lies in an entry's rows: alone, the others would have been committed. */
  isEntryFault(thrown: unknown): boolean;
  close(): void | Promise<void>;
}

/** The transaction found the broker's log further on, or in another epoch, than this process knows: somebody else writes it. */
export class StateMoved extends Error {
  constructor() {
    super('store: the log of this broker was moved on by another process');
    this.name = 'StateMoved';
  }
}
