import { existsSync } from 'node:fs';
import path from 'node:path';
import { createPrivateFile } from '@stint/common/private-file.ts';
import type { LogBeginning } from '../app/ports.ts';

/** The note, beside the log's key, that this key has begun a log: a checkpoint of it, for whoever looks. */
export const logBeginningFile = 'log-begun';

/** The note on disk: written once, whole and durably. */
export class LogBeginningFile implements LogBeginning {
  readonly #file: string;

  /** `stateDir` is the private directory of the log's key. */
  constructor(stateDir: string) {
    this.#file = path.join(stateDir, logBeginningFile);
  }

  isNoted(): boolean {
    return existsSync(this.#file);
  }

  async note(checkpoint: string): Promise<void> {
    await createPrivateFile(this.#file, checkpoint);
  }
}
