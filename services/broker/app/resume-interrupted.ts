import type { Clock } from '@stint/common/time.ts';
import type { Lease } from '../domain/lease.ts';
import type { GrantStore, ProviderSet } from './ports.ts';

export type ResumeInterruptedParts = {
  readonly store: Pick<GrantStore, 'listInterrupted' | 'makeDue'>;
  readonly providers: ProviderSet;
  readonly clock: Clock;
};

/** Leases looked at. What a crash leaves beyond them waits for its row's own time, 45 s at most. */
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
  const ours = (await store.listInterrupted(now, leasesMax)).filter(isOurs).map(({ id }) => id);
  for (let start = 0; start < ours.length; start += idsMax)
    await store.makeDue(ours.slice(start, start + idsMax), now);
  return ours.length;
}
