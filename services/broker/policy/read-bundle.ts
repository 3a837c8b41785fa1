import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type SourceFault, wholeFileFault } from '../registry/source-fault.ts';
import type { BundleFile } from './admit-bundle.ts';
import { bundleBytesMax, fileBytesMax, filesMax } from './policy-limits.ts';

/** The files of a bundle as they were read, once; everything later works on these bytes. */
export type BundleFiles = {
  /** Sorted by path. */
  readonly files: readonly BundleFile[];
  /** Hash over paths and bytes, hex SHA-256. */
  readonly sha256: string;
  readonly faults: readonly SourceFault[];
};

/**
 * Reads a bundle directory: `registry.yaml` or `registry/*.yaml`, and `policies/*.cedar`. Hidden files and README.md are
 * left out; any other file is a fault, because a rule in a misnamed file would silently not be in force.
 */
export async function readBundle(directory: string): Promise<BundleFiles> {
  const faults: SourceFault[] = [];
  const single = await listFiles(directory, '.', faults);
  const paths = [
    ...single.filter((name) => name === 'registry.yaml'),
    ...(await listFolder(directory, { folder: 'registry', extension: '.yaml' }, faults)),
    ...(await listFolder(directory, { folder: 'policies', extension: '.cedar' }, faults)),
  ].sort();
  if (!paths.some((path) => path.startsWith('registry')))
    faults.push(wholeFileFault(directory, 'there is no registry.yaml and no registry/*.yaml', 'add one'));
  if (paths.length > filesMax)
    faults.push(wholeFileFault(directory, `${paths.length} files: at most ${filesMax} are allowed`));
  const files: BundleFile[] = [];
  let bytesTotal = 0;
  for (const path of paths.slice(0, filesMax)) {
    const bytes = await readFile(directory, path, faults);
    bytesTotal += bytes?.length ?? 0;
    if (bytes !== undefined && bytesTotal <= bundleBytesMax) files.push({ path, bytes });
  }
  if (bytesTotal > bundleBytesMax)
    faults.push(wholeFileFault(directory, `the files are larger than ${bundleBytesMax} bytes together`));
  return { files, sha256: hashFiles(files), faults };
}

async function listFolder(
  directory: string,
  about: { folder: string; extension: string },
  faults: SourceFault[],
): Promise<string[]> {
  const names = await listFiles(directory, about.folder, faults);
  return names.flatMap((name) => {
    const path = `${about.folder}/${name}`;
    if (name.endsWith(about.extension)) return [path];
    faults.push(
      wholeFileFault(path, `only ${about.extension} files belong here`, 'rename the file or move it away'),
    );
    return [];
  });
}

async function listFiles(directory: string, folder: string, faults: SourceFault[]): Promise<string[]> {
  try {
    const names = await readdir(join(directory, folder));
    return names.filter((name) => !name.startsWith('.') && name !== 'README.md');
  } catch (thrown) {
    const isAbsent = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    // A bundle need not have both folders, but there must be a bundle.
    if (!isAbsent || folder === '.')
      faults.push(wholeFileFault(join(directory, folder), `cannot be read: ${(thrown as Error).message}`));
    return [];
  }
}

async function readFile(
  directory: string,
  path: string,
  faults: SourceFault[],
): Promise<Uint8Array | undefined> {
  try {
    const bytes = await readLimited(join(directory, path));
    if (bytes === undefined)
      faults.push(wholeFileFault(path, `the file is larger than ${fileBytesMax} bytes`, 'split it'));
    return bytes;
  } catch (thrown) {
    faults.push(wholeFileFault(path, `cannot be read: ${(thrown as Error).message}`));
    return undefined;
  }
}

/**
 * The file's bytes, or undefined when it is over the limit. Never reads more than the limit, whatever its size says, and
 * never waits for a writer: opening a pipe as a file would hold a thread of this process for good.
 */
async function readLimited(path: string): Promise<Uint8Array | undefined> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (!(await file.stat()).isFile()) throw new Error('it is not a regular file');
  const chunks: Buffer[] = [];
  for (let total = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1_024));
    if (bytesRead === 0) return Buffer.concat(chunks);
    total += bytesRead;
    if (total > fileBytesMax) return undefined;
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

// Lengths stand before the parts, so that bytes cannot move between a name and its content.
function hashFiles(files: readonly BundleFile[]): string {
  const hash = createHash('sha256');
  for (const { path, bytes } of files)
    hash.update(`${Buffer.byteLength(path)}:${path}${bytes.length}:`).update(bytes);
  return hash.digest('hex');
}
