import { eventBytesMax } from '@stint/common/audit-event.ts';
import { parseCanonicalJson } from '@stint/common/canonical-json.ts';
import { isId } from '@stint/common/ids.ts';
import { type SpiffeId, spiffeIdFault } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';

/** What the log itself needs to know of an event. Everything else in it is its reader's. */
export type EventFacts = {
  readonly id: string;
  readonly type: string;
  /** The broker's clock: a claim. */
  readonly time: UnixMs;
  readonly grantId: string | undefined;
  readonly leaseId: string | undefined;
  /** The actor's. */
  readonly spiffeId: SpiffeId | undefined;
  readonly trace: { readonly traceId: string; readonly spanId: string } | undefined;
  readonly data: unknown;
};

/** Where an event says it stands; it must be where its batch puts it. */
export type EventPlace = { readonly broker: SpiffeId; readonly epoch: number; readonly seq: number };

/** An event's facts, or why its bytes cannot stand in the log. */
export type EventReading =
  | { readonly kind: 'event'; readonly facts: EventFacts }
  | { readonly kind: 'malformed'; readonly fault: string };

/**
 * Reads an event's bytes. Only what the log depends on is demanded: one byte form, size, version, id, type, time and
 * place. An unknown type is taken, so that a newer broker never stalls at an older auditor. Attacker-controlled; never
 * throws.
 */
export function readEvent(leaf: Buffer, place: EventPlace): EventReading {
  if (leaf.length > eventBytesMax) return malformed(`it is longer than ${eventBytesMax} bytes`);
  let value: unknown;
  try {
    value = parseCanonicalJson(leaf);
  } catch (thrown) {
    return malformed(thrown instanceof Error ? thrown.message : 'not canonical JSON');
  }
  const fields = asObject(value);
  const { id, type, time } = fields;
  if (fields['v'] !== 1) return malformed('its version is not 1');
  if (typeof id !== 'string' || !isId('event', id)) return malformed('its id is malformed');
  if (typeof type !== 'string' || !/^[a-z_]{1,32}\.[a-z_]{1,32}$/.test(type))
    return malformed('its type is malformed');
  if (typeof time !== 'string' || !isTime(time)) return malformed('its time is malformed');
  const source = asObject(fields['source']);
  if (source['broker'] !== place.broker || source['epoch'] !== place.epoch || source['seq'] !== place.seq) {
    return malformed(`it does not say that it is event ${place.seq} of epoch ${place.epoch}`);
  }
  return { kind: 'event', facts: { id, type, time: Date.parse(time), ...optionalFacts(fields) } };
}

/** What readers search by: absent when malformed, since the bytes are kept as they are. */
function optionalFacts(fields: Record<string, unknown>) {
  const { spiffe_id } = asObject(fields['actor']);
  const { trace_id, span_id } = asObject(fields['trace']);
  const { grant_id, lease_id } = fields;
  return {
    grantId: typeof grant_id === 'string' && isId('grant', grant_id) ? grant_id : undefined,
    leaseId: typeof lease_id === 'string' && isId('lease', lease_id) ? lease_id : undefined,
    spiffeId:
      typeof spiffe_id === 'string' && spiffeIdFault(spiffe_id) === undefined
        ? (spiffe_id as SpiffeId)
        : undefined,
    trace: isHex(trace_id, 32) && isHex(span_id, 16) ? { traceId: trace_id, spanId: span_id } : undefined,
    data: fields['data'],
  };
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) && !Number.isNaN(Date.parse(text));
}

// All zeros is "no id". Source: W3C Trace Context §3.2.2.
function isHex(value: unknown, length: number): value is string {
  return (
    typeof value === 'string' && value.length === length && /^[0-9a-f]+$/.test(value) && !/^0+$/.test(value)
  );
}

function malformed(fault: string): EventReading {
  return { kind: 'malformed', fault };
}
