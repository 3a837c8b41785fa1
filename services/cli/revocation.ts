import { setTimeout as delay } from 'node:timers/promises';
import { isServiceError } from '@stint/common/errors.ts';
import type { GetGrantResponse__Output } from '@stint/common/gen/stint/broker/v1/GetGrantResponse.ts';
import type { Grant__Output } from '@stint/common/gen/stint/broker/v1/Grant.ts';
import type { Lease__Output } from '@stint/common/gen/stint/broker/v1/Lease.ts';
import type { ReleaseResponse__Output } from '@stint/common/gen/stint/sidecar/v1/ReleaseResponse.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import type { GrantId } from '@stint/common/ids.ts';
import { services } from '@stint/common/proto.ts';
import { cliError, type LateEffect, withLateEffect } from './cli-error.ts';
import { type CommandSession, containMsMax } from './command-session.ts';
import type { ToldChannel } from './told-channel.ts';
import { containmentWaitText, goesOnText, hindranceText, usableLeases } from './views/containment.ts';

/** How often a grant is looked at while its target does not do as it is told, in milliseconds. */
const lookMs = 250;

/** What is to be ended, why, and whether to wait until nobody can use it. */
export type RevocationOrder = { readonly grantId: GrantId; readonly reason: string; readonly wait: boolean };

/** The grant and its leases as the broker has them. */
export type GrantState = GetGrantResponse__Output;

/** What became of an order. */
export type Revocation = GrantState & {
  /** The grant as it was found, when it was ending or had ended before the order came: the order's reason is not recorded. */
  readonly endedBefore: Grant__Output | undefined;
};

/**
 * Ends a grant. With `wait`, returns when no credential of it works any more, when a lease is stuck (waiting alone will not
 * end it), or after {@link containMsMax}: whether all are contained is to be read from the leases.
 * 1. what is there · 2. the order, after which the broker goes on whatever happens here · 3. the wait.
 */
export async function revokeGrant(session: CommandSession, order: RevocationOrder): Promise<Revocation> {
  const broker = await session.channel('broker');
  const { grantId } = order;
  const before = await broker.call(services.admin.GetGrant, { grantId }).catch((thrown: unknown) => {
    throw withLateEffect(thrown, { effect: 'nothing was revoked' });
  });
  const endedBefore = before.grant?.state === 'active' ? undefined : (before.grant ?? undefined);
  try {
    return { ...(await orderRevocation(session, { ...order, broker })), endedBefore };
  } catch (thrown) {
    throw withLateEffect(thrown, lateEndOf(grantId));
  }
}

/** Steps 2 and 3. */
async function orderRevocation(
  session: CommandSession,
  { broker, grantId, reason, wait: waitContained }: RevocationOrder & { readonly broker: ToldChannel },
): Promise<GrantState> {
  const endMs = session.clock.now() + containMsMax;
  const request = { grantId, reason, waitContained };
  const describeWait = waitContained ? containmentWaitText : undefined;
  const ordered = await broker
    .call(services.admin.RevokeGrant, request, { deadlineMs: containMsMax, describeWait })
    .catch((thrown: unknown) => {
      // The order is committed before the target is asked; a target that hangs keeps only the answer.
      if (waitContained && isServiceError(thrown, 'DEADLINE_EXCEEDED')) return undefined;
      throw thrown;
    });
  const state = ordered ?? (await broker.call(services.admin.GetGrant, { grantId }));
  return waitContained ? await waitContainment(session, { broker, grantId, endMs, state }) : state;
}

/** Gives a grant back through the sidecar, and waits until nobody can use it, as far as the target lets it. */
export async function releaseGrant(
  session: CommandSession,
  grantId: GrantId,
): Promise<ReleaseResponse__Output> {
  const sidecar = await session.channel('sidecar');
  const request = { grantId, waitContained: true };
  const options = { deadlineMs: containMsMax, describeWait: containmentWaitText };
  return sidecar.call(services.sidecar.Release, request, options).catch((thrown: unknown) => {
    throw withLateEffect(thrown, lateEndOf(grantId));
  });
}

function lateEndOf(grantId: GrantId): LateEffect {
  return { effect: 'the grant may end all the same', look: `stint grants show ${grantId}` };
}

type Wait = {
  readonly broker: GrpcChannel;
  readonly grantId: GrantId;
  readonly endMs: number;
  readonly state: GrantState;
};

/** Looks again and again, and tells people what it sees when that changes. */
async function waitContainment(session: CommandSession, wait: Wait): Promise<GrantState> {
  let { state } = wait;
  let told = '';
  for (;;) {
    const usable = usableLeases(state.leases);
    const mayEnd = usable.some((lease) => lease.state !== 'stuck');
    if (!mayEnd || session.clock.now() >= wait.endMs) return state;
    const news = usable.map(hindranceText).join('; ');
    if (news !== told) session.output.note(`waiting: ${news}`);
    told = news;
    await delay(lookMs);
    state = await wait.broker.call(services.admin.GetGrant, { grantId: wait.grantId });
  }
}

/** @throws CliError NOT_CONTAINED when a credential of the grant may still work. */
export function requireContained(grantId: string, leases: readonly Lease__Output[]): void {
  const usable = usableLeases(leases);
  if (usable.length === 0) return;
  throw cliError('NOT_CONTAINED', {
    what: `${grantId} is ending, and its credential may still work`,
    why: usable.map(hindranceText).join('; '),
    fix: goesOnText(grantId, usable),
  });
}
