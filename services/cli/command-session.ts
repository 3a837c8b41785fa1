import { createConnection } from 'node:net';
import type { ErrorReason } from '@stint/common/errors.ts';
import { connectGrpc } from '@stint/common/grpc-client.ts';
import type { Log } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import { cliError } from './cli-error.ts';
import { type Endpoint, type EndpointName, type Endpoints, endpointNames } from './endpoints.ts';
import type { Output } from './terminal/output.ts';
import { ToldChannel } from './told-channel.ts';

/** What runs and can be asked. */
export type ServiceName = Exclude<EndpointName, 'log'>;

/** How long finding out whether somebody listens may take, in milliseconds. */
const connectMsMax = 2_000;

/** How long a call that waits for access to be cut may take, in milliseconds: a database under load, not a dead one. */
export const containMsMax = 30_000;

export type CommandSessionParts = {
  readonly output: Output;
  readonly endpoints: () => Endpoints;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
};

/** One run of a command: where it writes, whom it can ask, what it was started with. Close it at the end. */
export class CommandSession {
  readonly output: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly #parts: CommandSessionParts;
  readonly #channels = new Map<ServiceName, ToldChannel>();

  constructor(parts: CommandSessionParts) {
    this.#parts = parts;
    this.output = parts.output;
    this.environment = parts.environment;
    this.clock = parts.clock;
  }

  /**
   * A connection to a service that listens; long waits for its answers are told. @throws CliError NOT_RUNNING when none
   * does, saying what to start.
   */
  async channel(name: ServiceName): Promise<ToldChannel> {
    const open = this.#channels.get(name);
    if (open !== undefined) return open;
    const endpoint = this.endpoint(name);
    await requireListener(name, endpoint);
    const channel = connectGrpc({
      target: { unixPath: endpoint.path },
      unavailable: unavailableReasons[name],
      clock: this.clock,
      log: this.#parts.log,
    });
    const told = new ToldChannel({ channel, name, output: this.output });
    this.#channels.set(name, told);
    return told;
  }

  /** Where something is. @throws CliError NOT_RUNNING when nothing names it. */
  endpoint(name: EndpointName): Endpoint {
    const found = this.#parts.endpoints()[name];
    if (found !== undefined) return found;
    const { flag, variable } = endpointNames[name];
    throw cliError('NOT_RUNNING', {
      what: 'no mesh was found',
      why: `there is no .stint/mesh.json here or above, and neither ${flag} nor ${variable} is set`,
      fix: `npm start (in the repository, or go there), or name it with ${flag}`,
    });
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }
}

/** The reason code of a service that listened and does not answer. */
const unavailableReasons = {
  broker: 'BROKER_UNAVAILABLE',
  sidecar: 'SIDECAR_UNAVAILABLE',
  auditor: 'AUDITOR_UNAVAILABLE',
} as const satisfies Record<ServiceName, ErrorReason>;

async function requireListener(name: ServiceName, { path, source }: Endpoint): Promise<void> {
  const fault = await connectFault(path);
  if (fault === undefined) return;
  const isForbidden = fault.code === 'EACCES' || fault.code === 'EPERM';
  throw cliError(
    'NOT_RUNNING',
    {
      what: isForbidden ? `the ${name} may not be asked by this user` : `the ${name} is not running`,
      why: `nothing answers at "${path}" (${fault.code ?? fault.message}; named by ${source})`,
      fix: isForbidden ? 'run the command as the user who started it' : 'npm start',
    },
    fault,
  );
}

function connectFault(path: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    const answer = (fault: NodeJS.ErrnoException | undefined) => {
      socket.destroy();
      resolve(fault);
    };
    socket.once('connect', () => answer(undefined));
    socket.once('error', answer);
    socket.setTimeout(connectMsMax, () => answer(new Error('no answer in time')));
  });
}
