import { ServiceError } from '@stint/common/errors.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Clock } from '@stint/common/time.ts';
import { type Rate, RateMeter } from '../../domain/rate.ts';

/** Refusals recorded of one identity: more than a mistaken deployment needs, and no flood for the audit log. */
export const refusalsPerIdentity: Rate = { burst: 200, intervalMs: 50 };

/**
 * Bounds the records that one identity's refusals make: without it, whoever asks for what it may not have fills the audit
 * backlog, and then nobody gets access. What is not recorded is counted, and the identity's next record says how many.
 * The count is lost when the broker ends before that record. Memory is bounded by the identities that hold an SVID.
 */
export class RefusalRate {
  readonly #clock: Clock;
  readonly #meter = new RateMeter(refusalsPerIdentity);
  readonly #unrecorded = new Map<SpiffeId, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Lets `write` make one record durable, which says how many refusals of the identity went unrecorded since the last.
   * @throws ServiceError RATE_LIMITED, in the same words whatever was refused and why; and what `write` throws, after
   * which the number is the next record's to say.
   */
  async record(spiffeId: SpiffeId, write: (unrecorded: number) => Promise<unknown>): Promise<void> {
    const now = this.#clock.now();
    const retryAfterMs = this.#meter.waitMs(spiffeId, now);
    if (retryAfterMs > 0) {
      this.#count(spiffeId, 1);
      throw rateLimited(retryAfterMs);
    }
    this.#meter.take(spiffeId, now);
    const unrecorded = this.#unrecorded.get(spiffeId) ?? 0;
    this.#unrecorded.delete(spiffeId);
    try {
      await write(unrecorded);
    } catch (thrown) {
      this.#count(spiffeId, unrecorded);
      throw thrown;
    }
  }

  #count(spiffeId: SpiffeId, more: number): void {
    if (more > 0) this.#unrecorded.set(spiffeId, (this.#unrecorded.get(spiffeId) ?? 0) + more);
  }
}

function rateLimited(retryAfterMs: number): ServiceError {
  const { burst, intervalMs } = refusalsPerIdentity;
  return new ServiceError(
    'RATE_LIMITED',
    `access: one identity may be refused ${burst} times at once and ${1_000 / intervalMs} times a second; ask again later`,
    { metadata: { burst: String(burst), interval_ms: String(intervalMs) }, retryAfterMs },
  );
}
