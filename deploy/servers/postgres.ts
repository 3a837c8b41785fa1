import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Secret } from '@stint/common/secret.ts';
import { type PostgresPaths, postgresPaths } from '../tools.ts';
import { type Child, ChildStartError, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { processesIn, waitUntilEmpty } from './processes-in.ts';
import { runAs, type ServerUser, serverUser } from './unprivileged.ts';

/** initdb takes about a second; a loaded machine gets a minute. */
const initDeadlineMs = 60_000;
/** Crash recovery reads back at most one checkpoint's worth of log. */
const readyDeadlineMs = 60_000;
/** A fast stop cuts sessions and writes one checkpoint; after this it is killed, and the next start recovers. */
const stopDeadlineMs = 15_000;
/** How long a start waits by default for what a crash has left in the data folder to end by itself. */
const leftoverDeadlineMsDefault = 10_000;
/** How often a port that somebody took between choosing and listening is replaced by another. */
const portAttemptsMax = 5;

const environment = { LC_ALL: 'C', TZ: 'UTC' };

export type PostgresOptions = {
  /** An absolute folder of its own: `data/` and `postgres.log` come to stand in it. Made when absent, mode 0700. */
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
};

/** A running PostgreSQL that listens on 127.0.0.1 only, takes no login without a password, and dies with us. */
export type PostgresServer = {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly superuser: 'postgres';
  readonly pid: number;
  /** Resolves when its first process has ended, however it ended. */
  readonly exited: Child['exited'];
  /** Stops it in order (sessions are cut, all is on disk) and returns when no process of it is left. */
  stop(): Promise<void>;
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
  await refuseIfInUse(dataDirectory, options.leftoverDeadlineMs ?? leftoverDeadlineMsDefault);
  if (!existsSync(dataDirectory)) makeDataDirectory(programs, user, options);
  rmSync(path.join(dataDirectory, 'postmaster.pid'), { force: true });
  const { child, port } = await startOnPort(programs, user, { ...options, dataDirectory });
  return {
    host: '127.0.0.1',
    port,
    superuser: 'postgres',
    pid: child.pid ?? 0,
    exited: child.exited,
    stop: () => end(child, dataDirectory, 'SIGINT'),
    crash: () => end(child, dataDirectory, 'SIGKILL'),
  };
}

async function refuseIfInUse(dataDirectory: string, deadlineMs: number): Promise<void> {
  const pids = await waitUntilEmpty(dataDirectory, deadlineMs);
  if (pids.length > 0)
    throw new Error(`PostgreSQL: "${dataDirectory}" is in use by process ${pids.join(', ')}`);
}

function makeDataDirectory(programs: PostgresPaths, user: ServerUser, options: PostgresOptions): void {
  const unfinished = path.join(options.directory, 'data.new');
  const passwordFile = path.join(options.directory, 'password.new');
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  try {
    options.password.reveal((plaintext) =>
      writeFileSync(passwordFile, plaintext, { mode: 0o600, flag: 'wx' }),
    );
    user.own(passwordFile);
    const result = runAs(
      user,
      [
        programs.initdb,
        `--pgdata=${unfinished}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--no-locale',
        '--encoding=UTF8',
        ...(options.isDurable === false ? ['--no-sync'] : []),
      ],
      { directory: options.directory, environment, deadlineMs: initDeadlineMs },
    );
    if (result.status !== 0) {
      throw new Error(
        `PostgreSQL: initdb failed: ${result.stderr.trim() || (result.error?.message ?? result.signal)}`,
      );
    }
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
    ...(user.setprivArguments === undefined ? {} : { privileges: user.setprivArguments }),
  });
}

function isPortTaken(error: unknown): boolean {
  return (
    error instanceof ChildStartError && error.lines.some((line) => line.includes('Address already in use'))
  );
}

async function end(child: Child, dataDirectory: string, signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
  await child.stop(signal, stopDeadlineMs);
  await waitUntilEmpty(dataDirectory, stopDeadlineMs);
  const left = processesIn(dataDirectory);
  if (left.length > 0) throw new Error(`PostgreSQL: process ${left.join(', ')} has not ended`);
}
