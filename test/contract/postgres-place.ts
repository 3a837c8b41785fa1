import type { PostgresPlace } from '../../services/broker/store/postgres-connection.ts';
import { adminQuery } from '../harness/admin-query.ts';
import type { ScratchPostgres } from '../harness/scratch-servers.ts';

let made = 0;

/** A database of its own on a scratch server. */
export async function postgresPlace(postgres: ScratchPostgres): Promise<PostgresPlace> {
  const database = `stint_${++made}`;
  const { host, port, superuser: user } = postgres.current();
  const { password } = postgres;
  await adminQuery({ server: postgres.current(), password }, `create database ${database}`);
  return { host, port, user, password, database };
}
