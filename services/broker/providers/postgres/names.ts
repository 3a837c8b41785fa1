import { isId, type LeaseId } from '@stint/common/ids.ts';

/** Longest identifier PostgreSQL keeps, in bytes; longer ones are cut silently. Source: PostgreSQL manual, NAMEDATALEN. */
export const identifierBytesMax = 63;

/** Longest broker name whose lease names fit: `stint_`, the name, `_`, 26 characters. */
export const brokerNameLengthMax = identifierBytesMax - 'stint_'.length - '_'.length - 26;

/** Owner of what workloads leave behind, so that their roles can be dropped and nothing of theirs is lost. */
export const graveyardRole = 'stint_graveyard';

/** What is wrong with a broker's name as part of role names, or undefined when nothing is. */
export function brokerNameFault(name: string): string | undefined {
  if (/^[a-z0-9_]+$/.test(name) && name.length <= brokerNameLengthMax) return undefined;
  return `broker name "${name.slice(0, 64)}": 1 to ${brokerNameLengthMax} characters of a-z, 0-9 and _ can be part of a role's name`;
}

/** The role's name for a lease, `stint_<broker>_<ulid>`: made from the id alone, ours by its form, at most 63 bytes. */
export function roleName(brokerName: string, leaseId: LeaseId): string {
  return `stint_${brokerName}_${leaseId.slice('lse_'.length)}`;
}

/**
 * The lease to which this broker gives the name, or undefined when it gives it to none. Another broker's name never is
 * one of ours, even if it begins like ours.
 */
export function leaseOfRole(brokerName: string, name: string): LeaseId | undefined {
  const prefix = `stint_${brokerName}_`;
  const id = `lse_${name.slice(prefix.length)}`;
  return name.startsWith(prefix) && isId('lease', id) ? id : undefined;
}

/** Whether the name is one that some broker gives to this very lease: brokers that share a store end each other's leases. */
export function isRoleNameOf(leaseId: LeaseId, name: string): boolean {
  const [prefix, suffix] = ['stint_', `_${leaseId.slice('lse_'.length)}`];
  if (!name.startsWith(prefix) || !name.endsWith(suffix) || name.length <= prefix.length + suffix.length)
    return false;
  return brokerNameFault(name.slice(prefix.length, -suffix.length)) === undefined;
}

/** What is wrong with the name of a profile's group role, or undefined when nothing is. */
export function groupRoleFault(name: string): string | undefined {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name))
    return `"${name.slice(0, 64)}" is not a role name of a-z, 0-9 and _ that begins with a letter or _`;
  if (name.startsWith('pg_'))
    return `"${name}" is one of PostgreSQL's own roles: make a group role with just the rights of the profile`;
  if (name === graveyardRole)
    return `"${name}" owns what past leases left behind: make a group role with just the rights of the profile`;
  return undefined;
}

/** Quotes an identifier. Ours need none by their grammar; it is the second lock. */
export function quoteIdentifier(name: string): string {
  if (name.includes('\0')) throw new Error('an identifier holds a NUL');
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes a string constant, as `standard_conforming_strings` has it, which every session of ours sets. */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new Error('a string constant holds a NUL');
  return `'${text.replaceAll("'", "''")}'`;
}
