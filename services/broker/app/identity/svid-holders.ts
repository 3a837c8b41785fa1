import { ServiceError } from '@stint/common/errors.ts';
import {
  isStintId,
  type SpiffeId,
  stintIds,
  type TrustDomain,
  trustDomainOf,
} from '@stint/common/spiffe-id.ts';
import type { Identity } from '../../domain/registry.ts';

/** Whether an identity may hold an SVID. */
export type HolderState = Identity['state'] | 'unknown';

/**
 * Who may get an SVID by attestation and keep it by rotation: the registry's active identities, and the auditor, which
 * is Stint's own and in no registry. Other names under `/stint/` are for infrastructure and are minted or made locally.
 */
export class SvidHolders {
  readonly #trustDomain: TrustDomain;
  readonly #lookUp: (spiffeId: SpiffeId) => HolderState;

  /** `lookUp` asks the registry in force at that moment. */
  constructor(trustDomain: TrustDomain, lookUp: (spiffeId: SpiffeId) => HolderState) {
    this.#trustDomain = trustDomain;
    this.#lookUp = lookUp;
  }

  state(spiffeId: SpiffeId): HolderState {
    if (trustDomainOf(spiffeId) !== this.#trustDomain) return 'unknown';
    if (isStintId(spiffeId)) return spiffeId === stintIds.auditor(this.#trustDomain) ? 'active' : 'unknown';
    return this.#lookUp(spiffeId);
  }

  /** @throws ServiceError IDENTITY_UNKNOWN, IDENTITY_SUSPENDED. */
  requireActive(spiffeId: SpiffeId): void {
    const state = this.state(spiffeId);
    if (state === 'active') return;
    const metadata = { spiffe_id: spiffeId };
    if (state === 'suspended')
      throw new ServiceError('IDENTITY_SUSPENDED', `identity "${spiffeId}" is suspended`, { metadata });
    throw new ServiceError(
      'IDENTITY_UNKNOWN',
      `identity "${spiffeId}" is not registered: add it to the registry first`,
      { metadata },
    );
  }
}
