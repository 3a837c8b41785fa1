import { setTimeout as delay } from 'node:timers/promises';

/** How often a condition is looked at, in milliseconds. */
const pollIntervalMs = 20;

/**
 * Waits until a probe gives something other than undefined or false, and returns that: only for what happens elsewhere,
 * in a time that the test does not set. The deadline is one that only a fault reaches.
 * @throws Error naming what was waited for, with the probe's last failure as cause, at the deadline.
 */
export async function until<Found>(
  what: string,
  deadlineMs: number,
  probe: () => Promise<Found | undefined | false> | Found | undefined | false,
): Promise<Found> {
  const end = performance.now() + deadlineMs;
  let cause: unknown;
  do {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (thrown) {
      cause = thrown;
    }
    await delay(pollIntervalMs);
  } while (performance.now() < end);
  throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause });
}
