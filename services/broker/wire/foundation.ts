import type { ServiceContext } from '@stint/common/lifecycle.ts';
import type { BusLink } from '@stint/common/nats.ts';
import type { RotatingSvidSource } from '@stint/common/rotating-svid-source.ts';
import type { SpiffeId, TrustDomain } from '@stint/common/spiffe-id.ts';
import type { Clock } from '@stint/common/time.ts';
import { AuditBacklog } from '../app/access/audit-backlog.ts';
import type { Bundles } from '../app/bundles.ts';
import { EndedLeaseFeed } from '../app/ending/ended-lease-feed.ts';
import type { StepObserver } from '../app/ending/steps.ts';
import type { ProviderSet } from '../app/ports/provider.ts';
import type { TargetHealth } from '../app/target-health.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import type { BrokerConfig } from '../config.ts';
import type { Store } from '../store/open-store.ts';

/** What is known before any part is open. */
export type Base = {
  readonly config: BrokerConfig;
  readonly service: ServiceContext;
  readonly clock: Clock;
  readonly trustDomain: TrustDomain;
  readonly spiffeId: SpiffeId;
  readonly step: StepObserver;
};

/** The adapters, once all of them are open. */
type Adapters = {
  readonly authority: CertificateAuthority;
  readonly svid: RotatingSvidSource;
  readonly providers: ProviderSet;
  readonly targetHealth: TargetHealth;
  readonly bundles: Bundles;
  readonly store: Store;
  readonly link: BusLink;
};

export type Foundation = ReturnType<typeof layFoundation>;

/** Everything that use cases and upkeep are made of; the store's parts stand under the names of their ports. */
export function layFoundation(base: Base, { store, ...adapters }: Adapters) {
  const { config, clock, service } = base;
  const limits = {
    eventsMax: config.backlogEventsMax,
    bytesMax: config.backlogBytesMax,
    ageMsMax: config.backlogAgeMax,
  };
  return {
    ...base,
    ...adapters,
    ledger: store.ledger,
    store: store.grants,
    joinTokens: store.joinTokens,
    log: service.log,
    feed: new EndedLeaseFeed(),
    backlog: new AuditBacklog(store.ledger, limits, clock),
    random: Math.random,
  };
}
