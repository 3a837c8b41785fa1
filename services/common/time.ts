/** A moment, in whole milliseconds since 1970-01-01T00:00:00Z. Never seconds, never a Date. */
export type UnixMs = number & { readonly __unit?: 'ms since epoch' };

/**
 * Where a service reads the time. Injected everywhere, so that a test can hold or step it.
 * Deadlines kept in a store are compared with the store's rows, never with another machine's clock.
 */
export type Clock = { now(): UnixMs };

/** The machine's clock: the only place in Stint that reads it for decisions. */
export const systemClock: Clock = { now: () => Date.now() };

/** RFC 3339 in UTC with milliseconds, as events carry it. Source: RFC 3339 §5.6. */
export function formatTime(time: UnixMs): string {
  return new Date(time).toISOString();
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Parses a duration such as `90s`, `15m`, `1h30m`; returns milliseconds, or undefined when the text is not one.
 * At most 32 characters; no sign, no fraction, each unit at most once and larger units first.
 */
export function parseDurationMs(text: string): number | undefined {
  if (text.length > 32) return undefined;
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (match === null || text === '') return undefined;
  const units = ['d', 'h', 'm', 's', 'ms'];
  const total = units.reduce((sum, unit, i) => sum + Number(match[i + 1] ?? 0) * (unitMs[unit] ?? 0), 0);
  return Number.isSafeInteger(total) ? total : undefined;
}

/** Writes a duration the way {@link parseDurationMs} reads it, largest units first: 90 000 → `1m30s`. */
export function formatDurationMs(ms: number): string {
  let rest = Math.max(0, Math.round(ms));
  if (rest === 0) return '0s';
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const size = unitMs[unit] ?? 1;
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}
