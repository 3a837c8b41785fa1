import type { KeyObject } from 'node:crypto';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { EventFacts } from '../domain/event-facts.ts';
import type { QuarantineReason } from '../domain/quarantine-reason.ts';
import type { HighWater } from '../domain/source-sequence.ts';
import type { NodeReader } from '../domain/tree-hashes.ts';

/** One event with its exact bytes and what was read from them. */
export type AcceptedEvent = { readonly leaf: Buffer; readonly leafHash: Buffer; readonly facts: EventFacts };

/** The epoch that a batch opens: the key that its first event vouches for. */
export type OpenedEpoch = {
  readonly publicKey: KeyObject;
  /** The SVID's chain, root last, each DER. */
  readonly chainDer: readonly Buffer[];
};

/** A batch that was verified in every respect and is the next of its broker. */
export type AcceptedBatch = {
  readonly broker: SpiffeId;
  readonly epoch: number;
  readonly firstSeq: number;
  readonly header: Buffer;
  readonly signature: Buffer;
  readonly sha256: string;
  readonly opens: OpenedEpoch | undefined;
  readonly events: readonly AcceptedEvent[];
};

/** Something refused, kept for a human. */
export type Quarantined = {
  readonly reason: QuarantineReason;
  readonly detail: string;
  readonly subject: string;
  readonly broker: SpiffeId | undefined;
  readonly firstSeq: number | undefined;
  readonly payload: Uint8Array;
};

/** A refused message as it stands in quarantine. */
export type QuarantinedMessage = {
  readonly id: number;
  readonly reason: string;
  readonly detail: string;
  readonly subject: string;
  readonly broker: SpiffeId | undefined;
  readonly firstSeq: number | undefined;
  readonly sizeBytes: number;
  readonly payloadSha256: Buffer;
  readonly isKept: boolean;
  readonly times: number;
  readonly firstAt: UnixMs;
  readonly lastAt: UnixMs;
  /** The record in which an operator settled it. */
  readonly settledIndex: number | undefined;
};

/** Events of a broker, both ends included. */
export type ClaimedRange = { readonly broker: SpiffeId; readonly from: number; readonly to: number };

/** What was refused. A record settles it: `settle` and `settleClaims` are called within its {@link RecordStore.append}. */
export type QuarantineStore = {
  /** Keeps messages, all or none, with their bytes while there is room for them. The same bytes again are counted. */
  add(refused: readonly Quarantined[], now: UnixMs): void;
  /** Messages that no operator has settled yet. */
  unsettledCount(): number;
  /** By id, from one on. */
  list(query: {
    readonly fromId: number;
    readonly count: number;
    readonly includeSettled: boolean;
  }): QuarantinedMessage[];
  find(id: number): QuarantinedMessage | undefined;
  /** Its bytes; undefined when they were not kept. */
  payload(id: number): Buffer | undefined;
  /**
   * Those that claim a place of this broker from `from` to `to`, at most `count`: first those that were signed by it, then
   * those nearest to `from`, so that forged ones push no other out.
   */
  claims(
    range: ClaimedRange & {
      readonly count: number;
      /** Of these reasons only. */
      readonly reasons?: readonly QuarantineReason[];
      readonly includeSettled?: boolean;
    },
  ): QuarantinedMessage[];
  /** Marks a message as settled by a record. */
  settle(id: number, recordIndex: number): void;
  /** Marks every message that claims a place of the range as settled by a record. */
  settleClaims(range: ClaimedRange, recordIndex: number): void;
};

/** A record as it stands in the log. */
export type LogRecord = { readonly index: number; readonly leaf: Buffer; readonly appendedAt: UnixMs };

/** Which records; see ListRecordsRequest. Bounds are checked by the caller. */
export type RecordFilter = {
  readonly grantId?: string;
  readonly spiffeId?: string;
  readonly typePrefix?: string;
};

/** A page and where the next one begins; `nextIndex` is absent at the end. A page may be short, even empty, before it. */
export type RecordPage = { readonly records: readonly LogRecord[]; readonly nextIndex: number | undefined };

/** A checkpoint as it was signed. */
export type SignedCheckpoint = {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
  readonly signedAt: UnixMs;
};

/** What became of an append. */
export type Appended =
  | { readonly kind: 'appended'; readonly firstIndex: number }
  | { readonly kind: 'duplicate event'; readonly batch: AcceptedBatch; readonly eventId: string };

/** A batch that stands in the log; the hashes are hex. */
export type StoredBatch = {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly sha256: string;
  /** Of the batch that it follows; empty for its broker's first. */
  readonly prevSha256: string;
};

