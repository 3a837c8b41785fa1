import type { KeyObject } from 'node:crypto';
import { batchEventsMax, type SignedBatch } from '@stint/common/audit-batch.ts';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { Ledger, LedgerEntry, LedgerOutcome, OutboxBatch } from '../app/ports/ledger.ts';
import { beginEpoch, type EpochOptions, type OpenedLog } from './begin-epoch.ts';
import { CommitPlan, entryEventsMax, type Writes } from './commit-plan.ts';
import { type OutboxSize, type Released, StateMoved } from './ledger-engine.ts';
import { unavailable } from './or-unavailable.ts';
import type { BrokerStateRow } from './schema.ts';

/** Entries that may wait for a commit; above it callers are told to come again. A second's work and more. */
export const waitingEntriesMax = 8_192;
/** When a refused caller may come again, in milliseconds. */
const retryAfterMs = 100;
/** When one may come again whose commit found the log moved on by somebody else: its state is read anew meanwhile. */
const movedRetryAfterMs = 1_000;
/** How long a receipt may wait for a commit to ride on before it gets one of its own, in milliseconds. */
const releaseWaitMs = 50;

type Waiting = {
  readonly entry: LedgerEntry;
  readonly resolve: (outcome: LedgerOutcome) => void;
  readonly reject: (reason: Error) => void;
};

/** What a transaction came to, entry by entry. */
type Decided = {
  outcomes: (LedgerOutcome | Error)[];
  writes: Writes | undefined;
};

/**
 * The one writer of a broker: group commit. Entries gather while a transaction runs; the next event-loop turn commits
 * those that came, up to a batch's limits, in the order in which they came.
 *
 * One transaction: 1. look up replays, quotas and the rows to change; 2. decide; 3. write rows; 4. write the sealed batch
 * and move the broker's state from exactly where it was; 5. commit. A crash before 5 leaves nothing and nobody was told;
 * a crash after it leaves everything, and a caller who was not told learns it by his idempotency key.
 * 6. settle promises, hand the batch to the relay. A crash before it: the relay reads the row at the next start.
 */
export class GroupCommitLedger implements Ledger {
  readonly #options: EpochOptions;
  readonly #epochKey: KeyObject;
  readonly #epoch: number;
  readonly #listeners: ((batch: OutboxBatch) => void)[] = [];
  #state: BrokerStateRow;
  #waiting: Waiting[] = [];
  /** What the outbox holds; kept by the committing step alone. */
  #outbox: OutboxSize;
  #isScheduled = false;
  /** Set when a commit's outcome, or the connection, was lost: the state must be read before the next commit. */
  #mustReadState = false;
  #releaseTo: number | undefined;
  #releaseTimer: NodeJS.Timeout | undefined;
  /** Why the last commit failed; undefined when it did not. */
  #outage: string | undefined;
  /** Why nothing is taken any more. */
  #refusal: ServiceError | undefined;
  #onIdle: (() => void) | undefined;

  private constructor(options: EpochOptions, opened: OpenedLog) {
    this.#options = options;
    this.#epochKey = opened.epochKey;
    this.#epoch = opened.state.epoch;
    this.#state = opened.state;
    this.#outbox = opened.outbox;
  }

  /** Opens the broker's log; see {@link beginEpoch}. @throws Error when the store cannot be written. */
  static async open(options: EpochOptions): Promise<GroupCommitLedger> {
    const opened = await beginEpoch(options);
    return new GroupCommitLedger(options, opened);
  }

