import { ProviderFailure } from '../../app/ports/provider.ts';

/** Kinds of work at a target, most urgent first. */
export const laneNames = ['contain', 'create', 'remove'] as const;
export type Lane = (typeof laneNames)[number];

/** How many pieces of work may wait in one lane; more are refused at once, so that waiting has an end. */
export const laneWaitingMax = 2_000;

type Waiter = { readonly start: () => void; readonly signal: AbortSignal; readonly onAbort: () => void };

/**
 * Shares a fixed number of connections between cutting access, creating and cleaning up.
 *
 * Cutting goes first and may use every connection. With two or more, one is never used for anything else, so that
 * cutting waits behind nothing. With three or more, cleaning leaves one to creating. Between creating and cleaning the
 * turns alternate: neither starves.
 */
export class Lanes {
  readonly #limits: Readonly<Record<Lane, number>>;
  readonly #otherLimit: number;
  readonly #slots: number;
  readonly #running: Record<Lane, number> = { contain: 0, create: 0, remove: 0 };
  readonly #waiting: Record<Lane, Waiter[]> = { contain: [], create: [], remove: [] };
  #isRemovesTurn = false;

  constructor(slots: number) {
    this.#slots = slots;
    this.#otherLimit = Math.max(1, slots - 1);
    this.#limits = { contain: slots, create: this.#otherLimit, remove: Math.max(1, slots - 2) };
  }

  /**
   * Does a piece of work when its lane has room. What it throws passes through.
   * @throws ProviderFailure `unreachable` when too many wait (`QUEUE_FULL`) or the signal ends the wait (`QUEUE_TIMEOUT`):
   * the work has not begun.
   */
  async run<T>(lane: Lane, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(lane, signal);
    try {
      return await work();
    } finally {
      this.#running[lane] -= 1;
      this.#startWaiting();
    }
  }

  #enter(lane: Lane, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw notBegun('QUEUE_TIMEOUT');
    if (this.#waiting[lane].length === 0 && this.#hasRoom(lane)) {
      this.#running[lane] += 1;
      return Promise.resolve();
    }
    if (this.#waiting[lane].length >= laneWaitingMax) throw notBegun('QUEUE_FULL');
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting[lane] = this.#waiting[lane].filter((waiter) => waiter.onAbort !== onAbort);
        reject(notBegun('QUEUE_TIMEOUT'));
      };
      this.#waiting[lane].push({ start: resolve, signal, onAbort });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #hasRoom(lane: Lane): boolean {
    const { contain, create, remove } = this.#running;
    const isAnyFree = contain + create + remove < this.#slots;
    return (
      isAnyFree &&
      this.#running[lane] < this.#limits[lane] &&
      (lane === 'contain' || create + remove < this.#otherLimit)
    );
  }

  #startWaiting(): void {
    for (let lane = this.#nextLane(); lane !== undefined; lane = this.#nextLane()) {
      const waiter = this.#waiting[lane].shift();
      if (waiter === undefined) return;
      waiter.signal.removeEventListener('abort', waiter.onAbort);
      this.#running[lane] += 1;
      if (lane !== 'contain') this.#isRemovesTurn = lane === 'create';
      waiter.start();
    }
  }

  #nextLane(): Lane | undefined {
    const order: readonly Lane[] = this.#isRemovesTurn ? ['contain', 'remove', 'create'] : laneNames;
    return order.find((lane) => this.#waiting[lane].length > 0 && this.#hasRoom(lane));
  }
}

function notBegun(code: string): ProviderFailure {
  return new ProviderFailure('unreachable', code, { target: 'unasked' });
}
