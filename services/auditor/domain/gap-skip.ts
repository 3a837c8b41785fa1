import type { EventData } from '@stint/common/event-table.ts';
import { type SpiffeId, spiffeIdFault } from '@stint/common/spiffe-id.ts';

/** How the types of the auditor's own records begin. Events of brokers that do are refused. */
export const logTypes = 'log.';

/** The type of the record that says what was skipped. */
export const gapSkippedType = 'log.gap_skipped';

/** Hashes of refused messages that one record names; what is above is in quarantine all the same. */
export const refusedHashesMax = 64;

/** What an operator declared: this broker's events from `missingFrom` up to but not including `resumeAt` will not come. */
export type GapSkip = {
  readonly broker: SpiffeId;
  readonly missingFrom: number;
  readonly resumeAt: number;
  /** Hash of the last batch before the hole; empty when the hole is the broker's beginning. */
  readonly afterBatchSha256: string;
  /** What the first batch after the hole names as the one before it. */
  readonly resumePrevSha256: string;
  /** Hashes of messages that claimed a place in the hole and were refused, hex. */
  readonly refusedSha256: readonly string[];
  readonly reason: string;
  /** Who the operator said that he is; a claim. */
  readonly operator: string;
};

/** The data of a `log.gap_skipped` event. */
export function gapSkipData(skip: GapSkip): EventData<'log.gap_skipped'> {
  return {
    broker: skip.broker,
    missing_from: skip.missingFrom,
    resume_at: skip.resumeAt,
    after_batch_sha256: skip.afterBatchSha256,
    resume_prev_sha256: skip.resumePrevSha256,
    refused_sha256: [...skip.refusedSha256],
    reason: skip.reason,
    operator: skip.operator,
  };
}

/** Reads the data of a `log.gap_skipped` event; undefined when it declares no hole. */
export function readGapSkip(data: unknown): GapSkip | undefined {
  const fields = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  const { broker, missing_from, resume_at, after_batch_sha256, resume_prev_sha256, refused_sha256 } = fields;
  const { reason, operator } = fields;
  if (typeof broker !== 'string' || spiffeIdFault(broker) !== undefined) return undefined;
  if (!isSequence(missing_from) || !isSequence(resume_at) || resume_at <= missing_from) return undefined;
  if (!isHash(after_batch_sha256) || !isHash(resume_prev_sha256)) return undefined;
  if (typeof reason !== 'string' || typeof operator !== 'string') return undefined;
  return {
    broker: broker as SpiffeId,
    missingFrom: missing_from,
    resumeAt: resume_at,
    afterBatchSha256: after_batch_sha256,
    resumePrevSha256: resume_prev_sha256,
    refusedSha256: Array.isArray(refused_sha256) ? refused_sha256.filter(isHash) : [],
    reason,
    operator,
  };
}

function isSequence(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^(?:[0-9a-f]{64})?$/.test(value);
}
