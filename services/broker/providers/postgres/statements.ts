import { formatTime, type UnixMs } from '@stint/common/time.ts';
import { graveyardRole, quoteIdentifier, quoteLiteral } from './names.ts';

/** First version whose CREATEROLE reaches only roles that it made. Source: PostgreSQL 16 release notes, E.1.3.1. */
export const ownRolesOnlyVersion = 160_000;

/**
 * What every session asks first. Self-grants are switched off whatever the server's default: with them the broker would
 * inherit each lease's rights.
 */
export const openingQuery = `SELECT current_setting('server_version_num')::int AS version,
  (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now,
  (SELECT set_config('createrole_self_grant', '', false) WHERE current_setting('server_version_num')::int >= ${ownRolesOnlyVersion})`;

export const ping: Statement = { operation: 'SELECT', text: 'SELECT 1' };

/**
 * What is sent to a target in one message, and the name its span has. Texts may be several statements: one transaction.
 * Names in them are ours by grammar and quoted all the same.
 */
export type Statement = { readonly operation: string; readonly text: string };

/** What {@link createRole} puts together. Times are by the target's clock. */
export type NewRole = {
  /** `server_version_num` of the target. */
  readonly version: number;
  readonly name: string;
  readonly verifier: string;
  readonly validUntil: UnixMs;
  readonly connectionLimit: number;
  readonly groupRole: string;
  readonly comment: string;
  /** Past this moment the statement undoes itself, however late it arrives. */
  readonly notAfter: UnixMs;
};

/**
 * Creates the role, says in its comment whose it is, puts it into its group and returns its OID, all or nothing.
 *
 * The group comes late because PostgreSQL changes a group's members one transaction at a time: its lock is held for the
 * rest of the message only. From 16 on the lease inherits the group's rights but cannot act as the group (SET FALSE): what
 * it makes is its own, to be found and handed over at its end, and never the group's, which would stay in force.
 * Source: PostgreSQL manual, GRANT, "GRANT on Roles". The last statement divides by zero when it runs too late: a message held up on its way can
 * then create nothing after its lease was given up.
 */
export function createRole(role: NewRole): Statement {
  const name = quoteIdentifier(role.name);
  const options = role.version >= ownRolesOnlyVersion ? ' WITH INHERIT TRUE, SET FALSE' : '';
  const statements = [
    `CREATE ROLE ${name} LOGIN PASSWORD ${quoteLiteral(role.verifier)} VALID UNTIL ${timestamp(role.validUntil)}` +
      ` CONNECTION LIMIT ${role.connectionLimit}`,
    `COMMENT ON ROLE ${name} IS ${quoteLiteral(role.comment)}`,
    `GRANT ${quoteIdentifier(role.groupRole)} TO ${name}${options}`,
    `SELECT oid::text AS oid, 1 / (clock_timestamp() < ${timestamp(role.notAfter)}::timestamptz)::int AS in_time` +
      ` FROM pg_roles WHERE rolname = ${quoteLiteral(role.name)}`,
  ];
  return { operation: 'CREATE ROLE', text: statements.join('; ') };
}

export function setPassword(name: string, verifier: string): Statement {
  return {
    operation: 'ALTER ROLE',
    text: `ALTER ROLE ${quoteIdentifier(name)} PASSWORD ${quoteLiteral(verifier)}`,
  };
}

export function setValidUntil(name: string, validUntil: UnixMs): Statement {
  return {
    operation: 'ALTER ROLE',
    text: `ALTER ROLE ${quoteIdentifier(name)} VALID UNTIL ${timestamp(validUntil)}`,
  };
}

/** The role's OID, whether it may log in, the groups we put it in, where objects hang on it; and the target's time. */
export function lookUpRole(name: string): Statement {
  const text = `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now, r.oid::text AS oid, r.rolcanlogin AS can_login,
  ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
    WHERE m.member = r.oid AND m.grantor = (SELECT oid FROM pg_roles WHERE rolname = current_user)) AS groups,
  ARRAY(SELECT DISTINCT coalesce(d.datname::text, '') FROM pg_shdepend s LEFT JOIN pg_database d ON d.oid = s.dbid
    WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid) AS databases
  FROM (SELECT) one LEFT JOIN pg_roles r ON r.rolname = ${quoteLiteral(name)}`;
  return { operation: 'SELECT pg_roles', text };
}

/** How long taking a group away may wait for another session's change of the same group, in milliseconds. */
const revokeWaitMs = 200;

