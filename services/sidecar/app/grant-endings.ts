import { errorReasons, isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { CompleteGrantResponse__Output } from '@stint/common/gen/stint/broker/v1/CompleteGrantResponse.ts';
import type { GrantId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import { currentTraceparent } from '@stint/common/telemetry.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import type { Broker, GrantEnding } from './ports.ts';

/** Most grants being completed at the same time; more wait their turn. */
const concurrentMax = 128;

/** Longest that one try waits for the broker's answer, in milliseconds; containment at a target takes longer. */
const tryMs = 10_000;
const containmentTryMs = 30_000;

/** Longest wait between two tries, in milliseconds. */
const retryMsMax = 30_000;

/** A grant whose end must reach the broker. */
type Ending = GrantEnding & {
  /** The grant's own end: nothing is left to complete after it. */
  readonly until: UnixMs;
  /** W3C traceparent of the work that gave it up; a retry later still belongs to it. */
  readonly traceparent: string | undefined;
  readonly answer: PromiseWithResolvers<CompleteGrantResponse__Output>;
  attempts: number;
};

export type GrantEndingsParts = {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly log: Log;
  /** Most endings open before late access is left alone: see {@link GrantEndings.abandonLate}. */
  readonly leasesMax: number;
  /** Wait before the first retry, in milliseconds; it doubles up to half a minute. */
  readonly retryMs: number;
};

/**
 * Brings the end of grants that nobody holds any more to the broker: tried until the broker has it, or refuses for
 * good, or the grant's own end has passed. In memory: a sidecar that crashes leaves them to the grant's own end.
 */
export class GrantEndings {
  readonly #parts: GrantEndingsParts;
  readonly #open = new Map<GrantId, Ending>();
  readonly #queue: Ending[] = [];
  readonly #retries = new Set<NodeJS.Timeout>();
  #running = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(parts: GrantEndingsParts) {
    this.#parts = parts;
  }

  /** Grants whose end the broker does not have yet. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Ends a grant, or joins its ending under way. The promise is the broker's answer; it rejects with the refusal that
   * ended the tries, and nobody need wait for it.
   */
  add(grant: GrantEnding & { readonly until: UnixMs }): Promise<CompleteGrantResponse__Output> {
    const known = this.#open.get(grant.grantId);
    if (known !== undefined) return known.answer.promise;
    const traceparent = currentTraceparent();
    const ending: Ending = { ...grant, traceparent, answer: Promise.withResolvers(), attempts: 0 };
    // Every failure is logged where it happens; only a caller of Release also waits for it.
    ending.answer.promise.catch(() => undefined);
    this.#open.set(grant.grantId, ending);
    this.#queue.push(ending);
    this.#advance();
    return ending.answer.promise;
  }

  /** Ends a grant that lost its last holder without a word. */
  abandon(grant: { readonly grantId: GrantId; readonly hardExpiresAt: UnixMs }): void {
    const { grantId, hardExpiresAt } = grant;
    void this.add({ grantId, reason: 'abandoned', waitContained: false, until: hardExpiresAt });
  }

  /**
   * Ends a grant whose access came when nobody waited for it any more. Nothing was asked that could be counted against,
   * so at the bound it is left alone: the broker ends what was not delivered, and a token ends by itself.
   */
  abandonLate(grant: { readonly grantId: GrantId; readonly hardExpiresAt: UnixMs }): void {
    const { leasesMax, log } = this.#parts;
    if (this.#open.size < leasesMax) this.abandon(grant);
    else
      log.warn(
        { grant_id: grant.grantId, open: leasesMax },
        'late access not given back: too many grants are being ended',
      );
  }

  /** The ending under way of this grant, if any. */
  find(grantId: GrantId): Promise<CompleteGrantResponse__Output> | undefined {
    return this.#open.get(grantId)?.answer.promise;
  }

  /** Resolves when no ending is open, or at the deadline; says how many are still open then. */
  async flush(deadline: UnixMs): Promise<number> {
    if (this.#open.size === 0) return 0;
    this.#idle ??= Promise.withResolvers();
    const timer = setTimeout(() => this.#idle?.resolve(), Math.max(0, deadline - this.#parts.clock.now()));
    await this.#idle.promise;
    clearTimeout(timer);
    return this.#open.size;
  }

  /** Stops trying; what is open is left to the grants' own ends. */
  stop(): void {
    for (const timer of this.#retries) clearTimeout(timer);
    this.#queue.length = 0;
    for (const ending of this.#open.values()) {
      this.#settle(ending, () =>
        ending.answer.reject(new ServiceError('SHUTTING_DOWN', 'the sidecar is stopping')),
      );
    }
  }

  #advance(): void {
    while (this.#running < concurrentMax) {
      const ending = this.#queue.shift();
      if (ending === undefined) return;
      this.#running += 1;
      void this.#try(ending).finally(() => {
        this.#running -= 1;
        this.#advance();
      });
    }
  }

  async #try(ending: Ending): Promise<void> {
    const { broker, clock } = this.#parts;
    const waitContained = ending.waitContained && ending.attempts === 0;
    try {
      const answer = await broker.completeGrant(
        { grantId: ending.grantId, reason: ending.reason, waitContained },
        {
          deadline: clock.now() + (waitContained ? containmentTryMs : tryMs),
          traceparent: ending.traceparent,
        },
      );
      this.#settle(ending, () => ending.answer.resolve(answer));
    } catch (error) {
      this.#failed(ending, error);
    }
  }

  #failed(ending: Ending, error: unknown): void {
    const { clock, log, retryMs } = this.#parts;
    if (!this.#open.has(ending.grantId)) return;
    ending.attempts += 1;
    const fields = { grant_id: ending.grantId, attempts: ending.attempts, error };
    if (isFinal(error) || clock.now() >= ending.until) {
      log.warn(fields, 'grant not completed: the broker refuses, or its end has passed');
      this.#settle(ending, () => ending.answer.reject(error));
      return;
    }
    if (ending.attempts === 1)
      log.warn(fields, 'grant not completed yet: tried again until the broker has it');
    const waitMs = Math.min(retryMsMax, retryMs * 2 ** Math.min(ending.attempts - 1, 10));
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      this.#queue.push(ending);
      this.#advance();
    }, waitMs);
    this.#retries.add(timer);
  }

  #settle(ending: Ending, settle: () => void): void {
    this.#open.delete(ending.grantId);
    settle();
    if (this.#open.size > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

// INTERNAL is the broker's own fault, which may pass; everything else that is not worth a retry will not.
function isFinal(error: unknown): boolean {
  return isServiceError(error) && error.reason !== 'INTERNAL' && !errorReasons[error.reason].retry;
}
