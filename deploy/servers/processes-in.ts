import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const pollIntervalMs = 20;
const leftoverDeadlineMsDefault = 10_000;

/**
 * The ids of the processes that work in a folder (their current directory is it or below it), this one excepted.
 * Every server we start works in its own folder, so this finds what a crash left. The folder may be named over symbolic
 * links. A process that we may not look into is not seen; without /proc the answer is always empty.
 */
export function processesIn(directory: string): number[] {
  const real = realPath(directory);
  const pids = readdirOrEmpty('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid);
  return pids.filter((pid) => {
    const place = linkTarget(`/proc/${pid}/cwd`);
    return place !== undefined && (place === real || place.startsWith(real + path.sep));
  });
}

/** The ids of the processes in a folder that run a program: its own, not a shell that somebody has there. */
export function processesOf(program: string, directory: string): number[] {
  return processesIn(directory).filter((pid) => linkTarget(`/proc/${pid}/exe`) === program);
}

/**
 * Waits until no process works in a folder.
 *
 * @param deadlineMs - how long to wait, in milliseconds from now
 * @param signal - gives the wait up
 * @returns the ids of those still there at the deadline: empty when all are gone
 * @throws AbortError when the signal aborts
 */
export function waitUntilEmpty(
  directory: string,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<number[]> {
  return waitUntilNone(() => processesIn(directory), deadlineMs, signal);
}

/** The same for any processes that can be listed. */
export async function waitUntilNone(
  list: () => number[],
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<number[]> {
  const end = performance.now() + deadlineMs;
  let left = list();
  while (left.length > 0 && performance.now() < end) {
    await delay(pollIntervalMs, undefined, { signal });
    left = list();
  }
  return left;
}

/** Whose folder it is, and how long to wait for it. */
export type FolderOwner = {
  /** The server's name, for the refusal. */
  readonly name: string;
  /** Milliseconds; 10 s unless given. */
  readonly leftoverDeadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Waits for what a crash has left in a server's folder to end by itself.
 * @throws Error naming the processes that are still there at the deadline.
 */
export async function refuseIfInUse(
  directory: string,
  { name, leftoverDeadlineMs = leftoverDeadlineMsDefault, signal }: FolderOwner,
): Promise<void> {
  const pids = await waitUntilEmpty(directory, leftoverDeadlineMs, signal);
  if (pids.length === 0) return;
  const what = `${name}: "${directory}" is in use by process ${pids.join(', ')}`;
  throw new Error(`${what}; end it (see: ps -fp ${pids.join(' ')})`);
}

/** A path without symbolic links, as /proc tells it; what does not exist, or no more, below its nearest parent that does. */
function realPath(place: string): string {
  try {
    return realpathSync(place);
  } catch {
    const parent = path.dirname(place);
    // The root exists: one that cannot be looked at is the end of the way up.
    return parent === place ? place : path.join(realPath(parent), path.basename(place));
  }
}

function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(link);
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