  commit(entry: LedgerEntry): Promise<LedgerOutcome> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refuse(entry);
      if (refusal !== undefined) return reject(refusal);
      this.#waiting.push({ entry, resolve, reject });
      this.#schedule();
    });
  }

  backlog(): OutboxSize {
    return this.#outbox;
  }

  sequence(): number {
    return this.#state.seq;
  }

  outage(): string | undefined {
    return this.#outage;
  }

  /** Calls back with every batch once it is durable, in order of sequence. Listeners must not throw. */
  onCommit(listener: (batch: OutboxBatch) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Forgets the batches up to `seq`, the last of a batch that a receipt covers. It rides on the next commit, or gets one
   * of its own soon. A crash before it: the rows are sent again and receipted again.
   */
  release(seq: number): void {
    this.#releaseTo = Math.max(this.#releaseTo ?? 0, Math.min(seq, this.#state.seq));
    this.#releaseTimer ??= setTimeout(() => {
      this.#releaseTimer = undefined;
      this.#schedule();
    }, releaseWaitMs).unref();
  }

  /** Commits what waits, takes nothing more, and closes the engine. */
  async close(): Promise<void> {
    this.#refusal ??= new ServiceError('SHUTTING_DOWN', 'store: the broker is stopping');
    clearTimeout(this.#releaseTimer);
    if (this.#releaseTo !== undefined) this.#schedule();
    if (this.#isScheduled) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#options.engine.close();
  }

  #refuse(entry: LedgerEntry): ServiceError | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    if (this.#waiting.length >= waitingEntriesMax) {
      return new ServiceError('RATE_LIMITED', `store: ${waitingEntriesMax} commits are waiting`, {
        retryAfterMs,
      });
    }
    if (entry.events.length <= entryEventsMax) return undefined;
    return fault(
      new RangeError(`ledger: an entry has ${entry.events.length} events, the limit is ${entryEventsMax}`),
    );
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => void this.#run());
  }

  /** Commits once and, if more has come meanwhile, again after one turn of the event loop. Never throws. */
  async #run(): Promise<void> {
    const taken = this.#take();
    try {
      await this.#commitTogether(taken);
    } catch (thrown) {
      this.#options.log.error({ error: thrown }, 'a commit failed in a way that nobody foresaw');
      for (const { reject } of taken) reject(fault(thrown));
    }
    if (this.#waiting.length > 0) {
      setImmediate(() => void this.#run());
      return;
    }
    this.#isScheduled = false;
    this.#onIdle?.();
  }

  #take(): Waiting[] {
    let events = 0;
    let count = 0;
    for (const { entry } of this.#waiting) {
      events += Math.max(1, entry.events.length);
      if (events > batchEventsMax) break;
      count++;
    }
    const taken = this.#waiting;
    this.#waiting = taken.splice(count);
    return taken;
  }

  async #commitTogether(taken: readonly Waiting[]): Promise<void> {
    const decided: Decided = { outcomes: [], writes: undefined };
    try {
      if (this.#mustReadState) await this.#readState();
      const releaseTo = this.#releaseTo;
      const released = await this.#options.engine.transact({
        entries: taken.map((waiting) => waiting.entry),
        expected: this.#state,
        decide: (facts) => {
          const { name: brokerName, spiffeId: broker, clock } = this.#options;
          const place = {
            broker,
            brokerName,
            state: this.#state,
            epochKey: this.#epochKey,
            now: clock.now(),
          };
          return decide(new CommitPlan(facts, place), taken, decided);
        },
        ...(releaseTo === undefined ? {} : { releaseTo }),
      });
      if (released !== undefined) this.#forget(released, releaseTo);
    } catch (thrown) {
      if (!(await this.#isCommitted(decided.writes, thrown))) return this.#commitSingly(taken, thrown);
    }
    this.#settle(taken, decided);
  }

  /** After a failure: whether the commit went through all the same, its confirmation being lost. */
  async #isCommitted(writes: Writes | undefined, thrown: unknown): Promise<boolean> {
    if (this.#options.engine.isEntryFault(thrown)) return false;
    this.#mustReadState = true;
    try {
      await this.#readState();
    } catch (cause) {
      // Not known, and not to be known now: the caller is told that it failed, and a replay of his key tells him more.
      this.#options.log.error({ error: cause }, 'the store cannot be reached');
      return false;
    }
    return writes?.sealed !== undefined && writes.sealed.state.batch_sha256 === this.#state.batch_sha256;
  }

  async #readState(): Promise<void> {
    const { engine, name } = this.#options;
    const state = await engine.readState(name);
    if (state?.epoch !== this.#epoch) {
      this.#refusal = new ServiceError(
        'STORE_IN_USE',
        `store: another process has taken over broker "${name}"`,
      );
      throw this.#refusal;
    }
    this.#outbox = await engine.outboxSize(name);
    this.#state = state;
    this.#mustReadState = false;
  }

  /** An entry whose rows the store refuses must not take its neighbours with it: each is tried by itself. */
  async #commitSingly(taken: readonly Waiting[], thrown: unknown): Promise<void> {
    const isEntryFault = this.#options.engine.isEntryFault(thrown);
    if (isEntryFault && taken.length > 1) {
      for (const waiting of taken) await this.#commitTogether([waiting]);
      return;
    }
    const reason = isEntryFault ? fault(thrown) : failed(this.#refusal ?? thrown);
    // Of an outage the first failure is told whole; the rest are the same story, and who asks is told of each.
    const level = isEntryFault || this.#outage === undefined ? 'error' : 'debug';
    if (!isEntryFault) this.#outage = reason.message;
    this.#options.log[level]({ error: thrown, entries: taken.length }, 'a commit failed');
    for (const { reject } of taken) reject(reason);
  }

  #settle(taken: readonly Waiting[], { outcomes, writes }: Decided): void {
    if (this.#outage !== undefined) this.#options.log.info('commits go through again');
    this.#outage = undefined;
    const sealed = writes?.sealed;
    if (sealed !== undefined && sealed.state.seq > this.#state.seq) {
      this.#state = sealed.state;
      const { events, bytes, oldestAt } = this.#outbox;
      this.#outbox = {
        events: events + sealed.batch.events.length,
        bytes: bytes + sealed.row.bytes,
        oldestAt: oldestAt ?? sealed.row.committed_at,
      };
    }
    // What did not fit is first in the next transaction.
    this.#waiting.unshift(...taken.slice(outcomes.length));
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome instanceof Error) taken[i]?.reject(outcome);
      else taken[i]?.resolve(outcome);
    }
    if (sealed !== undefined) this.#tell(sealed.batch, sealed.row);
  }

  #tell(batch: SignedBatch, row: NonNullable<Writes['sealed']>['row']): void {
    const { first_seq: firstSeq, last_seq: lastSeq, traceparent } = row;
    const told: OutboxBatch = {
      ...batch,
      firstSeq,
      lastSeq,
      ...(traceparent === null ? {} : { traceparent }),
    };
    for (const listener of this.#listeners) listener(told);
  }

  #forget(released: Released, releaseTo: number | undefined): void {
    if (this.#releaseTo === releaseTo) this.#releaseTo = undefined;
    this.#outbox = {
      events: this.#outbox.events - released.events,
      bytes: this.#outbox.bytes - released.bytes,
      oldestAt: released.oldestAt,
    };
  }
}

/** Decides all entries up to the first that does not fit. An entry that cannot be encoded gets its error and no more. */
function decide(plan: CommitPlan, taken: readonly Waiting[], decided: Decided): Writes {
  for (const { entry } of taken) {
    let outcome: ReturnType<CommitPlan['add']> | Error;
    try {
      outcome = plan.add(entry);
    } catch (thrown) {
      outcome = fault(thrown);
    }
    if (!(outcome instanceof Error) && outcome.kind === 'full') break;
    decided.outcomes.push(outcome);
  }
  decided.writes = plan.finish();
  return decided.writes;
}

function fault(cause: unknown): ServiceError {
  return isServiceError(cause, 'INTERNAL')
    ? cause
    : new ServiceError('INTERNAL', 'an unexpected fault', { cause });
}

function failed(cause: unknown): ServiceError {
  if (isServiceError(cause, 'STORE_IN_USE')) return cause;
  return cause instanceof StateMoved
    ? new ServiceError('STORE_UNAVAILABLE', cause.message, { cause, retryAfterMs: movedRetryAfterMs })
    : unavailable(cause, 'commit');
}
