import { sql } from 'kysely';
import { type Grant, type MutableGrantMember, mutableGrantMembers } from '../domain/grant.ts';
import { type Lease, type MutableLeaseMember, mutableLeaseMembers } from '../domain/lease.ts';

/** A decision in force. Members of objects and lists stand as JSON text; times are milliseconds since 1970. */
export type GrantRow = {
  id: string;
  request_id: string;
  idempotency_key: string;
  body_sha256: string;
  spiffe_id: string;
  resource: string;
  action: string;
  justification: string;
  context: string;
  parameters: string;
  state: string;
  decided_at: number;
  expires_at: number;
  rule_ids: string;
  policy_sha256: string;
  clamped_by: string;
  traceparent: string | null;
  ended_at: number | null;
  end_reason: string | null;
};

/** How many grants of a holder live, for each resource and action. Moved by the transactions that begin and end them. */
export type LiveGrantsRow = {
  spiffe_id: string;
  resource: string;
  action: string;
  live: number;
};

/** One credential at one target, and the schedule of its end. */
export type LeaseRow = {
  id: string;
  grant_id: string;
  spiffe_id: string;
  provider: string;
  resource: string;
  entity_name: string;
  state: string;
  created_at: number;
  expires_at: number;
  hard_expires_at: number;
  renewable: number;
  handle: string;
  delivered_at: number | null;
  next_attempt_at: number | null;
  attempts: number;
  end_reason: string | null;
  contained_at: number | null;
  revoked_at: number | null;
  last_error: string | null;
};

/** One commit's sealed events, until a receipt covers them. `events`: each with its length before it, 4 bytes big-endian. */
export type OutboxRow = {
  broker: string;
  first_seq: number;
  last_seq: number;
  header: Uint8Array;
  signature: Uint8Array;
  events: Uint8Array;
  /** Bytes of the events alone. */
  bytes: number;
  traceparent: string | null;
  committed_at: number;
};

/** How far a broker's log has come. The one source of truth for the next sequence and the chain's last link. */
export type BrokerStateRow = {
  broker: string;
  epoch: number;
  seq: number;
  batch_sha256: string;
};

/** A life of a broker process, and the key that sealed its batches (32 raw bytes; the private half was never stored). */
export type EpochRow = {
  broker: string;
  epoch: number;
  public_key: Uint8Array;
  started_at: number;
};

/** A join token by its hash; never the token. */
export type JoinTokenRow = {
  token_sha256: string;
  spiffe_id: string;
  created_at: number;
  expires_at: number;
  spent_at: number | null;
  spent_for_key_sha256: string | null;
};

export type Schema = {
  grants: GrantRow;
  live_grants: LiveGrantsRow;
  leases: LeaseRow;
  outbox: OutboxRow;
  broker_state: BrokerStateRow;
  epochs: EpochRow;
  join_tokens: JoinTokenRow;
};

/** Every column of a grant, in the order in which the statements bind them, and the member that it holds. */
const grantMembers = {
  id: 'id',
  request_id: 'requestId',
  idempotency_key: 'idempotencyKey',
  body_sha256: 'bodySha256',
  spiffe_id: 'spiffeId',
  resource: 'resource',
  action: 'action',
  justification: 'justification',
  context: 'context',
  parameters: 'parameters',
  state: 'state',
  decided_at: 'decidedAt',
  expires_at: 'expiresAt',
  rule_ids: 'ruleIds',
  policy_sha256: 'policySha256',
  clamped_by: 'clampedBy',
  traceparent: 'traceparent',
  ended_at: 'endedAt',
  end_reason: 'endReason',
} as const satisfies Record<keyof GrantRow, keyof Grant>;

/** Likewise of a lease. */
const leaseMembers = {
  id: 'id',
  grant_id: 'grantId',
  spiffe_id: 'spiffeId',
  provider: 'provider',
  resource: 'resource',
  entity_name: 'entityName',
  state: 'state',
  created_at: 'createdAt',
  expires_at: 'expiresAt',
  hard_expires_at: 'hardExpiresAt',
  renewable: 'renewable',
  handle: 'handle',
  delivered_at: 'deliveredAt',
  next_attempt_at: 'nextAttemptAt',
  attempts: 'attempts',
  end_reason: 'endReason',
  contained_at: 'containedAt',
  revoked_at: 'revokedAt',
  last_error: 'lastError',
} as const satisfies Record<keyof LeaseRow, keyof Lease>;

/** The columns that hold one of the members. */
type ColumnOf<Members, Member> = {
  [Column in keyof Members]: Members[Column] extends Member ? Column : never;
}[keyof Members];

export type GrantMutableColumn = ColumnOf<typeof grantMembers, 'state' | MutableGrantMember>;
export type LeaseMutableColumn = ColumnOf<typeof leaseMembers, 'state' | MutableLeaseMember>;

export const grantColumns = columnsOf(grantMembers);
export const grantMutableColumns = columnsOf(grantMembers, ['state', ...mutableGrantMembers]);
export const leaseColumns = columnsOf(leaseMembers);
export const leaseMutableColumns = columnsOf(leaseMembers, ['state', ...mutableLeaseMembers]);

export const liveGrantsColumns = columnsOf({
  spiffe_id: true,
  resource: true,
  action: true,
  live: true,
} satisfies Record<keyof LiveGrantsRow, true>);

export const outboxColumns = columnsOf({
  broker: true,
  first_seq: true,
  last_seq: true,
  header: true,
  signature: true,
  events: true,
  bytes: true,
  traceparent: true,
  committed_at: true,
} satisfies Record<keyof OutboxRow, true>);

/** A table's columns in their order; of them those alone that hold one of `members`, if that is given. */
function columnsOf<Column extends string>(
  held: Readonly<Record<Column, unknown>>,
  members?: readonly unknown[],
): readonly Column[] {
  const columns = Object.keys(held) as Column[];
  return members === undefined ? columns : columns.filter((column) => members.includes(held[column]));
}

/** More than any store holds, up or down: a count beyond it was damaged, and sums with it would be inexact or overflow. */
const liveGrantsMax = 1_000_000_000_000_000;
export const liveIsCount = `live_grants.live between -${liveGrantsMax} and ${liveGrantsMax}`;
/** A kept count as sums take it: one that is no number of grants stands for none. */
export const keptLive = `case when ${liveIsCount} then live_grants.live else 0 end`;

/** Adds what a transaction changed to the counts that stand. */
export const onLiveGrants = `on conflict (spiffe_id, resource, action) do update set live = ${keptLive} + excluded.live`;

/**
 * Conditions that stand in an index's definition and in its queries alike. They are written out, without parameters: a
 * partial index is used only where the query provably implies its condition.
 */
export const grantIsLive = 'ended_at is null';
export const leaseIsOpen = 'next_attempt_at is not null';
export const leaseHasEndReason = 'end_reason is not null';

export const whereGrantIsLive = sql<boolean>`${sql.raw(grantIsLive)}`;
export const whereLeaseIsOpen = sql<boolean>`${sql.raw(leaseIsOpen)}`;
export const whereLeaseHasEndReason = sql<boolean>`${sql.raw(leaseHasEndReason)}`;
