import type { KeyObject } from 'node:crypto';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Source } from '../../domain/source.ts';
import type { HighWater } from '../../domain/source-sequence.ts';
import type { AcceptedBatch, Delivery } from '../ports.ts';
import type { Arrival, Refusal } from './judge-batch.ts';

/** A message that is not taken in, and why; with what was read of it. */
export type Refused = Refusal & { readonly delivery: Delivery; readonly arrival?: Arrival };

/** A batch on its way into one append. */
export type Planned = {
  readonly arrival: Arrival;
  readonly batch: AcceptedBatch;
  readonly highBefore: HighWater;
};

/** One call of accept: what will be appended together, and how far each broker will then have come. */
export class IngestTurn {
  planned: Planned[] = [];
  /** Messages to be put aside before the append. */
  readonly refused: Refused[] = [];
  /** Batches whose place is taken, to be compared with the log after the append. */
  readonly settled: Arrival[] = [];
  readonly #highs = new Map<SpiffeId, HighWater>();

  high(source: Source<Arrival>): HighWater {
    return this.#highs.get(source.broker) ?? source.high;
  }

  plan(planned: Planned): void {
    const { broker, epoch, firstSeq, events, sha256 } = planned.batch;
    this.planned.push(planned);
    this.#highs.set(broker, { broker, epoch, seq: firstSeq + events.length - 1, batchSha256: sha256 });
  }

  /** Takes out a batch and its broker's later ones, in order. */
  unplanFrom(batch: AcceptedBatch): Planned[] {
    const isOut = (planned: Planned) =>
      planned.batch.broker === batch.broker && planned.batch.firstSeq >= batch.firstSeq;
    const out = this.planned.filter(isOut);
    this.planned = this.planned.filter((planned) => !isOut(planned));
    if (out[0] !== undefined) this.#highs.set(batch.broker, out[0].highBefore);
    return out;
  }

  /** The key of an epoch that a planned batch opens. */
  epochKey(broker: SpiffeId, epoch: number): KeyObject | undefined {
    return this.planned.find(
      ({ batch }) => batch.broker === broker && batch.epoch === epoch && batch.opens !== undefined,
    )?.batch.opens?.publicKey;
  }

  refuse(arrival: Arrival, refusal: Refusal): void {
    this.refused.push({ ...refusal, delivery: arrival.delivery, arrival });
  }

  /** What has not been acknowledged, nor waits. */
  unanswered(): Delivery[] {
    const known = [...this.refused, ...this.planned.map(({ arrival }) => arrival), ...this.settled];
    return known.map(({ delivery }) => delivery);
  }
}
