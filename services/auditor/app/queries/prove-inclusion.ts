import { ServiceError } from '@stint/common/errors.ts';
import { isId } from '@stint/common/ids.ts';
import { consistencyProof, inclusionProof } from '../../domain/tree-hashes.ts';
import type { CheckpointPublisher } from '../checkpoints/publish-checkpoint.ts';
import type { LogSignal } from '../log-signal.ts';
import type { LogRecord, RecordStore, SignedCheckpoint } from '../ports.ts';
import { readIndex } from './list-records.ts';

/** What proofs are made of. */
export type ProofParts = {
  readonly store: RecordStore;
  readonly publisher: CheckpointPublisher;
  readonly signal: LogSignal;
};

/** Which record: by its position or by its event's id. */
export type RecordName = { readonly index: number } | { readonly eventId: string };

/**
 * Proves that a record stands in the tree of a checkpoint. With `wait`, a record that is not there yet is waited for
 * until `signal` aborts, and one that no checkpoint covers has one signed at once.
 * @throws ServiceError INVALID_FIELD, RECORD_NOT_FOUND.
 */
export async function proveInclusion(
  parts: ProofParts,
  query: { name: RecordName; wait: boolean; signal: AbortSignal },
) {
  const record = await findRecord(parts, query);
  const latest = parts.publisher.latest();
  const isCovered = latest !== undefined && latest.size > record.index;
  if (!isCovered && !query.wait)
    throw new ServiceError(
      'RECORD_NOT_FOUND',
      `record ${record.index} is not in a checkpoint yet; ask again, or wait`,
    );
  const checkpoint = isCovered ? latest : parts.publisher.current();
  return { record, checkpoint, hashes: inclusionProof(record.index, checkpoint.size, parts.store.readNode) };
}

/**
 * Proves that the tree of `oldSize` is the beginning of the newest checkpoint's.
 * @throws ServiceError INVALID_FIELD when the old tree is empty or larger than the newest.
 */
export function proveConsistency(
  { store, publisher }: ProofParts,
  oldSize: number,
): { checkpoint: SignedCheckpoint; hashes: Buffer[] } {
  const checkpoint = publisher.current();
  if (readIndex(oldSize, 'old_size') === 0 || oldSize > checkpoint.size) {
    throw new ServiceError('INVALID_FIELD', `old_size: ${oldSize} is not between 1 and ${checkpoint.size}`, {
      metadata: { field: 'old_size' },
    });
  }
  return { checkpoint, hashes: consistencyProof(oldSize, checkpoint.size, store.readNode) };
}

async function findRecord(
  { store, signal }: ProofParts,
  query: { name: RecordName; wait: boolean; signal: AbortSignal },
): Promise<LogRecord> {
  const { name } = query;
  for (;;) {
    const { changes } = signal;
    const record =
      'index' in name
        ? store.record(readIndex(name.index, 'index'))
        : store.findEvent(readEventId(name.eventId));
    if (record !== undefined) return record;
    if (!query.wait || query.signal.aborted) throw new ServiceError('RECORD_NOT_FOUND', 'no such record');
    await signal.waitPast(changes, query.signal);
  }
}

function readEventId(eventId: string): string {
  if (isId('event', eventId)) return eventId;
  throw new ServiceError('INVALID_FIELD', 'event_id: it is not an event id', {
    metadata: { field: 'event_id' },
  });
}
