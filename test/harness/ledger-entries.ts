import type { EventDraft } from '@stint/common/audit-event.ts';
import { newId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { LedgerEntry } from '../../services/broker/app/ports/ledger.ts';
import type { Grant } from '../../services/broker/domain/grant.ts';
import type { Lease } from '../../services/broker/domain/lease.ts';

export const holder = 'spiffe://stint.local/ci/billing-deploy' as SpiffeId;

let made = 0;

/** A live grant with its live lease, as a signing provider's are committed; members given replace the usual ones. */
export function grantAndLease(
  now: number,
  overrides: { readonly grant?: Partial<Grant>; readonly lease?: Partial<Lease> } = {},
): { readonly grant: Grant; readonly lease: Lease } {
  const id = newId('lease', now);
  const grant: Grant = {
    id: newId('grant', now),
    requestId: newId('request', now),
    idempotencyKey: `key-${++made}-${id}`,
    bodySha256: 'b'.repeat(64),
    spiffeId: holder,
    resource: 'demo-db',
    action: 'read',
    justification: 'nightly report of open invoices, ticket BILL-1234',
    context: { 'ci.job_id': '4711', 'ci.project': 'billing/deploy' },
    parameters: {},
    state: 'active',
    decidedAt: now,
    expiresAt: now + 900_000,
    ruleIds: ['read-for-billing'],
    policySha256: 'a'.repeat(64),
    clampedBy: [],
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    ...overrides.grant,
  };
  const lease: Lease = {
    id,
    grantId: grant.id,
    spiffeId: grant.spiffeId,
    provider: 'tokens',
    resource: grant.resource,
    entityName: `stint_${id}`,
    state: 'active',
    createdAt: now,
    expiresAt: now + 900_000,
    hardExpiresAt: now + 900_000,
    renewable: false,
    handle: {},
    deliveredAt: now,
    nextAttemptAt: now + 900_000,
    attempts: 0,
    ...overrides.lease,
  };
  return { grant, lease };
}

/** The event of a grant issued, with the facts that the broker records. */
export function grantIssued({ grant, lease }: { readonly grant: Grant; readonly lease: Lease }): EventDraft {
  return {
    type: 'grant.issued',
    actor: { kind: 'workload', spiffe_id: grant.spiffeId, svid_sha256: 'c'.repeat(64) },
    request_id: grant.requestId,
    grant_id: grant.id,
    lease_id: lease.id,
    trace: { trace_id: '0af7651916cd43dd8448eb211c80319c', span_id: 'b7ad6b7169203331' },
    data: {
      resource: grant.resource,
      action: grant.action,
      justification: grant.justification,
      context: grant.context,
      provider: lease.provider,
      entity_name: lease.entityName,
      rule_ids: grant.ruleIds,
      policy_sha256: grant.policySha256,
      expires_at_ms: grant.expiresAt,
    },
  };
}

/** The entry that a granted request commits: grant, lease and one event. */
export function issueEntry(
  now: number,
  overrides: Parameters<typeof grantAndLease>[1] = {},
  liveMax?: number,
) {
  const insert = grantAndLease(now, overrides);
  return {
    insert: { ...insert, ...(liveMax === undefined ? {} : { liveMax }) },
    events: [grantIssued(insert)],
  } satisfies LedgerEntry;
}

/** An event with these data and nothing else of note. */
export function eventOf(data: EventDraft['data']): EventDraft {
  return { type: 'access.denied', actor: { kind: 'broker' }, data };
}
