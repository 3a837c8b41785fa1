import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { type Clock, formatTime, type UnixMs } from '@stint/common/time.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import type { Source } from '../domain/source.ts';
import type { QuarantinedMessage, QuarantineStore, RecordStore } from './ports.ts';
import { type Arrival, isOwnBatch } from './verify-batch.ts';

/**
 * How long events must have been missing before they may be skipped, in milliseconds: a broker without a receipt sends
 * again at least every half minute.
 */
export const skipAfterMs = 120_000;

/** Refused messages that are shown with a gap. */
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
  /** The batch that goes on: the first that waits and is the broker's own. */
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
      ? 'nothing that waits is signed by a key that the log knows: start the broker again, so that it opens an epoch'
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

/** The first place that waiting batches of the broker's own go on at: one batch, or more when it told two histories. */
function findOwn(source: Source<Arrival>, { store, svid, clock }: GapParts): Arrival[] {
  const context = {
    high: source.high,
    epochKey: (epoch: number) => store.epochKey(source.broker, epoch),
    rootsDer: svid().bundleDer,
    now: clock.now(),
  };
  const own: Arrival[] = [];
  for (const { firstSeq, item } of source.waiting.inOrder()) {
    if (own[0] !== undefined && firstSeq > own[0].header.first_seq) break;
    if (isOwnBatch(item, context)) own.push(item);
  }
  return own;
}
