import { spawnSync } from 'node:child_process';
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

/** What lets nobody pass a private folder, the least first; Docker's default set has only the second. */
const passageCapabilities = ['dac_read_search', 'dac_override'];

/**
 * Chooses whom to run a server as: as ourselves, or as nobody when we are root.
 *
 * Nobody cannot pass a private home such as /root (0700). Where one of `places` lies below such a folder, the server
 * keeps the one capability to do so, and with it the securebit `no_setuid_fixup`: PostgreSQL looks for its programs
 * by access(2), which otherwise ignores capabilities. Elsewhere it keeps none.
 *
 * @param places - folders that the server must reach: its programs and the parent of its data
 * @throws Error when root cannot do this here: no setpriv, or a container without these capabilities
 */
export function serverUser(places: readonly string[]): ServerUser {
  if (process.getuid?.() !== 0) return { setprivArguments: undefined, own: () => undefined };
  const candidates = places.every(isOpenToAll)
    ? [asNobody([])]
    : passageCapabilities.map((capability) => asNobody([capability]));
  const faults: string[] = [];
  for (const setprivArguments of candidates) {
    const trial = spawnSync(requiredSetpriv(), [...setprivArguments, '--', 'true'], { encoding: 'utf8' });
    if (trial.status === 0) return { setprivArguments, own: (file) => chownSync(file, nobodyId, nobodyId) };
    faults.push(trial.stderr.trim());
  }
  throw new Error(
    `PostgreSQL refuses to run as root and cannot be run as another user here (${faults.join('; ')}): ` +
      'run as an ordinary user, or give the container the capabilities SETUID, SETGID, SETPCAP and DAC_OVERRIDE, ' +
      `or move the clone where everyone may pass (now: ${places.join(', ')})`,
  );
}

function asNobody(capabilities: readonly string[]): string[] {
  const kept = ['-all', ...capabilities.map((capability) => `+${capability}`)].join(',');
  return [
    `--reuid=${nobodyId}`,
    `--regid=${nobodyId}`,
    '--clear-groups',
    `--inh-caps=${kept}`,
    `--ambient-caps=${kept}`,
    `--bounding-set=${kept}`,
    ...(capabilities.length === 0 ? [] : ['--securebits=+no_setuid_fixup']),
  ];
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
