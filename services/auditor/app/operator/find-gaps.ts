import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { type Clock, formatTime, type UnixMs } from '@stint/common/time.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import type { Source } from '../../domain/source.ts';
import { type Arrival, type BatchContext, isOwnBatch, verifyNext } from '../ingest/judge-batch.ts';
import type { QuarantinedMessage, QuarantineStore, RecordStore } from '../ports.ts';

/**
 * How long events must have been missing before they may be skipped, in milliseconds: a broker without a receipt sends
 * again at least every half minute.
 */
export const skipAfterMs = 120_000;

/** Refused messages that are shown with a gap, the broker's own first. */
const refusedShownMax = 64;

export type GapParts = {
  readonly store: RecordStore;
  readonly quarantine: QuarantineStore;
  readonly svid: () => SvidState;
  readonly sources: () => Iterable<Source<Arrival>>;
  readonly clock: Clock;
  /** {@link skipAfterMs}, unless a test has less time. */
  readonly skipAfterMs?: number;
};

/** Missing events of a broker, and whether its log could go on after them. */
export type FoundGap = {
  readonly source: Source<Arrival>;
  readonly broker: SpiffeId;
  readonly missingFrom: number;
  readonly since: UnixMs;
  readonly waiting: number;
  /** The batch that goes on: the first that waits, is the broker's own and would be taken. */
  readonly resume: { readonly at: number; readonly prevSha256: string } | undefined;
  /** Why it cannot be skipped now. */
  readonly blockedBy: string | undefined;
  readonly refused: readonly QuarantinedMessage[];
};

/**
 * The reported gaps of all brokers.
 * @throws ServiceError IDENTITY_NOT_READY while there is no SVID: without the roots no epoch can be believed.
 */
export function findGaps(parts: GapParts): FoundGap[] {
  return Array.from(parts.sources()).flatMap((source) => findGap(source, parts) ?? []);
}

function findGap(source: Source<Arrival>, parts: GapParts): FoundGap | undefined {
  const gap = source.reportedGap;
  if (gap === undefined || source.waiting.count === 0) return undefined;
  const { broker } = source;
  const own = findOwn(source, parts);
  const [first] = own;
  const resume =
    first === undefined
      ? undefined
      : { at: first.header.first_seq, prevSha256: first.header.prev_batch_sha256 };
  const mayFrom = gap.since + (parts.skipAfterMs ?? skipAfterMs);
  const blockedBy =
    first === undefined
      ? 'nothing that waits is signed by a key that the log knows, and would be taken: start the broker again, so that it opens an epoch'
      : own.length > 1
        ? `the broker has signed two histories from event ${first.header.first_seq} on: it can go on only under a new name`
        : parts.clock.now() < mayFrom
          ? `they may still come: not before ${formatTime(mayFrom)}`
          : undefined;
  const to = (resume?.at ?? Number.MAX_SAFE_INTEGER) - 1;
  const refused = parts.quarantine.claims({
    broker,
    from: gap.missingFrom,
    to,
    count: refusedShownMax,
  });
  const { missingFrom, since } = gap;
  return { source, broker, missingFrom, since, waiting: source.waiting.count, resume, blockedBy, refused };
}

/**
 * What the broker's own waiting batches say at the place where the log could go on: one batch that would be taken, or
 * several when the broker told two histories. A place whose one batch would be refused in its turn is passed over:
 * skipping to it would end in the next gap.
 */
function findOwn(source: Source<Arrival>, { store, svid, clock }: GapParts): Arrival[] {
  const context = {
    high: source.high,
    epochKey: (epoch: number) => store.epochKey(source.broker, epoch),
    rootsDer: svid().bundleDer,
    now: clock.now(),
  };
  const places = Map.groupBy(source.waiting.inOrder(), ({ firstSeq }) => firstSeq);
  for (const waiting of places.values()) {
    const own = waiting.map(({ item }) => item).filter((item) => isOwnBatch(item, context));
    if (own.length > 1 || own.some((item) => wouldBeTaken(item, context, store))) return own;
  }
  return [];
}

/** Whether the batch would be appended if the log stood right before it. */
function wouldBeTaken(item: Arrival, context: BatchContext, store: RecordStore): boolean {
  const { first_seq, prev_batch_sha256 } = item.header;
  const high = { ...context.high, seq: first_seq - 1, batchSha256: prev_batch_sha256 };
  const verdict = verifyNext(item, { ...context, high });
  if (verdict.kind === 'refused') return false;
  const ids = new Set(verdict.batch.events.map(({ facts }) => facts.id));
  return ids.size === verdict.batch.events.length && ![...ids].some((id) => store.findEvent(id));
}
