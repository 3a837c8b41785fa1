import path from 'node:path';
import { type Clock, systemClock } from '@stint/common/time.ts';
import { type Bundles, requireProvidable } from '../app/bundles.ts';
import type { ProviderSet } from '../app/ports/provider.ts';
import type { BrokerConfig } from '../config.ts';
import { loadBundle } from '../policy/load-bundle.ts';
import { providerKinds } from '../providers/catalog.ts';
import { openingFaults, openProviders } from '../providers/open-providers.ts';
import type { ProviderSurroundings } from '../providers/provider-kind.ts';
import { checkTargets } from '../providers/provider-set.ts';
import { readProviderDeclarations } from '../providers/read-declarations.ts';
import type { Base } from './foundation.ts';

/** How long after the start targets are checked, in milliseconds: one that starts beside the broker is up by then. */
const targetCheckAfterMs = 30_000;

/** Opens the providers of the providers file, and `grant-token`, which is always there. */
export async function openTargets({ config, clock }: Base): Promise<ProviderSet> {
  return openProviders(providerKinds, await declaredProviders(config), surroundingsOf(config, clock));
}

/** What would keep {@link openTargets} from opening, as it would say it. Writes nothing and opens no connection. */
export async function targetFaults(config: BrokerConfig): Promise<readonly string[]> {
  try {
    return await openingFaults(
      providerKinds,
      await declaredProviders(config),
      surroundingsOf(config, systemClock),
    );
  } catch (thrown) {
    return [thrown instanceof Error ? thrown.message : String(thrown)];
  }
}

async function declaredProviders({ providersFile, tokenIssuer }: BrokerConfig) {
  const declared = providersFile === undefined ? [] : await readProviderDeclarations(providersFile);
  return [{ name: 'grant-token', kind: 'jwt', settings: { issuer: tokenIssuer } }, ...declared];
}

function surroundingsOf({ name, stateDir }: BrokerConfig, clock: Clock): ProviderSurroundings {
  return { brokerName: name, stateDirectory: path.join(stateDir, 'keys'), clock };
}

/** Reads registry and policies, and refuses those that these providers cannot serve. */
export async function loadBundleFor({ config, service, trustDomain }: Base, providers: ProviderSet) {
  const rules = { trustDomain, providerNames: [...providers.keys()] };
  const bundle = await loadBundle(config.bundleDir, rules, (fault) =>
    service.log.error(
      { ...fault },
      'a fault while deciding: a permit that fails permits nothing, anything else that fails denies',
    ),
  );
  requireProvidable(bundle.registry, providers);
  return bundle;
}

/**
 * Says in the log where the broker's rights at a target are wrong. Nothing waits for it: a target may be down. Returns how
 * it is stopped.
 */
export function checkTargetsSoon({ service }: Base, providers: ProviderSet, bundles: Bundles): () => void {
  const { log } = service;
  const stopping = new AbortController();
  const check = async () => {
    try {
      const resources = bundles.current().registry.resources.values();
      const { faults, warnings } = await checkTargets(providers, resources, stopping.signal);
      for (const fault of faults) log.error({ fault }, 'a target is not set up as it must be');
      for (const warning of warnings) log.warn({ warning }, 'a target was checked');
    } catch (error) {
      log.error({ error }, 'the targets could not be checked');
    }
  };
  const timer = setTimeout(() => void check(), targetCheckAfterMs);
  return () => {
    clearTimeout(timer);
    stopping.abort();
  };
}
