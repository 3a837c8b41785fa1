import type { KeyObject } from 'node:crypto';
import {
  type BatchHeader,
  batchBytesMax,
  parseBatchHeader,
  type SignedBatch,
  verifyBatch,
  verifyEpochStarted,
  verifyHashedBatch,
} from '@stint/common/audit-batch.ts';
import { bus } from '@stint/common/bus.ts';
import { leafHash, sha256 } from '@stint/common/merkle.ts';
import { codecs } from '@stint/common/proto.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { brokerNameOf } from '../../domain/broker-name.ts';
import { clockDifferenceMsMax } from '../../domain/clock-difference.ts';
import { type EventFacts, readEvent } from '../../domain/event-facts.ts';
import { logTypes } from '../../domain/gap-skip.ts';
import type { QuarantineReason } from '../../domain/quarantine-reason.ts';
import type { HighWater } from '../../domain/source-sequence.ts';
import type { AcceptedBatch, AcceptedEvent, Delivery, OpenedEpoch } from '../ports.ts';

/** Something that has the form of a batch. Nothing in it is believed yet. */
export type ReadBatch = {
  readonly header: BatchHeader;
  readonly batch: SignedBatch;
  readonly sha256: string;
};

/** A batch as the bus delivered it. */
export type Arrival = ReadBatch & { readonly delivery: Delivery };

/** Why a message is put aside. */
export type Refusal = {
  readonly kind: 'refused';
  readonly reason: QuarantineReason;
  readonly detail: string;
};

/** Reads a message of the bus: its form, its limits, and that it came under its broker's own subject. Attacker-controlled. */
export function readArrival(
  delivery: Delivery,
): { readonly kind: 'arrival'; readonly arrival: Arrival } | Refusal {
  try {
    const batch = codecs.signedBatch.decode(delivery.payload);
    const header = parseBatchHeader(batch.header);
    const bytes = batch.events.reduce((sum, event) => sum + event.length, 0);
    if (bytes > batchBytesMax)
      return refuse('malformed_message', `its events have ${bytes} bytes, more than ${batchBytesMax}`);
    const name = brokerNameOf(header.broker);
    if (name === undefined || delivery.subject !== bus.batchSubject(name)) {
      return refuse('wrong_subject', `"${header.broker}" has no business under "${delivery.subject}"`);
    }
    return {
      kind: 'arrival',
      arrival: { delivery, header, batch, sha256: sha256(batch.header).toString('hex') },
    };
  } catch (thrown) {
    return refuse('malformed_message', thrown instanceof Error ? thrown.message : 'unreadable');
  }
}

/** What the verification of a batch is measured against. */
export type BatchContext = {
  readonly high: HighWater;
  /** The key of an epoch that was opened before. */
  readonly epochKey: (epoch: number) => KeyObject | undefined;
  /** Roots of the trust domain, DER. */
  readonly rootsDer: readonly Uint8Array[];
  readonly now: UnixMs;
};

/**
 * Verifies the batch that is next in its broker's sequence: 1 its epoch's key, known or vouched for by its first event;
 * 2 signature and tree hash; 3 the chain to the batch before; 4 each event. Only what passes all may be appended.
 */
export function verifyNext(
  arrival: ReadBatch,
  context: BatchContext,
): { readonly kind: 'accepted'; readonly batch: AcceptedBatch } | Refusal {
  const { header, batch, sha256: hash } = arrival;
  const epoch = findEpochKey(arrival, context);
  if (epoch.kind === 'refused') return epoch;
  const leafHashes = batch.events.map(leafHash);
  if (!verifyHashedBatch(batch, header, { epochKey: epoch.publicKey, leafHashes }))
    return refuse('bad_signature', 'it is not what its broker signed');
  if (header.prev_batch_sha256 !== context.high.batchSha256) {
    return refuse(
      'equivocation',
      `signed, but it follows another batch than the one that ends at ${context.high.seq}`,
    );
  }
  const events = readEvents(arrival, { leafHashes, opensEpoch: epoch.opens !== undefined });
  if (events.kind === 'refused') return events;
  const { broker, epoch: number, first_seq: firstSeq } = header;
  const accepted = {
    broker,
    epoch: number,
    firstSeq,
    header: batch.header,
    signature: batch.signature,
    sha256: hash,
  };
  return { kind: 'accepted', batch: { ...accepted, opens: epoch.opens, events: events.events } };
}

/**
 * Judges a batch whose place is taken by another: if its broker signed it, then the broker said two things, else it is a
 * forgery.
 */
export function judgeConflict(arrival: Arrival, context: Omit<BatchContext, 'high'>): Refusal {
  const detail = `signed, but event ${arrival.header.first_seq} is in the log already with other bytes`;
  return findForgery(arrival, context) ?? refuse('equivocation', detail);
}

