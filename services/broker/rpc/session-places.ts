import { ServiceError } from '@stint/common/errors.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';

/**
 * Sessions that one identity may have open at one broker: as many replicas as run under one name. A tenth of all that
 * there is room for, so that whoever has one SVID shuts nobody else out.
 */
export const sessionsPerIdentityMax = 1_000;

/** Counts the open sessions of each identity. */
export class SessionPlaces {
  readonly #open = new Map<SpiffeId, number>();

  /**
   * Runs a session in a place of its identity, which is free again when the session ends, however it ends.
   * @throws ServiceError RATE_LIMITED when the identity has no place left; and what the session throws.
   */
  async hold(spiffeId: SpiffeId, session: () => Promise<void>): Promise<void> {
    const open = this.#open.get(spiffeId) ?? 0;
    if (open >= sessionsPerIdentityMax) {
      throw new ServiceError(
        'RATE_LIMITED',
        `identity "${spiffeId}" has ${open} sessions open, as many as it may`,
        { metadata: { sessions_max: String(sessionsPerIdentityMax) }, retryAfterMs: 5_000 },
      );
    }
    this.#open.set(spiffeId, open + 1);
    try {
      await session();
    } finally {
      this.#leave(spiffeId);
    }
  }

  #leave(spiffeId: SpiffeId): void {
    const left = (this.#open.get(spiffeId) ?? 0) - 1;
    if (left > 0) this.#open.set(spiffeId, left);
    else this.#open.delete(spiffeId);
  }
}
