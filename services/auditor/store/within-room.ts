import { ServiceError } from '@stint/common/errors.ts';
import { isOutOfRoom } from '@stint/common/out-of-room.ts';

/**
 * Runs a write to the log's directory.
 * @throws ServiceError STORE_UNAVAILABLE when the disk has no room: nothing took effect, and the same write may be tried
 * again; else what the write throws.
 */
export function withinRoom<Result>(write: () => Result): Result {
  try {
    return write();
  } catch (cause) {
    if (!isOutOfRoom(cause)) throw cause;
    const what = "store: no room is left on the disk of the log's directory (log-dir)";
    throw new ServiceError('STORE_UNAVAILABLE', `${what}; free some: a running auditor goes on by itself`, {
      cause,
    });
  }
}
