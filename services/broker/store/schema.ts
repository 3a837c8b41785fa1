import { sql } from 'kysely';

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

/** Columns in the order in which the statements bind them. */
export const grantColumns = [
  'id',
  'request_id',
  'idempotency_key',
  'body_sha256',
  'spiffe_id',
  'resource',
  'action',
  'justification',
  'context',
  'parameters',
  'state',
  'decided_at',
  'expires_at',
  'rule_ids',
  'policy_sha256',
  'clamped_by',
  'traceparent',
  'ended_at',
  'end_reason',
] as const satisfies readonly (keyof GrantRow)[];

export const liveGrantsColumns = [
  'spiffe_id',
  'resource',
  'action',
  'live',
] as const satisfies readonly (keyof LiveGrantsRow)[];

export const leaseColumns = [
  'id',
  'grant_id',
  'spiffe_id',
  'provider',
  'resource',
  'entity_name',
  'state',
  'created_at',
  'expires_at',
  'hard_expires_at',
  'renewable',
  'handle',
  'delivered_at',
  'next_attempt_at',
  'attempts',
  'end_reason',
  'contained_at',
  'revoked_at',
  'last_error',
] as const satisfies readonly (keyof LeaseRow)[];

export const outboxColumns = [
  'broker',
  'first_seq',
  'last_seq',
  'header',
  'signature',
  'events',
  'bytes',
  'traceparent',
  'committed_at',
] as const satisfies readonly (keyof OutboxRow)[];

/** What a change may touch. Everything else of a grant or lease stands for ever, `hard_expires_at` above all. */
export const grantMutableColumns = [
  'state',
  'ended_at',
  'end_reason',
] as const satisfies readonly (keyof GrantRow)[];

export const leaseMutableColumns = [
  'state',
  'expires_at',
  'handle',
  'delivered_at',
  'next_attempt_at',
  'attempts',
  'end_reason',
  'contained_at',
  'revoked_at',
  'last_error',
] as const satisfies readonly (keyof LeaseRow)[];

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
