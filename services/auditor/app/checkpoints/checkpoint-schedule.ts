import type { Clock, UnixMs } from '@stint/common/time.ts';

/** How long the first of a burst waits for the rest of it, in milliseconds, so that one checkpoint covers them. */
export const gatherMs = 25;

export type CheckpointScheduleOptions = {
  /** Signs what there is to sign, and sends the receipts that are due. Must not throw. */
  readonly publish: () => void;
  /** Least time between two checkpoints, in milliseconds. */
  readonly intervalMs: number;
  readonly clock: Clock;
};

/**
 * Says when a checkpoint is signed while the log grows: nearly at once when none was for an interval, else when that is
 * over. So a broker that begins, or commits now and then, has its receipt before it would send again, and a busy log is
 * signed once an interval.
 */
export class CheckpointSchedule {
  readonly #options: CheckpointScheduleOptions;
  #lastAt: UnixMs | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CheckpointScheduleOptions) {
    this.#options = options;
  }

  /** The log has grown, or a receipt is owed. */
  due(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#lastAt = this.#options.clock.now();
      this.#options.publish();
    }, this.#waitMs());
  }

  /** Signs nothing more. */
  close(): void {
    clearTimeout(this.#timer);
  }

  // A clock that was set back must not make it longer than an interval.
  #waitMs(): number {
    const { intervalMs, clock } = this.#options;
    const passedMs = this.#lastAt === undefined ? intervalMs : clock.now() - this.#lastAt;
    return Math.min(intervalMs, Math.max(gatherMs, intervalMs - passedMs));
  }
}
