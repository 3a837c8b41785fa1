import { randomBytes } from 'node:crypto';
import { ServiceError } from '@stint/common/errors.ts';
import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import type { LeaseMessage } from './ports.ts';

/** Most Watch streams open at once: one per process that uses the sidecar, with room for short-lived ones. */
export const watchSessionsMax = 1_024;

/** Longest name of a Watch stream, in UTF-8 bytes. */
export const sessionNameBytesMax = 128;

/** What a workload is told about the leases it holds. */
export type WatchEvent =
  | { readonly kind: 'ended'; readonly leaseId: LeaseId; readonly grantId: GrantId; readonly reason: string }
  | { readonly kind: 'renewed'; readonly lease: LeaseMessage };

/** The open Watch streams: each is a workload's session, and its end is the workload's end. */
export class WatchSessions {
  readonly #listeners = new Map<string, (event: WatchEvent) => void>();

  get size(): number {
    return this.#listeners.size;
  }

  /**
   * Opens a session; its id is not guessable, since whoever knows it may acquire in its name.
   * @throws ServiceError RATE_LIMITED when {@link watchSessionsMax} are open.
   */
  open(listener: (event: WatchEvent) => void): string {
    if (this.#listeners.size >= watchSessionsMax) {
      throw new ServiceError(
        'RATE_LIMITED',
        `${watchSessionsMax} Watch streams are open, as many as may be`,
        {
          metadata: { watch_sessions_max: String(watchSessionsMax) },
          retryAfterMs: 1_000,
        },
      );
    }
    const id = `ses_${randomBytes(16).toString('hex')}`;
    this.#listeners.set(id, listener);
    return id;
  }

  /** True when it was open. */
  close(id: string): boolean {
    return this.#listeners.delete(id);
  }

  /** @throws ServiceError INVALID_FIELD when no such session is open (any more). */
  requireOpen(id: string | undefined): void {
    if (id === undefined || this.#listeners.has(id)) return;
    throw new ServiceError(
      'INVALID_FIELD',
      'session_id: no such Watch stream is open; open one and use its id',
      {
        metadata: { field: 'session_id' },
      },
    );
  }

  /** Tells these sessions; those that have closed meanwhile hear nothing. */
  tell(ids: readonly string[], event: WatchEvent): void {
    for (const id of ids) this.#listeners.get(id)?.(event);
  }
}
