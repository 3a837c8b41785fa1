import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Clock } from '@stint/common/time.ts';
import type { Explanation } from '../../domain/decision.ts';
import type { Bundles } from '../bundles.ts';
import type { ProviderSet } from '../ports/provider.ts';
import { type AccessRequest, findNamed } from './access-question.ts';

/** What policy would answer, and why. Nothing is granted or recorded. */
export class ExplainDecision {
  readonly #bundles: Bundles;
  readonly #providers: ProviderSet;
  readonly #clock: Clock;

  constructor(bundles: Bundles, providers: ProviderSet, clock: Clock) {
    this.#bundles = bundles;
    this.#providers = providers;
    this.#clock = clock;
  }

  /** @throws ServiceError IDENTITY_UNKNOWN, IDENTITY_SUSPENDED, RESOURCE_NOT_FOUND, PROFILE_NOT_FOUND. */
  execute(
    spiffeId: SpiffeId,
    request: Omit<AccessRequest, 'idempotencyKey'>,
  ): Explanation & { readonly policySha256: string } {
    const { registry, engine, sha256 } = this.#bundles.current();
    const { identity, resource, profile } = findNamed(spiffeId, request, {
      registry,
      providers: this.#providers,
    });
    const { justification, context, parameters } = request;
    const declared = { justification, context, parameters };
    const question = { identity, resource, profile, declared, verified: {}, now: this.#clock.now() };
    return { ...engine.explain(question), policySha256: sha256 };
  }
}
