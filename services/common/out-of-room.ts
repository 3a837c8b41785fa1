/** SQLite's codes of a disk that has no room: for the file (FULL), and for what stands beside it (IOERR_SHMSIZE). */
const sqliteCodes: ReadonlySet<unknown> = new Set([13, 4_874]);

/** The system's in the same sense, of the disk and of the user's share of it; and PostgreSQL's `disk_full`. */
const codes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', '53100']);

/** Whether a write failed for want of room on a disk: it took no effect, and may be tried again once there is some. */
export function isOutOfRoom(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code, errcode } = thrown as { readonly code?: unknown; readonly errcode?: unknown };
  return codes.has(code) || sqliteCodes.has(errcode);
}
