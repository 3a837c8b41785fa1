import { setTimeout as delay } from 'node:timers/promises';

/** How often a condition is looked at, in milliseconds. */
const pollIntervalMs = 50;

/**
 * Waits until a probe gives something other than undefined, and returns that.
 * @throws Error naming what was waited for, with the probe's last failure as cause, at the deadline.
 */
export async function until<Found>(
  what: string,
  deadlineMs: number,
  probe: () => Promise<Found | undefined> | Found | undefined,
): Promise<Found> {
  const end = performance.now() + deadlineMs;
  let cause: unknown;
  do {
    try {
      const found = await probe();
      if (found !== undefined) return found;
    } catch (thrown) {
      cause = thrown;
    }
    await delay(pollIntervalMs);
  } while (performance.now() < end);
  throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause });
}
