import { ServiceError } from './errors.ts';
import type { UnixMs } from './time.ts';

/** google.protobuf.Timestamp and Duration, as the contract's codec writes and reads them. */
export type ProtoTime = { readonly seconds: number; readonly nanos: number };

/** Longest duration the contract can carry, in seconds: ten thousand years. Source: google/protobuf/duration.proto. */
export const durationSecondsMax = 315_576_000_000;

/** A moment for the wire; undefined stays absent. */
export function toTimestamp(time: UnixMs): ProtoTime;
export function toTimestamp(time: UnixMs | undefined): ProtoTime | null;
export function toTimestamp(time: UnixMs | undefined): ProtoTime | null {
  if (time === undefined) return null;
  const seconds = Math.floor(time / 1_000);
  return { seconds, nanos: (time - seconds * 1_000) * 1_000_000 };
}

/**
 * A moment from the wire, cut to whole milliseconds; absent stays undefined.
 * @throws ServiceError INVALID_FIELD, naming `field`, when it is not a moment of years 1 to 9999.
 */
export function fromTimestamp(
  timestamp: ProtoTime | null | undefined,
  field = 'timestamp',
): UnixMs | undefined {
  if (timestamp === null || timestamp === undefined) return undefined;
  const { seconds, nanos } = timestamp;
  const known =
    seconds >= -62_135_596_800 && seconds <= 253_402_300_799 && nanos >= 0 && nanos <= 999_999_999;
  if (!known)
    throw new ServiceError('INVALID_FIELD', `${field}: not a moment between the years 1 and 9999`, {
      metadata: { field },
    });
  return seconds * 1_000 + Math.floor(nanos / 1_000_000);
}

/** A duration in milliseconds for the wire; undefined stays absent. */
export function toDuration(ms: number): ProtoTime;
export function toDuration(ms: number | undefined): ProtoTime | null;
export function toDuration(ms: number | undefined): ProtoTime | null {
  if (ms === undefined) return null;
  const seconds = Math.trunc(ms / 1_000);
  return { seconds, nanos: Math.round((ms - seconds * 1_000) * 1_000_000) };
}

/**
 * A duration from the wire in whole milliseconds, cut towards zero; absent stays undefined. May be zero or negative:
 * whether that makes sense is the caller's to say.
 * @throws ServiceError INVALID_FIELD, naming `field`, when it is outside what the format allows.
 */
export function fromDuration(duration: ProtoTime | null | undefined, field = 'duration'): number | undefined {
  if (duration === null || duration === undefined) return undefined;
  const { seconds, nanos } = duration;
  const sameSign = seconds === 0 || nanos === 0 || seconds > 0 === nanos > 0;
  if (!(Math.abs(seconds) <= durationSecondsMax && Math.abs(nanos) <= 999_999_999 && sameSign)) {
    throw new ServiceError('INVALID_FIELD', `${field}: not a duration of at most ten thousand years`, {
      metadata: { field },
    });
  }
  return seconds * 1_000 + Math.trunc(nanos / 1_000_000);
}
