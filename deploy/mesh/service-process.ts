import path from 'node:path';
import { type Child, startChild } from '../servers/child.ts';
import { repositoryRoot } from '../tools.ts';

/** How long a service may take to say that it is ready, in milliseconds. */
const readyDeadlineMs = 60_000;

/** How long an ordered stop may take before it is killed, in milliseconds; above the services' own deadline. */
const stopDeadlineMs = 12_000;

export type ServiceProcessOptions = {
  /** `broker`, `sidecar`, `auditor`: used in messages and as the log's name. */
  readonly name: string;
  /** Its program, from the repository's root. */
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Kills it at once when it aborts, while it starts too. */
  readonly signal?: AbortSignal | undefined;
};

/** A running service of ours. */
export type ServiceProcess = {
  readonly name: string;
  readonly pid: number;
  /** What its ready line said. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly exited: Child['exited'];
  /** Stops it in order, and kills it at the deadline (12 s unless given). @throws ProcessesLeftError */
  stop(deadlineMs?: number): Promise<void>;
  /** Kills it as a crash would. */
  crash(): Promise<void>;
};

/**
 * Starts one of our services and returns when it is ready.
 * @throws ChildStartError with its last lines.
 */
export async function startService(options: ServiceProcessOptions): Promise<ServiceProcess> {
  let facts: Record<string, unknown> = {};
  const child = await startChild({
    name: options.name,
    command: [process.execPath, path.join(repositoryRoot, options.program), ...options.args],
    directory: repositoryRoot,
    environment: {
      ...options.environment,
      NODE_COMPILE_CACHE: path.join(repositoryRoot, 'node_modules/.cache/compile'),
    },
    logFile: options.logFile,
    isReady: (line) => {
      if (!line.startsWith('{"ready":')) return false;
      facts = JSON.parse(line) as Record<string, unknown>;
      return true;
    },
    readyDeadlineMs,
    deathSignal: 'KILL',
    signal: options.signal,
  });
  return {
    name: options.name,
    pid: child.pid ?? 0,
    facts,
    exited: child.exited,
    stop: async (deadlineMs = stopDeadlineMs) => void (await child.stop('SIGTERM', deadlineMs)),
    crash: async () => void (await child.stop('SIGKILL', stopDeadlineMs)),
  };
}