/** What the log's store does for its use cases. Every write is durable when it returns. */
export type RecordStore = {
  /** Records in the log. */
  size(): number;
  readonly readNode: NodeReader;
  /** Every broker that has ever sent. */
  highWaters(): HighWater[];
  /** The epoch's Ed25519 key; undefined when it was never opened. */
  epochKey(broker: SpiffeId, epoch: number): KeyObject | undefined;
  /** The broker's last batch that begins at this event or before it. */
  findBatch(broker: SpiffeId, seq: number): StoredBatch | undefined;
  /**
   * Appends batches in order, in one transaction: records, tree, batches, epochs and high-water marks, all or nothing.
   * Nothing when an event id stands in the log already, or twice among these: the batch with it is named. `also`
   * writes what belongs to the same commit.
   */
  append(batches: readonly AcceptedBatch[], now: UnixMs, also?: () => void): Appended;
  /** Moves a broker's mark past events that will not come; within {@link append}, with the record that says so. */
  moveMark(high: HighWater): void;
  latestCheckpoint(): SignedCheckpoint | undefined;
  addCheckpoint(checkpoint: SignedCheckpoint): void;
  record(index: number): LogRecord | undefined;
  findEvent(eventId: string): LogRecord | undefined;
  /** `from` upwards, or below `from` downwards when `newestFirst` (absent: from the end). */
  list(query: {
    from: number | undefined;
    count: number;
    newestFirst: boolean;
    filter: RecordFilter;
  }): RecordPage;
};

/** A message of the bus, as delivered this time. Answers never throw: one that does not get through is made again. */
export type Delivery = {
  /** The message's place in the bus's stream: the same each time that it is delivered. */
  readonly place: number;
  readonly subject: string;
  readonly payload: Uint8Array;
  ack(): void;
  /** Have it delivered again after this time. */
  retryAfter(ms: number): void;
};

/** Publishes for whoever listens; drops when it cannot. */
export type Announcer = {
  announceEvent(
    type: string,
    event: { readonly index: number; readonly leaf: Buffer; readonly facts: EventFacts },
  ): void;
  sendReceipt(broker: SpiffeId, note: string): void;
};

/** The log's public files: what anybody may read and check. Each is replaced whole and durably. */
export type PublicFiles = {
  readCheckpoint(): string | undefined;
  writeCheckpoint(note: string): void;
};

/** What is remembered of the log beside its key, where whoever empties the log's directory does not reach. */
export type LogBeginning = {
  /** Whether this key has begun a log. */
  isNoted(): boolean;
  /** Notes it, with a checkpoint of it; durable when it resolves. */
  note(checkpoint: string): Promise<void>;
};

/** Rows of the log as they stand, unchecked. */
export type RawRecord = {
  readonly idx: number;
  readonly hashes: Uint8Array;
  readonly source_id: number;
  readonly seq: number;
  readonly event_id: string;
  readonly type: string;
  readonly grant_id: string | null;
  readonly spiffe_id: string | null;
  readonly leaf: Uint8Array;
};
export type RawBatch = {
  readonly first_index: number;
  readonly source_id: number;
  readonly first_seq: number;
  readonly count: number;
  readonly epoch: number;
  readonly batch_sha256: string;
  readonly header: Uint8Array;
  readonly signature: Uint8Array;
};
export type RawEpoch = { readonly public_key: Uint8Array; readonly chain: string };
export type RawCheckpoint = { readonly size: number; readonly root: Uint8Array; readonly note: string };
export type GrantRow = {
  readonly idx: number;
  readonly grant_id: string;
  readonly type: string;
  readonly source_id: number;
  readonly lease_id: string | null;
  /** By the auditor's clock. */
  readonly appended_at: number;
};

/** Reads a log for verification, in one snapshot. Iterators must be finished or left before the next of its kind. */
export type LogReader = {
  size(): number;
  /** Brokers by the number that rows name them with. */
  sources(): ReadonlyMap<number, SpiffeId>;
  records(): IterableIterator<RawRecord>;
  batches(): IterableIterator<RawBatch>;
  epoch(sourceId: number, epoch: number): RawEpoch | undefined;
  checkpoints(): IterableIterator<RawCheckpoint>;
  repeatedEvents(): IterableIterator<{ readonly event_id: string; readonly idx: number }>;
  /** Events of grants, grant by grant, each in the log's order. */
  grants(): IterableIterator<GrantRow>;
};
