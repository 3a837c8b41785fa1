import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';

/** Batches, and bytes of them, of one broker that wait for a missing one. What comes above it is put off. */
export const waitingBatchesMax = 256;
export const waitingBytesMax = 16_777_216;

/** For how long a batch is put off that cannot be kept now, in milliseconds. */
export const putOffMs = 5_000;

/**
 * Batches of one broker that are put off in that time. They stay with the bus, which gives out 4,096 unanswered messages
 * in all: with what waits, and at the turn of the time twice as many, one broker's leave room for the others'.
 */
export const putOffMax = 1_024;

/** How long a batch may be missing before it is reported: the bus reorders for moments, not for seconds. */
export const gapReportMs = 5_000;

/** How far a broker has come: its last appended event, the batch it was in, and the epoch of that. */
export type HighWater = {
  readonly broker: SpiffeId;
  /** Sequence of its last appended event; 0 before the first. */
  readonly seq: number;
  /** Hash of its last appended batch, hex; empty before the first. */
  readonly batchSha256: string;
  /** Its epoch; 0 before the first. */
  readonly epoch: number;
};

/** Where a batch stands towards what is appended. `next` says nothing of its chain or signature. */
export type Placement = 'next' | 'appended before' | 'ahead';

/** Places a batch by the sequence of its first event. */
export function placeBatch(high: HighWater, firstSeq: number): Placement {
  if (firstSeq === high.seq + 1) return 'next';
  return firstSeq <= high.seq ? 'appended before' : 'ahead';
}

/** A batch that waits for the one before it. */
export type Waiting<Item> = {
  readonly firstSeq: number;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly item: Item;
};

/**
 * The batches of one broker that came before their turn. They are unverified, since the key may stand in the missing
 * one: several may claim one place, and a forged one must not keep the genuine one out. Not kept over a restart: the
 * bus delivers again what was not acknowledged.
 */
export class WaitingBatches<Item> {
  readonly #waiting: Waiting<Item>[] = [];
  #bytes = 0;

  get count(): number {
    return this.#waiting.length;
  }

  /** Takes a batch in. One that waits already is replaced and given back, for its delivery is superseded. */
  offer(
    offered: Waiting<Item>,
  ): { readonly kind: 'waits'; readonly superseded: Item | undefined } | { readonly kind: 'full' } {
    const known = this.#waiting.findIndex((waiting) => waiting.sha256 === offered.sha256);
    const superseded = this.#waiting[known];
    if (superseded !== undefined) {
      this.#waiting[known] = { ...offered, sizeBytes: superseded.sizeBytes };
      return { kind: 'waits', superseded: superseded.item };
    }
    if (this.#waiting.length >= waitingBatchesMax || this.#bytes + offered.sizeBytes > waitingBytesMax)
      return { kind: 'full' };
    this.#waiting.push(offered);
    this.#bytes += offered.sizeBytes;
    return { kind: 'waits', superseded: undefined };
  }

  /** All that wait, in order of sequence. */
  inOrder(): Waiting<Item>[] {
    return this.#waiting.toSorted((a, b) => a.firstSeq - b.firstSeq);
  }

  /** Takes out everything that is not ahead any more, in order of sequence. */
  takeReady(high: HighWater): Item[] {
    const ready = this.#waiting.filter((waiting) => placeBatch(high, waiting.firstSeq) !== 'ahead');
    for (const waiting of ready) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      this.#bytes -= waiting.sizeBytes;
    }
    return ready.sort((a, b) => a.firstSeq - b.firstSeq).map((waiting) => waiting.item);
  }
}

/** A hole in a broker's sequence: something later has come, and this has not. */
export type Gap = { readonly missingFrom: number; readonly since: UnixMs };

/**
 * Follows a broker's gap from one moment to the next; call it after every change and at least once a second. A gap
 * that another one follows at once is another gap, with its own time.
 */
export function followGap(
  before: (Gap & { readonly isReported: boolean }) | undefined,
  high: HighWater,
  at: { waiting: number; now: UnixMs },
) {
  if (at.waiting === 0)
    return { gap: undefined, event: before?.isReported === true ? ('closed' as const) : undefined };
  const missingFrom = high.seq + 1;
  const isSame = before?.missingFrom === missingFrom;
  // No later than now: a clock that is set back must not put the report off until it has come round.
  const since = isSame ? Math.min(before.since, at.now) : at.now;
  const isDue = at.now - since >= gapReportMs;
  const wasReported = isSame && before.isReported;
  const event =
    isDue && !wasReported
      ? ('reported' as const)
      : !isSame && before?.isReported === true
        ? ('closed' as const)
        : undefined;
  return { gap: { missingFrom, since, isReported: wasReported || isDue }, event };
}