const awaitLock = `SELECT set_config('lock_timeout', '${revokeWaitMs}', true)`;

/** Takes away login, password and the profile's rights at once, or fails soon when a group is locked (55P03). */
export function cutAccess(name: string, groups: readonly string[]): Statement {
  const cutLogin = `ALTER ROLE ${quoteIdentifier(name)} NOLOGIN PASSWORD NULL`;
  const revokes = groups.map((group) => revokeGroup(name, group));
  return { operation: 'ALTER ROLE', text: [awaitLock, cutLogin, ...revokes].join('; ') };
}

/** Takes a group's rights away alone, for where login and password cannot be. */
export function leaveGroup(name: string, group: string): Statement {
  return { operation: 'REVOKE', text: `${awaitLock}; ${revokeGroup(name, group)}` };
}

function revokeGroup(name: string, group: string): string {
  return `REVOKE ${quoteIdentifier(group)} FROM ${quoteIdentifier(name)}`;
}

/** Which of the rights that ending the role takes the broker's role has, and what about the role is beyond any right. */
export function listEndRights(name: string): Statement {
  const text = `SELECT b.rolname::text AS broker, b.rolcreaterole AS may_change_roles, r.rolsuper AS is_superuser,
  pg_has_role(b.oid, r.oid, 'MEMBER WITH ADMIN OPTION') AS is_admin, pg_has_role(b.oid, 'pg_signal_backend', 'USAGE') AS may_signal,
  coalesce((SELECT json_agg(json_build_object('name', g.rolname, 'is_superuser', g.rolsuper,
      'is_admin', pg_has_role(b.oid, g.oid, 'MEMBER WITH ADMIN OPTION')) ORDER BY g.rolname)
    FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid AND m.grantor = b.oid), '[]') AS groups
  FROM pg_roles b, pg_roles r WHERE b.rolname = current_user AND r.rolname = ${quoteLiteral(name)}`;
  return { operation: 'SELECT pg_roles', text };
}

/**
 * Ends the sessions of these roles and returns their process ids. By OID, for a session outlives its role and then has
 * no name. Without pg_terminate_backend's timeout, which waits in steps of 100 ms: the caller asks again instead.
 */
export function cutSessions(oids: readonly string[]): Statement {
  const text = `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid IN (${oids.map(Number).join(', ')})`;
  return { operation: 'SELECT pg_stat_activity', text };
}

/** Lets us act for the role, which by now holds none of its profile's rights: PostgreSQL asks this of whoever reassigns. */
export function joinRole(name: string, version: number): Statement {
  const options = version >= ownRolesOnlyVersion ? ' WITH INHERIT TRUE, SET TRUE' : '';
  return { operation: 'GRANT', text: `GRANT ${quoteIdentifier(name)} TO CURRENT_USER${options}` };
}

/** Hands what the role owns in the current database to the graveyard, then drops every right it was given there. */
export function buryObjects(name: string): Statement {
  const role = quoteIdentifier(name);
  const text = `REASSIGN OWNED BY ${role} TO ${quoteIdentifier(graveyardRole)}; DROP OWNED BY ${role}`;
  return { operation: 'REASSIGN OWNED', text };
}

export function dropRole(name: string): Statement {
  return { operation: 'DROP ROLE', text: `DROP ROLE ${quoteIdentifier(name)}` };
}

/** What still hangs on a role: `<dependency type>.<catalog>`, and how often. Source: PostgreSQL manual, pg_shdepend. */
export function listBlockers(oid: string): Statement {
  const text = `SELECT deptype::text || '.' || classid::regclass::text AS blocker, count(*)::int AS count FROM pg_shdepend
  WHERE refclassid = 'pg_authid'::regclass AND refobjid = ${Number(oid)} GROUP BY 1 ORDER BY 1 LIMIT 8`;
  return { operation: 'SELECT pg_shdepend', text };
}

/** Roles whose names begin like ours, with their comments, in pages. */
export function listRoles(prefix: string, after: string, limit: number): Statement {
  const text = `SELECT rolname::text AS name, shobj_description(oid, 'pg_authid') AS comment FROM pg_roles
  WHERE starts_with(rolname::text, ${quoteLiteral(prefix)}) AND rolname::text COLLATE "C" > ${quoteLiteral(after)}
  ORDER BY rolname::text COLLATE "C" LIMIT ${limit}`;
  return { operation: 'SELECT pg_roles', text };
}

function timestamp(time: UnixMs): string {
  return quoteLiteral(formatTime(time));
}
