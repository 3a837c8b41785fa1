import { ServiceError } from '@stint/common/errors.ts';

/** SQLite's codes of a disk that has no room, for the file (FULL) and for what stands beside it (IOERR_SHMSIZE). */
const sqliteCodes: ReadonlySet<unknown> = new Set([13, 4_874]);

/** The system's, in the same sense: of the disk, and of the user's share of it. */
const systemCodes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);

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

function isOutOfRoom(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code, errcode } = thrown as { readonly code?: unknown; readonly errcode?: unknown };
  return systemCodes.has(code) || sqliteCodes.has(errcode);
}
