import { createHash } from 'node:crypto';
import { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import { ServiceError } from '@stint/common/errors.ts';
import type { Secret } from '@stint/common/secret.ts';
import pg from 'pg';

/** Where the store's PostgreSQL is, and who we are there. A session pool between us must not share sessions. */
export type PostgresPlace = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: Secret;
  /** TLS to the server; absent means none, for a socket or this machine only. */
  readonly tls?: ConnectionOptions;
};

/** A server that has not answered for this long, in milliseconds, counts as lost. */
const connectMsMax = 5_000;
const queryMsMax = 15_000;
/** How long a lock that another session holds is asked for, in milliseconds: a killed broker's session ends meanwhile. */
const lockWaitMs = 2_000;
const lockPollMs = 50;

const int8Oid = 20;

/** 64-bit integers as numbers: ours are counts, sequences and milliseconds, all far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === int8Oid ? Number : pg.types.getTypeParser(oid, format as 'text'),
};

/** The settings that the `pg` client and its pool share. */
export function clientSettings(place: PostgresPlace): pg.ClientConfig {
  return {
    host: place.host,
    port: place.port,
    database: place.database,
    user: place.user,
    // A function: the password is opened for each handshake and stands in no object that could be printed.
    password: () => place.password.revealText(),
    ssl: place.tls ?? false,
    types,
    keepAlive: true,
    connectionTimeoutMillis: connectMsMax,
    query_timeout: queryMsMax,
    statement_timeout: queryMsMax,
    application_name: 'stint-broker',
  };
}

/** One session of our own. `drop` ends it at once, whatever state the server is in. */
export type Session = { readonly client: pg.Client; isLost(): boolean; drop(): void };

/** @throws Error by the driver when the server cannot be reached or refuses us. */
export async function openSession(place: PostgresPlace): Promise<Session> {
  const socket = new Socket();
  let lost = false;
  const drop = () => {
    lost = true;
    socket.destroy();
  };
  const client = new pg.Client({ ...clientSettings(place), stream: () => socket });
  client.on('error', drop);
  client.on('end', drop);
  try {
    await client.connect();
  } catch (thrown) {
    drop();
    throw thrown;
  }
  return { client, isLost: () => lost, drop };
}

/**
 * Takes the session's lock on a broker's name. The server frees it when the session ends, however that comes.
 * @throws ServiceError STORE_IN_USE when another session keeps holding it.
 */
export async function holdBrokerName(session: Session, name: string): Promise<void> {
  for (let waited = 0; ; waited += lockPollMs) {
    const { rows } = await session.client.query<{ held: boolean }>(
      'select pg_try_advisory_lock($1) as held',
      [lockKey('broker', name)],
    );
    if (rows[0]?.held === true) return;
    if (waited >= lockWaitMs) {
      throw new ServiceError(
        'STORE_IN_USE',
        `store: another process is running as broker "${name}" on this database`,
      );
    }
    await wait(lockPollMs);
  }
}

/** A 64-bit advisory lock key for a text, as decimal text. */
export function lockKey(kind: 'broker' | 'quota' | 'recount', text: string): string {
  return createHash('sha256').update(`stint ${kind}\n${text}`).digest().readBigInt64BE().toString();
}
