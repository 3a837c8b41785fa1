import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, renameSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { findProgram } from '../tools.ts';

/** How many of a child's last lines an error about it repeats. */
const repeatedLinesMax = 12;

/** How long the kernel may take to end what was killed, in milliseconds: it waits for the process's own disk and no longer. */
export const killedMsMax = 3_000;

/** What to start, and how to know that it serves. */
export type ChildOptions = {
  /** The name used in errors, such as `nats-server`. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Where it works. Each server has its own folder, so that what a crash leaves can be found by it. */
  readonly directory: string;
  /** Its whole environment: nothing is inherited, so that no variable of ours changes what it does. */
  readonly environment: Readonly<Record<string, string>>;
  /** Gets what it prints. The file of the run before is kept as `<file>.old`, older ones are not. */
  readonly logFile: string;
  /** Called for each line it prints; returns true on the line by which it says that it serves. */
  readonly isReady: (line: string) => boolean;
  readonly readyDeadlineMs: number;
  /** What the kernel sends it when this process dies, however it dies. */
  readonly deathSignal: 'KILL' | 'QUIT' | 'TERM';
  /** Arguments for setpriv that change its user or capabilities. Needs Linux and setpriv. */
  readonly privileges?: readonly string[];
  /** Kills it at once when it aborts, while it starts too; no child is started after that. */
  readonly signal?: AbortSignal | undefined;
};

/** How a child ended: one of the two is null. */
export type ChildExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** A started child that has ended before it served. `lines` is what it printed last. */
export class ChildStartError extends Error {
  readonly lines: readonly string[];

  constructor(message: string, lines: readonly string[]) {
    super([message, ...lines.map((line) => `  | ${line}`)].join('\n'));
    this.name = 'ChildStartError';
    this.lines = lines;
  }
}

/** A process that did not end. */
export type LeftProcess = { readonly name: string; readonly pid: number };

/** Processes that were killed and are still there: only the system can tell why. */
export class ProcessesLeftError extends Error {
  readonly left: readonly LeftProcess[];

  constructor(left: readonly LeftProcess[], cause?: unknown) {
    const text = left.map(({ name, pid }) => `${name} (process ${pid})`).join(', ');
    super(`killed, and still there: ${text}`, cause === undefined ? undefined : { cause });
    this.name = 'ProcessesLeftError';
    this.left = left;
  }
}

/** Children to end when this process exits in good order; the kernel's death signal covers the other ways. */
const living = new Set<Child>();
process.once('exit', endLiving);

/**
 * A server process that belongs to this one and does not outlive it.
 *
 * It runs in its own session, so that Ctrl-C on the terminal reaches only its parent, which then stops its
 * children in order. When the parent dies without doing so, the kernel sends the child its death signal
 * (`setpriv --pdeathsig`, bound to the thread that started it: start children from the main thread). Where there
 * is no setpriv, only an exit hook does this and a `kill -9` of the parent leaves the child running.
 */
export class Child {
  readonly name: string;
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcess;
  readonly #deathSignal: NodeJS.Signals;

  constructor(child: ChildProcess, options: Pick<ChildOptions, 'name' | 'deathSignal' | 'signal'>) {
    this.name = options.name;
    this.#process = child;
    this.#deathSignal = `SIG${options.deathSignal}`;
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal }));
      child.once('error', () => resolve({ code: 127, signal: null })); // could not be started at all
    });
    living.add(this);
    const kill = () => this.signal('SIGKILL');
    options.signal?.addEventListener('abort', kill);
    void this.exited.then(() => {
      living.delete(this);
      options.signal?.removeEventListener('abort', kill);
    });
  }

  /** The process id; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Sends a signal; does nothing when it has ended. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /**
   * Asks it to stop by a signal, and kills it when it has not ended by the deadline. Ended already: returns at once.
   * @throws ProcessesLeftError when it has not ended by {@link killedMsMax} after that.
   */
  async stop(signal: NodeJS.Signals, deadlineMs: number): Promise<ChildExit> {
    this.signal(signal);
    const killer = setTimeout(() => this.signal('SIGKILL'), deadlineMs);
    const left = Promise.withResolvers<never>();
    const giveUp = () => left.reject(new ProcessesLeftError([{ name: this.name, pid: this.pid ?? 0 }]));
    const end = setTimeout(giveUp, deadlineMs + killedMsMax);
    try {
      return await Promise.race([this.exited, left.promise]);
    } finally {
      clearTimeout(killer);
      clearTimeout(end);
    }
  }

  /** Ends it as this process's death would. */
  abandon(): void {
    this.signal(this.#deathSignal);
  }
}

