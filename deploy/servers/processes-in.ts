import { readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const pollIntervalMs = 20;

/**
 * The ids of the processes that work in a folder (their current directory is it or below it), this one excepted.
 * Every server we start works in its own folder, so this finds what a crash left. A process that we may not look
 * into is not seen; without /proc the answer is always empty.
 */
export function processesIn(directory: string): number[] {
  const pids = readdirOrEmpty('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid);
  return pids.filter((pid) => {
    const place = workingDirectory(pid);
    return place !== undefined && (place === directory || place.startsWith(directory + path.sep));
  });
}

/**
 * Waits until no process works in a folder.
 *
 * @param deadlineMs - how long to wait, in milliseconds from now
 * @returns the ids of those still there at the deadline: empty when all are gone
 */
export async function waitUntilEmpty(directory: string, deadlineMs: number): Promise<number[]> {
  const end = performance.now() + deadlineMs;
  let left = processesIn(directory);
  while (left.length > 0 && performance.now() < end) {
    await delay(pollIntervalMs);
    left = processesIn(directory);
  }
  return left;
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined; // it ended meanwhile, or it is another user's
  }
}

function readdirOrEmpty(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // a system without /proc
  }
}
