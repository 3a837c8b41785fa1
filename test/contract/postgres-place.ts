import pg from 'pg';
import type { PostgresPlace } from '../../services/broker/store/postgres-connection.ts';
import type { ScratchPostgres } from '../harness/scratch-servers.ts';

let made = 0;

/** A database of its own on a scratch server. */
export async function postgresPlace(postgres: ScratchPostgres): Promise<PostgresPlace> {
  const database = `stint_${++made}`;
  const { host, port, superuser: user } = postgres.current();
  const { password } = postgres;
  const client = new pg.Client({ host, port, user, password: password.revealText(), database: 'postgres' });
  await client.connect();
  await client.query(`create database ${database}`);
  await client.end();
  return { host, port, user, password, database };
}
