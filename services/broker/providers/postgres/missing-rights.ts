import { ProviderFailure } from '../../app/ports/provider.ts';
import { quoteIdentifier } from './names.ts';
import type { Session } from './session.ts';
import { listEndRights, ownRolesOnlyVersion } from './statements.ts';

/** SQLSTATE: the broker's role may not do this. */
const denied = '42501';

/** Whether the target refused for want of a right. */
export function isDenied(error: unknown): boolean {
  return error instanceof ProviderFailure && error.kind === 'blocked' && error.code === denied;
}

/**
 * The failure to end a role for want of rights, with which they are (`42501:createrole,admin`) and the SQL that gives
 * them. `42501` alone when none of those that ending takes is missing by now.
 * @throws ProviderFailure when the target cannot be asked.
 */
export async function missingRights(
  session: Session,
  role: string,
  signal: AbortSignal,
): Promise<ProviderFailure> {
  const [row] = await session.run(listEndRights(role), 'end', signal);
  // No row: somebody dropped the role meanwhile, and the next try finds it absent.
  const missing =
    row === undefined ? [] : listMissing(role, row as EndRights, session.version >= ownRolesOnlyVersion);
  if (missing.length === 0) return new ProviderFailure('blocked', denied);
  const names = [...new Set(missing.map(([name]) => name))].join(',');
  const sql = missing.map(([, statement]) => statement).join('; ');
  return new ProviderFailure('blocked', `${denied}:${names}`, {
    remedy: `as a superuser at the target: ${sql}`,
  });
}

type EndRights = {
  readonly broker: string;
  readonly may_change_roles: boolean;
  readonly may_signal: boolean;
  readonly is_superuser: boolean;
  readonly is_admin: boolean;
  readonly groups: readonly {
    readonly name: string;
    readonly is_superuser: boolean;
    readonly is_admin: boolean;
  }[];
};

/** What is missing, each by a name and the SQL that mends it. `isLimited`: CREATEROLE reaches only what was granted with ADMIN. */
function listMissing(role: string, rights: EndRights, isLimited: boolean): (readonly [string, string])[] {
  const broker = quoteIdentifier(rights.broker);
  const mend = (name: string) => `ALTER ROLE ${quoteIdentifier(name)} NOSUPERUSER`;
  const administer = (name: string) =>
    `GRANT ${quoteIdentifier(name)} TO ${broker} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`;
  const signalOptions = isLimited ? ' WITH INHERIT TRUE, SET FALSE' : '';
  const strongGroups = rights.groups.filter(({ is_superuser }) => is_superuser);
  const foreignGroups = rights.groups.filter(({ is_admin }) => isLimited && !is_admin);
  const candidates: readonly (readonly [string, string] | false)[] = [
    rights.is_superuser && ['superuser', mend(role)],
    !rights.may_change_roles && ['createrole', `ALTER ROLE ${broker} CREATEROLE`],
    isLimited && !rights.is_admin && ['admin', administer(role)],
    !rights.may_signal && ['signal', `GRANT pg_signal_backend TO ${broker}${signalOptions}`],
    ...strongGroups.map(({ name }) => ['group', mend(name)] as const),
    ...foreignGroups.map(({ name }) => ['group', administer(name)] as const),
  ];
  return candidates.filter((candidate) => candidate !== false);
}
