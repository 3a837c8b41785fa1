import { isServiceError } from '@stint/common/errors.ts';
import type { GrantId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Bundles } from '../bundles.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import type { EndGrant } from './end-grant.ts';

/** Live grants of an identity that are read, and begin to end, together. */
const pageMax = 50;

export type EndSuspendedParts = {
  readonly bundles: Bundles;
  readonly store: GrantStore;
  readonly endGrant: EndGrant;
  readonly log: Log;
};

/**
 * Ends the live grants of every identity that the bundle in force says is suspended. It looks when the broker starts, when
 * a bundle came into force, and every minute: that finds what was being decided by the bundle before, and what failed. A
 * crash on the way leaves the rest to the next look.
 *
 * An identity that is registered no more is left alone: on a shared store another broker may know it.
 */
export class EndSuspended {
  readonly #parts: EndSuspendedParts;

  constructor(parts: EndSuspendedParts) {
    this.#parts = parts;
  }

  /** One look. Never rejects: what fails is logged, and the next look meets it. Returns how many grants it has begun to end. */
  async look(): Promise<number> {
    let begun = 0;
    try {
      for (const spiffeId of await this.#suspendedHolders()) begun += await this.#endAll(spiffeId);
    } catch (error) {
      this.#parts.log.error(
        { error },
        'grants of suspended identities may still live; the next look tries again',
      );
    }
    return begun;
  }

  /** By who holds grants, not by who is suspended: in a registry that has many of those, few hold any. */
  async #suspendedHolders(): Promise<readonly SpiffeId[]> {
    const { identities } = this.#parts.bundles.current().registry;
    const holders = await this.#parts.store.listLiveHolders();
    return holders.filter((spiffeId) => identities.get(spiffeId)?.state === 'suspended');
  }

  async #endAll(spiffeId: SpiffeId): Promise<number> {
    let begun = 0;
    for (let before: { before?: GrantId } = {}; ; ) {
      const page = await this.#parts.store.listGrants({
        spiffeId,
        liveOnly: true,
        limit: pageMax,
        ...before,
      });
      const active = page.filter(({ state }) => state === 'active');
      const ends = await Promise.all(active.map(({ id }) => this.#end(id)));
      begun += ends.filter((isBegun) => isBegun).length;
      const last = page.at(-1);
      if (page.length < pageMax || last === undefined) return begun;
      before = { before: last.id };
    }
  }

  /** False when it could not be: its leases moved under every try, or the store failed. The next look tries again. */
  async #end(grantId: GrantId): Promise<boolean> {
    try {
      await this.#parts.endGrant.execute({ kind: 'broker' }, grantId, {
        reason: 'suspended',
        waitContained: false,
      });
      return true;
    } catch (thrown) {
      if (!isServiceError(thrown, 'CONCURRENT_UPDATE'))
        this.#parts.log.error(
          { error: thrown, grant_id: grantId },
          'the grant of a suspended identity still lives',
        );
      return false;
    }
  }
}
