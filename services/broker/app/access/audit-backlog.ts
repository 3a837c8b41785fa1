import { ServiceError } from '@stint/common/errors.ts';
import { type Clock, formatDurationMs } from '@stint/common/time.ts';
import type { Ledger } from '../ports/ledger.ts';

/** How much may wait for the auditor before new grants are refused. */
export type BacklogLimits = {
  readonly eventsMax: number;
  readonly bytesMax: number;
  readonly ageMsMax: number;
};

/**
 * No audit, no grant. While events wait for the auditor's receipt beyond a limit, new and renewed grants are refused;
 * ending what is live always goes on, because it only takes access away.
 */
export class AuditBacklog {
  readonly #ledger: Pick<Ledger, 'backlog'>;
  readonly #limits: BacklogLimits;
  readonly #clock: Clock;

  constructor(ledger: Pick<Ledger, 'backlog'>, limits: BacklogLimits, clock: Clock) {
    this.#ledger = ledger;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** @throws ServiceError AUDIT_UNAVAILABLE naming the limit that is reached. */
  assertRoom(): void {
    const fault = this.fault();
    if (fault === undefined) return;
    throw new ServiceError(
      'AUDIT_UNAVAILABLE',
      `audit: ${fault}; new grants wait until the auditor catches up`,
      { retryAfterMs: 5_000, metadata: { backlog: fault } },
    );
  }

  /** Which limit is reached, in words; undefined while there is room. */
  fault(): string | undefined {
    const { events, bytes, oldestAt } = this.#ledger.backlog();
    if (events >= this.#limits.eventsMax)
      return `${events} events are unreceipted, the limit is ${this.#limits.eventsMax}`;
    if (bytes >= this.#limits.bytesMax)
      return `${bytes} bytes of events are unreceipted, the limit is ${this.#limits.bytesMax}`;
    const ageMs = oldestAt === undefined ? 0 : this.#clock.now() - oldestAt;
    if (ageMs >= this.#limits.ageMsMax)
      return `the oldest unreceipted event is ${formatDurationMs(ageMs)} old, the limit is ${formatDurationMs(this.#limits.ageMsMax)}`;
    return undefined;
  }
}
