import type { UnixMs } from '@stint/common/time.ts';

/** So many at once, and one more each so many milliseconds. */
export type Rate = { readonly burst: number; readonly intervalMs: number };

/** Names remembered before those are looked for that could do all they may again. */
const sweepAtMin = 1_024;

/**
 * Holds each name to a rate. One number stands for each: when it would have no more to wait for (GCRA, as in ITU-T
 * I.371). A name that has nothing to wait for is forgotten, so memory is bounded by how many take within a burst's time.
 */
export class RateMeter {
  readonly rate: Rate;
  readonly #freeAt = new Map<string, UnixMs>();
  #sweepAt = sweepAtMin;

  constructor(rate: Rate) {
    this.rate = rate;
  }

  /** Milliseconds until the name may take one more and leave `spared` of its burst untouched; 0 when it may now. */
  waitMs(name: string, now: UnixMs, spared = 0): number {
    const { burst, intervalMs } = this.rate;
    return Math.max(0, this.#next(name, now) - now - (burst - spared) * intervalMs);
  }

  /** Counts one of the name's; one for which there is no room, as if the burst had just been used up. */
  take(name: string, now: UnixMs): void {
    this.#freeAt.set(name, this.#next(name, now));
    if (this.#freeAt.size > this.#sweepAt) this.#forgetIdle(now);
  }

  #next(name: string, now: UnixMs): UnixMs {
    const { burst, intervalMs } = this.rate;
    const latest = now + burst * intervalMs;
    const freeAt = this.#freeAt.get(name) ?? now;
    // Nobody owes more than a burst: who took before the clock was set back need not wait until it has come round.
    if (freeAt > latest) this.#freeAt.set(name, latest);
    return Math.min(Math.max(now, freeAt), latest) + intervalMs;
  }

  /** What is left may double before it is looked through again, so that a name costs the same however many there are. */
  #forgetIdle(now: UnixMs): void {
    for (const [name, freeAt] of this.#freeAt) if (freeAt <= now) this.#freeAt.delete(name);
    this.#sweepAt = Math.max(sweepAtMin, 2 * this.#freeAt.size);
  }
}