/**
 * Why a batch that is nobody's turn is not to be believed; undefined when it was really signed by its broker. A broker
 * whose store went back in time opens its next epoch once more, under another key than the log knows: that key speaks for
 * the broker too, if the broker's SVID vouches for it.
 */
export function findForgery(arrival: Arrival, context: Omit<BatchContext, 'high'>): Refusal | undefined {
  const { header, batch } = arrival;
  const opening = findOpenedEpoch(arrival, context);
  const known = context.epochKey(header.epoch);
  if (known === undefined && opening.kind === 'refused') return opening;
  const keys = [known, opening.kind === 'key' ? opening.publicKey : undefined];
  return keys.some((key) => key !== undefined && verifyBatch(batch, header, key))
    ? undefined
    : refuse('bad_signature', 'it is not what its broker signed');
}

/**
 * Whether a batch that waits behind a gap is its broker's own: signed by the key of the epoch that the broker is in, or of
 * one that it opens itself. Says nothing of what came before it.
 */
export function isOwnBatch(arrival: ReadBatch, context: BatchContext): boolean {
  const epoch = findEpochKey(arrival, context);
  return epoch.kind === 'key' && verifyBatch(arrival.batch, arrival.header, epoch.publicKey);
}

type EpochKey =
  | { readonly kind: 'key'; readonly publicKey: KeyObject; readonly opens: OpenedEpoch | undefined }
  | Refusal;

function findEpochKey(arrival: ReadBatch, context: BatchContext): EpochKey {
  const { header } = arrival;
  const { high } = context;
  if (header.epoch < high.epoch)
    return refuse('refused_epoch', `epoch ${header.epoch} is over: the broker is in ${high.epoch}`);
  if (header.epoch === high.epoch) {
    const known = context.epochKey(header.epoch);
    return known === undefined
      ? refuse('refused_epoch', `epoch ${header.epoch} has no key`)
      : { kind: 'key', publicKey: known, opens: undefined };
  }
  return findOpenedEpoch(arrival, context);
}

/** The key of the epoch that a batch opens, if the broker's SVID vouches for it. */
function findOpenedEpoch(
  arrival: ReadBatch,
  { rootsDer, now }: Pick<BatchContext, 'rootsDer' | 'now'>,
): EpochKey {
  const { header } = arrival;
  const first = readFirstEvent(arrival);
  if (first?.type !== 'epoch.started')
    return refuse('refused_epoch', `epoch ${header.epoch} does not begin with epoch.started`);
  if (first.time > now + clockDifferenceMsMax)
    return refuse('refused_epoch', 'its epoch.started lies in the future');
  const verdict = verifyEpochStarted(first.data, {
    broker: header.broker,
    epoch: header.epoch,
    rootsDer,
    at: first.time,
  });
  if (verdict.kind === 'invalid')
    return refuse('refused_epoch', `its epoch.started is not believed: ${verdict.fault}`);
  const { publicKey, chainDer } = verdict;
  return { kind: 'key', publicKey, opens: { publicKey, chainDer } };
}

function readFirstEvent({ header, batch }: ReadBatch): EventFacts | undefined {
  const [leaf] = batch.events;
  const reading =
    leaf === undefined
      ? undefined
      : readEvent(leaf, { broker: header.broker, epoch: header.epoch, seq: header.first_seq });
  return reading?.kind === 'event' ? reading.facts : undefined;
}

function readEvents(
  { header, batch }: ReadBatch,
  given: { readonly leafHashes: readonly Buffer[]; readonly opensEpoch: boolean },
): { readonly kind: 'events'; readonly events: AcceptedEvent[] } | Refusal {
  const events: AcceptedEvent[] = [];
  for (const [i, hash] of given.leafHashes.entries()) {
    const leaf = batch.events[i] ?? Buffer.alloc(0);
    const seq = header.first_seq + i;
    const reading = readEvent(leaf, { broker: header.broker, epoch: header.epoch, seq });
    if (reading.kind === 'malformed') return refuse('malformed_event', `event ${seq}: ${reading.fault}`);
    if (reading.facts.type === 'epoch.started' && !(given.opensEpoch && i === 0)) {
      return refuse('malformed_event', `event ${seq}: epoch.started where no epoch begins`);
    }
    if (reading.facts.type.startsWith(logTypes) && brokerNameOf(header.broker) !== undefined)
      return refuse('malformed_event', `event ${seq}: ${reading.facts.type} is the auditor’s to say`);
    events.push({ leaf, leafHash: hash, facts: reading.facts });
  }
  return { kind: 'events', events };
}

function refuse(reason: QuarantineReason, detail: string): Refusal {
  return { kind: 'refused', reason, detail };
}
