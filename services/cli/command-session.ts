import type { ErrorReason } from '@stint/common/errors.ts';
import { connectGrpc } from '@stint/common/grpc-client.ts';
import type { Log } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import { cliError } from './cli-error.ts';
import { type Endpoint, type EndpointName, type Endpoints, endpointNames } from './endpoints.ts';
import { findFix, requireListener } from './require-listener.ts';
import type { Output } from './terminal/output.ts';
import { ToldChannel } from './told-channel.ts';

/** What runs and can be asked. */
export type ServiceName = Exclude<EndpointName, 'log'>;

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
      fix: findFix(name),
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
