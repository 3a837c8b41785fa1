import { statSync } from 'node:fs';
import { createConnection } from 'node:net';
import path from 'node:path';
import { repositoryRoot } from '../../deploy/tools.ts';
import { cliError } from './cli-error.ts';
import { type Endpoint, type EndpointName, endpointNames } from './endpoints.ts';
import { shellWords } from './terminal/shell-words.ts';

/** How long finding out whether somebody listens may take, in milliseconds. */
const connectMsMax = 2_000;

/**
 * Returns when somebody listens at a service's socket.
 * @throws CliError NOT_RUNNING otherwise: it says how to start the mesh that was meant, or that the path is to be checked
 * where a flag or a variable named that very socket.
 */
export async function requireListener(name: EndpointName, endpoint: Endpoint): Promise<void> {
  const fault = await connectFault(endpoint.path);
  if (fault !== undefined) throw cliError('NOT_RUNNING', textOf(name, endpoint, fault), fault);
}

function textOf(name: EndpointName, { path: socket, source }: Endpoint, fault: NodeJS.ErrnoException) {
  const { flag, variable } = endpointNames[name];
  const code = fault.code ?? fault.message;
  if (code === 'EACCES' || code === 'EPERM')
    return {
      what: `the ${name} may not be asked by this user`,
      why: `nothing answers at "${socket}" (${code}; named by ${source})`,
      fix: 'run the command as the user who started it',
    };
  if (source === flag || source === variable)
    return {
      what: `no ${name} listens at "${socket}"`,
      why: `${whyNobody(socket, code)}; named by ${source}`,
      fix: `check the path that ${source} names, or start the ${name} that is to listen there`,
    };
  return {
    what: `the ${name} is not running`,
    why: `nothing answers at "${socket}" (${code}; named by ${source})`,
    fix: path.basename(source) === 'mesh.json' ? startCommand(path.dirname(source)) : findFix(name),
  };
}

/** Connecting to a file that is no socket is refused as if its listener had gone. */
function whyNobody(socket: string, code: string): string {
  if (code === 'ENOENT') return 'there is no such file (ENOENT)';
  const isOther =
    code === 'ENOTSOCK' ||
    (code === 'ECONNREFUSED' && statSync(socket, { throwIfNoEntry: false })?.isSocket() === false);
  return isOther ? `it is no socket (${code})` : `nothing answers there (${code})`;
}

/** What starts the mesh of a state directory, typed in the repository. */
function startCommand(stateDirectory: string): string {
  const isUsual = stateDirectory === path.join(repositoryRoot, '.stint');
  return isUsual ? 'npm start' : `npm start -- --state-dir ${shellWords([stateDirectory])}`;
}

/** What to do where nothing but the user's own directories names a service. */
export function findFix(name: EndpointName): string {
  return `npm start (in the repository, or go there), or name it with ${endpointNames[name].flag}`;
}

function connectFault(socketPath: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ path: socketPath });
    const answer = (fault: NodeJS.ErrnoException | undefined) => {
      socket.destroy();
      resolve(fault);
    };
    socket.once('connect', () => answer(undefined));
    socket.once('error', answer);
    socket.setTimeout(connectMsMax, () => answer(new Error('no answer in time')));
  });
}
