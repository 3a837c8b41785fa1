import type { Log } from '@stint/common/log.ts';
import type { GrantAndLease } from '../../domain/grant.ts';
import { ProviderFailure } from '../ports/provider.ts';

/**
 * Says in the broker's log that a provider's call for a lease failed. Asker and record get a code alone; what is no
 * {@link ProviderFailure} is a fault of the provider's code, and stands here with its stack or nowhere.
 */
export function logFailedCall(
  log: Log,
  call: 'create' | 'remint' | 'extend',
  { grant, lease, cause }: GrantAndLease & { readonly cause: unknown },
): void {
  const facts = { call, provider: lease.provider, grant_id: grant.id, lease_id: lease.id };
  if (!(cause instanceof ProviderFailure)) {
    log.error({ ...facts, error: cause }, 'a provider failed in a way that it does not know');
    return;
  }
  const { kind, code, remedy } = cause;
  log.warn({ ...facts, kind, code, remedy }, 'a call at a target failed');
}
