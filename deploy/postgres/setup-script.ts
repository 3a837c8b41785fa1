import type { Secret } from '@stint/common/secret.ts';
import { isName, scramIterationsDefault } from '../../services/broker/providers/postgres/config.ts';
import {
  graveyardRole,
  groupRoleFault,
  quoteIdentifier,
} from '../../services/broker/providers/postgres/names.ts';
import { scramVerifier } from '../../services/broker/providers/postgres/scram.ts';
import { createIfAbsent, setupStatements } from '../../services/broker/providers/postgres/setup-sql.ts';
import { ownRolesOnlyVersion } from '../../services/broker/providers/postgres/statements.ts';

/** PostgreSQL's major versions that are known, and taken. */
export const postgresVersionMin = 15;
export const postgresVersionMax = 99;

/** What an administrator decides; see the provider's README. */
export type SetupScriptOptions = {
  /** Major version of the server: rights are given in other words before 16. */
  readonly majorVersion: number;
  readonly brokerRole: string;
  /** Absent: the script leaves the password as it is. */
  readonly brokerPassword: Secret | undefined;
  /** Group roles of the profiles; made without any right when absent. */
  readonly groupRoles: readonly string[];
  /** Databases of the resources, in which groups and broker may log in. */
  readonly databases: readonly string[];
};

/**
 * SQL that a superuser runs once, with psql or anything else, to make a PostgreSQL a target: one transaction, and running
 * it again changes nothing. It holds a verifier in place of the broker's password. What each group may do in the data
 * is left to the data's owner.
 * @throws Error when a name is not one that the provider takes, or one that a script should not hold.
 */
export async function postgresSetupScript(options: SetupScriptOptions): Promise<string> {
  const { majorVersion, brokerRole, brokerPassword, groupRoles, databases } = options;
  const [fault] = namesFaults(options);
  if (fault !== undefined) throw new Error(fault);
  const verifier =
    brokerPassword === undefined
      ? {}
      : { verifier: await scramVerifier(brokerPassword, scramIterationsDefault) };
  const rights = setupStatements({ version: majorVersion * 10_000, brokerRole, groupRoles, ...verifier });
  const members = [...groupRoles, brokerRole].map(quoteIdentifier).join(', ');
  const statements = [
    refuseOtherVersion(majorVersion),
    ...groupRoles.map((role) => createIfAbsent(role, 'NOLOGIN')),
    ...rights,
    ...databases.map((name) => `GRANT CONNECT ON DATABASE ${quoteIdentifier(name)} TO ${members}`),
  ];
  return [
    '-- Makes this server a target of Stint. Run once as a superuser; again, it changes nothing.',
    'BEGIN;',
    ...statements.map((statement) => `${statement};`),
    'COMMIT;',
    ...groupRoles.map((role) => `-- Left to the owner of the data: GRANT … TO ${role}`),
    ...(brokerPassword === undefined
      ? [`-- Then set the broker's password, in psql: \\password ${psqlWord(brokerRole)}`]
      : []),
    '',
  ].join('\n');
}

/**
 * Quoting alone does not do: names stand in comments too, and in constants, which a server with
 * `standard_conforming_strings` off reads otherwise.
 */
function namesFaults({ brokerRole, groupRoles, databases }: SetupScriptOptions): readonly string[] {
  const faults = [
    brokerRoleFault(brokerRole),
    ...groupRoles.map(groupRoleFault),
    ...databases.map(databaseFault),
  ];
  return faults.filter((fault) => fault !== undefined);
}

/** The broker's role may be of somebody else's making, as a cloud's are, so more is taken than for a group. */
function brokerRoleFault(name: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_.@-]*$/.test(name) || !isName(name))
    return `${JSON.stringify(name.slice(0, 64))} is not a role name of letters, digits and _ . @ - that begins with a letter or _ and has at most 63 characters`;
  if (name.startsWith('pg_') || name === graveyardRole)
    return `"${name}" is one of PostgreSQL's own roles, or owns what past leases left behind: make a role for the broker alone`;
  return undefined;
}

function databaseFault(name: string): string | undefined {
  if (isName(name) && !/[\p{C}\u2028\u2029]/u.test(name)) return undefined;
  return `${JSON.stringify(name.slice(0, 64))} is not a database name of 1 to 63 bytes without control or invisible characters`;
}

/** psql folds the case of a name that is not quoted, and ends it at some characters. */
function psqlWord(role: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(role) ? role : quoteIdentifier(role);
}

/** Rights that are worded for one version would be too many, or none, on another. */
function refuseOtherVersion(majorVersion: number): string {
  const isLimited = majorVersion * 10_000 >= ownRolesOnlyVersion;
  const firstLimited = ownRolesOnlyVersion / 10_000;
  const [wrong, meant] = isLimited
    ? ['<', `${firstLimited} or later`]
    : ['>=', `${firstLimited - 1} or earlier`];
  const version = "current_setting('server_version_num')::int";
  return `DO $check$ BEGIN IF ${version} ${wrong} ${ownRolesOnlyVersion} THEN RAISE EXCEPTION 'made for PostgreSQL ${meant}'; END IF; END $check$`;
}
