import { type AuditEvent, type EventDraft, encodeEvent, eventBytesMax } from '@stint/common/audit-event.ts';
import type { EventValue } from '@stint/common/event-table.ts';
import { sha256 } from '@stint/common/merkle.ts';

/** Longest text that an oversize event keeps, in UTF-16 code units; the ellipsis comes on top. */
const keptTextMax = 256;

/** What the committer adds to a draft. */
export type EventPlace = Pick<AuditEvent, 'id' | 'time' | 'source'>;

/**
 * The event's canonical bytes. One over {@link eventBytesMax} is cut, never dropped: first every text in its data to 256
 * characters, then, if that is not enough, its data away. Either way the data say so (`cut: true`) and hold the size
 * and the SHA-256 of the whole (`whole_bytes`, `whole_sha256`).
 * @throws TypeError when the draft holds a value that has no canonical form: a fault of the code that made it.
 */
export function encodeCommitted(draft: EventDraft, place: EventPlace): Buffer {
  const whole = encodeEvent({ ...draft, v: 1, ...place });
  if (whole.length <= eventBytesMax) return whole;
  const mark = { cut: true, whole_bytes: whole.length, whole_sha256: sha256(whole).toString('hex') };
  const shortened = encodeEvent({
    ...draft,
    data: { ...(shorten(draft.data) as EventDraft['data']), ...mark },
    v: 1,
    ...place,
  });
  return shortened.length <= eventBytesMax
    ? shortened
    : encodeEvent({ ...draft, data: mark, v: 1, ...place });
}

function shorten(value: EventValue | undefined): EventValue | undefined {
  if (typeof value === 'string')
    return value.length <= keptTextMax ? value : `${value.slice(0, keptTextMax)}…`;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((member: EventValue) => shorten(member) as EventValue);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shorten(member)]));
}

/** Events as one blob: each with its length before it, 4 bytes big-endian. */
export function joinEvents(events: readonly Buffer[]): Buffer {
  const blob = Buffer.allocUnsafe(events.reduce((sum, event) => sum + 4 + event.length, 0));
  let at = 0;
  for (const event of events) {
    at = blob.writeUInt32BE(event.length, at);
    at += event.copy(blob, at);
  }
  return blob;
}

/**
 * Takes {@link joinEvents}' blob apart.
 * @throws RangeError when it is not one: the store is damaged.
 */
export function splitEvents(blob: Uint8Array): Buffer[] {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  const events: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new RangeError('outbox: an event is longer than its row');
    events.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return events;
}
