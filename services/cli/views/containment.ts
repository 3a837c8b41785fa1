import type { Lease__Output } from '@stint/common/gen/stint/broker/v1/Lease.ts';

/** States in which nobody can use the credential, or there never was one. */
const harmlessStates: readonly string[] = ['contained', 'revoked', 'aborted'];

/** Whether a lease's credential may still work at its target. */
export function isUsable({ containedAt, state }: Lease__Output): boolean {
  return containedAt === null && !harmlessStates.includes(state);
}

/** The leases whose credentials may still work at their targets. */
export function usableLeases(leases: readonly Lease__Output[]): Lease__Output[] {
  return leases.filter(isUsable);
}

/** What keeps a lease from being contained: `lse_… at demo-postgres is revoking: ECONNREFUSED, after 2 tries`. */
export function hindranceText({ id, provider, state, lastError, attempts }: Lease__Output): string {
  const tries = attempts === 1 ? '1 try' : `${attempts} tries`;
  const fault = lastError === '' ? '' : `: ${lastError}, after ${tries}`;
  return `${id} at ${provider} is ${state}${fault}`;
}

/** What is waited for while access is being cut, and for how long at most. */
export function containmentWaitText(left: string): string {
  return `still waiting until nobody can use it: ${left} more at most`;
}

/** What goes on with a grant that could not be ended yet, what it waits for, and where to see it. */
export function goesOnText(grantId: string, usable: readonly Lease__Output[]): string {
  const isStuck = usable.some(({ state }) => state === 'stuck');
  const next = isStuck
    ? "waiting alone does not end it: mend at the target what the broker's log says under todo and remedy; Stint goes on trying"
    : 'nothing is to be done again: Stint goes on trying until it is';
  return `${next}; see: stint grants show ${grantId}`;
}
