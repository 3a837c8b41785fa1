import { canonicalJson } from './canonical-json.ts';
import type { EventType, EventValue } from './event-table.ts';
import type { EventId, GrantId, LeaseId, RequestId } from './ids.ts';
import type { SpiffeId } from './spiffe-id.ts';

/** Largest event, in canonical bytes. The tlog-tiles entry limit is 65 535; ours leaves room to grow. */
export const eventBytesMax = 16_384;

/** Who did it: a workload by its SVID, the local operator, or the broker (expiry, sweeping) or auditor by itself. */
export type EventActor = {
  readonly kind: 'workload' | 'operator' | 'broker' | 'auditor';
  readonly spiffe_id?: SpiffeId;
  readonly svid_sha256?: string;
};

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
  /** As the table says of its type: whoever writes one states `satisfies EventData<…>`. No secrets, no free text but a justification's. */
  readonly data: { readonly [name: string]: EventValue | undefined };
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
