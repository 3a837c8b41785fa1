import type { GetInclusionProofResponse__Output } from '@stint/common/gen/stint/audit/v1/GetInclusionProofResponse.ts';
import type { Record__Output } from '@stint/common/gen/stint/audit/v1/Record.ts';
import { leafHash, verifyInclusion } from '@stint/common/merkle.ts';
import { type Checkpoint, type NoteVerifier, openNote, parseCheckpoint } from '@stint/common/signed-note.ts';

/** Whether a record stands in a signed checkpoint's tree, and if not, what does not hold. */
export type ProofVerdict =
  | { readonly kind: 'proved'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'not proved'; readonly fault: string };

/** Checks proofs of one log against its verifier key. The auditor that gives them is not trusted. */
export class RecordProofs {
  readonly #verifier: NoteVerifier;
  // Most proofs of one answer lead to the same checkpoint, whose signature needs to be checked but once.
  readonly #checkpoints = new Map<string, Checkpoint | undefined>();
  readonly #roots = new Map<number, Buffer>();

  constructor(verifier: NoteVerifier) {
    this.#verifier = verifier;
  }

  /** Checks that the proof is of this record's bytes at this index, up to a checkpoint that the log's key has signed. */
  check(record: Record__Output, proof: GetInclusionProofResponse__Output): ProofVerdict {
    const checkpoint = this.#open(proof.checkpoint);
    if (checkpoint === undefined)
      return notProved(`the checkpoint is not signed by "${this.#verifier.name}"`);
    const seen = this.#roots.get(checkpoint.size);
    if (seen !== undefined && !seen.equals(checkpoint.root))
      return notProved(`two checkpoints of size ${checkpoint.size} differ: the log shows two histories`);
    this.#roots.set(checkpoint.size, checkpoint.root);
    const { size, root } = checkpoint;
    const leaf = leafHash(record.leaf);
    return verifyInclusion({ index: record.index, size, leaf, hashes: proof.hashes, root })
      ? { kind: 'proved', checkpoint }
      : notProved(`its hash does not lead to the root of the checkpoint of size ${size}`);
  }

  #open(note: string): Checkpoint | undefined {
    if (!this.#checkpoints.has(note)) {
      const opened = parseCheckpoint(openNote(note, this.#verifier) ?? '');
      this.#checkpoints.set(note, opened?.origin === this.#verifier.name ? opened : undefined);
    }
    return this.#checkpoints.get(note);
  }
}

function notProved(fault: string): ProofVerdict {
  return { kind: 'not proved', fault };
}
