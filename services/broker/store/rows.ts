import type { GrantChange, LeaseChange } from '../app/ports/ledger.ts';
import type { Grant } from '../domain/grant.ts';
import type { Lease } from '../domain/lease.ts';
import type { GrantMutableColumn, GrantRow, LeaseMutableColumn, LeaseRow } from './schema.ts';

/** A grant as its row. */
export function toGrantRow(grant: Grant): GrantRow {
  return {
    id: grant.id,
    request_id: grant.requestId,
    idempotency_key: grant.idempotencyKey,
    body_sha256: grant.bodySha256,
    spiffe_id: grant.spiffeId,
    resource: grant.resource,
    action: grant.action,
    justification: grant.justification,
    context: JSON.stringify(grant.context),
    parameters: JSON.stringify(grant.parameters),
    state: grant.state,
    decided_at: grant.decidedAt,
    expires_at: grant.expiresAt,
    rule_ids: JSON.stringify(grant.ruleIds),
    policy_sha256: grant.policySha256,
    clamped_by: JSON.stringify(grant.clampedBy),
    traceparent: grant.traceparent ?? null,
    ended_at: grant.endedAt ?? null,
    end_reason: grant.endReason ?? null,
  };
}

/** A row, which only {@link toGrantRow} and the ledger's changes have made, as the grant it holds. */
export function fromGrantRow(row: GrantRow): Grant {
  return {
    id: row.id as Grant['id'],
    requestId: row.request_id as Grant['requestId'],
    idempotencyKey: row.idempotency_key,
    bodySha256: row.body_sha256,
    spiffeId: row.spiffe_id as Grant['spiffeId'],
    resource: row.resource,
    action: row.action,
    justification: row.justification,
    context: JSON.parse(row.context) as Grant['context'],
    parameters: JSON.parse(row.parameters) as Grant['parameters'],
    state: row.state as Grant['state'],
    decidedAt: row.decided_at,
    expiresAt: row.expires_at,
    ruleIds: JSON.parse(row.rule_ids) as Grant['ruleIds'],
    policySha256: row.policy_sha256,
    clampedBy: JSON.parse(row.clamped_by) as Grant['clampedBy'],
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.end_reason === null ? {} : { endReason: row.end_reason as NonNullable<Grant['endReason']> }),
  };
}

/** A lease as its row. */
export function toLeaseRow(lease: Lease): LeaseRow {
  return {
    id: lease.id,
    grant_id: lease.grantId,
    spiffe_id: lease.spiffeId,
    provider: lease.provider,
    resource: lease.resource,
    entity_name: lease.entityName,
    state: lease.state,
    created_at: lease.createdAt,
    expires_at: lease.expiresAt,
    hard_expires_at: lease.hardExpiresAt,
    renewable: lease.renewable ? 1 : 0,
    handle: JSON.stringify(lease.handle),
    delivered_at: lease.deliveredAt ?? null,
    next_attempt_at: lease.nextAttemptAt ?? null,
    attempts: lease.attempts,
    end_reason: lease.endReason ?? null,
    contained_at: lease.containedAt ?? null,
    revoked_at: lease.revokedAt ?? null,
    last_error: lease.lastError ?? null,
  };
}

/** A row, which only {@link toLeaseRow} and the ledger's changes have made, as the lease it holds. */
export function fromLeaseRow(row: LeaseRow): Lease {
  return {
    id: row.id as Lease['id'],
    grantId: row.grant_id as Lease['grantId'],
    spiffeId: row.spiffe_id as Lease['spiffeId'],
    provider: row.provider,
    resource: row.resource,
    entityName: row.entity_name,
    state: row.state as Lease['state'],
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    hardExpiresAt: row.hard_expires_at,
    renewable: row.renewable === 1,
    handle: JSON.parse(row.handle) as Lease['handle'],
    attempts: row.attempts,
    ...(row.delivered_at === null ? {} : { deliveredAt: row.delivered_at }),
    ...(row.next_attempt_at === null ? {} : { nextAttemptAt: row.next_attempt_at }),
    ...(row.end_reason === null ? {} : { endReason: row.end_reason as NonNullable<Lease['endReason']> }),
    ...(row.contained_at === null ? {} : { containedAt: row.contained_at }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
  };
}

/** The row of a grant after a change. */
export function changedGrantRow(row: GrantRow, { to, set }: GrantChange): GrantRow {
  const changed: Pick<GrantRow, GrantMutableColumn> = {
    state: to ?? row.state,
    ended_at: set.endedAt ?? row.ended_at,
    end_reason: set.endReason ?? row.end_reason,
  };
  return { ...row, ...changed };
}

/** The row of a lease after a change. */
export function changedLeaseRow(row: LeaseRow, { to, set }: LeaseChange): LeaseRow {
  const changed: Pick<LeaseRow, LeaseMutableColumn> = {
    state: to ?? row.state,
    expires_at: set.expiresAt ?? row.expires_at,
    handle: set.handle === undefined ? row.handle : JSON.stringify(set.handle),
    delivered_at: kept(set.deliveredAt, row.delivered_at),
    next_attempt_at: kept(set.nextAttemptAt, row.next_attempt_at),
    attempts: set.attempts ?? row.attempts,
    end_reason: kept(set.endReason, row.end_reason),
    contained_at: kept(set.containedAt, row.contained_at),
    revoked_at: kept(set.revokedAt, row.revoked_at),
    last_error: kept(set.lastError, row.last_error),
  };
  return { ...row, ...changed };
}

/** What is set, also when it is cleared; what was there, when nothing is said of it. */
function kept<Value>(set: Value | null | undefined, was: Value | null): Value | null {
  return set === undefined ? was : set;
}
