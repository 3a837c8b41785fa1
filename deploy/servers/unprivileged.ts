import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chownSync, statSync } from 'node:fs';
import path from 'node:path';
import { findProgram } from '../tools.ts';

/** The user and group "nobody" of Linux: owns nothing else, needs no entry in /etc/passwd. */
const nobodyId = 65_534;

/** Whom a server runs as that refuses to run as root. */
export type ServerUser = {
  /** Arguments for setpriv; undefined when the server simply runs as we do. */
  readonly setprivArguments: readonly string[] | undefined;
  /** Gives a file or folder to that user. */
  own(file: string): void;
};

/**
 * Chooses whom to run a server as: as ourselves, or as nobody when we are root.
 *
 * Nobody cannot pass a private home such as /root (0700). Where one of `places` lies below such a folder, the server
 * keeps the one capability to pass and read it (`dac_read_search`); writing stays limited to what it owns. The
 * securebit `no_setuid_fixup` goes with it because PostgreSQL asks access(2), which otherwise ignores capabilities.
 *
 * @param places - folders that the server must reach: its programs and the parent of its data
 * @throws Error when root cannot do this here: no setpriv, or a container without these capabilities
 */
export function serverUser(places: readonly string[]): ServerUser {
  if (process.getuid?.() !== 0) return { setprivArguments: undefined, own: () => undefined };
  const identity = [`--reuid=${nobodyId}`, `--regid=${nobodyId}`, '--clear-groups'];
  const kept = places.every(isOpenToAll) ? '' : ',+dac_read_search';
  const capabilities = [`--inh-caps=-all${kept}`, `--ambient-caps=-all${kept}`, `--bounding-set=-all${kept}`];
  const passage = kept === '' ? [] : ['--securebits=+no_setuid_fixup'];
  const setprivArguments = [...identity, ...capabilities, ...passage];
  checkAllowed(setprivArguments, places);
  return { setprivArguments, own: (file) => chownSync(file, nobodyId, nobodyId) };
}

/** Runs a program to its end as that user, with nothing inherited but the given environment. */
export function runAs(
  user: ServerUser,
  command: readonly [string, ...string[]],
  options: {
    readonly directory: string;
    readonly environment: Record<string, string>;
    readonly deadlineMs: number;
  },
): SpawnSyncReturns<string> {
  const prefix =
    user.setprivArguments === undefined ? [] : [requiredSetpriv(), ...user.setprivArguments, '--'];
  const [program = command[0], ...rest] = [...prefix, ...command];
  return spawnSync(program, rest, {
    cwd: options.directory,
    env: options.environment,
    encoding: 'utf8',
    timeout: options.deadlineMs,
    killSignal: 'SIGKILL',
  });
}

function checkAllowed(setprivArguments: readonly string[], places: readonly string[]): void {
  const trial = spawnSync(requiredSetpriv(), [...setprivArguments, '--', 'true'], { encoding: 'utf8' });
  if (trial.status === 0) return;
  throw new Error(
    `PostgreSQL refuses to run as root and cannot be run as another user here: ${trial.stderr.trim()}; ` +
      `run as an ordinary user, or give the container the capabilities SETUID, SETGID, SETPCAP and ` +
      `DAC_READ_SEARCH, or move the clone where everyone may pass (now: ${places.join(', ')})`,
  );
}

function requiredSetpriv(): string {
  const setpriv = findProgram('setpriv');
  if (setpriv !== undefined) return setpriv;
  throw new Error(
    'PostgreSQL refuses to run as root: run as an ordinary user, or install "setpriv" (package util-linux)',
  );
}

/** Whether everyone may pass a folder and all above it. */
function isOpenToAll(directory: string): boolean {
  const mayPass = (statSync(directory).mode & 0o001) !== 0;
  const parent = path.dirname(directory);
  return mayPass && (parent === directory || isOpenToAll(parent));
}
