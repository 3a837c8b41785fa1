import type { Secret } from '@stint/common/secret.ts';
import pg from 'pg';
import { scramIterationsDefault } from '../../services/broker/providers/postgres/config.ts';
import { graveyardRole, quoteIdentifier } from '../../services/broker/providers/postgres/names.ts';
import { scramVerifier } from '../../services/broker/providers/postgres/scram.ts';
import { createIfAbsent, setupStatements } from '../../services/broker/providers/postgres/setup-sql.ts';

/** The database, its table and the group roles of its two profiles. The example registry names them. */
export const demoDatabase = {
  database: 'demo',
  table: 'orders',
  readRole: 'stint_demo_read',
  writeRole: 'stint_demo_write',
} as const;

export type DemoDatabaseOptions = {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly superuserPassword: Secret;
  /** The role the broker will log in with, and its password. */
  readonly brokerRole: string;
  readonly brokerPassword: Secret;
};

/**
 * Prepares a running PostgreSQL as the demo's target. Run again it repairs what is missing and sets the broker's
 * password anew; rows that are there stay.
 *
 * 1. Group roles, the broker's role and its rights. *Crash: the next run does the rest; every statement may be repeated.*
 * 2. The database, closed to everybody but the groups. *Crash: as before.*
 * 3. The table, its rows and the groups' rights to it, in one transaction. *Crash: none of it.*
 */
export async function prepareDemoDatabase(options: DemoDatabaseOptions): Promise<void> {
  const verifier = await scramVerifier(options.brokerPassword, scramIterationsDefault);
  const { database, readRole, writeRole } = demoDatabase;
  await inDatabase(options, 'postgres', async (client) => {
    const version = await client.query(`SELECT current_setting('server_version_num')::int AS version`);
    const groupRoles = [readRole, writeRole];
    for (const role of groupRoles) await client.query(createIfAbsent(role, 'NOLOGIN'));
    const statements = setupStatements({
      version: Number(version.rows[0].version),
      brokerRole: options.brokerRole,
      verifier,
      groupRoles,
    });
    for (const statement of statements) await client.query(statement);
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${quoteIdentifier(database)}`);
    await client.query(`REVOKE ALL ON DATABASE ${quoteIdentifier(database)} FROM PUBLIC`);
    const groups = [...groupRoles, options.brokerRole].map(quoteIdentifier).join(', ');
    await client.query(`GRANT CONNECT ON DATABASE ${quoteIdentifier(database)} TO ${groups}`);
  });
  await inDatabase(options, database, (client) => client.query(demoTables));
}

// One message, so one transaction. The writers may create tables: the graveyard must be able to take those over.
const demoTables = `
  CREATE TABLE IF NOT EXISTS public.orders (
    id int PRIMARY KEY, customer text NOT NULL, item text NOT NULL, amount_cents int NOT NULL, placed_at timestamptz NOT NULL
  );
  INSERT INTO public.orders VALUES
    (1, 'Ada', 'difference engine', 129900, '2026-01-05T09:00:00Z'),
    (2, 'Grace', 'compiler', 49900, '2026-01-06T10:30:00Z'),
    (3, 'Edsger', 'shortest path', 9900, '2026-01-07T11:45:00Z'),
    (4, 'Barbara', 'abstract type', 19900, '2026-01-08T14:15:00Z'),
    (5, 'Leslie', 'logical clock', 29900, '2026-01-09T16:00:00Z')
    ON CONFLICT (id) DO NOTHING;
  GRANT USAGE ON SCHEMA public TO ${demoDatabase.readRole}, ${demoDatabase.writeRole};
  GRANT SELECT ON public.orders TO ${demoDatabase.readRole}, ${demoDatabase.writeRole};
  GRANT INSERT, UPDATE, DELETE ON public.orders TO ${demoDatabase.writeRole};
  GRANT CREATE ON SCHEMA public TO ${demoDatabase.writeRole}, ${graveyardRole};
`;

async function inDatabase(
  options: DemoDatabaseOptions,
  database: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const { host, port, superuser: user } = options;
  const client = new pg.Client({
    host,
    port,
    user,
    database,
    password: () => options.superuserPassword.revealText(),
  });
  // A lost connection fails the statement under way; as an event nobody hears it would end this process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
