import type { EndDueLeases } from '../app/ending/end-due-leases.ts';
import { PurgeJoinTokens } from '../app/identity/purge-join-tokens.ts';
import { keySet, maintainProviders } from '../providers/provider-set.ts';
import { TrustFeed } from '../rpc/trust-feed.ts';
import type { Foundation } from './foundation.ts';
import type { LeaseUseCases } from './use-cases.ts';

/**
 * How often targets are searched for what has no lease, in milliseconds; it goes at the second sighting. Grants of suspended
 * identities and old join tokens go at the same time.
 */
const sweepMs = 60_000;

/** How often providers are maintained, in milliseconds; signing keys change only when their time has come. */
const keyCareMs = 600_000;

/** Ends leases as they become due. Returns how it is stopped: what it is at is done first. */
export function startWorker(worker: EndDueLeases): () => Promise<void> {
  const running = worker.run();
  return async () => {
    worker.stop();
    await running;
  };
}

/** Removes what nobody owns or should hold: at targets, among grants and join tokens. Returns how it is stopped. */
export function startSweeper(
  foundation: Foundation,
  { sweeper, endSuspended }: Pick<LeaseUseCases, 'sweeper' | 'endSuspended'>,
): () => Promise<void> {
  const purging = new PurgeJoinTokens({ ...foundation, store: foundation.joinTokens });
  // A pass that takes longer than the interval lets the next ones fall away: passes never queue.
  let sweeping: Promise<unknown> | undefined = endSuspended.look().finally(() => {
    sweeping = undefined;
  });
  const timer = setInterval(() => {
    sweeping ??= Promise.all([sweeper.sweep(), endSuspended.look(), purging.purge()]).finally(() => {
      sweeping = undefined;
    });
  }, sweepMs);
  return async () => {
    clearInterval(timer);
    sweeper.stop();
    await sweeping;
  };
}

/** Keeps the providers, such as their signing keys, and with them what sidecars trust. One that fails holds up no other. */
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
  const care = async () => {
    for (const failure of await maintainProviders(providers))
      log.error(failure, 'a provider could not be maintained, such as its keys; the next look tries again');
    trust.refresh();
  };
  const failed = (error: unknown) =>
    log.error({ error }, 'what sidecars trust could not be renewed; the next look tries again');
  const timer = setInterval(() => void care().catch(failed), keyCareMs);
  return { trust, stop: () => clearInterval(timer) };
}
