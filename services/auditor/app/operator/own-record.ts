import { generateKeyPairSync } from 'node:crypto';
import { batchHash, makeEpochStarted, parseBatchHeader, sealBatch } from '@stint/common/audit-batch.ts';
import { type AuditEvent, type EventDraft, encodeEvent } from '@stint/common/audit-event.ts';
import { newId } from '@stint/common/ids.ts';
import { type Clock, formatTime, type UnixMs } from '@stint/common/time.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import { verifyNext } from '../ingest/judge-batch.ts';
import type { AcceptedBatch, Announcer, RecordStore } from '../ports.ts';

/** What writing a record of the auditor's own takes. */
export type OwnRecordParts = {
  readonly store: RecordStore;
  /** The auditor's SVID now. @throws ServiceError IDENTITY_NOT_READY. */
  readonly svid: () => SvidState;
  readonly announcer: Announcer;
  /** Called after each durable append: readers wait for it, and a checkpoint is due. */
  readonly onGrown: () => void;
  readonly clock: Clock;
};

/**
 * Appends a record of the auditor's own, and what `also` writes in the same commit: all or nothing. Announces it, and
 * returns its index.
 * @throws ServiceError IDENTITY_NOT_READY while there is no SVID; what the store throws.
 */
export function appendOwnRecord(
  draft: Pick<EventDraft, 'type' | 'data'>,
  parts: OwnRecordParts,
  also: (recordIndex: number) => void,
): number {
  const { store, announcer, onGrown, clock } = parts;
  const now = clock.now();
  const batch = sealOwnRecord(draft, { store, svid: parts.svid(), now });
  const firstIndex = store.size();
  const recordIndex = firstIndex + batch.events.length - 1;
  const appended = store.append([batch], now, () => also(recordIndex));
  if (appended.kind !== 'appended') throw new Error('own record: its event id is in the log already');
  for (const [i, { leaf, facts }] of batch.events.entries())
    announcer.announceEvent(facts.type, { index: firstIndex + i, leaf, facts });
  onGrown();
  return recordIndex;
}

/**
 * Seals one of the auditor's own records as a broker seals its own: the next batch of its sequence, in an epoch of its own
 * whose key its SVID vouches for and which is forgotten at once. It is verified by the code that verifies brokers', so
 * that nothing stands in the log that `verify` would not take.
 * @throws Error when the SVID is not one that the trust domain's roots vouch for.
 */
function sealOwnRecord(
  draft: Pick<EventDraft, 'type' | 'data'>,
  by: { readonly store: RecordStore; readonly svid: SvidState; readonly now: UnixMs },
): AcceptedBatch {
  const { store, svid, now } = by;
  const broker = svid.svid.spiffeId;
  const high = store.highWaters().find((mark) => mark.broker === broker) ?? {
    broker,
    seq: 0,
    batchSha256: '',
    epoch: 0,
  };
  const epoch = high.epoch + 1;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const opening = { type: 'epoch.started', data: makeEpochStarted(epoch, publicKey, svid.svid) } as const;
  const events = [
    { ...opening, actor: { kind: 'auditor' } },
    { ...draft, actor: { kind: 'operator' } },
  ] as const;
  const leaves = events.map((event, i) =>
    encodeEvent({
      ...(event as EventDraft),
      v: 1,
      id: newId('event', now),
      time: formatTime(now),
      source: { broker, epoch, seq: high.seq + 1 + i },
    } satisfies AuditEvent),
  );
  const facts = { broker, epoch, first_seq: high.seq + 1, prev_batch_sha256: high.batchSha256 };
  const batch = sealBatch({ ...facts, time: formatTime(now) }, leaves, privateKey);
  const read = { header: parseBatchHeader(batch.header), batch, sha256: batchHash(batch.header) };
  const verdict = verifyNext(read, { high, epochKey: () => undefined, rootsDer: svid.bundleDer, now });
  if (verdict.kind === 'refused') throw new Error(`own record: ${verdict.reason}: ${verdict.detail}`);
  return verdict.batch;
}
