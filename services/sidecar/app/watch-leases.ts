import { validateText } from '@stint/common/request-limits.ts';
import type { GrantEndings } from './grant-endings.ts';
import type { AccessCache } from './ports.ts';
import { sessionNameBytesMax, type WatchEvent, type WatchSessions } from './watch-sessions.ts';

/** An open Watch stream. */
export type WatchSession = {
  readonly id: string;
  /** The stream is over, however it ended: everything that it alone held is completed as abandoned. */
  end(): void;
};

export type WatchLeasesParts = {
  readonly cache: AccessCache;
  readonly sessions: WatchSessions;
  readonly endings: GrantEndings;
};

/** Ties leases to a workload's life: its stream. */
export class WatchLeases {
  readonly #parts: WatchLeasesParts;

  constructor(parts: WatchLeasesParts) {
    this.#parts = parts;
  }

  /** @throws ServiceError INVALID_FIELD when the name is too long or not one printable line, RATE_LIMITED when too many streams are open. */
  execute(request: { readonly name: string }, listener: (event: WatchEvent) => void): WatchSession {
    validateText('name', request.name, sessionNameBytesMax);
    const { cache, sessions, endings } = this.#parts;
    const id = sessions.open(listener);
    const end = () => {
      if (!sessions.close(id)) return;
      for (const lease of cache.releaseSession(id)) endings.abandon(lease);
    };
    return { id, end };
  }
}
