import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Secret } from '@stint/common/secret.ts';
import { type PostgresPaths, postgresPaths } from '../tools.ts';
import { type Child, ChildStartError, killedMsMax, ProcessesLeftError, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { processesOf, refuseIfInUse, waitUntilNone } from './processes-in.ts';
import { type ServerUser, serverUser } from './unprivileged.ts';

/** initdb takes about a second; a loaded machine gets a minute. */
const initDeadlineMs = 60_000;
/** Crash recovery reads back at most one checkpoint's worth of log. */
const readyDeadlineMs = 60_000;
/** A fast stop cuts sessions and writes one checkpoint; after this it is killed, and the next start recovers. */
const stopDeadlineMs = 15_000;
/** How often a port that somebody took between choosing and listening is replaced by another. */
const portAttemptsMax = 5;

const environment = { LC_ALL: 'C', TZ: 'UTC' };

export type PostgresOptions = {
  /** An absolute folder of its own: `data/`, `postgres.log` and `initdb.log` come to stand in it. Made when absent, mode 0700. */
  readonly directory: string;
  /** The superuser's password, set when the data folder is made; one that exists keeps the password it has. */
  readonly password: Secret;
  /** The port on 127.0.0.1; absent means any free one. */
  readonly port?: number;
  /** false only where losing the data costs nothing; the default is true. */
  readonly isDurable?: boolean;
  /** Further settings of postgresql.conf, by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How long to wait for the processes of a crashed run to end by themselves; the default is 10 s. */
  readonly leftoverDeadlineMs?: number;
  /** The programs to run; absent means those that came with the npm packages. */
  readonly programs?: PostgresPaths;
  /** Kills it at once when it aborts, and gives a start up. */
  readonly signal?: AbortSignal | undefined;
};

/** A running PostgreSQL that listens on 127.0.0.1 only, takes no login without a password, and dies with us. */
export type PostgresServer = {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly superuser: 'postgres';
  readonly pid: number;
  /** Resolves when its first process has ended, however it ended. */
  readonly exited: Child['exited'];
  /**
   * Stops it in order (sessions are cut, all is on disk), kills all of it at the deadline (15 s unless given), and returns
   * when no process of it is left. @throws ProcessesLeftError
   */
  stop(deadlineMs?: number): Promise<void>;
  /** Kills it as a crash would, and returns when no process of it is left. Starting again on its folder recovers. */
  crash(): Promise<void>;
};

/**
 * Starts PostgreSQL on a data folder, which is made at first, and returns when it takes logins.
 *
 * 1. Wait for what a crashed run has left in the folder to end. *Crash here or before: nothing changed.*
 * 2. Make the data folder under another name, then rename it. *Crash: half a folder, removed by the next start.*
 * 3. Remove a stale `postmaster.pid`: no process works in the folder, so it is, even if its process id is now
 *    somebody else's (which PostgreSQL would refuse to start over). *Crash: nothing to repair.*
 * 4. Start, and wait for its own word that it is ready. *Crash: it gets SIGQUIT from the kernel; 1 again.*
 *
 * @throws Error when the programs are absent, the folder is in use, or root cannot start it as another user
 * @throws ChildStartError when it does not come up
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const programs = options.programs ?? postgresPaths();
  if (programs === undefined) {
    throw new Error(`PostgreSQL: no programs for ${process.platform}-${process.arch}; run "npm run setup"`);
  }
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const user = serverUser([programs.directory, path.dirname(options.directory)]);
  user.own(options.directory);
  const dataDirectory = path.join(options.directory, 'data');
  await refuseIfInUse(dataDirectory, { ...options, name: 'PostgreSQL' });
  if (!existsSync(dataDirectory)) await makeDataDirectory(programs, user, options);
  rmSync(path.join(dataDirectory, 'postmaster.pid'), { force: true });
  const { child, port } = await startOnPort(programs, user, { ...options, dataDirectory });
  const program = realpathSync(programs.postgres);
  const running = { child, processes: () => processesOf(program, dataDirectory), signal: options.signal };
  return {
    host: '127.0.0.1',
    port,
    superuser: 'postgres',
    pid: child.pid ?? 0,
    exited: child.exited,
    stop: (deadlineMs = stopDeadlineMs) => end(running, 'SIGINT', deadlineMs),
    crash: () => end(running, 'SIGKILL', stopDeadlineMs),
  };
}

async function makeDataDirectory(
  programs: PostgresPaths,
  user: ServerUser,
  options: PostgresOptions,
): Promise<void> {
  const unfinished = path.join(options.directory, 'data.new');
  const passwordFile = path.join(options.directory, 'password.new');
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  try {
    options.password.reveal((plaintext) =>
      writeFileSync(passwordFile, plaintext, { mode: 0o600, flag: 'wx' }),
    );
    user.own(passwordFile);
    const child = await startChild({
      name: 'PostgreSQL: initdb',
      command: [
        programs.initdb,
        `--pgdata=${unfinished}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--no-locale',
        '--encoding=UTF8',
        ...(options.isDurable === false ? ['--no-sync'] : []),
      ],
      directory: options.directory,
      environment,
      logFile: path.join(options.directory, 'initdb.log'),
      isReady: (line) => line.startsWith('Success.'),
      readyDeadlineMs: initDeadlineMs,
      deathSignal: 'KILL',
      signal: options.signal,
      ...(user.setprivArguments === undefined ? {} : { privileges: user.setprivArguments }),
    });
    await child.exited;
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(unfinished, path.join(options.directory, 'data'));
}

type StartOptions = PostgresOptions & { readonly dataDirectory: string };

async function startOnPort(
  programs: PostgresPaths,
  user: ServerUser,
  options: StartOptions,
): Promise<{ readonly child: Child; readonly port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    try {
      return { child: await startServer(programs, user, { ...options, port }), port };
    } catch (error) {
      const mayRetry = options.port === undefined && attempt < portAttemptsMax && isPortTaken(error);
      if (!mayRetry) throw error;
    }
  }
}

function startServer(
  programs: PostgresPaths,
  user: ServerUser,
  options: StartOptions & { readonly port: number },
): Promise<Child> {
  const settings = {
    ...options.settings,
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '',
    fsync: options.isDurable === false ? 'off' : 'on',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return startChild({
    name: 'PostgreSQL',
    command: [programs.postgres, '-D', options.dataDirectory, ...flags],
    directory: options.dataDirectory,
    environment,
    logFile: path.join(options.directory, 'postgres.log'),
    isReady: (line) => line.includes('database system is ready to accept connections'),
    readyDeadlineMs,
    // SIGQUIT, not SIGKILL: it ends at once too, but frees its shared memory and ends its backends first.
    deathSignal: 'QUIT',
    signal: options.signal,
    ...(user.setprivArguments === undefined ? {} : { privileges: user.setprivArguments }),
  });
}

function isPortTaken(error: unknown): boolean {
  return (
    error instanceof ChildStartError && error.lines.some((line) => line.includes('Address already in use'))
  );
}

type RunningPostgres = {
  readonly child: Child;
  /** The ids of its processes. */
  readonly processes: () => number[];
  readonly signal: AbortSignal | undefined;
};

/**
 * Ends all of it. A session's process that hangs outlives the first process, and keeps its output open: at the deadline each
 * is killed by itself.
 */
async function end(
  { child, processes, signal }: RunningPostgres,
  first: 'SIGINT' | 'SIGKILL',
  deadlineMs: number,
): Promise<void> {
  child.signal(first);
  const waited = new AbortController();
  const late = delay(deadlineMs, undefined, {
    signal: signal === undefined ? waited.signal : AbortSignal.any([waited.signal, signal]),
  }).catch(() => undefined); // given up: it has ended, or is to be killed at once
  await Promise.race([child.exited, late]);
  waited.abort();
  child.signal('SIGKILL');
  for (const pid of processes()) kill(pid);
  const left = await waitUntilNone(processes, killedMsMax);
  if (left.length > 0) throw new ProcessesLeftError(left.map((pid) => ({ name: 'PostgreSQL', pid })));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile; one that may not be killed is seen as left.
  }
}
