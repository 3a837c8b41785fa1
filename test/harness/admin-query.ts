import type { Secret } from '@stint/common/secret.ts';
import pg from 'pg';
import type { PostgresServer } from '../../deploy/servers/postgres.ts';

/** A database of a server of this machine, with its superuser's password. */
export type AdminPlace = {
  readonly server: Pick<PostgresServer, 'host' | 'port' | 'superuser'>;
  readonly password: Secret;
  /** `postgres` unless given. */
  readonly database?: string;
};

/** Runs SQL, of one statement or more, as the superuser, over a connection of its own. Returns the rows of the last one. */
export async function adminQuery(
  { server, password, database = 'postgres' }: AdminPlace,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const { host, port, superuser: user } = server;
  const client = new pg.Client({ host, port, user, password: password.revealText(), database });
  client.on('error', () => undefined); // a server that crashes: the query fails by itself
  await client.connect();
  try {
    const results: unknown = await client.query(sql);
    const last = (Array.isArray(results) ? results.at(-1) : results) as pg.QueryResult;
    return last.rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}
