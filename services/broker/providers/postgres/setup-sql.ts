import { graveyardRole, groupRoleFault, quoteIdentifier, quoteLiteral } from './names.ts';
import { ownRolesOnlyVersion } from './statements.ts';

/** What an administrator decides when setting up the broker's role at a server. */
export type SetupOptions = {
  /** `server_version_num`: 150000 or later. */
  readonly version: number;
  /** The broker's role; made when absent. */
  readonly brokerRole: string;
  /** SCRAM verifier of its password; absent leaves the password as it is. */
  readonly verifier?: string;
  /** Group roles of the profiles, which must exist: made by whoever owns the data, with just the profile's rights. */
  readonly groupRoles: readonly string[];
};

/**
 * Statements that an administrator runs once, as a superuser, to give the broker exactly the rights it needs; running
 * them again changes nothing. From PostgreSQL 16 on the broker can then make and end roles of its own and read nothing.
 *
 * On PostgreSQL 15 CREATEROLE reaches **every role that is not a superuser**: such a broker could change any user's
 * password, and grant itself any group. There is no lesser right on 15; use 16 or later, or accept that the broker is
 * as strong there as the owner of all the roles.
 */
export function setupStatements(options: SetupOptions): readonly string[] {
  const broker = quoteIdentifier(options.brokerRole);
  const isLimited = options.version >= ownRolesOnlyVersion;
  for (const fault of options.groupRoles.map(groupRoleFault)) if (fault !== undefined) throw new Error(fault);
  const password = options.verifier === undefined ? '' : ` PASSWORD ${quoteLiteral(options.verifier)}`;
  return [
    createIfAbsent(options.brokerRole, 'LOGIN'),
    createIfAbsent(graveyardRole, 'NOLOGIN'),
    `ALTER ROLE ${broker} LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS${password}`,
    // To end the sessions of its leases.
    `GRANT pg_signal_backend TO ${broker}${isLimited ? ' WITH INHERIT TRUE, SET FALSE' : ''}`,
    // To hand over what its leases leave behind; nobody logs in as the graveyard.
    `GRANT ${quoteIdentifier(graveyardRole)} TO ${broker}${isLimited ? ' WITH INHERIT TRUE, SET TRUE' : ''}`,
    // To put leases into a group without having the group's rights itself. On 15 CREATEROLE alone suffices.
    ...(isLimited
      ? options.groupRoles.map(
          (group) => `GRANT ${quoteIdentifier(group)} TO ${broker} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
        )
      : []),
  ];
}

/** A statement that makes a role when there is none of that name. */
export function createIfAbsent(role: string, attributes: 'LOGIN' | 'NOLOGIN'): string {
  const make = `CREATE ROLE ${quoteIdentifier(role)} ${attributes}`;
  return `DO ${quoteLiteral(`BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(role)}) THEN ${make}; END IF; END`)}`;
}
