import type { Log } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import { type JoinTokenStore, joinTokenKeptMs } from '../../domain/join-token.ts';

export type PurgeJoinTokensParts = {
  readonly store: Pick<JoinTokenStore, 'purge'>;
  readonly clock: Clock;
  readonly log: Log;
};

/** Tokens looked at in one pass. At a pass a minute that is more than sixteen new tokens a second. */
const tokensMax = 1_000;

/**
 * Removes the rows of join tokens that ended a while ago, some in each pass, round and round. A crash leaves the rest to
 * the next process, which begins anew; brokers on one store do each other no harm.
 */
export class PurgeJoinTokens {
  readonly #parts: PurgeJoinTokensParts;
  #after: string | undefined;

  constructor(parts: PurgeJoinTokensParts) {
    this.#parts = parts;
  }

  /** One pass; how many went. A store that fails is logged, and asked again in the next. */
  async purge(): Promise<number> {
    const { store, clock, log } = this.#parts;
    try {
      const endedBy = clock.now() - joinTokenKeptMs;
      const { purged, next } = await store.purge({ endedBy, after: this.#after, limit: tokensMax });
      this.#after = next;
      return purged;
    } catch (thrown) {
      log.warn({ error: thrown }, 'old join tokens could not be purged; the next pass tries again');
      return 0;
    }
  }
}
