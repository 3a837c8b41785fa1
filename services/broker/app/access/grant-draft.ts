import type { EventActor, EventDraft } from '@stint/common/audit-event.ts';
import { canonicalJson } from '@stint/common/canonical-json.ts';
import { ServiceError } from '@stint/common/errors.ts';
import type { EventData } from '@stint/common/event-table.ts';
import { newId } from '@stint/common/ids.ts';
import { sha256 } from '@stint/common/merkle.ts';
import { traceIdsOf } from '@stint/common/telemetry.ts';
import { formatDurationMs, formatTime, type UnixMs } from '@stint/common/time.ts';
import type { AllowDecision } from '../../domain/decision.ts';
import type { Grant, GrantAndLease } from '../../domain/grant.ts';
import type { Lease } from '../../domain/lease.ts';
import { boundLifetime } from '../../domain/lifetime.ts';
import type { Provider } from '../ports/provider.ts';
import type { AccessQuestion, AccessRequest, Asker } from './access-question.ts';

/** A grant and its first lease, whose state the way of issuing decides. */
export type Draft = { readonly grant: Grant; readonly lease: Omit<Lease, 'state'> };

/**
 * Grant and first lease as they will stand if they are committed. Pure.
 * @throws ServiceError TTL_OUT_OF_RANGE
 */
export function draftGrant(question: AccessQuestion, decision: AllowDecision): Draft {
  const { asker, request, profile, provider, now } = question;
  const lifetime = boundLifetime({
    wantedMs: request.ttlMs,
    profileDefaultMs: profile.ttlSecondsDefault * 1_000,
    profileMaxMs: profile.ttlSecondsMax * 1_000,
    policyMaxMs: decision.ttlSecondsMax * 1_000,
    svidExpiresAt: asker.svidExpiresAt,
    renewable: isRenewable(provider),
    now,
  });
  if (lifetime.kind === 'out_of_range') {
    const text = `ttl: ${formatDurationMs(request.ttlMs ?? 0)} is not within 1s and ${formatDurationMs(lifetime.maxMs)}, the most that action "${profile.name}" allows`;
    throw new ServiceError('TTL_OUT_OF_RANGE', text, {
      metadata: { field: 'ttl', ttl_seconds_max: String(lifetime.maxMs / 1_000) },
    });
  }
  const grant: Grant = {
    id: newId('grant', now),
    requestId: newId('request', now),
    idempotencyKey: request.idempotencyKey,
    bodySha256: bodyHash(request),
    spiffeId: asker.spiffeId,
    resource: question.resource.id,
    action: profile.name,
    justification: request.justification,
    context: request.context,
    parameters: request.parameters,
    state: 'active',
    decidedAt: now,
    expiresAt: lifetime.grantExpiresAt,
    ruleIds: decision.ruleIds,
    policySha256: decision.policySha256,
    clampedBy: lifetime.clampedBy,
    ...keptTraceparent(question.traceparent),
  };
  return { grant, lease: draftLease(question, grant, lifetime.leaseExpiresAt) };
}

function draftLease({ provider, now }: AccessQuestion, grant: Grant, expiresAt: UnixMs): Draft['lease'] {
  const id = newId('lease', now);
  return {
    id,
    grantId: grant.id,
    spiffeId: grant.spiffeId,
    provider: provider.name,
    resource: grant.resource,
    entityName: provider.entityName(id),
    createdAt: now,
    expiresAt,
    hardExpiresAt: grant.expiresAt,
    renewable: isRenewable(provider),
    handle: {},
    attempts: 0,
  };
}

/** What stands at a target is extended there; what is signed is asked for anew. */
function isRenewable({ mode }: Provider): boolean {
  return mode === 'creates';
}

/** The record of an issue: what was decided and by which rules, and what was issued. Never the credential. */
export function issueEvent(
  type: 'grant.issued' | 'grant.decided' | 'lease.activated',
  question: AccessQuestion,
  { grant, lease }: GrantAndLease,
): EventDraft {
  const decided = {
    action: grant.action,
    clamped_by: grant.clampedBy,
    context: grant.context,
    expires_at: formatTime(grant.expiresAt),
    justification: grant.justification,
    parameters: grant.parameters,
    policy_sha256: grant.policySha256,
    resource: grant.resource,
    rule_ids: grant.ruleIds,
  };
  const issued = {
    entity_name: lease.entityName,
    lease_expires_at: formatTime(lease.expiresAt),
    provider: lease.provider,
  };
  return {
    type,
    actor: actorOf(question.asker),
    request_id: grant.requestId,
    grant_id: grant.id,
    lease_id: lease.id,
    ...traceOf(question.traceparent),
    data:
      type === 'lease.activated'
        ? ({ ...issued, handle: lease.handle } satisfies EventData<'lease.activated'>)
        : ({ ...decided, ...issued } satisfies EventData<'grant.issued' | 'grant.decided'>),
  };
}

/** The asker as records name it. */
export function actorOf(asker: Asker): EventActor {
  return { kind: 'workload', spiffe_id: asker.spiffeId, svid_sha256: asker.svidSha256 };
}

/**
 * The caller's trace as the grant keeps it and the bus carries it on: only if it is one. It is attacker-controlled, and a
 * text that cannot stand in a header of the bus would hold up every event behind it.
 */
function keptTraceparent(traceparent: string | undefined): Pick<Grant, 'traceparent'> {
  return traceparent === undefined || traceIdsOf(traceparent) === undefined ? {} : { traceparent };
}

/** The ids of the work that caused it, for records; nothing when it was not traced. */
export function traceOf(traceparent: string | undefined): Pick<EventDraft, 'trace'> {
  const ids = traceIdsOf(traceparent);
  return ids === undefined ? {} : { trace: ids };
}

/** Hash of what is asked, without the key: the same key with another hash is refused. */
function bodyHash(request: AccessRequest): string {
  const { idempotencyKey: _, ...body } = request;
  return sha256(Buffer.from(canonicalJson(body), 'utf8')).toString('hex');
}
