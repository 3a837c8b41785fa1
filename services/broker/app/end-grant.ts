import { ServiceError } from '@stint/common/errors.ts';
import type { GrantId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Grant } from '../domain/grant.ts';
import type { EndReason, Lease } from '../domain/lease.ts';
import type { EndCause, LeaseEnding } from './end-lease.ts';
import type { GrantStore } from './ports.ts';

export type GrantAndLeases = { readonly grant: Grant; readonly leases: readonly Lease[] };

/** Who ends a grant: its holder, or the operator, to whom every grant is visible. */
export type Ender =
  | { readonly kind: 'holder'; readonly spiffeId: SpiffeId; readonly svidSha256: string }
  | { readonly kind: 'operator'; readonly note: string };

/**
 * Ends a grant and all its leases. The answer comes when every lease's end is committed; with `waitContained`, when
 * every lease was driven as far as its target allows now. Ending an ended grant succeeds and changes nothing.
 */
export class EndGrant {
  readonly #store: GrantStore;
  readonly #ending: LeaseEnding;

  constructor(store: GrantStore, ending: LeaseEnding) {
    this.#store = store;
    this.#ending = ending;
  }

  /**
   * @throws ServiceError GRANT_NOT_FOUND when there is none or it is somebody else's; the two look alike.
   * CONCURRENT_UPDATE while a credential of it is being made: what is made after its removal would stay.
   */
  async execute(
    ender: Ender,
    grantId: GrantId,
    options: { reason: EndReason; waitContained: boolean },
  ): Promise<GrantAndLeases> {
    const { grant, leases } = await this.#find(ender, grantId);
    if (leases.some(({ state }) => state === 'intent')) throw stillIssuing(grant);
    const cause = causeOf(ender, options.reason);
    await Promise.all(
      leases.map(async (lease) => {
        const ending = await this.#ending.begin(grant, lease, cause);
        const driven = this.#ending.drive(grant, ending);
        if (options.waitContained) await driven;
        // Nobody waits: the row brings a worker back if this try fails, so its failure needs no second hearing.
        else driven.catch(() => undefined);
      }),
    );
    return this.#find(ender, grantId);
  }

  async #find(ender: Ender, grantId: GrantId): Promise<GrantAndLeases> {
    const found = await this.#store.findGrant(grantId);
    if (found !== undefined && (ender.kind === 'operator' || found.grant.spiffeId === ender.spiffeId))
      return found;
    throw new ServiceError('GRANT_NOT_FOUND', `grant "${grantId}" is not one of yours`, {
      metadata: { grant_id: grantId },
    });
  }
}

function causeOf(ender: Ender, reason: EndReason): EndCause {
  if (ender.kind === 'operator') return { reason, actor: { kind: 'operator' }, note: ender.note };
  return { reason, actor: { kind: 'workload', spiffe_id: ender.spiffeId, svid_sha256: ender.svidSha256 } };
}

function stillIssuing(grant: Grant): ServiceError {
  const text = `grant "${grant.id}" is still being issued; ask again in a moment`;
  return new ServiceError('CONCURRENT_UPDATE', text, {
    metadata: { grant_id: grant.id },
    retryAfterMs: 500,
  });
}
