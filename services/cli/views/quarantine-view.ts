import type { QuarantinedMessage__Output } from '@stint/common/gen/stint/audit/v1/QuarantinedMessage.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { Painter } from '../terminal/colors.ts';
import { renderFacts, renderTable } from '../terminal/table.ts';
import { distanceText, timeJson, timeText } from './time-text.ts';

/** A refused message as programs get it. */
export function quarantinedJson(message: QuarantinedMessage__Output): object {
  return {
    id: message.id,
    reason: message.reason,
    detail: message.detail,
    subject: message.subject,
    broker: message.broker === '' ? null : message.broker,
    first_seq: message.firstSeq ?? null,
    size_bytes: message.sizeBytes,
    payload_sha256: message.payloadSha256.toString('hex'),
    kept: message.kept,
    times: message.times,
    first_at: timeJson(message.firstAt),
    last_at: timeJson(message.lastAt),
    settled_index: message.settledIndex ?? null,
  };
}

/** Refused messages for people, one a line. */
export function quarantineTable(
  messages: readonly QuarantinedMessage__Output[],
  now: UnixMs,
  paint: Painter,
): string {
  if (messages.length === 0) return 'nothing refused\n';
  return renderTable(
    ['ID', 'REASON', 'SUBJECT', 'FIRST EVENT', 'TIMES', 'FIRST', 'LAST', 'SETTLED BY'],
    messages.map((message) => [
      String(message.id),
      { text: message.reason, paint: message.reason === 'equivocation' ? 'red' : 'bold' },
      message.subject,
      String(message.firstSeq ?? ''),
      String(message.times),
      distanceText(message.firstAt, now) ?? '',
      distanceText(message.lastAt, now) ?? '',
      message.settledIndex === undefined ? '' : `record ${message.settledIndex}`,
    ]),
    paint,
  );
}

/** One refused message for people, with all that is known of it. */
export function quarantinedText(message: QuarantinedMessage__Output, now: UnixMs, paint: Painter): string {
  const kept = message.kept ? 'kept' : 'not kept: there was no room';
  return renderFacts(
    [
      ['id', String(message.id)],
      ['refused', { text: `${message.reason}: ${message.detail}`, paint: 'bold' }],
      ['subject', message.subject],
      ['says it is of', message.broker === '' ? undefined : message.broker],
      ['first event', message.firstSeq === undefined ? undefined : String(message.firstSeq)],
      ['bytes', `${message.sizeBytes}, ${kept}`],
      ['sha256', message.payloadSha256.toString('hex')],
      ['came', message.times === 1 ? 'once' : `${message.times} times`],
      ['first', timeText(message.firstAt, now)],
      ['last', timeText(message.lastAt, now)],
      ['settled by', message.settledIndex === undefined ? undefined : `record ${message.settledIndex}`],
    ],
    paint,
  );
}
