import { batchEventsMax, batchHash, parseBatchHeader } from '@stint/common/audit-batch.ts';
import { codecs } from '@stint/common/proto.ts';
import { signedReasons } from '../../domain/quarantine-reason.ts';
import type { HighWater } from '../../domain/source-sequence.ts';
import type { QuarantineStore, RecordStore } from '../ports.ts';
import { type Arrival, type BatchContext, findForgery, type Refusal } from './judge-batch.ts';

/** Batches of a hole, put aside before, that one that comes late is compared with. */
const comparedMax = 64;

/** What a late batch is measured against. */
export type SkippedContext = Omit<BatchContext, 'high'> & {
  readonly high: HighWater;
  readonly store: Pick<RecordStore, 'findBatch'>;
  readonly quarantine: Pick<QuarantineStore, 'claims' | 'payload'>;
};

/**
 * Judges a batch that comes for a hole after an operator has skipped it: a forgery, a second history when its broker
 * signed it and it does not fit what the log has around the hole or what came for the hole before, else merely too late.
 * What came before and was not kept, or was signed in an epoch that is not known, cannot be compared with.
 */
export function judgeSkipped(arrival: Arrival, context: SkippedContext): Refusal {
  const forgery = findForgery(arrival, context);
  if (forgery !== undefined) return forgery;
  const { first_seq } = arrival.header;
  const contradiction = contradictsLog(arrival, context) ?? contradictsEarlier(arrival, context);
  return contradiction === undefined
    ? {
        kind: 'refused',
        reason: 'skipped',
        detail: `event ${first_seq} was skipped by an operator before it came`,
      }
    : { kind: 'refused', reason: 'equivocation', detail: `signed, but ${contradiction}` };
}

/** The log has the batches on both sides of the hole: it may neither reach into the later nor leave the chain. */
function contradictsLog({ header, sha256 }: Arrival, { high, store }: SkippedContext): string | undefined {
  const { broker, first_seq, prev_batch_sha256 } = header;
  const lastSeq = first_seq + header.count - 1;
  const before = store.findBatch(broker, first_seq);
  if (before?.lastSeq === first_seq - 1 && before.sha256 !== prev_batch_sha256)
    return `it follows another batch than the one that ends at ${before.lastSeq}`;
  const after = store.findBatch(broker, lastSeq);
  if (lastSeq > high.seq || (after !== undefined && after.firstSeq > first_seq))
    return 'it reaches over the end of the hole, where the log goes on';
  const next = store.findBatch(broker, lastSeq + 1);
  const isLastOfHole = next?.firstSeq === lastSeq + 1;
  const follows = isLastOfHole ? next.prevSha256 : lastSeq === high.seq ? high.batchSha256 : undefined;
  return follows === undefined || follows === sha256
    ? undefined
    : `the log goes on at ${lastSeq + 1} after another batch`;
}

/** Compares it with what its broker signed for the hole and was put aside: no two may overlap, and neighbours are chained. */
function contradictsEarlier({ header, sha256 }: Arrival, { quarantine }: SkippedContext): string | undefined {
  const { broker, first_seq, prev_batch_sha256 } = header;
  const end = first_seq + header.count;
  const from = Math.max(1, first_seq - batchEventsMax);
  const range = { broker, from, to: end, count: comparedMax };
  for (const { id } of quarantine.claims({ ...range, reasons: signedReasons, includeSettled: true })) {
    const other = readHeader(quarantine.payload(id));
    if (other === undefined || other.sha256 === sha256) continue;
    const otherEnd = other.header.first_seq + other.header.count;
    const isContradiction =
      (other.header.first_seq < end && first_seq < otherEnd) ||
      (otherEnd === first_seq && prev_batch_sha256 !== other.sha256) ||
      (end === other.header.first_seq && other.header.prev_batch_sha256 !== sha256);
    if (isContradiction) return `refused message ${id}, signed too, says something else`;
  }
  return undefined;
}

function readHeader(payload: Buffer | undefined) {
  if (payload === undefined) return undefined;
  const { header } = codecs.signedBatch.decode(payload);
  return { header: parseBatchHeader(header), sha256: batchHash(header) };
}
