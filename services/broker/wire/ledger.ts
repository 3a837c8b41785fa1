import { makeEpochStarted } from '@stint/common/audit-batch.ts';
import type { RotatingSvidSource } from '@stint/common/rotating-svid-source.ts';
import { gauge } from '@stint/common/telemetry.ts';
import { type Bundles, policyLoaded } from '../app/bundles.ts';
import { resumeInterrupted } from '../app/ending/resume-interrupted.ts';
import { broker } from '../app/lease-record.ts';
import type { ProviderSet } from '../app/ports/provider.ts';
import type { BrokerConfig } from '../config.ts';
import { openStore, postgresPlace, type Store } from '../store/open-store.ts';
import type { Base } from './foundation.ts';

/** Opens the store with an epoch of its own, which the SVID of now certifies. */
export function openLedger(
  { config, service, clock, spiffeId }: Base,
  svid: RotatingSvidSource,
): Promise<Store> {
  return openStore(config, {
    name: config.name,
    spiffeId,
    clock,
    log: service.log,
    certifyEpoch: ({ epoch, publicKey }) => makeEpochStarted(epoch, publicKey, svid.current().svid),
  });
}

/** What would keep {@link openLedger} from being tried, as it would say it. Connects to nothing. */
export function storeFaults(config: BrokerConfig): readonly string[] {
  try {
    if (config.store === 'postgresql') postgresPlace(config);
    return [];
  } catch (thrown) {
    return [thrown instanceof Error ? thrown.message : String(thrown)];
  }
}

/** Records by which policy this process decides, and takes up what the last one was in the middle of. */
export async function takeUpLedger(
  { service, clock }: Base,
  { store, providers, bundles }: { store: Store; providers: ProviderSet; bundles: Bundles },
): Promise<void> {
  await store.ledger.commit({ events: [policyLoaded(bundles.current(), broker)] });
  const resumed = await resumeInterrupted({ store: store.grants, providers, clock });
  if (resumed > 0) service.log.info({ leases: resumed }, 'leases that the last process was at are taken up');
  gauge('stint.grants.active', () => store.grants.countLiveGrants());
  gauge('stint.audit.backlog', () => store.ledger.backlog().events);
}
