import type { Clock, UnixMs } from '@stint/common/time.ts';
import type { Lease } from '../../domain/lease.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import type { ProviderSet } from '../ports/provider.ts';

export type ResumeInterruptedParts = {
  readonly store: Pick<GrantStore, 'listInterrupted' | 'makeDue'>;
  readonly providers: ProviderSet;
  readonly clock: Clock;
};

/** Leases looked at. What is beyond them waits for its row's own time, after a crash 45 s at most. */
const leasesMax = 5_000;

/** Leases made due by one statement. */
const idsMax = 1_000;

/**
 * Makes due at once what this broker's last process was in the middle of: whoever was at it is gone. Without it an intent
 * would stand for half a minute, its key would be refused all that time and its place in the quota taken; and who starts a
 * broker again has often mended just what an end waited for. Call it at the
 * start, before anything else works on leases. Returns how many there were.
 *
 * A shared store holds other brokers' leases too, which they may be at now: ours are those with a name at the target that
 * this broker gives. A crash in the middle of it: the next start does it again.
 */
export async function resumeInterrupted({
  store,
  providers,
  clock,
}: ResumeInterruptedParts): Promise<number> {
  const now = clock.now();
  const isOurs = ({ id, provider, entityName }: Lease) => {
    const at = providers.get(provider);
    return at?.mode === 'creates' && at.entityName(id) === entityName;
  };
  const ours = (await store.listInterrupted(now, leasesMax)).filter(isOurs);
  await makeDue(store, ours, now);
  return ours.length;
}

/** Makes the leases due at `at`, those that are to be looked at later. */
export async function makeDue(
  store: Pick<GrantStore, 'makeDue'>,
  leases: readonly Lease[],
  at: UnixMs,
): Promise<void> {
  const ids = leases.map(({ id }) => id);
  for (let start = 0; start < ids.length; start += idsMax)
    await store.makeDue(ids.slice(start, start + idsMax), at);
}
