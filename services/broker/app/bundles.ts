import type { EventActor, EventDraft } from '@stint/common/audit-event.ts';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { EventData } from '@stint/common/event-table.ts';
import type { RegistrySnapshot } from '../domain/registry.ts';
import type { Ledger } from './ports/ledger.ts';
import type { Bundle } from './ports/policy.ts';
import type { ProviderSet } from './ports/provider.ts';

/**
 * The bundle in force. A reload that fails in any part leaves it untouched; a request that is being decided keeps the one
 * it began with.
 */
export class Bundles {
  readonly #load: () => Promise<Bundle>;
  #current: Bundle;
  /** Settles, and never rejects, when the reload that is reading is over. */
  #reading: Promise<unknown> = Promise.resolve();
  /** The reload that begins after it. */
  #next: Promise<Bundle> | undefined;

  private constructor(load: () => Promise<Bundle>, first: Bundle) {
    this.#load = load;
    this.#current = first;
  }

  /** @throws ServiceError POLICY_INVALID with every fault found. */
  static async open(load: () => Promise<Bundle>): Promise<Bundles> {
    return new Bundles(load, await load());
  }

  current(): Bundle {
    return this.#current;
  }

  /**
   * Reads the directory again and puts it into force once its record is durable. One that is reading already may have
   * read before the change that this one is asked for: this one begins after it, shared by all that come meanwhile.
   * @throws ServiceError POLICY_INVALID with every fault found; the running bundle is untouched.
   */
  reload(ledger: Ledger): Promise<Bundle> {
    this.#next ??= this.#reading.then(() => {
      this.#next = undefined;
      const reloading = this.#reloadOnce(ledger);
      this.#reading = reloading.catch(() => undefined);
      return reloading;
    });
    return this.#next;
  }

  async #reloadOnce(ledger: Ledger): Promise<Bundle> {
    try {
      const next = await this.#load();
      await ledger.commit({ events: [policyLoaded(next, { kind: 'operator' })] });
      this.#current = next;
      return next;
    } catch (thrown) {
      if (!isServiceError(thrown, 'POLICY_INVALID')) throw thrown;
      const running = this.#current.sha256;
      await ledger.commit({
        events: [
          {
            type: 'policy.refused',
            actor: { kind: 'operator' },
            data: { fault: thrown.message, running_sha256: running } satisfies EventData<'policy.refused'>,
          },
        ],
      });
      throw new ServiceError('POLICY_INVALID', thrown.message, {
        metadata: { ...thrown.metadata, running_sha256: running },
        cause: thrown,
      });
    }
  }
}

/** The record that a bundle is in force: by an operator's order, or because a broker started with it. */
export function policyLoaded(bundle: Bundle, actor: EventActor): EventDraft {
  const data = {
    policy_sha256: bundle.sha256,
    policies: bundle.policyCount,
    identities: bundle.registry.identities.size,
    resources: bundle.registry.resources.size,
  } satisfies EventData<'policy.loaded'>;
  return { type: 'policy.loaded', actor, data };
}

/**
 * What the providers say against the resources and profiles that name them: a bundle is refused for it as for any other
 * fault.
 * @throws ServiceError POLICY_INVALID
 */
export function requireProvidable(registry: RegistrySnapshot, providers: ProviderSet): void {
  const faults = [...registry.resources.values()].flatMap((resource) =>
    resource.profiles.flatMap((profile) => {
      const place = `resource "${resource.id}", action "${profile.name}"`;
      return (providers.get(resource.provider)?.profileFaults(resource, profile) ?? []).map(
        (fault) => `${place}: ${fault}`,
      );
    }),
  );
  if (faults.length > 0)
    throw new ServiceError('POLICY_INVALID', faults.join('; '), {
      metadata: { faults: String(faults.length) },
    });
}
