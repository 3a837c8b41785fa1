import { canonicalJson } from './canonical-json.ts';
import type { EventId, GrantId, LeaseId, RequestId } from './ids.ts';
import type { SpiffeId } from './spiffe-id.ts';

/** Largest event, in canonical bytes. The tlog-tiles entry limit is 65 535; ours leaves room to grow. */
export const eventBytesMax = 16_384;

/**
 * What can be recorded, by kind. The first word is also the NATS subject's: `auditlog.<kind>.<what>`.
 * The set only grows; a type never changes its meaning.
 */
export const eventTypes = [
  'epoch.started', // a broker process began: its batch-signing key, certified by its SVID
  'policy.loaded', // a policy and registry bundle came into force
  'policy.refused', // a bundle was refused; the running one stayed
  'identity.attested', // a workload proved what it is and got its first SVID
  'identity.join_token_created', // an operator made a join token
  'svid.issued', // an SVID was issued outside attestation: rotation, infrastructure
  'access.denied', // policy, a limit or the registry refused a request
  'grant.issued', // allowed, and the credential exists: providers that only sign
  'grant.decided', // allowed; the lease is an intent and nothing exists at the target yet
  'lease.activated', // the credential exists at the target and was recorded before delivery
  'lease.aborted', // nothing was created at the target
  'lease.unknown', // creation's outcome is not known; it will be probed and removed
  'lease.renewed', // the credential's end moved
  'lease.revoking', // its end began
  'lease.contained', // nobody can use it any more, by the target's word
  'lease.revoked', // nothing of it is left at the target
  'lease.stuck', // revocation fails in a way that waiting alone will not mend; still retried
  'grant.ended', // the grant is over: completed, revoked, expired, failed
  'target.orphan_contained', // something of ours stood at a target without a lease; nobody can use it any more
  'target.orphan_removed', // nothing of it is left at the target
  'log.gap_skipped', // the auditor's own: an operator declared that events of a broker will not come
  'log.refusal_dismissed', // the auditor's own: an operator has dealt with a message that was refused
] as const;

/** A kind of record. */
export type EventType = (typeof eventTypes)[number];

/** Who did it: a workload by its SVID, the local operator, or the broker (expiry, sweeping) or auditor by itself. */
export type EventActor = {
  readonly kind: 'workload' | 'operator' | 'broker' | 'auditor';
  readonly spiffe_id?: SpiffeId;
  readonly svid_sha256?: string;
};

/** A JSON value whose numbers are whole and exact. */
export type EventValue =
  | string
  | number
  | boolean
  | readonly EventValue[]
  | { readonly [key: string]: EventValue | undefined };

/** What happened, as the code that did it says. Sequence, source and id are added when it is committed. */
export type EventDraft = {
  readonly type: EventType;
  readonly actor: EventActor;
  /** The ids it is about, so that a reader finds all of one grant's life. */
  readonly request_id?: RequestId;
  readonly grant_id?: GrantId;
  readonly lease_id?: LeaseId;
  /** W3C trace id and span id of the work that caused it. */
  readonly trace?: { readonly trace_id: string; readonly span_id: string };
  /** The facts of this type. No secrets, no free text but a justification's. */
  readonly data: { readonly [key: string]: EventValue | undefined };
};

/** A committed event: one leaf of the log. Its canonical bytes are made once and never re-encoded. */
export type AuditEvent = EventDraft & {
  readonly v: 1;
  readonly id: EventId;
  /** RFC 3339, milliseconds, UTC, by the broker's clock: a claim, not an order. */
  readonly time: string;
  /** The broker that says so, or the auditor in the records of its own; `seq` is gapless from 1 for the life of the broker's name. */
  readonly source: { readonly broker: SpiffeId; readonly epoch: number; readonly seq: number };
};

/** The event's one byte form: RFC 8785 restricted to strings, whole numbers, booleans, arrays and objects. */
export function encodeEvent(event: AuditEvent): Buffer {
  return Buffer.from(canonicalJson(event), 'utf8');
}
