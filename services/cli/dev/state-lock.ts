import { connect, createServer, type Server } from 'node:net';
import path from 'node:path';
import { listenOnUnixSocket, SocketInUseError } from '@stint/common/grpc/unix-socket.ts';
import { meshPaths } from '../../../deploy/mesh/mesh-paths.ts';
import { cliError } from '../cli-error.ts';

/** How long a lock's holder may take to say which process it is, in milliseconds. */
const answerMsMax = 1_000;

/**
 * One mesh a state directory: held by a socket that answers with the process's id, for as long as the process lives.
 * @throws CliError MESH_RUNNING when another process holds it; Error saying what is wrong with the place.
 */
export async function lockState(stateDirectory: string): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(String(process.pid)));
  const socketPath = path.join(meshPaths(stateDirectory).run, 'mesh', 'mesh.sock');
  try {
    await listenOnUnixSocket(server, socketPath);
  } catch (thrown) {
    throw thrown instanceof SocketInUseError ? await inUse(stateDirectory, socketPath) : thrown;
  }
  return server;
}

async function inUse(stateDirectory: string, socketPath: string): Promise<Error> {
  const pid = await holderOf(socketPath);
  return cliError('MESH_RUNNING', {
    what: `another mesh runs in "${stateDirectory}"`,
    why: `${pid === undefined ? 'a process' : `process ${pid}`} holds that state directory`,
    fix: 'end it (Ctrl-C there), or: npm start -- --state-dir DIR',
  });
}

/** The process that holds a lock; undefined when it does not say. */
function holderOf(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath).setEncoding('utf8');
    const settle = (answer: string) => {
      socket.destroy();
      resolve(/^\d{1,10}$/.exec(answer)?.[0]);
    };
    // The first piece is all of it: so few bytes come whole.
    socket.setTimeout(answerMsMax, () => settle(''));
    socket.once('data', (piece) => settle(String(piece)));
    socket.once('end', () => settle(''));
    socket.once('error', () => settle(''));
  });
}
