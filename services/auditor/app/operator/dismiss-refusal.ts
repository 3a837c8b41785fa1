import { ServiceError } from '@stint/common/errors.ts';
import type { QuarantineStore } from '../ports.ts';
import { findQuarantined } from '../queries/get-quarantined.ts';
import { type OperatorWords, readOperatorWords } from './operator-words.ts';
import { appendOwnRecord, type OwnRecordParts } from './own-record.ts';

export type DismissParts = OwnRecordParts & { readonly quarantine: QuarantineStore };

/**
 * Says that a refused message has been dealt with: a record of the log with its hash and why, and the message settled by
 * it, in one transaction. Nothing else changes; the message stays. Returns the index of the record.
 * @throws ServiceError INVALID_FIELD, RECORD_NOT_FOUND, CONCURRENT_UPDATE when it is settled already, IDENTITY_NOT_READY.
 */
export function dismissRefusal(order: OperatorWords & { readonly id: number }, parts: DismissParts): number {
  const words = readOperatorWords(order);
  const message = findQuarantined(parts.quarantine, order.id);
  if (message.settledIndex !== undefined)
    throw new ServiceError('CONCURRENT_UPDATE', `record ${message.settledIndex} has settled it already`);
  const data = {
    quarantine_id: message.id,
    payload_sha256: message.payloadSha256.toString('hex'),
    refused_as: message.reason,
    broker: message.broker,
    first_seq: message.firstSeq,
    ...words,
  };
  return appendOwnRecord({ type: 'log.refusal_dismissed', data }, parts, (recordIndex) =>
    parts.quarantine.settle(message.id, recordIndex),
  );
}
