import path from 'node:path';
import { type Bundles, requireProvidable } from '../app/bundles.ts';
import type { ProviderSet } from '../app/ports.ts';
import { loadBundle } from '../policy/load-bundle.ts';
import { checkTargets, openProviders } from '../providers/catalog.ts';
import { readProviderDeclarations } from '../providers/read-declarations.ts';
import type { Base } from './foundation.ts';

/** How long after the start targets are checked, in milliseconds: one that starts beside the broker is up by then. */
const targetCheckAfterMs = 30_000;

/** Opens the providers of the providers file, and `grant-token`, which is always there. */
export async function openTargets({ config, clock }: Base): Promise<ProviderSet> {
  const declared =
    config.providersFile === undefined ? [] : await readProviderDeclarations(config.providersFile);
  const declarations = [
    { name: 'grant-token', kind: 'jwt', settings: { issuer: config.tokenIssuer } },
    ...declared,
  ];
  return openProviders(declarations, {
    brokerName: config.name,
    stateDirectory: path.join(config.stateDir, 'keys'),
    clock,
  });
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
