import type { ReadyFacts, ServiceContext } from '@stint/common/lifecycle.ts';
import { ensurePrivateDirectory } from '@stint/common/private-file.ts';
import { parseTrustDomain, stintIds } from '@stint/common/spiffe-id.ts';
import { type Clock, systemClock } from '@stint/common/time.ts';
import { Bundles } from './app/bundles.ts';
import type { StepObserver } from './app/ending/steps.ts';
import { TargetHealth } from './app/target-health.ts';
import type { BrokerConfig } from './config.ts';
import { closeProviders } from './providers/provider-set.ts';
import { hearOtherBrokers, makeBus } from './wire/bus.ts';
import { type Base, layFoundation } from './wire/foundation.ts';
import { openIdentity, publishTrustBundle } from './wire/identity.ts';
import { openLedger, storeFaults, takeUpLedger } from './wire/ledger.ts';
import { openListeners, readyFacts } from './wire/listeners.ts';
import { wireServices } from './wire/services.ts';
import { checkTargetsSoon, loadBundleFor, openTargets, targetFaults } from './wire/targets.ts';
import { startKeyCare, startSweeper, startWorker } from './wire/upkeep.ts';
import { leaseUseCases } from './wire/use-cases.ts';

/** What tests put in place of the ordinary. */
export type BrokerOptions = { readonly clock?: Clock; readonly step?: StepObserver };

/**
 * Starts a broker, part after part in this order; how each is made stands in wire/. What starts last stops first, so that
 * nothing is asked of a part that has gone.
 */
export async function startBroker(
  config: BrokerConfig,
  service: ServiceContext,
  options: BrokerOptions = {},
): Promise<ReadyFacts> {
  const base = baseOf(config, service, options);
  await ensurePrivateDirectory(config.stateDir);

  const identity = await openIdentity(base);
  service.onStop('svid', () => identity.svid.stop());
  await publishTrustBundle(config.trustBundleFile, identity.authority.bundlePem);

  const targetHealth = new TargetHealth(base.clock);
  const providers = targetHealth.watch(await openTargets(base));
  service.onStop('providers', () => closeProviders(providers));
  const bundles = await Bundles.open(() => loadBundleFor(base, providers));
  service.onStop('target check', checkTargetsSoon(base, providers, bundles));

  const store = await openLedger(base, identity.svid);
  service.onStop('store', () => store.close());
  identity.recordBy(store.ledger);
  await takeUpLedger(base, { store, providers, bundles });

  const { link, relay } = makeBus(base, { svid: identity.svid, store });
  service.onStop('bus', () => link.close());
  service.onStop('relay', () => relay.stop());
  relay.start();
  link.start();

  const foundation = layFoundation(base, { ...identity, providers, targetHealth, bundles, store, link });
  const leases = leaseUseCases(foundation);
  service.onStop('worker', startWorker(leases.worker));
  service.onStop('sweeper', startSweeper(foundation, leases));
  service.onStop('other brokers', hearOtherBrokers(foundation));
  const keyCare = startKeyCare(foundation);
  service.onStop('key care', keyCare.stop);

  const services = wireServices(foundation, { leases, trust: keyCare.trust });
  const server = await openListeners(foundation, services);
  service.onStop('servers', (deadlineMs) => server.close(deadlineMs));
  return readyFacts(server.addresses);
}

/**
 * What would end the start at once for files that the configuration's own files name: passwords and certificates of the
 * targets and of the store. Every fault, as the start would say it. Writes nothing and connects to nothing.
 */
export async function configurationFaults(config: BrokerConfig): Promise<readonly string[]> {
  return [...(await targetFaults(config)), ...storeFaults(config)];
}

function baseOf(config: BrokerConfig, service: ServiceContext, options: BrokerOptions): Base {
  const trustDomain = parseTrustDomain(config.trustDomain);
  return {
    config,
    service,
    clock: options.clock ?? systemClock,
    trustDomain,
    spiffeId: stintIds.broker(trustDomain, config.name),
    step: options.step ?? (() => undefined),
  };
}
