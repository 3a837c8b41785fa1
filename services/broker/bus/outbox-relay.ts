import { type JetStreamClient, jetstream } from '@nats-io/jetstream';
import { headers, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { batchHash, parseReceiptBody, type ReceiptBody } from '@stint/common/audit-batch.ts';
import { bus } from '@stint/common/bus.ts';
import { readVerifierKeyFile } from '@stint/common/input-file.ts';
import type { Log } from '@stint/common/log.ts';
import type { BusLink } from '@stint/common/nats.ts';
import { codecs } from '@stint/common/proto.ts';
import { type NoteVerifier, openNote } from '@stint/common/signed-note.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { count, currentTraceparent, traceIdsOf, withSpan } from '@stint/common/telemetry.ts';
import type { Outbox, OutboxBatch } from '../app/ports/ledger.ts';
import { receiptFault, SentWindow } from './sent-window.ts';

/** Batches and bytes on their way to the server and not yet taken by it: what a slow server may cost in memory. */
const unackedBatchesMax = 64;
const unackedBytesMax = 8_388_608;
/** Batches kept from their commit until they are sent, in bytes; what does not fit is read back from the store. */
const keptBytesMax = 8_388_608;
/** Rows read back at once. */
const readRowsMax = 16;
/**
 * How long a batch waits for others, in milliseconds. Callers wait for their answers and nobody for this: batches that are
 * sent together cost broker, server and auditor much less than each by itself.
 */
const gatherMs = 25;
/** A server that has not taken a batch within this time, in milliseconds, has refused it. */
const ackMsMax = 5_000;
/** Waits after refusals, in milliseconds: doubled each time, and as much again at random. */
const retryMs = { first: 100, max: 10_000 } as const;
/** How long a relay that stops waits for the receipts of what it has sent, in milliseconds: the longest that an auditor may take between checkpoints, and again as long. */
export const drainMsMax = 2_000;
/** Waits for a receipt, in milliseconds: doubled each time that none comes. The first is to outlast the wait for a checkpoint. */
export const receiptMs = { first: 2_000, max: 30_000 } as const;

export type OutboxRelayOptions = {
  readonly link: Pick<BusLink, 'isConnected' | 'onConnected'>;
  readonly outbox: Outbox;
  readonly brokerName: string;
  readonly spiffeId: SpiffeId;
  /** File with the log's verifier key. Read when the first receipt comes and pinned from then on. */
  readonly verifierKeyFile: string;
  readonly log: Log;
  /** First and longest wait for a receipt, for tests. */
  readonly receiptMs?: { readonly first: number; readonly max: number };
};

/**
 * Carries the outbox to the bus, in order and at least once, for ever.
 *
 * A batch is sent when it is committed, and stays in the store until the auditor's receipt covers it: the server's own
 * acknowledgement is no proof, because it does not wait for its disk. Whenever something may have been lost (no receipt
 * in time, a refusal, a new connection) sending starts over from the oldest batch without a receipt. The message id is
 * the header's hash, so that the stream drops what it has; the auditor drops what the stream lets through.
 *
 * At most a window of batches is out without a receipt. It doubles with each receipt and falls back when sending starts
 * over, so that a stopped auditor does not fill the stream with repetitions.
 *
 * A crash anywhere: the next process starts with the oldest row. A receipt that is lost comes again with the next.
 */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  readonly #receiptMs: { readonly first: number; readonly max: number };
  readonly #window = new SentWindow();
  /** Batches in order from the cursor on; empty when the cursor is behind what memory holds. */
  #kept: OutboxBatch[] = [];
  #keptBytes = 0;
  #unacked = { batches: 0, bytes: 0 };
  #connection: NatsConnection | undefined;
  #stream: JetStreamClient | undefined;
  #subscription: Subscription | undefined;
  #verifier: NoteVerifier | undefined;
  #reading: Promise<void> | undefined;
  /** Counts starts over, so that one loss met by many batches starts over once. */
  #round = 0;
  #refusals = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #receiptTimer: NodeJS.Timeout | undefined;
  #receiptWaitMs: number;
  #isPumpDue = false;
  #isStopped = false;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
    this.#receiptMs = options.receiptMs ?? receiptMs;
    this.#receiptWaitMs = this.#receiptMs.first;
  }

  /** Begins; returns at once. Call it once. */
  start(): void {
    this.#options.outbox.onCommit((batch) => this.#keep(batch));
    this.#options.link.onConnected((connection) => this.#onConnected(connection));
  }

  /**
   * Sends what is left and waits for its receipts, for {@link drainMsMax} at most and not at all without a connection: who
   * reads the log after an orderly stop finds in it what was done before. What has none by then goes with the next start.
   */
  async stop(): Promise<void> {
    if (this.#options.link.isConnected) await this.#drain();
    this.#isStopped = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#receiptTimer);
    this.#subscription?.unsubscribe();
    await this.#reading;
  }

  async #drain(): Promise<void> {
    this.#drained = Promise.withResolvers();
    const late = setTimeout(this.#drained.resolve, drainMsMax);
    this.#pump();
    this.#tellIfDrained();
    await this.#drained.promise;
    clearTimeout(late);
  }

  #tellIfDrained(): void {
    const isAllSent = this.#window.cursor > this.#options.outbox.sequence();
    if (isAllSent && this.#window.isEmpty) this.#drained?.resolve();
  }

  #onConnected(connection: NatsConnection): void {
    if (this.#isStopped) return;
    if (connection !== this.#connection) {
      this.#connection = connection;
      this.#stream = jetstream(connection);
      this.#subscription = undefined;
    }
    this.#hearReceipts(connection);
    this.#startOver();
  }

  /** The library keeps a subscription through reconnects, but not one that the server refused, which may be taken now. */
  #hearReceipts(connection: NatsConnection): void {
    if (this.#subscription?.isClosed() === false) return;
    const subject = bus.receiptSubject(this.#options.brokerName);
    this.#subscription = connection.subscribe(subject, {
      callback: (error, message) =>
        error === null ? void this.#onReceipt(message) : this.#onReceiptsRefused(subject, error),
    });
  }

  /** Nothing leaves the outbox from now on, and when it is full there are no more grants. */
  #onReceiptsRefused(subject: string, { message: detail }: Error): void {
    const todo = 'print nats.conf anew with "stint bus config" and have the server reload it';
    this.#options.log.error(
      { subject, detail, todo },
      'the bus says that this broker may not hear receipts: its backlog grows until it refuses grants',
    );
  }

  /** Takes over a batch at its commit, if it goes on where memory ends. */
  #keep(batch: OutboxBatch): void {
    const next = this.#kept.at(-1)?.lastSeq ?? this.#window.cursor - 1;
    const bytes = bytesOf(batch);
    if (batch.firstSeq === next + 1 && this.#keptBytes + bytes <= keptBytesMax) {
      this.#kept.push(batch);
      this.#keptBytes += bytes;
    }
    this.#pumpSoon();
  }

  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    setTimeout(() => {
      this.#isPumpDue = false;
      this.#pump();
    }, gatherMs);
  }

  /** Sends what may be sent now. Everything that makes room calls it. */
  #pump(): void {
    while (
      this.#mayRun() &&
      this.#window.hasRoom &&
      this.#unacked.batches < unackedBatchesMax &&
      this.#unacked.bytes < unackedBytesMax
    ) {
      const batch = this.#kept.shift();
      if (batch === undefined) {
        this.#readBack();
        return;
      }
      this.#keptBytes -= bytesOf(batch);
      this.#send(batch);
    }
  }

  #mayRun(): boolean {
    return !this.#isStopped && this.#options.link.isConnected && this.#retryTimer === undefined;
  }

  #readBack(): void {
    if (this.#reading !== undefined || this.#window.cursor > this.#options.outbox.sequence()) return;
    this.#reading = this.#readNext()
      .catch((thrown: unknown) => {
        this.#onRefusal('the outbox could not be read', thrown);
        return 'nothing' as const;
      })
      .then((found) => {
        this.#reading = undefined;
        if (found === 'something') this.#pump();
      });
  }

  async #readNext(): Promise<'something' | 'nothing'> {
    const { cursor } = this.#window;
    const batches = await this.#options.outbox.read(cursor, readRowsMax);
    // Meanwhile sending may have started over, or commits have come that follow on: then this is not what is next.
    if (this.#window.cursor !== cursor || this.#kept.length > 0) return 'something';
    this.#kept = [...batches];
    this.#keptBytes = batches.reduce((sum, batch) => sum + bytesOf(batch), 0);
    return batches.length > 0 ? 'something' : 'nothing';
  }

  #send(batch: OutboxBatch): void {
    const sha256 = this.#window.send(batch);
    const bytes = bytesOf(batch);
    const round = this.#round;
    this.#unacked = { batches: this.#unacked.batches + 1, bytes: this.#unacked.bytes + bytes };
    this.#awaitReceipt();
    this.#publish(batch, sha256)
      .then(
        () => {
          this.#refusals = 0;
        },
        (thrown: unknown) => {
          if (round === this.#round) this.#onRefusal('the bus did not take a batch', thrown);
        },
      )
      .finally(() => {
        this.#unacked = { batches: this.#unacked.batches - 1, bytes: this.#unacked.bytes - bytes };
        this.#pump();
      });
  }

  async #publish(batch: OutboxBatch, sha256: string): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) throw new Error('bus: no connection');
    const { header, signature, events, traceparent } = batch;
    const payload = codecs.signedBatch.encode({ header, signature, events: [...events] });
    const subject = bus.batchSubject(this.#options.brokerName);
    const attributes = { 'messaging.system': 'nats', 'messaging.destination.name': subject };
    await withSpan(`publish ${subject}`, { kind: 'producer', parent: traceparent, attributes }, async () => {
      const fields = headers();
      const trace = currentTraceparent() ?? traceparent;
      // No trace is worth an event that cannot be sent: what is not one stays behind.
      if (trace !== undefined && traceIdsOf(trace) !== undefined) fields.set('traceparent', trace);
      const subject = bus.batchSubject(this.#options.brokerName);
      await stream.publish(subject, payload, {
        msgID: sha256,
        headers: fields,
        timeout: ackMsMax,
      });
    });
  }

  /** Starts over after a pause that grows: a full stream, a server that is going down, a store that cannot be read. */
  #onRefusal(what: string, thrown: unknown): void {
    if (this.#isStopped) return;
    const ms =
      Math.min(retryMs.max, retryMs.first * 2 ** Math.min(this.#refusals++, 10)) * (1 + Math.random());
    // The first of a row is told; the rest are the same story.
    if (this.#refusals === 1)
      this.#options.log.warn({ error: thrown }, `${what}; it stays in the outbox and is sent again`);
    this.#startOver();
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#pump();
    }, ms).unref();
  }

  #startOver(): void {
    this.#round++;
    this.#window.startOver();
    this.#kept = [];
    this.#keptBytes = 0;
    this.#pump();
  }

  #awaitReceipt(): void {
    this.#receiptTimer ??= setTimeout(() => {
      this.#receiptTimer = undefined;
      if (!this.#mayRun()) return;
      this.#receiptWaitMs = Math.min(this.#receiptMs.max, this.#receiptWaitMs * 2);
      this.#startOver();
    }, this.#receiptWaitMs).unref();
  }

  async #onReceipt(message: Msg): Promise<void> {
    try {
      const receipt = this.#openReceipt(message.data);
      if (receipt === undefined || this.#isStopped) return;
      const verdict = this.#window.receive({ seq: receipt.seq, sha256: receipt.batchSha256 });
      if (verdict.kind === 'false') this.#raiseAlarm(receipt, verdict.fault);
      if (verdict.kind === 'accepted') this.#onAccepted(verdict.seq);
      if (verdict.kind === 'ahead') await this.#onReceiptAhead(receipt);
    } catch (thrown) {
      this.#options.log.warn({ error: thrown }, 'a receipt could not be read');
    }
  }

  /**
   * A receipt for more than this process has sent: an earlier one sent it, and its receipt was lost. The log's own place is
   * named in every receipt, so without this one the relay would send what the log has, again and again, and never go on.
   */
  async #onReceiptAhead(receipt: ReceiptBody): Promise<void> {
    const { seq, batchSha256 } = receipt;
    const batch = await this.#options.outbox.findAt(seq);
    if (batch === undefined || this.#isStopped) return; // an older receipt freed it meanwhile
    const made = { lastSeq: batch.lastSeq, sha256: batchHash(batch.header) };
    const fault = receiptFault({ seq, sha256: batchSha256 }, made);
    if (fault !== undefined) return this.#raiseAlarm(receipt, fault);
    this.#window.moveOn(seq);
    this.#onAccepted(seq);
  }

  #onAccepted(seq: number): void {
    this.#options.outbox.release(seq);
    clearTimeout(this.#receiptTimer);
    this.#receiptTimer = undefined;
    this.#receiptWaitMs = this.#receiptMs.first;
    if (!this.#window.isEmpty) this.#awaitReceipt();
    // What lies before the cursor now needs no sending.
    while (this.#kept[0] !== undefined && this.#kept[0].firstSeq < this.#window.cursor) {
      this.#keptBytes -= bytesOf(this.#kept.shift() as OutboxBatch);
    }
    this.#pump();
    this.#tellIfDrained();
  }

  /** The receipt's facts when it is signed by the pinned key and about us. Attacker-controlled until then. */
  #openReceipt(bytes: Uint8Array): ReceiptBody | undefined {
    const { note } = codecs.receipt.decode(bytes);
    this.#verifier ??= readVerifierKeyFile(this.#options.verifierKeyFile);
    const text = openNote(note, this.#verifier);
    const receipt = text === undefined ? undefined : parseReceiptBody(this.#verifier.name, text);
    if (receipt === undefined)
      throw new Error('the receipt is not signed by the pinned log key, or is malformed');
    if (receipt.broker !== this.#options.spiffeId) throw new Error(`the receipt is for "${receipt.broker}"`);
    if (receipt.seq > this.#options.outbox.sequence()) {
      this.#raiseAlarm(receipt, `event ${receipt.seq} was never made`);
      return undefined;
    }
    return receipt;
  }

  /** The log's key has signed what is not so: somebody else writes in our name, or the log is wrong. Rows are kept. */
  #raiseAlarm({ seq, batchSha256, treeSize }: ReceiptBody, fault: string): void {
    const facts = { alarm: 'false_receipt', seq, batch_sha256: batchSha256, tree_size: treeSize };
    count('stint.audit.false_receipts');
    this.#options.log.error(facts, `the audit log has signed a false receipt: ${fault}`);
  }
}

function bytesOf(batch: OutboxBatch): number {
  return batch.events.reduce((sum, event) => sum + event.length, 0);
}
