import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { geteuid } from 'node:process';

/**
 * What a path of the configuration must be before a service starts. `file`, `directory`: it is there and can be read.
 * `new file`, `new directory`: it can be made there, and written if it is there already.
 */
export type PlaceKind = 'file' | 'directory' | 'new file' | 'new directory';

/** File systems of the kernel's own, where nobody makes files whatever the mode says. Source: statfs(2). */
const kernelFileSystems: Readonly<Record<number, string>> = { 40864: 'proc', 1650812274: 'sysfs' };

/** What the system says of a path that cannot even be looked at, and what to do. Source: path_resolution(7). */
const lookFaults: Readonly<Record<string, string>> = {
  EACCES: 'this user may not enter a folder above it',
  ELOOP: 'its links lead in a circle: name another',
  ENAMETOOLONG: 'it is too long: name a shorter one',
};

/** What is wrong with a path, with what to do about it; undefined when nothing is. Writes nothing: what can be seen from here may still change. */
export function placeFault(kind: PlaceKind, place: string): string | undefined {
  try {
    return kind === 'file' || kind === 'directory' ? readFault(kind, place) : makeFault(kind, place);
  } catch (thrown) {
    const { code = 'unknown fault' } = thrown as NodeJS.ErrnoException;
    const text = lookFaults[code];
    return `"${place}" cannot be used (${code})${text === undefined ? '' : `: ${text}`}`;
  }
}

function readFault(kind: 'file' | 'directory', place: string): string | undefined {
  const found = statSync(place, { throwIfNoEntry: false });
  if (found === undefined)
    return fileAboveFault(place) ?? `"${place}" does not exist: make it, or name another`;
  if (kind === 'directory' ? !found.isDirectory() : !found.isFile())
    return `"${place}" is not a ${kind}: name another`;
  const right = kind === 'directory' ? constants.R_OK | constants.X_OK : constants.R_OK;
  return refusalOf(place, right) === undefined
    ? undefined
    : `"${place}" may not be read by this user: change its mode or owner`;
}

function makeFault(kind: 'new file' | 'new directory', place: string): string | undefined {
  const found = statSync(place, { throwIfNoEntry: false });
  if (found !== undefined && kind === 'new directory')
    return found.isDirectory() ? writeFault(place) : `"${place}" is not a directory: name another`;
  if (found?.isDirectory() === true) return `"${place}" is a directory: name a file`;
  const above = nearestAbove(place);
  const fault = fileAboveFault(place) ?? writeFault(above);
  // What is there already may still be of use on a full disk; nothing new can be made there.
  return fault ?? (found === undefined ? roomFault(above) : undefined);
}

/** A file where a folder should be. */
function fileAboveFault(place: string): string | undefined {
  const above = nearestAbove(place);
  return statSync(above).isDirectory()
    ? undefined
    : `"${place}" cannot be there: "${above}" is not a directory: name another`;
}

function writeFault(directory: string): string | undefined {
  const fileSystem = kernelFileSystems[statfsSync(directory).type];
  if (fileSystem !== undefined)
    return `nothing can be written in "${directory}", which is of the kernel (${fileSystem}): name another place`;
  const code = refusalOf(directory, constants.W_OK | constants.X_OK);
  if (code === undefined) return undefined;
  return code === 'EROFS'
    ? `"${directory}" is on a read-only file system: name another place, or mount it writable`
    : `this user may not write in "${directory}": name another place, or change its mode or owner`;
}

/** File systems without a fixed size say that they have no blocks or inodes at all. Source: statfs(2). */
function roomFault(directory: string): string | undefined {
  const { blocks, bfree, bavail, files, ffree } = statfsSync(directory);
  const free = geteuid?.() === 0 ? bfree : bavail; // some blocks are kept for root
  const isFull = (blocks > 0 && free === 0) || (files > 0 && ffree === 0);
  return isFull ? `the disk of "${directory}" is full: make room there, or name another place` : undefined;
}

/** The nearest folder above that is there. */
function nearestAbove(place: string): string {
  const above = path.dirname(place);
  return above === place || statSync(above, { throwIfNoEntry: false }) !== undefined
    ? above
    : nearestAbove(above);
}

/** The code by which the system refuses a right; undefined when it grants it. */
function refusalOf(place: string, right: number): string | undefined {
  try {
    accessSync(place, right);
    return undefined;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? 'unknown fault';
  }
}
