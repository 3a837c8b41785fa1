import { formatReceiptBody } from '@stint/common/audit-batch.ts';
import {
  formatCheckpoint,
  type NoteSigner,
  type NoteVerifier,
  openNote,
  parseCheckpoint,
  signNote,
} from '@stint/common/signed-note.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Clock } from '@stint/common/time.ts';
import { frontierRoot, readFrontier } from '../../domain/tree-hashes.ts';
import type { LogSignal } from '../log-signal.ts';
import { outageText } from '../outage-text.ts';
import type { Announcer, PublicFiles, RecordStore, SignedCheckpoint } from '../ports.ts';

export type PublisherOptions = {
  /** Names the log; first line of each checkpoint. Its key has the same name. Source: C2SP tlog-checkpoint. */
  readonly signer: NoteSigner;
  readonly store: RecordStore;
  readonly files: PublicFiles;
  readonly announcer: Announcer;
  readonly signal: LogSignal;
  readonly clock: Clock;
};

/** The log on disk is not the one that this key has vouched for: nothing may be signed until a human has looked. */
export class LogMismatchError extends Error {
  constructor(message: string) {
    super(`log: ${message}; run "verify" and restore the log before anything else is signed`);
    this.name = 'LogMismatchError';
  }
}

/**
 * Signs what the log holds, and tells brokers how much of theirs that covers.
 *
 * 1. Sign the root of everything that is durable. 2. Keep the checkpoint in the store. Crash before: nobody saw it.
 * 3. Replace the public file. Crash before: the next start writes it. 4. Send the receipts that are due. Crash before,
 * or a lost one: the broker sends its batch again and is answered again.
 *
 * A disk without room ends neither the auditor nor any step: what was not done of 2 to 4 is done by the next call.
 *
 * A checkpoint never covers less than the one before: the store only grows, and {@link checkSigned} has compared it
 * with all that was signed before the first one is made.
 */
export class CheckpointPublisher {
  readonly #options: PublisherOptions;
  readonly #due = new Set<SpiffeId>();
  /** Kept in the store, and not yet in the public file. */
  #unpublished: string | undefined;
  #outage: string | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /**
   * The newest checkpoint; made now when there is none or the log has grown past it.
   * @throws ServiceError STORE_UNAVAILABLE while the disk has no room for it.
   */
  current(): SignedCheckpoint {
    const { store } = this.#options;
    const latest = store.latestCheckpoint();
    const newest = latest !== undefined && latest.size === store.size() ? latest : this.#sign();
    this.#makePublic();
    return newest;
  }

  /** The newest checkpoint, however old. */
  latest(): SignedCheckpoint | undefined {
    return this.#options.store.latestCheckpoint();
  }

  /** Why {@link publish} failed when it was last called; undefined when it did not. */
  get outage(): string | undefined {
    return this.#outage;
  }

  /** A broker is owed a receipt, with the next checkpoint. */
  oweReceipt(broker: SpiffeId): void {
    this.#due.add(broker);
  }

  /**
   * Signs when there is no checkpoint yet or the log has grown, and sends the receipts that are due. Called by a timer.
   * @throws as {@link current}; then it is to be called again.
   */
  publish(): void {
    try {
      const checkpoint = this.current();
      if (this.#due.size > 0) this.#sendReceipts(checkpoint);
      this.#outage = undefined;
    } catch (thrown) {
      this.#outage = outageText(thrown);
      throw thrown;
    }
  }

  #sign(): SignedCheckpoint {
    const { store, signer, clock } = this.#options;
    const size = store.size();
    const root = frontierRoot(readFrontier(size, store.readNode));
    const note = signNote(formatCheckpoint({ origin: signer.name, size, root }), signer);
    const checkpoint = { size, root, note, signedAt: clock.now() };
    store.addCheckpoint(checkpoint);
    this.#unpublished = note;
    return checkpoint;
  }

  #makePublic(): void {
    if (this.#unpublished === undefined) return;
    this.#options.files.writeCheckpoint(this.#unpublished);
    this.#unpublished = undefined;
    this.#options.signal.fire();
  }

  #sendReceipts(checkpoint: SignedCheckpoint): void {
    const { store, signer, announcer } = this.#options;
    for (const { broker, seq, batchSha256 } of store.highWaters()) {
      if (!this.#due.has(broker)) continue;
      const body = formatReceiptBody(signer.name, {
        broker,
        seq,
        batchSha256,
        treeSize: checkpoint.size,
        treeRoot: checkpoint.root,
      });
      announcer.sendReceipt(broker, signNote(body, signer));
    }
    this.#due.clear();
  }
}

/**
 * Compares the log on disk with what was signed of it, before anything is signed anew: the newest checkpoint of the
 * store and the public file must carry this key's signature, cover no more than the log, and have the root that the log
 * has at their size; and every record since then must have the hash that is stored with it. The whole log is checked by
 * `verify`, which takes longer than a start should.
 * @throws LogMismatchError.
 */
export function checkSigned(options: {
  store: RecordStore;
  files: PublicFiles;
  verifier: NoteVerifier;
  hashLeaf: (leaf: Buffer) => Buffer;
}): void {
  const { store, files, verifier, hashLeaf } = options;
  const inStore = store.latestCheckpoint();
  const inFile = files.readCheckpoint();
  if (inStore !== undefined)
    checkNote(inStore.note, { what: 'the newest checkpoint in the store', store, verifier });
  if (inFile !== undefined) checkNote(inFile, { what: 'the public checkpoint', store, verifier });
  for (let index = inStore?.size ?? 0; index < store.size(); index++) {
    const leaf = store.record(index)?.leaf;
    if (leaf === undefined || !hashLeaf(leaf).equals(store.readNode(0, index)))
      throw new LogMismatchError(`record ${index} is missing or was changed`);
  }
  if (inStore !== undefined && inStore.note !== inFile) files.writeCheckpoint(inStore.note);
}

function checkNote(
  note: string,
  against: { what: string; store: RecordStore; verifier: NoteVerifier },
): void {
  const { what, store, verifier } = against;
  const checkpoint = parseCheckpoint(openNote(note, verifier) ?? '');
  if (checkpoint?.origin !== verifier.name)
    throw new LogMismatchError(`${what} is not signed by this log's key`);
  if (checkpoint.size > store.size())
    throw new LogMismatchError(
      `${what} covers ${checkpoint.size} records, and only ${store.size()} are left`,
    );
  const root = frontierRoot(readFrontier(checkpoint.size, store.readNode));
  if (!root.equals(checkpoint.root))
    throw new LogMismatchError(`${what} has another root than the first ${checkpoint.size} records`);
}
