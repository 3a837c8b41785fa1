import { Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { withSpan } from '@stint/common/telemetry.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import pg from 'pg';
import { ProviderFailure } from '../../app/ports/provider.ts';
import type { PostgresConfig } from './config.ts';
import { changedMeanwhile, type Purpose, providerFailure } from './failure.ts';
import { openingQuery, type Statement } from './statements.ts';

/** How long a session waits for a lock that somebody else holds, in milliseconds. */
const lockTimeoutMs = 2_000;

/** How long the server keeps a transaction of ours open that we have fallen silent in, in milliseconds. */
const idleInTransactionMs = 5_000;

/** How often a statement is sent that meets other changes of the same role: a renewal, a replay and an end may all meet. */
const sendsMax = 5;

/** A row as the driver reads it. */
export type Row = Readonly<Record<string, unknown>>;

export type SessionOptions = {
  readonly config: PostgresConfig;
  readonly database: string;
  /** Shown in the target's own views and logs. */
  readonly applicationName: string;
  readonly clock: Clock;
};

/**
 * One connection to the target, used by one piece of work at a time.
 *
 * Names are resolved in `pg_catalog` alone, so nothing that a user of the target creates can be called in place of a
 * function of the server. A session whose work was cut off is not used again.
 */
export class Session {
  readonly version: number;
  /** The target's clock less ours, in milliseconds, as measured when the session was opened. */
  readonly clockOffsetMs: number;
  readonly openedAt: UnixMs;
  readonly #client: pg.Client;
  readonly #socket: Socket;
  /** Names of the OpenTelemetry semantic conventions for database clients, 1.44. Never the statement: it holds a verifier. */
  readonly #spanFacts: Readonly<Record<string, string | number>>;
  #isUsable = true;

  private constructor(
    client: pg.Client,
    socket: Socket,
    facts: { options: SessionOptions; version: number; clockOffsetMs: number; openedAt: UnixMs },
  ) {
    this.#client = client;
    this.#socket = socket;
    this.version = facts.version;
    this.clockOffsetMs = facts.clockOffsetMs;
    this.openedAt = facts.openedAt;
    const { config, database } = facts.options;
    this.#spanFacts = {
      'db.system.name': 'postgresql',
      'db.namespace': database,
      'server.address': config.host,
      'server.port': config.port,
    };
    socket.once('close', () => {
      this.#isUsable = false;
    });
  }

  /** @throws ProviderFailure `unreachable` or `blocked`: nothing was done at the target. */
  static open(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    const socket = new Socket();
    const client = new pg.Client(clientConfig(options, socket));
    client.on('error', () => socket.destroy()); // a session cut while idle: its close is noticed at its next use
    return cutOff(socket, { signal, purpose: 'connect' }, async () => {
      await client.connect();
      const before = options.clock.now();
      const [facts] = (await client.query(openingQuery)).rows as [{ version: number; now: number }];
      const after = options.clock.now();
      const clockOffsetMs = Math.round(facts.now - (before + after) / 2);
      return new Session(client, socket, { options, version: facts.version, clockOffsetMs, openedAt: after });
    });
  }

  /** False when the connection is gone: take another. */
  get isUsable(): boolean {
    // A socket that was cut says so a moment before it closes.
    return this.#isUsable && !this.#socket.destroyed;
  }

  /**
   * Sends statements in one message: the server carries them out as one transaction, all or none, in one round trip.
   * Returns the rows of the last. Source: PostgreSQL manual, "Multiple Statements in a Simple Query".
   * @throws ProviderFailure, classed by `purpose`.
   */
  run(statement: Statement, purpose: Purpose, signal: AbortSignal): Promise<readonly Row[]> {
    const attributes = {
      ...this.#spanFacts,
      'db.operation.name': statement.operation,
      'db.query.summary': statement.operation,
    };
    return withSpan(statement.operation, { kind: 'client', attributes }, async (span) => {
      try {
        const results = await this.#send(statement, purpose, signal);
        const last: pg.QueryResult = Array.isArray(results) ? (results.at(-1) as pg.QueryResult) : results;
        return last.rows as Row[];
      } catch (thrown) {
        if (thrown instanceof ProviderFailure) span?.setAttribute('db.response.status_code', thrown.code);
        throw thrown;
      }
    });
  }

  /** Sends it again when somebody else changed the same role in between: the server has rolled all of it back. */
  async #send(statement: Statement, purpose: Purpose, signal: AbortSignal) {
    for (let sends = 1; ; sends++) {
      try {
        return await cutOff(this.#socket, { signal, purpose }, () => this.#client.query(statement.text));
      } catch (thrown) {
        const isMet = thrown instanceof ProviderFailure && thrown.code === changedMeanwhile;
        if (!isMet || sends >= sendsMax) throw thrown;
      }
    }
  }

  /** Ends the session in order; the server learns at once. */
  async close(): Promise<void> {
    this.#isUsable = false;
    await this.#client.end();
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#isUsable = false;
    this.#socket.destroy();
  }
}

function clientConfig(
  { config, database, applicationName }: SessionOptions,
  socket: Socket,
): pg.ClientConfig {
  const settings = {
    search_path: 'pg_catalog',
    standard_conforming_strings: 'on',
    statement_timeout: config.statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
  };
  return {
    host: config.host,
    port: config.port,
    database,
    user: config.user,
    password: () => config.password.revealText(),
    ssl: config.sslmode === 'disable' ? false : tlsOptions(config),
    application_name: applicationName,
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    keepAlive: true,
    stream: () => socket,
  };
}

function tlsOptions(config: PostgresConfig): ConnectionOptions {
  return {
    ...(config.ca === undefined ? {} : { ca: config.ca }),
    minVersion: 'TLSv1.2',
    // The driver hands over an open socket, from which Node cannot tell the name that was asked for.
    checkServerIdentity: (_host, certificate) => checkServerIdentity(config.host, certificate),
  };
}

/** Does work on a socket, and cuts the socket when the signal comes first: the work then fails like a lost connection. */
async function cutOff<T>(
  socket: Socket,
  { signal, purpose }: { signal: AbortSignal; purpose: Purpose },
  work: () => Promise<T>,
): Promise<T> {
  const cut = () => socket.destroy();
  if (signal.aborted) cut();
  signal.addEventListener('abort', cut, { once: true });
  try {
    return await work();
  } catch (error) {
    const failure = providerFailure(error, purpose);
    if (failure.kind === 'ambiguous' || purpose === 'connect') cut();
    const isCutByUs = signal.aborted && failure.code === 'CONNECTION_LOST';
    throw isCutByUs ? new ProviderFailure(failure.kind, 'DEADLINE') : failure;
  } finally {
    signal.removeEventListener('abort', cut);
  }
}