/**
 * Starts a child and returns when it serves.
 *
 * @throws ChildStartError with its last lines, when it ends first or does not serve by the deadline (it is then killed)
 * @throws what the signal aborted with, when it had before the start
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  options.signal?.throwIfAborted();
  const [program, ...rest] = commandLine(options);
  const log = openLog(options.logFile);
  const spawned = spawn(program, rest, {
    cwd: options.directory,
    env: options.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const child = new Child(spawned, options);
  const lines: string[] = [];
  const ready = new Promise<'ready'>((resolve) => {
    eachLine(spawned, (line) => {
      writeSync(log, `${line}\n`); // at once, so that the log is whole whatever happens next
      lines.push(line);
      if (lines.length > repeatedLinesMax) lines.shift();
      if (options.isReady(line)) resolve('ready');
    });
  });
  void child.exited.then(() => closeSync(log));
  const outcome = await firstOf(ready, child, options.readyDeadlineMs);
  if (outcome === 'ready') return child;
  await child.stop('SIGKILL', 0);
  throw new ChildStartError(`${options.name}: ${outcome}; its log is ${options.logFile}`, lines);
}

/**
 * Waits until starts have ended, however they did. Once their signal has aborted no child comes of them any more: then only
 * for {@link killedMsMax}, in which those that it killed end.
 */
export async function endedOrKilled(starts: Iterable<Promise<unknown>>, signal?: AbortSignal): Promise<void> {
  const killed = Promise.withResolvers<void>();
  const onKill = () => setTimeout(killed.resolve, killedMsMax);
  if (signal?.aborted) onKill();
  else signal?.addEventListener('abort', onKill, { once: true });
  await Promise.race([Promise.allSettled(starts), killed.promise]);
  signal?.removeEventListener('abort', onKill);
}

async function firstOf(ready: Promise<'ready'>, child: Child, deadlineMs: number): Promise<string> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(`not ready within ${deadlineMs} ms`), deadlineMs);
  const ended = child.exited.then(({ code, signal }) => `ended at start with ${signal ?? `code ${code}`}`);
  try {
    return await Promise.race([ready, ended, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function commandLine(options: ChildOptions): readonly [string, ...string[]] {
  const setpriv = setprivPath();
  if (setpriv !== undefined) {
    return [
      setpriv,
      '--pdeathsig',
      options.deathSignal,
      ...(options.privileges ?? []),
      '--',
      ...options.command,
    ];
  }
  if (options.privileges === undefined) return options.command;
  throw new Error(`${options.name}: cannot change user: "setpriv" (package util-linux) is not on the path`);
}

let knownSetpriv: { readonly path: string | undefined } | undefined;

/** setpriv, if it is util-linux's: others of that name cannot set the death signal. */
function setprivPath(): string | undefined {
  if (knownSetpriv === undefined) {
    const path = findProgram('setpriv');
    const works = path !== undefined && spawnSync(path, ['--pdeathsig', 'KILL', '--', 'true']).status === 0;
    knownSetpriv = { path: works ? path : undefined };
  }
  return knownSetpriv.path;
}

function openLog(file: string): number {
  if (existsSync(file)) renameSync(file, `${file}.old`);
  return openSync(file, 'w', 0o600);
}

function eachLine(child: ChildProcess, use: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', use);
  }
}

function endLiving(): void {
  for (const child of living) child.abandon();
}
