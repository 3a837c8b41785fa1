import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { PublicFiles } from '../app/ports.ts';
import { withinRoom } from './within-room.ts';

/** The public files of a log's directory: the newest checkpoint, and the key that verifies it. */
export const checkpointFile = 'checkpoint';
export const verifierKeyFile = 'log.vkey';

/** The public files, on disk. Writing is: a copy, flushed; its new name; the directory, flushed. A crash leaves old or new. */
export class LogFiles implements PublicFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  readCheckpoint(): string | undefined {
    return readIfThere(path.join(this.#directory, checkpointFile));
  }

  writeCheckpoint(note: string): void {
    withinRoom(() => replaceFile(this.#directory, checkpointFile, note));
  }

  /** Publishes the verifier key unless it stands there already. */
  writeVerifierKey(verifierKey: string): void {
    const text = `${verifierKey}\n`;
    if (readIfThere(path.join(this.#directory, verifierKeyFile)) !== text)
      withinRoom(() => replaceFile(this.#directory, verifierKeyFile, text));
  }
}

/** A small text file's contents; undefined when it does not exist. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
}

// One writer: the auditor that holds the store's lock, so that the copy's name need not be unique.
function replaceFile(directory: string, name: string, text: string): void {
  const copy = path.join(directory, `${name}.partial`);
  const file = openSync(copy, 'w', 0o644);
  try {
    writeFileSync(file, text); // all of it: one write alone may end early when room runs out
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(copy, path.join(directory, name));
  const parent = openSync(directory, 'r');
  try {
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
}
