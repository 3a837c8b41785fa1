import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { natsServerPath } from '../tools.ts';
import { type Child, startChild } from './child.ts';
import { refuseIfInUse } from './processes-in.ts';

/** JetStream reads its stores back before it serves. */
const readyDeadlineMs = 30_000;
/** In order it closes its connections and stores; after this it is killed, which its stores survive. */
const stopDeadlineMs = 10_000;

export type NatsServerOptions = {
  /** An absolute folder of its own: `nats.conf`, `jetstream/` and `nats.log` come to stand in it. Made when absent, mode 0700. */
  readonly directory: string;
  /** The text of nats.conf: TLS, users, limits. Address, port and JetStream's folder are set here, whatever it says. */
  readonly config: string;
  /** The port on 127.0.0.1; absent means any free one. */
  readonly port?: number;
  /** How long to wait for the process of a crashed run to end by itself; the default is 10 s. */
  readonly leftoverDeadlineMs?: number;
  /** Kills it at once when it aborts, and gives a start up. */
  readonly signal?: AbortSignal | undefined;
};

/** A running nats-server with JetStream that listens on 127.0.0.1 only, has no monitoring port, and dies with us. */
export type NatsServer = {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly pid: number;
  /** Resolves when it has ended, however it ended. */
  readonly exited: Child['exited'];
  /** Tells it to read `config` anew; it keeps its connections. What it refuses is said in its log only. */
  reload(config: string): void;
  /** Stops it in order, kills it at the deadline (10 s unless given), and returns when it has ended. @throws ProcessesLeftError */
  stop(deadlineMs?: number): Promise<void>;
  /** Kills it as a crash would. Starting again on its folder and port brings its streams back. */
  crash(): Promise<void>;
};

/**
 * Starts nats-server and returns when JetStream has read its stores and clients are taken.
 *
 * @throws Error when there is no nats-server, or the folder is in use
 * @throws ChildStartError when it does not come up: a faulty config, a taken port
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const program = natsServerPath();
  if (program === undefined)
    throw new Error('nats-server: not on the path and not set up; run "npm run setup"');
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  await refuseIfInUse(options.directory, { ...options, name: 'nats-server' });
  const configFile = path.join(options.directory, 'nats.conf');
  writeFileSync(configFile, options.config, { mode: 0o600 });
  let port = options.port;
  const child = await startChild({
    name: 'nats-server',
    command: [program, ...flags(options, configFile)],
    directory: options.directory,
    environment: { TZ: 'UTC' },
    logFile: path.join(options.directory, 'nats.log'),
    isReady: (line) => {
      port = listeningPort(line) ?? port;
      return line.includes('Server is ready');
    },
    readyDeadlineMs,
    deathSignal: 'KILL',
    signal: options.signal,
  });
  if (port === undefined) throw new Error('nats-server: did not say on which port it listens');
  return {
    host: '127.0.0.1',
    port,
    pid: child.pid ?? 0,
    exited: child.exited,
    reload: (config) => {
      writeFileSync(configFile, config, { mode: 0o600 });
      child.signal('SIGHUP');
    },
    stop: async (deadlineMs = stopDeadlineMs) => void (await child.stop('SIGTERM', deadlineMs)),
    crash: async () => void (await child.stop('SIGKILL', stopDeadlineMs)),
  };
}

function flags(options: NatsServerOptions, configFile: string): string[] {
  const port = options.port ?? -1; // nats-server's own sign for any free port
  return [
    '--config',
    configFile,
    '--addr',
    '127.0.0.1',
    '--port',
    String(port),
    '--jetstream',
    '--store_dir',
    options.directory,
  ];
}

function listeningPort(line: string): number | undefined {
  const match = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(line);
  return match === null ? undefined : Number(match[1]);
}
