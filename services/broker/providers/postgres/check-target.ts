import type { TargetFindings, TargetPlace } from '../../app/ports/provider.ts';
import type { PostgresConfig } from './config.ts';
import type { Connections } from './connections.ts';
import { graveyardRole, quoteLiteral } from './names.ts';
import { databaseName, groupRole } from './profile.ts';
import type { Session } from './session.ts';
import { ownRolesOnlyVersion } from './statements.ts';

/** Oldest server that is taken: the oldest the tests run against. */
export const versionMin = 150_000;

type Check = { readonly session: Session; readonly signal: AbortSignal; readonly brokerName: string };

/**
 * Compares the broker's rights at the target with what it needs: no fewer, and no more. Changes nothing.
 * @throws ProviderFailure when the target, or one of its databases, cannot be asked.
 */
export function checkTarget(
  connections: Connections,
  options: {
    readonly places: readonly TargetPlace[];
    readonly config: PostgresConfig;
    readonly brokerName: string;
    readonly signal: AbortSignal;
    readonly deadlineMs: number;
  },
): Promise<TargetFindings> {
  const { places, config, brokerName } = options;
  return connections.run('remove', options, async (session, signal) => {
    const check = { session, signal, brokerName };
    if (session.version < versionMin)
      return {
        faults: [`PostgreSQL ${Math.floor(session.version / 10_000)}: 15 or later is needed`],
        warnings: [],
      };
    const groups = [...new Set(places.map(({ profile }) => groupRole(profile)))];
    const faults = [...(await brokerFaults(check)), ...(await groupFaults(check, groups))];
    const warnings = session.version < ownRolesOnlyVersion ? [oldVersionWarning(config.user)] : [];
    for (const database of new Set(places.map(({ resource }) => databaseName(resource)))) {
      const there = await connections.runIn(database, signal, (opened) =>
        databaseFaults({ ...check, session: opened }, database, groups),
      );
      faults.push(...there);
    }
    return { faults, warnings };
  });
}

function oldVersionWarning(user: string): string {
  return `PostgreSQL 15: CREATEROLE lets "${user}" change every role that is not a superuser, and join any group; from 16 on it reaches only its own`;
}

async function brokerFaults(check: Check): Promise<string[]> {
  const facts = await rowOf(
    check,
    `SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
    pg_has_role(current_user, 'pg_signal_backend', 'USAGE') AS can_signal,
    (SELECT pg_has_role(current_user, oid, 'USAGE') FROM pg_roles WHERE rolname = '${graveyardRole}') AS can_bury,
    (SELECT rolcanlogin FROM pg_roles WHERE rolname = '${graveyardRole}') AS can_dead_log_in
    FROM pg_roles WHERE rolname = current_user`,
  );
  const excess = ['rolsuper', 'rolcreatedb', 'rolreplication', 'rolbypassrls'].filter(
    (right) => facts[right] === true,
  );
  const candidates: readonly (string | false)[] = [
    excess.length > 0 &&
      `the broker's role has more rights than it needs: ${excess.map((right) => right.slice(3).toUpperCase()).join(', ')}`,
    facts['rolcreaterole'] !== true && "the broker's role lacks CREATEROLE: it cannot make leases",
    facts['can_signal'] !== true && "the broker's role lacks pg_signal_backend: it cannot end sessions",
    facts['can_bury'] !== true &&
      `the broker's role is no member of ${graveyardRole}: it cannot remove roles that own objects`,
    facts['can_dead_log_in'] === true && `${graveyardRole} may log in: make it NOLOGIN`,
    ...(await inheritedRoles(check)).map(
      (role) =>
        `the broker's role can act as "${role}": grant it WITH ADMIN TRUE, INHERIT FALSE, SET FALSE, or not at all`,
    ),
  ];
  return candidates.filter((fault) => fault !== false);
}

/** Roles whose rights the broker has or can take on, beyond those of its work. Leases being buried are such for a moment. */
async function inheritedRoles(check: Check): Promise<string[]> {
  const canSet = check.session.version >= ownRolesOnlyVersion ? 'SET' : 'MEMBER';
  const rows = await rowsOf(
    check,
    `SELECT rolname::text AS name FROM pg_roles
    WHERE rolname NOT IN (current_user, 'pg_signal_backend', '${graveyardRole}') AND NOT starts_with(rolname::text, ${quoteLiteral(`stint_${check.brokerName}_`)})
    AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    AND (pg_has_role(current_user, oid, 'USAGE') OR pg_has_role(current_user, oid, '${canSet}')) ORDER BY 1 LIMIT 20`,
  );
  return rows.map((row) => String(row['name']));
}

async function groupFaults(check: Check, groups: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  for (const group of groups) {
    const name = quoteLiteral(group);
    const [facts] = await rowsOf(
      check,
      `SELECT rolcanlogin, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS is_strong,
      pg_has_role(current_user, oid, 'MEMBER WITH ADMIN OPTION') AS can_grant FROM pg_roles WHERE rolname = ${name}`,
    );
    if (facts === undefined) faults.push(`group role "${group}" does not exist`);
    if (facts?.['rolcanlogin'] === true) faults.push(`group role "${group}" may log in: make it NOLOGIN`);
    if (facts?.['is_strong'] === true)
      faults.push(`group role "${group}" has rights over the whole server, such as SUPERUSER or CREATEROLE`);
    const mustBeAdmin = check.session.version >= ownRolesOnlyVersion && facts?.['can_grant'] === false;
    if (mustBeAdmin)
      faults.push(
        `group role "${group}": the broker's role cannot grant it; GRANT it WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
      );
  }
  return faults;
}

/** Whether the broker itself can read data, and whether what leases may make can be handed over. */
async function databaseFaults(check: Check, database: string, groups: readonly string[]): Promise<string[]> {
  const { readable } = await rowOf(
    check,
    `SELECT count(*)::int AS readable FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    AND c.relowner <> (SELECT oid FROM pg_roles WHERE rolname = '${graveyardRole}')
    AND has_schema_privilege(current_user, n.oid, 'USAGE') AND has_any_column_privilege(current_user, c.oid, 'SELECT')`,
  );
  const schemas = await rowsOf(
    check,
    `SELECT nspname::text AS name FROM pg_namespace n WHERE nspname !~ '^pg_'
    AND NOT has_schema_privilege('${graveyardRole}', oid, 'CREATE')
    AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = ANY (string_to_array(${quoteLiteral(groups.join(','))}, ',')) AND has_schema_privilege(r.oid, n.oid, 'CREATE'))
    AND EXISTS (SELECT FROM pg_roles WHERE rolname = '${graveyardRole}')`,
  );
  const quoted = JSON.stringify(database);
  return [
    ...(Number(readable) > 0
      ? [
          `database ${quoted}: the broker's role can read ${String(readable)} tables or views itself, by PUBLIC or a grant`,
        ]
      : []),
    ...schemas.map(
      (row) =>
        `database ${quoted}: leases may create in schema "${String(row['name'])}" but ${graveyardRole} may not: GRANT CREATE ON SCHEMA to it, or their roles cannot be removed`,
    ),
  ];
}

async function rowOf(check: Check, text: string): Promise<Readonly<Record<string, unknown>>> {
  return (await rowsOf(check, text))[0] ?? {};
}

function rowsOf(
  { session, signal }: Check,
  text: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return session.run({ operation: 'SELECT', text }, 'end', signal);
}
