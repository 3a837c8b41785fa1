import { ServiceError } from '@stint/common/errors.ts';
import type { GrantId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Grant, GrantAndLease } from '../../domain/grant.ts';
import type { EndReason, Lease, LeaseState } from '../../domain/lease.ts';
import { broker, type EndCause } from '../lease-record.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import type { LeaseEnding } from './end-lease.ts';

/** Looks at a grant's leases before its end is given up: intent, active, and the looks that find them moved on. */
const roundsMax = 4;

/** Where a lease is whose end this call has begun; anywhere else, somebody else has moved it meanwhile. */
const begunStates: ReadonlySet<LeaseState> = new Set(['revoking', 'revoked']);

export type GrantAndLeases = { readonly grant: Grant; readonly leases: readonly Lease[] };

/** Who ends a grant: its holder; or the operator or the broker itself, to whom every grant is visible. */
export type Ender =
  | { readonly kind: 'holder'; readonly spiffeId: SpiffeId; readonly svidSha256: string }
  | { readonly kind: 'operator'; readonly note: string }
  | { readonly kind: 'broker' };

/**
 * Ends a grant and all its leases. The answer comes when every lease's end is committed; with `waitContained`, when
 * every lease was driven as far as its target allows now. Ending an ended grant succeeds and changes nothing.
 *
 * The grant is read once. What was committed since says the rest, unless an end met somebody else at its lease or did not
 * come through: then the rows are asked again.
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
   * CONCURRENT_UPDATE when its leases changed under every try: nothing is lost, ask again.
   */
  async execute(
    ender: Ender,
    grantId: GrantId,
    options: { reason: EndReason; waitContained: boolean },
  ): Promise<GrantAndLeases> {
    const begun = await this.#beginAll(ender, grantId, causeOf(ender, options.reason));
    const { grant } = begun;
    const driving = Promise.all(begun.leases.map((lease) => this.#ending.drive({ grant, lease })));
    if (!options.waitContained) {
      // Nobody waits: the rows bring a worker back if this try fails, so its failure needs no second hearing.
      driving.catch(() => undefined);
      return begun;
    }
    const driven = await driving;
    return driven.every(({ lease }) => lease.state === 'revoked')
      ? together(grant, driven)
      : this.#find(ender, grantId);
  }

  /**
   * Brings every lease to its end's beginning. One that becomes active at the same moment (its creation was under way)
   * moves out from under the first try, and is met by the next.
   */
  async #beginAll(ender: Ender, grantId: GrantId, cause: EndCause): Promise<GrantAndLeases> {
    for (let round = 0; round < roundsMax; round++) {
      const found = await this.#find(ender, grantId);
      const { grant } = found;
      const isLive = ({ state }: Lease) => state === 'intent' || state === 'active';
      if (!found.leases.some(isLive)) return found;
      const begun = await Promise.all(
        found.leases.map((lease) =>
          isLive(lease) ? this.#ending.begin({ grant, lease }, cause) : { grant, lease },
        ),
      );
      if (begun.every(({ lease }) => begunStates.has(lease.state))) return together(grant, begun);
    }
    const text = `grant "${grantId}" changed while it was being ended; ask again`;
    throw new ServiceError('CONCURRENT_UPDATE', text, { metadata: { grant_id: grantId }, retryAfterMs: 500 });
  }

  async #find(ender: Ender, grantId: GrantId): Promise<GrantAndLeases> {
    const found = await this.#store.findGrant(grantId);
    if (found !== undefined && (ender.kind !== 'holder' || found.grant.spiffeId === ender.spiffeId))
      return found;
    // Nobody is told whether others have a grant of that id.
    const fault = ender.kind === 'holder' ? 'is not one of yours' : 'does not exist';
    throw new ServiceError('GRANT_NOT_FOUND', `grant "${grantId}" ${fault}`, {
      metadata: { grant_id: grantId },
    });
  }
}

/** Leases with the grant as the last commit among theirs left it; as it was, when none moved it. */
function together(was: Grant, held: readonly GrantAndLease[]): GrantAndLeases {
  const moved = held.findLast(({ grant }) => grant !== was);
  return { grant: moved?.grant ?? was, leases: held.map(({ lease }) => lease) };
}

function causeOf(ender: Ender, reason: EndReason): EndCause {
  if (ender.kind === 'broker') return { reason, actor: broker };
  if (ender.kind === 'operator') return { reason, actor: { kind: 'operator' }, note: ender.note };
  return { reason, actor: { kind: 'workload', spiffe_id: ender.spiffeId, svid_sha256: ender.svidSha256 } };
}
