import type { LogBeginning, RecordStore, SignedCheckpoint } from '../ports.ts';
import { LogMismatchError } from './publish-checkpoint.ts';

/**
 * Sees to it that a log has a checkpoint from its first moment on, of no records if need be, and that one key begins one
 * log: a directory that was emptied is not taken for a new log.
 *
 * 1. A log with a checkpoint has begun; note that beside the key, if a crash kept that from being done before.
 * 2. Without one, and with a note that there was one: the log is gone. Nothing is signed.
 * 3. Else sign the first checkpoint. Crash after it: the next start is at 1. 4. Note it beside the key.
 *
 * Call it once {@link checkSigned} has compared the log with what was signed.
 * @throws LogMismatchError.
 */
export async function beginLog(
  store: RecordStore,
  beginning: LogBeginning,
  sign: () => SignedCheckpoint,
): Promise<void> {
  const latest = store.latestCheckpoint();
  const hasBegun = beginning.isNoted();
  if (latest === undefined && hasBegun)
    throw new LogMismatchError('this key has begun a log before, and nothing of it is here');
  const checkpoint = latest ?? sign();
  if (!hasBegun) await beginning.note(checkpoint.note);
}
