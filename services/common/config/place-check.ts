import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * What a path of the configuration must be before a service starts. `file`, `directory`: it is there and can be read.
 * `new file`, `new directory`: it can be made there, and written if it is there already.
 */
export type PlaceKind = 'file' | 'directory' | 'new file' | 'new directory';

/** File systems of the kernel's own, where nobody makes files whatever the mode says. Source: statfs(2). */
const kernelFileSystems: Readonly<Record<number, string>> = { 40864: 'proc', 1650812274: 'sysfs' };

/**
 * What is wrong with a path, with what to do about it; undefined when nothing is. Writes nothing: what can be seen from
 * here may still change, and a full disk is not looked for.
 */
export function placeFault(kind: PlaceKind, place: string): string | undefined {
  try {
    return kind === 'file' || kind === 'directory' ? readFault(kind, place) : makeFault(kind, place);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return `"${place}" cannot be used (${code ?? 'unknown fault'})${code === 'EACCES' ? ': this user may not enter a folder above it' : ''}`;
  }
}

function readFault(kind: 'file' | 'directory', place: string): string | undefined {
  const found = statSync(place, { throwIfNoEntry: false });
  if (found === undefined) return `"${place}" does not exist: make it, or name another`;
  if (kind === 'directory' ? !found.isDirectory() : !found.isFile())
    return `"${place}" is not a ${kind}: name another`;
  const right = kind === 'directory' ? constants.R_OK | constants.X_OK : constants.R_OK;
  return isAllowed(place, right)
    ? undefined
    : `"${place}" may not be read by this user: change its mode or owner`;
}

function makeFault(kind: 'new file' | 'new directory', place: string): string | undefined {
  const found = statSync(place, { throwIfNoEntry: false });
  if (found !== undefined && kind === 'new directory')
    return found.isDirectory() ? writeFault(place) : `"${place}" is not a directory: name another`;
  if (found?.isDirectory() === true) return `"${place}" is a directory: name a file`;
  const above = nearestAbove(place);
  if (!statSync(above).isDirectory()) return `"${place}" cannot be made: "${above}" is not a directory`;
  return writeFault(above);
}

function writeFault(directory: string): string | undefined {
  const fileSystem = kernelFileSystems[statfsSync(directory).type];
  if (fileSystem !== undefined)
    return `nothing can be written in "${directory}", which is of the kernel (${fileSystem}): name another place`;
  return isAllowed(directory, constants.W_OK | constants.X_OK)
    ? undefined
    : `this user may not write in "${directory}": name another place, or change its mode or owner`;
}

/** The nearest folder above that is there. */
function nearestAbove(place: string): string {
  const above = path.dirname(place);
  return above === place || statSync(above, { throwIfNoEntry: false }) !== undefined
    ? above
    : nearestAbove(above);
}

function isAllowed(place: string, right: number): boolean {
  try {
    accessSync(place, right);
    return true;
  } catch {
    return false; // a right that is missing, or a file system that is read-only
  }
}
