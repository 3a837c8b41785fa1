import type { Secret } from '@stint/common/secret.ts';
import pg from 'pg';

/** A database user as PostgreSQL itself sees it at this moment. */
export type RoleSighting = {
  readonly exists: boolean;
  readonly sessions: number;
  readonly memberOf: readonly string[];
  readonly validUntil: string | undefined;
};

/** Where the superuser logs in. */
export type SuperuserAddress = { readonly host: string; readonly port: number; readonly superuser: string };

/** Asks the demo's PostgreSQL, as its superuser, what there is of a role: a witness that trusts nothing Stint says. */
export function seeRole(server: SuperuserAddress, password: Secret, role: string): Promise<RoleSighting> {
  return ask(server, password, async (client) => {
    const found = await client.query(
      `SELECT rolvaliduntil::text AS valid_until,
              (SELECT count(*)::int FROM pg_stat_activity WHERE usesysid = role.oid) AS sessions,
              ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = role.oid) AS member_of
         FROM pg_roles AS role WHERE rolname = $1`,
      [role],
    );
    const [row] = found.rows;
    if (row === undefined) return { exists: false, sessions: 0, memberOf: [], validUntil: undefined };
    return { exists: true, sessions: row.sessions, memberOf: row.member_of, validUntil: row.valid_until };
  });
}

/** Names of all lease roles that stand at the demo's PostgreSQL. */
export function seeLeaseRoles(
  server: SuperuserAddress,
  password: Secret,
  brokerName: string,
): Promise<readonly string[]> {
  return ask(server, password, async (client) => {
    const found = await client.query(
      'SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY rolname',
      [`stint_${brokerName}_`],
    );
    return found.rows.map((row) => row.rolname as string);
  });
}

async function ask<T>(
  server: SuperuserAddress,
  password: Secret,
  question: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const { host, port, superuser: user } = server;
  const client = new pg.Client({ host, port, user, password: password.revealText(), database: 'postgres' });
  // A lost connection fails the question under way; as an event nobody hears it would end this process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await question(client);
  } finally {
    await client.end();
  }
}
