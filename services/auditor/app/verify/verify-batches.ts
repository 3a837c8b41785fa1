import { type KeyObject, verify } from 'node:crypto';
import { type BatchHeader, parseBatchHeader, verifyEpochStarted } from '@stint/common/audit-batch.ts';
import { ed25519PublicKey, ed25519RawKey } from '@stint/common/ed25519.ts';
import { sha256, treeHash } from '@stint/common/merkle.ts';
import { type SpiffeId, stintIds, trustDomainOf } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { EventFacts, EventPlace } from '../../domain/event-facts.ts';
import type { Findings } from '../../domain/findings.ts';
import { type GapSkip, gapSkippedType, readGapSkip } from '../../domain/gap-skip.ts';
import type { LogReader, RawBatch, RawRecord } from '../ports.ts';

/** How far a broker has come in the verification. */
type Progress = { seq: number; batchSha256: string; epoch: number; key: KeyObject | undefined };

/** A batch whose records are passing. */
type Passing = {
  readonly row: RawBatch;
  readonly header: BatchHeader | undefined;
  readonly hashes: Buffer[];
};

/** A hole that an operator declared, the record that says so, and when that was by the auditor's clock. */
export type DeclaredSkip = GapSkip & { readonly index: number; readonly declaredAt: UnixMs };

/**
 * Verifies, record by record in the log's order, that the records are what the brokers signed: each belongs to a batch,
 * each batch to its broker's chain, each broker's sequence has neither gap nor repetition, and each epoch's key is
 * vouched for by the SVID in its first event.
 * A hole is believed only by a record of the auditor's own that stands before it and names both of its ends; it is then
 * told as such.
 */
export class BatchCheck {
  readonly #reader: LogReader;
  readonly #rootsDer: readonly Uint8Array[] | undefined;
  readonly #findings: Findings;
  readonly #sources: ReadonlyMap<number, SpiffeId>;
  readonly #batches: Iterator<RawBatch>;
  readonly #progress = new Map<number, Progress>();
  readonly #skips: DeclaredSkip[] = [];
  #next: RawBatch | undefined;
  #passing: Passing | undefined;

  constructor(reader: LogReader, rootsDer: readonly Uint8Array[] | undefined, findings: Findings) {
    this.#reader = reader;
    this.#rootsDer = rootsDer;
    this.#findings = findings;
    this.#sources = reader.sources();
    this.#batches = reader.batches();
    this.#advance();
  }

  /** Takes the next record and says where its event must say that it stands. */
  next(record: RawRecord, hash: Buffer): EventPlace {
    this.#closePassing(record.idx);
    if (this.#next?.first_index === record.idx) this.#open(this.#next);
    const broker = this.#sources.get(record.source_id) ?? ('' as SpiffeId);
    const place = { broker, epoch: this.#passing?.row.epoch ?? 0, seq: record.seq };
    if (this.#passing === undefined)
      this.#findings.add('batch', 'the record belongs to no batch', { index: record.idx, ...place });
    else if (this.#passing.row.source_id !== record.source_id)
      this.#findings.add('batch', 'the record names another broker than its batch', {
        index: record.idx,
        ...place,
      });
    this.#passing?.hashes.push(hash);
    this.#checkSequence(record, place);
    return place;
  }

  /** The holes declared so far. */
  get skips(): readonly DeclaredSkip[] {
    return this.#skips;
  }

  /** Takes the same record's event: the first one of an epoch brings its key, and the auditor's may declare a hole. */
  event(record: RawRecord, facts: EventFacts): void {
    if (facts.type === gapSkippedType) this.#declare(record, facts);
    const passing = this.#passing;
    if (passing === undefined || passing.hashes.length !== 1) return;
    const progress = this.#progressOf(record.source_id);
    if (passing.row.epoch === progress.epoch) return;
    if (passing.row.epoch < progress.epoch)
      this.#say('epoch', passing.row, `epoch ${passing.row.epoch} comes after ${progress.epoch}`);
    progress.epoch = passing.row.epoch;
    progress.key = this.#verifyEpoch(passing.row, facts);
  }

  /** Nothing more comes. */
  end(size: number): void {
    this.#closePassing(size);
    if (this.#passing !== undefined) this.#closeBatch(this.#passing);
    for (; this.#next !== undefined; this.#advance())
      this.#say('batch', this.#next, 'the batch has no records');
  }

  #open(row: RawBatch): void {
    this.#advance();
    const header = this.#readHeader(row);
    if (header !== undefined) this.#passDeclared(row.source_id, header);
    this.#passing = { row, header, hashes: [] };
  }

  #closePassing(index: number): void {
    const passing = this.#passing;
    if (passing === undefined || index < passing.row.first_index + passing.row.count) return;
    this.#closeBatch(passing);
    this.#passing = undefined;
  }

  /** All records of the batch have passed: is it what its broker signed, after the one before? */
  #closeBatch({ row, header, hashes }: Passing): void {
    const progress = this.#progressOf(row.source_id);
    if (header !== undefined) {
      if (treeHash(hashes).toString('hex') !== header.root || hashes.length !== header.count)
        this.#say('batch', row, 'its records are not those that the broker signed');
      if (header.prev_batch_sha256 !== progress.batchSha256)
        this.#say('batch', row, 'it does not follow the batch before it: one was taken out or put in');
    }
    if (progress.key !== undefined && !verify(null, row.header, progress.key, row.signature))
      this.#say('batch', row, 'the broker’s signature does not verify');
    progress.batchSha256 = sha256(row.header).toString('hex');
    if (row.batch_sha256 !== progress.batchSha256) this.#say('batch', row, 'its stored hash is not its own');
  }

  #declare(record: RawRecord, facts: EventFacts): void {
    const skip = readGapSkip(facts.data);
    const author = this.#sources.get(record.source_id);
    if (skip === undefined || author !== stintIds.auditor(trustDomainOf(skip.broker))) {
      const at = { index: record.idx, broker: author ?? '', seq: record.seq };
      this.#findings.add('sequence', 'it declares a hole, and is not of a form or an author that may', at);
      return;
    }
    this.#skips.push({ ...skip, index: record.idx, declaredAt: facts.time });
  }

