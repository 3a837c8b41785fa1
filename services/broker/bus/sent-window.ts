import { batchHash } from '@stint/common/audit-batch.ts';
import type { OutboxBatch } from '../app/ports/ledger.ts';

/** Batches that may be sent without a receipt, at first and at most. Receipts open the window, silence shuts it. */
export const windowMin = 64;
export const windowMax = 4_096;

/** A batch that was sent: enough to judge a receipt by. */
type Sent = { readonly firstSeq: number; readonly lastSeq: number; readonly sha256: string };

/** What a receipt turned out to be. */
export type ReceiptVerdict =
  /** It covers these sequences and all before them. */
  | { readonly kind: 'accepted'; readonly seq: number }
  /** It covers nothing that waits: a repetition. */
  | { readonly kind: 'nothing_new' }
  /** It covers more than was sent by this process; what an earlier one sent, only the store knows. */
  | { readonly kind: 'ahead' }
  /** It names a batch that we never made. */
  | { readonly kind: 'false'; readonly fault: string };

/**
 * What has been sent and not receipted, in order, and where sending stands in it. The cursor goes forward as batches are
 * sent and back to the oldest without a receipt when sending starts over; a receipt takes away all up to its batch.
 */
export class SentWindow {
  readonly #sent: Sent[] = [];
  /** How many of `#sent` lie before the cursor. */
  #position = 0;
  #size = windowMin;
  /** Sequence of the next event to send. */
  #cursor = 1;

  get cursor(): number {
    return this.#cursor;
  }

  /** Whether anything waits for a receipt. */
  get isEmpty(): boolean {
    return this.#sent.length === 0;
  }

  get hasRoom(): boolean {
    return this.#position < this.#size;
  }

  /** Notes that the batch was sent, and returns its hash. It begins at the cursor, or later when all between is gone. */
  send(batch: OutboxBatch): string {
    const sha256 = batchHash(batch.header);
    if (this.#position === this.#sent.length) {
      this.#sent.push({ firstSeq: batch.firstSeq, lastSeq: batch.lastSeq, sha256 });
    }
    this.#position++;
    this.#cursor = batch.lastSeq + 1;
    return sha256;
  }

  /** Starts over from the oldest batch without a receipt, with the smallest window. */
  startOver(): void {
    this.#position = 0;
    this.#size = windowMin;
    this.#cursor = this.#sent[0]?.firstSeq ?? this.#cursor;
  }

  /** Judges a receipt whose signature is good; an accepted one moves the window on. */
  receive(receipt: { readonly seq: number; readonly sha256: string }): ReceiptVerdict {
    const { seq, sha256 } = receipt;
    const index = this.#sent.findIndex((sent) => seq <= sent.lastSeq);
    const sent = this.#sent[index];
    if (sent === undefined) return { kind: seq < this.#cursor ? 'nothing_new' : 'ahead' };
    if (seq < (this.#sent[0]?.firstSeq ?? 0)) return { kind: 'nothing_new' };
    const fault = receiptFault({ seq, sha256 }, sent);
    if (fault !== undefined) return { kind: 'false', fault };
    this.moveOn(seq);
    return { kind: 'accepted', seq };
  }

  /** Goes on behind `seq`, the last event of a batch that a receipt covers, whoever sent it. */
  moveOn(seq: number): void {
    const covered = this.#sent.filter(({ lastSeq }) => lastSeq <= seq).length;
    this.#sent.splice(0, covered);
    this.#position = Math.max(0, this.#position - covered);
    if (this.#position === 0) this.#cursor = Math.max(this.#cursor, seq + 1);
    this.#size = Math.min(windowMax, this.#size * 2);
  }
}

/** What is wrong with a receipt, held against the batch with its event; undefined: it covers this batch. */
export function receiptFault(
  { seq, sha256 }: { readonly seq: number; readonly sha256: string },
  batch: Pick<Sent, 'lastSeq' | 'sha256'>,
): string | undefined {
  if (seq !== batch.lastSeq) return `event ${seq} does not end a batch`;
  return sha256 === batch.sha256 ? undefined : `the batch that ends at event ${seq} has another hash`;
}
