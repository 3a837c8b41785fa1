import { EndDueLeases } from '../app/end-due-leases.ts';
import type { LeaseEnding } from '../app/end-lease.ts';
import { PurgeJoinTokens } from '../app/purge-join-tokens.ts';
import { SweepOrphans } from '../app/sweep-orphans.ts';
import { keySet, maintainProviders } from '../providers/provider-set.ts';
import { TrustFeed } from '../rpc/trust-feed.ts';
import type { Foundation } from './foundation.ts';

/**
 * How often targets are searched for what has no lease, in milliseconds; it goes at the second sighting. Old join tokens go
 * at the same time.
 */
const sweepMs = 60_000;

/** How often the signing keys are looked at, in milliseconds; each look changes them only when their time has come. */
const keyCareMs = 600_000;

/** Ends leases as they become due. Returns how it is stopped: what it is at is done first. */
export function startWorker(foundation: Foundation, ending: LeaseEnding): () => Promise<void> {
  const worker = new EndDueLeases({ ...foundation, ending });
  const running = worker.run();
  return async () => {
    worker.stop();
    await running;
  };
}

/** Removes what nobody owns, at targets and among join tokens. Returns how it is stopped. */
export function startSweeper(foundation: Foundation): () => Promise<void> {
  const sweeper = new SweepOrphans(foundation);
  const purging = new PurgeJoinTokens({ ...foundation, store: foundation.joinTokens });
  // A pass that takes longer than the interval lets the next ones fall away: passes never queue.
  let sweeping: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    sweeping ??= Promise.all([sweeper.sweep(), purging.purge()]).finally(() => {
      sweeping = undefined;
    });
  }, sweepMs);
  return async () => {
    clearInterval(timer);
    sweeper.stop();
    await sweeping;
  };
}

/** Keeps the signing keys fresh, and with them what sidecars trust. */
export function startKeyCare({ authority, providers, config, clock, log }: Foundation): {
  readonly trust: TrustFeed;
  readonly stop: () => void;
} {
  const read = () => ({
    x509Authorities: authority.bundleDer,
    jwks: JSON.stringify(keySet(providers)),
    issuer: config.tokenIssuer,
  });
  const trust = new TrustFeed(read, () => clock.now());
  const care = () =>
    maintainProviders(providers)
      .then(() => trust.refresh())
      .catch((error: unknown) =>
        log.error({ error }, 'the signing keys could not be cared for; the next look tries again'),
      );
  const timer = setInterval(() => void care(), keyCareMs);
  return { trust, stop: () => clearInterval(timer) };
}
