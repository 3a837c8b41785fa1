import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import path from 'node:path';
import { ensurePrivateDirectory } from '../private-file.ts';

/** Longest path of a unix socket, in bytes: the smallest limit of the systems we run on (macOS; Linux has 107). */
export const unixPathBytesMax = 104;

/** How long a socket file's owner may take to answer before the file counts as left behind, in milliseconds. */
const probeMs = 1_000;

/** Another process answers on the socket. */
export class SocketInUseError extends Error {
  constructor(socketPath: string) {
    super(`another process answers on "${socketPath}"`);
    this.name = 'SocketInUseError';
  }
}

/**
 * Listens on a unix socket that only this user can reach: its directory is made with 0700, or must be so and ours.
 * A socket file left by a process that died is removed; one that somebody answers on is not.
 * @throws SocketInUseError when another process listens there; Error saying what is wrong with the path.
 */
export async function listenOnUnixSocket(server: Server, socketPath: string): Promise<void> {
  const bytes = Buffer.byteLength(socketPath);
  if (bytes > unixPathBytesMax)
    throw new Error(
      `socket "${socketPath}": ${bytes} bytes long, at most ${unixPathBytesMax}: use a shorter path`,
    );
  await ensurePrivateDirectory(path.dirname(socketPath));
  await removeStaleSocket(socketPath);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => {
      server.off('error', reject);
      resolve();
    });
  });
  chmodSync(socketPath, 0o600);
}

async function removeStaleSocket(socketPath: string): Promise<void> {
  const facts = lstatSync(socketPath, { throwIfNoEntry: false });
  if (facts === undefined) return;
  if (!facts.isSocket()) throw new Error(`"${socketPath}" exists and is not a socket: it is left alone`);
  if (await isAnswered(socketPath)) throw new SocketInUseError(socketPath);
  unlinkSync(socketPath);
}

function isAnswered(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socketPath);
    const settle = (answered: boolean) => {
      probe.destroy();
      resolve(answered);
    };
    // Busy is not dead: only a refusal shows that nobody holds the other end.
    probe.setTimeout(probeMs, () => settle(true));
    probe.once('connect', () => settle(true));
    probe.once('error', (fault: NodeJS.ErrnoException) =>
      settle(fault.code !== 'ECONNREFUSED' && fault.code !== 'ENOENT'),
    );
  });
}
