import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import {
  followGap,
  type Gap,
  type HighWater,
  putOffMax,
  putOffMs,
  WaitingBatches,
} from './source-sequence.ts';

/**
 * One broker as the auditor follows it in memory. `high` is what is durable; only the ingest that owns this moves it,
 * after the commit returned. Made anew at each start from the store: what waited is delivered again.
 */
export class Source<Item> {
  readonly broker: SpiffeId;
  readonly waiting = new WaitingBatches<Item>();
  high: HighWater;
  lastSeenAt: UnixMs | undefined;
  #gap: (Gap & { readonly isReported: boolean }) | undefined;
  #putOff = { since: 0, count: 0 };

  constructor(high: HighWater) {
    this.broker = high.broker;
    this.high = high;
  }

  /** The gap, once it has lasted long enough to be reported. */
  get reportedGap(): Gap | undefined {
    return this.#gap?.isReported === true ? this.#gap : undefined;
  }

  /** Counts a batch that is to be put off; false when so many are already that it must not stay with the bus. */
  mayPutOff(now: UnixMs): boolean {
    const { since, count } = this.#putOff;
    const isOver = now < since || now - since >= putOffMs;
    this.#putOff = isOver ? { since: now, count: 1 } : { since, count: count + 1 };
    return this.#putOff.count <= putOffMax;
  }

  /** Takes the gap for none: what follows is measured anew. */
  forgetGap(): void {
    this.#gap = undefined;
  }

  /** Looks at the gap at this moment; says what became of it, once. */
  followGap(
    now: UnixMs,
  ): { readonly event: 'reported' | 'closed'; readonly missingFrom: number } | undefined {
    const before = this.#gap;
    const { gap, event } = followGap(before, this.high, { waiting: this.waiting.count, now });
    this.#gap = gap;
    if (event === undefined) return undefined;
    return { event, missingFrom: (event === 'closed' ? before : gap)?.missingFrom ?? 0 };
  }
}
