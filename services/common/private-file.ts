import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { geteuid } from 'node:process';
import { Secret } from './secret.ts';

/** Largest private file that is read, in bytes: keys, chains and tokens are a few kilobytes. */
export const privateFileBytesMax = 65_536;

/** How long a half-written copy may lie before {@link removeAbandonedCopies} takes it for a crash's, in milliseconds. */
const abandonedAfterMs = 600_000;

const copyEnding = '.partial';

/** Why a file that must be private to us is not fit for use. The text names the file and says what to do. */
export class PrivateFileError extends Error {
  /** `missing`: no such file. `exposed`: others may read it, or it is not ours. `unfit`: not a regular file, or too large. */
  readonly kind: 'missing' | 'exposed' | 'unfit';

  constructor(kind: PrivateFileError['kind'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'PrivateFileError';
    this.kind = kind;
  }
}

/**
 * Makes a directory that only we may enter (0700), or checks that an existing one is.
 * @throws PrivateFileError `exposed` or `unfit`; an existing directory's mode is never changed silently.
 */
export async function ensurePrivateDirectory(directory: string): Promise<void> {
  await makeDirectory(directory);
  const found = await lstat(directory);
  if (!found.isDirectory())
    throw new PrivateFileError('unfit', `"${directory}" is not a directory (links are not followed)`);
  refuseExposed(directory, found, '0700');
}

/**
 * Reads a file that only we may read (no right for group or others, owned by us, not a link).
 * @throws PrivateFileError; other errors of the file system pass.
 */
export async function readPrivateFile(file: string): Promise<Secret> {
  // The checks are made on the open file, so that nothing can be put in its place between check and read.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') throw new PrivateFileError('missing', `"${file}" does not exist`, cause);
      if (cause.code === 'ELOOP')
        throw new PrivateFileError('unfit', `"${file}" is a link: name the file itself`, cause);
      throw cause;
    },
  );
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new PrivateFileError('unfit', `"${file}" is not a regular file`);
    refuseExposed(file, found, '0600');
    if (found.size > privateFileBytesMax)
      throw new PrivateFileError('unfit', `"${file}" is larger than ${privateFileBytesMax} bytes`);
    const bytes = await handle.readFile();
    const secret = new Secret(bytes);
    bytes.fill(0);
    return secret;
  } finally {
    await handle.close();
  }
}

/**
 * Reads a password that an operator wrote into a private file: one line break at the end does not belong to it.
 * @throws as {@link readPrivateFile}
 */
export async function readPasswordFile(file: string): Promise<Secret> {
  const contents = await readPrivateFile(file);
  const password = new Secret(contents.revealText().replace(/\r?\n$/, ''));
  contents.destroy();
  return password;
}

/**
 * Writes a private file (0600) that must not exist yet; false when it does, and then nothing is changed.
 * Of several writers at once exactly one gets true. The file appears whole or not at all, and is durable on return.
 */
export async function createPrivateFile(file: string, contents: string): Promise<boolean> {
  const copy = await writeCopy(file, contents);
  try {
    await link(copy, file); // fails when the name is taken, unlike rename
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  } finally {
    await unlink(copy);
  }
  await syncDirectory(path.dirname(file));
  return true;
}

/** Writes a private file (0600) in place of what stands there. Readers see the old or the new, whole; durable on return. */
export async function replacePrivateFile(file: string, contents: string): Promise<void> {
  const copy = await writeCopy(file, contents);
  await rename(copy, file);
  await syncDirectory(path.dirname(file));
}

/** Removes the half-written copies that a crash left in the directory; copies of a writer at work are younger and stay. */
export async function removeAbandonedCopies(directory: string, now: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.endsWith(copyEnding)) continue;
    const copy = path.join(directory, name);
    const found = await lstat(copy).catch(ignoreMissing);
    if (found !== undefined && now - found.mtimeMs > abandonedAfterMs)
      await unlink(copy).catch(ignoreMissing);
  }
}

/** Node's own recursive mkdir never returns where the kernel answers ENOENT below a folder that is there, as in /proc. */
async function makeDirectory(directory: string): Promise<void> {
  const make = () => mkdir(directory, { mode: 0o700 }).catch(ignoreExisting);
  await make().catch(async (cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' || path.dirname(directory) === directory) throw cause;
    await makeDirectory(path.dirname(directory));
    await make();
  });
}

async function writeCopy(file: string, contents: string): Promise<string> {
  const copy = `${file}.${randomBytes(6).toString('hex')}${copyEnding}`;
  const handle = await open(copy, 'wx', 0o600);
  try {
    await handle.writeFile(contents);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return copy;
}

// Without this a power cut may take back a name although the file's bytes are on the disk.
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function refuseExposed(
  file: string,
  found: { readonly mode: number; readonly uid: number },
  wanted: string,
): void {
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
    throw new PrivateFileError(
      'exposed',
      `"${file}" has mode ${mode}: others may read it; if nobody did, run chmod ${wanted} "${file}"`,
    );
  }
  const uid = geteuid?.();
  if (uid !== undefined && found.uid !== uid) {
    throw new PrivateFileError(
      'exposed',
      `"${file}" belongs to user ${found.uid}, and this process runs as user ${uid}`,
    );
  }
}

function ignoreExisting(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== 'EEXIST') throw cause;
  return undefined;
}

function ignoreMissing(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== 'ENOENT') throw cause;
  return undefined;
}