  /**
   * Goes past the declared holes that end right before this batch. What was to go on after one may have been lost or
   * refused in its turn: then the next hole begins where that one ended.
   */
  #passDeclared(sourceId: number, header: BatchHeader): void {
    const progress = this.#progressOf(sourceId);
    let { seq, batchSha256 } = progress;
    while (seq + 1 < header.first_seq) {
      const skip = this.#skips.find(
        ({ broker, missingFrom, resumeAt, afterBatchSha256 }) =>
          broker === header.broker &&
          missingFrom === seq + 1 &&
          resumeAt <= header.first_seq &&
          afterBatchSha256 === batchSha256,
      );
      if (skip === undefined) return;
      seq = skip.resumeAt - 1;
      batchSha256 = skip.resumePrevSha256;
    }
    progress.seq = seq;
    progress.batchSha256 = batchSha256;
  }

  #readHeader(row: RawBatch): BatchHeader | undefined {
    try {
      const header = parseBatchHeader(Buffer.from(row.header));
      const broker = this.#sources.get(row.source_id);
      const agrees =
        header.broker === broker &&
        header.epoch === row.epoch &&
        header.first_seq === row.first_seq &&
        header.count === row.count;
      if (!agrees) this.#say('batch', row, 'its columns say something else than its header');
      return header;
    } catch (thrown) {
      this.#say(
        'batch',
        row,
        `its header is unreadable: ${thrown instanceof Error ? thrown.message : 'unknown fault'}`,
      );
      return undefined;
    }
  }

  #verifyEpoch(row: RawBatch, facts: EventFacts): KeyObject | undefined {
    const broker = this.#sources.get(row.source_id) ?? ('' as SpiffeId);
    const stored = this.#reader.epoch(row.source_id, row.epoch);
    if (facts.type !== 'epoch.started' || stored === undefined) {
      this.#say('epoch', row, `epoch ${row.epoch} was never opened`);
      return undefined;
    }
    const rootsDer = this.#rootsDer ?? recordedRoot(stored.chain);
    const verdict = verifyEpochStarted(facts.data, { broker, epoch: row.epoch, rootsDer, at: facts.time });
    if (verdict.kind === 'invalid') {
      this.#say('epoch', row, `epoch ${row.epoch}: ${verdict.fault}`);
      return undefined;
    }
    if (!ed25519RawKey(verdict.publicKey).equals(stored.public_key))
      this.#say('epoch', row, `the stored key of epoch ${row.epoch} is not the one in its event`);
    return ed25519PublicKey(ed25519RawKey(verdict.publicKey));
  }

  #checkSequence(record: RawRecord, place: EventPlace): void {
    const progress = this.#progressOf(record.source_id);
    if (record.seq !== progress.seq + 1) {
      const what =
        record.seq > progress.seq
          ? `events ${progress.seq + 1} to ${record.seq - 1} are missing`
          : `event ${record.seq} comes again`;
      this.#findings.add('sequence', `${what} before this record`, {
        index: record.idx,
        broker: place.broker,
        seq: record.seq,
      });
    }
    progress.seq = record.seq;
  }

  #progressOf(sourceId: number): Progress {
    const known = this.#progress.get(sourceId);
    if (known !== undefined) return known;
    const made = { seq: 0, batchSha256: '', epoch: 0, key: undefined };
    this.#progress.set(sourceId, made);
    return made;
  }

  #advance(): void {
    const step = this.#batches.next();
    this.#next = step.done === true ? undefined : step.value;
  }

  #say(kind: 'batch' | 'epoch', row: RawBatch, message: string): void {
    this.#findings.add(kind, message, {
      index: row.first_index,
      broker: this.#sources.get(row.source_id) ?? '',
      seq: row.first_seq,
    });
  }
}

/** The root under which the auditor believed the epoch: the last of the chain that it recorded. */
function recordedRoot(chain: string): Buffer[] {
  try {
    const certificates: unknown = JSON.parse(chain);
    const last: unknown = Array.isArray(certificates) ? certificates.at(-1) : undefined;
    return typeof last === 'string' ? [Buffer.from(last, 'base64')] : [];
  } catch {
    return []; // changed by somebody: without a root no chain verifies, and that is then said
  }
}
