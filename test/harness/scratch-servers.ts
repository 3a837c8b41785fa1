import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { Secret } from '@stint/common/secret.ts';
import { type NatsServer, startNatsServer } from '../../deploy/servers/nats-server.ts';
import { type PostgresServer, startPostgres } from '../../deploy/servers/postgres.ts';
import { processesIn } from '../../deploy/servers/processes-in.ts';
import { natsServerPath, type PostgresPaths, postgresPaths } from '../../deploy/tools.ts';
import { type Scope, tempDir } from './temp-dir.ts';

/** For `{ skip }` of a test: false, or why it cannot run here. Setup brings both servers, so a skip is a loud exception. */
export const skipWithoutPostgres =
  postgresPaths() === undefined ? 'NOT TESTED: no PostgreSQL for this system; run "npm run setup"' : false;
export const skipWithoutNats =
  natsServerPath() === undefined ? 'NOT TESTED: no nats-server; run "npm run setup"' : false;

/** A server that a test may crash and start again on the same data and port. */
export type Scratch<Server> = {
  /** The server as it runs now. */
  current(): Server;
  /** Kills it as a crash would. */
  crash(): Promise<void>;
  /** Starts it again on the same data and port, after a crash or stop. */
  restart(): Promise<Server>;
};

/** A PostgreSQL of its own for one test or test file, stopped at the scope's end. */
export type ScratchPostgres = Scratch<PostgresServer> & { readonly password: Secret };

/** Starts a PostgreSQL for a scope. Not durable by default: its data die with the scope; crash tests ask for `isDurable`. */
export async function scratchPostgres(
  scope: Scope,
  options: {
    readonly isDurable?: boolean;
    readonly settings?: Readonly<Record<string, string>>;
    readonly programs?: PostgresPaths;
  } = {},
): Promise<ScratchPostgres> {
  const password = new Secret(randomBytes(18).toString('base64url'));
  const server = await scratch(scope, ({ directory, ...port }) =>
    startPostgres({ isDurable: false, ...options, ...port, directory, password }),
  );
  return { ...server, password };
}

/** Starts a nats-server with JetStream for a scope. `config`, asked for at each start, is the text of nats.conf; empty means neither TLS nor users. */
export function scratchNats(
  scope: Scope,
  { config = () => '' }: { readonly config?: () => string } = {},
): Promise<Scratch<NatsServer>> {
  return scratch(scope, (place) => startNatsServer({ ...place, config: config() }));
}

type Startable = { readonly port: number; stop(): Promise<void>; crash(): Promise<void> };
type Place = { readonly directory: string; readonly port?: number };

async function scratch<Server extends Startable>(
  scope: Scope,
  start: (place: Place) => Promise<Server>,
): Promise<Scratch<Server>> {
  const undo: (() => void | Promise<void>)[] = [];
  scope.after(async () => {
    for (const step of undo.reverse()) await step();
  });
  const directory = path.join(tempDir({ after: (step) => undo.push(step) }), 'server');
  let server = await start({ directory });
  undo.push(async () => {
    await server.stop();
    assert.deepEqual(processesIn(directory), [], 'a server process outlived its test');
  });
  return {
    current: () => server,
    crash: () => server.crash(),
    restart: async () => {
      server = await start({ directory, port: server.port });
      return server;
    },
  };
}
