import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import type { LeaseState } from '../domain/lease.ts';
import type { AuditBacklog } from './access/audit-backlog.ts';
import type { Bundles } from './bundles.ts';
import type { EndedLeaseFeed } from './ending/ended-lease-feed.ts';
import type { GrantStore } from './ports/grant-store.ts';
import type { Ledger } from './ports/ledger.ts';
import type { TargetHealth, TargetReport } from './target-health.ts';

export type BrokerStatusParts = {
  readonly spiffeId: SpiffeId;
  readonly storeKind: 'sqlite' | 'postgresql';
  readonly startedAt: UnixMs;
  readonly bundles: Bundles;
  readonly ledger: Ledger;
  readonly backlog: AuditBacklog;
  readonly store: GrantStore;
  readonly feed: EndedLeaseFeed;
  readonly targetHealth: TargetHealth;
  readonly isBusConnected: () => boolean;
  readonly clock: Clock;
};

/** How the broker does, at one moment. */
export type StatusReport = {
  readonly spiffeId: SpiffeId;
  readonly store: 'sqlite' | 'postgresql';
  readonly policySha256: string;
  readonly policies: number;
  readonly sessions: number;
  readonly leases: Readonly<Partial<Record<LeaseState, number>>>;
  readonly auditBacklog: number;
  readonly auditBacklogAgeMs: number;
  readonly auditSequence: number;
  readonly busConnected: boolean;
  readonly startedAt: UnixMs;
  /** Why new grants are refused; empty when they are not. */
  readonly refusing: string;
  readonly targets: readonly TargetReport[];
};

/** Reads the broker's status. One query; everything else is in memory. */
export class BrokerStatus {
  readonly #parts: BrokerStatusParts;

  constructor(parts: BrokerStatusParts) {
    this.#parts = parts;
  }

  async read(): Promise<StatusReport> {
    const { spiffeId, storeKind, startedAt, isBusConnected, clock } = this.#parts;
    const { bundles, ledger, backlog, store, feed, targetHealth } = this.#parts;
    const { events, oldestAt } = ledger.backlog();
    const bundle = bundles.current();
    return {
      spiffeId,
      store: storeKind,
      policySha256: bundle.sha256,
      policies: bundle.policyCount,
      sessions: feed.size,
      leases: await store.countLeasesByState(),
      auditBacklog: events,
      auditBacklogAgeMs: oldestAt === undefined ? 0 : Math.max(0, clock.now() - oldestAt),
      auditSequence: ledger.sequence(),
      busConnected: isBusConnected(),
      startedAt,
      refusing: backlog.fault() ?? ledger.outage() ?? '',
      targets: targetHealth.reports(),
    };
  }
}
