import { ServiceError } from '@stint/common/errors.ts';
import type { Log } from '@stint/common/log.ts';
import { type GapSkip, gapSkipData, gapSkippedType, refusedHashesMax } from '../../domain/gap-skip.ts';
import { type FoundGap, findGaps, type GapParts } from './find-gaps.ts';
import { readOperatorWords } from './operator-words.ts';
import { appendOwnRecord, type OwnRecordParts } from './own-record.ts';

export type SkipParts = GapParts &
  OwnRecordParts & {
    readonly log: Log;
    /** Named steps at which a fault test ends the process; absent otherwise. */
    readonly crashPoint?: (step: 'before skip' | 'after skip') => void;
  };

/** Which gap, as it was shown to the operator, and why. */
export type SkipOrder = {
  readonly spiffeId: string;
  readonly missingFrom: number;
  readonly resumeAt: number;
  readonly reason: string;
  readonly operator: string;
};

/**
 * Declares that missing events of a broker will not come, and goes on after them. DESIGN.md says what that may and may not do.
 *
 * 1. Find the gap and the broker's own batch that goes on; compare with what the operator was shown. Nothing is written.
 * 2. In one transaction: the record `log.gap_skipped`, the broker's mark moved to the end of the hole, and the refused
 *    messages of the hole settled by that record. Crash before the commit: nothing happened. Crash after it: the next
 *    start reads the mark, and the bus delivers again what waited.
 * 3. Memory follows, and what waited is asked for again. Everything is synchronous: nothing is appended in between.
 *
 * Returns the index of the record.
 * @throws ServiceError INVALID_FIELD, CONCURRENT_UPDATE when the gap is not the one that was shown, GAP_NOT_SKIPPABLE,
 * IDENTITY_NOT_READY.
 */
export function skipGap(order: SkipOrder, parts: SkipParts): number {
  const words = readOperatorWords(order);
  const gap = findGaps(parts).find(({ broker }) => broker === order.spiffeId); // 1
  if (gap === undefined || gap.missingFrom !== order.missingFrom)
    throw new ServiceError('CONCURRENT_UPDATE', 'the gap is not there any more: look again');
  if (gap.blockedBy !== undefined || gap.resume === undefined)
    throw new ServiceError('GAP_NOT_SKIPPABLE', `the gap cannot be skipped: ${gap.blockedBy}`);
  if (gap.resume.at !== order.resumeAt)
    throw new ServiceError('CONCURRENT_UPDATE', `the log would go on at event ${gap.resume.at}: look again`);
  const { source } = gap;
  const skip = describeSkip(gap, gap.resume, words);
  const high = { ...source.high, seq: skip.resumeAt - 1, batchSha256: skip.resumePrevSha256 };
  const draft = { type: gapSkippedType, data: gapSkipData(skip) } as const;
  const index = appendOwnRecord(draft, parts, (recordIndex) => {
    parts.crashPoint?.('before skip');
    parts.store.moveMark(high); // 2
    const hole = { broker: skip.broker, from: skip.missingFrom, to: skip.resumeAt - 1 };
    parts.quarantine.settleClaims(hole, recordIndex);
  });
  parts.crashPoint?.('after skip');
  source.high = high; // 3
  for (const { delivery } of source.waiting.takeReady(high)) delivery.retryAfter(1);
  const { broker, missingFrom, resumeAt, reason, operator } = skip;
  const facts = { broker, missing_from: missingFrom, resume_at: resumeAt, index, reason, operator };
  parts.log.error(facts, 'an operator skipped missing events of a broker');
  return index;
}

function describeSkip(
  gap: FoundGap,
  resume: NonNullable<FoundGap['resume']>,
  words: Pick<GapSkip, 'reason' | 'operator'>,
): GapSkip {
  return {
    broker: gap.broker,
    missingFrom: gap.missingFrom,
    resumeAt: resume.at,
    afterBatchSha256: gap.source.high.batchSha256,
    resumePrevSha256: resume.prevSha256,
    refusedSha256: gap.refused
      .slice(0, refusedHashesMax)
      .map(({ payloadSha256 }) => payloadSha256.toString('hex')),
    ...words,
  };
}
