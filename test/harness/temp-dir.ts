import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** What a test file or a test gives to have something undone at its end: `node:test`'s `{ after }`, or a test's `t`. */
export type Scope = { after(undo: () => void | Promise<void>): void };

/** Makes an empty private folder and removes it, with all in it, at the end of the scope. */
export function tempDir(scope: Scope): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'stint-test-'));
  scope.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
