import { fromTimestamp, type ProtoTime } from '@stint/common/proto-time.ts';
import { formatDurationMs, formatTime, type UnixMs } from '@stint/common/time.ts';

/** A moment of the wire as programs get it: RFC 3339, or null when absent. */
export function timeJson(timestamp: ProtoTime | null | undefined): string | null {
  const time = fromTimestamp(timestamp);
  return time === undefined ? null : formatTime(time);
}

/** A moment of the wire as people read it: how far from now, and when exactly; undefined when absent. */
export function timeText(timestamp: ProtoTime | null | undefined, now: UnixMs): string | undefined {
  const time = fromTimestamp(timestamp);
  return time === undefined ? undefined : momentText(time, now);
}

/** A moment as people read it. */
export function momentText(time: UnixMs, now: UnixMs): string {
  return `${distance(time, now)} (${formatTime(time)})`;
}

/** How far a moment of the wire is from now: `in 4m59s`, `12s ago`; undefined when absent. */
export function distanceText(timestamp: ProtoTime | null | undefined, now: UnixMs): string | undefined {
  const time = fromTimestamp(timestamp);
  return time === undefined ? undefined : distance(time, now);
}

/** How long ago a moment of the wire is: `4m59s`; undefined when absent. */
export function spanText(timestamp: ProtoTime | null | undefined, now: UnixMs): string | undefined {
  const time = fromTimestamp(timestamp);
  return time === undefined ? undefined : span(time, now);
}

function distance(time: UnixMs, now: UnixMs): string {
  return time >= now ? `in ${span(time, now)}` : `${span(time, now)} ago`;
}

function span(time: UnixMs, now: UnixMs): string {
  const seconds = Math.round(Math.abs(time - now) / 1_000);
  // Seconds matter within an hour; beyond, they are noise.
  return formatDurationMs((seconds < 3_600 ? seconds : seconds - (seconds % 60)) * 1_000);
}
