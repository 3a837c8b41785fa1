import type { Clock, UnixMs } from '@stint/common/time.ts';

/** How often in a row a part is started again before it is left alone. */
export const restartsMax = 5;

/** Before the first restart in a row, in milliseconds; each further one waits twice as long as the one before it. */
export const firstDelayMs = 1_000;

/** A part that has served for as long, in milliseconds, is well: its restarts are counted from none again. */
export const steadyMs = 300_000;

/** What became of a part that ended by itself. */
export type PartNews<Part> = { readonly part: Part } & (
  | { readonly kind: 'ended'; readonly how: string; readonly delayMs: number }
  | { readonly kind: 'back' }
  /** A restart failed; the next follows. */
  | { readonly kind: 'restart failed'; readonly fault: unknown; readonly delayMs: number }
  /** It stays down: it ended, or its restart failed (`fault`), once more than there are restarts. */
  | { readonly kind: 'left alone'; readonly fault: unknown }
);

export type PartKeeperOptions<Part> = {
  /** Starts a part again; rejects when it does not come up. */
  readonly start: (part: Part) => Promise<void>;
  readonly tell: (news: PartNews<Part>) => void;
  readonly clock: Clock;
};

/** Of one part: how many restarts in a row, and since when it serves. */
type PartState = { restarts: number; servesSince: UnixMs | undefined };

/**
 * Starts parts again that ended by themselves: up to {@link restartsMax} times in a row, each wait twice as long as the one
 * before. A restart that fails counts as one that died at once.
 */
export class PartKeeper<Part> {
  readonly #options: PartKeeperOptions<Part>;
  readonly #states = new Map<Part, PartState>();
  readonly #waiting = new Set<NodeJS.Timeout>();
  #closed = false;

  constructor(options: PartKeeperOptions<Part>) {
    this.#options = options;
  }

  /** Takes note that a part has ended by itself; `how` says by which signal or code. */
  ended(part: Part, how: string): void {
    const delayMs = this.#schedule(part);
    if (delayMs === undefined) this.#tell({ part, kind: 'left alone', fault: undefined });
    else this.#tell({ part, kind: 'ended', how, delayMs });
  }

  /** Starts nothing any more, and tells nothing. A start under way goes on: whoever owns the part waits for it. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#waiting) clearTimeout(timer);
    this.#waiting.clear();
  }

  /** Returns after how many milliseconds the part is started; undefined when it had its restarts. */
  #schedule(part: Part): number | undefined {
    if (this.#closed) return undefined;
    const { clock } = this.#options;
    const state = this.#states.get(part) ?? { restarts: 0, servesSince: undefined };
    this.#states.set(part, state);
    if (state.servesSince !== undefined && clock.now() - state.servesSince >= steadyMs) state.restarts = 0;
    state.servesSince = undefined;
    if (state.restarts === restartsMax) return undefined;
    const delayMs = firstDelayMs * 2 ** state.restarts;
    state.restarts += 1;
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      void this.#start(part, state);
    }, delayMs);
    this.#waiting.add(timer);
    return delayMs;
  }

  async #start(part: Part, state: PartState): Promise<void> {
    try {
      await this.#options.start(part);
      state.servesSince = this.#options.clock.now();
      this.#tell({ part, kind: 'back' });
    } catch (fault) {
      const delayMs = this.#schedule(part);
      if (delayMs === undefined) this.#tell({ part, kind: 'left alone', fault });
      else this.#tell({ part, kind: 'restart failed', fault, delayMs });
    }
  }

  #tell(news: PartNews<Part>): void {
    if (!this.#closed) this.#options.tell(news);
  }
}
