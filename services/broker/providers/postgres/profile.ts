import type { Profile, Resource } from '../../domain/registry.ts';
import { isName } from './config.ts';
import { groupRoleFault } from './names.ts';

/** Sessions that one lease may have open at once when its profile says nothing. */
export const connectionLimitDefault = 5;
export const connectionLimitMax = 100;

/**
 * What is wrong with a resource and a profile for PostgreSQL. A resource's target names its `database`; a profile names
 * its `groupRole`, made by the database's owner with just the rights of the profile, and may set `connectionLimit`.
 */
export function profileFaults(resource: Resource, profile: Profile, brokerName: string): readonly string[] {
  const database = resource.target['database'];
  const group = profile.settings['groupRole'];
  const limit = profile.settings['connectionLimit'];
  const candidates: readonly (string | false | undefined)[] = [
    ...unknownKeys(resource.target, ['database']).map(
      (key) => `target "${key}" is not known; known is database`,
    ),
    ...unknownKeys(profile.settings, ['groupRole', 'connectionLimit']).map(
      (key) => `setting "${key}" is not known; known are groupRole, connectionLimit`,
    ),
    database === undefined && 'target "database" is missing',
    database !== undefined &&
      !isName(database) &&
      'target "database" must be 1 to 63 bytes without control characters',
    group === undefined &&
      'setting "groupRole" is missing: the NOLOGIN role that holds the profile\'s rights',
    group !== undefined && prefixed('setting "groupRole": ', groupRoleFault(group)),
    group?.startsWith(`stint_${brokerName}_`) &&
      `setting "groupRole": names that begin with "stint_${brokerName}_" are for leases`,
    limit !== undefined &&
      !isConnectionLimit(limit) &&
      `setting "connectionLimit" must be a whole number from 1 to ${connectionLimitMax}`,
  ];
  return candidates.filter((fault) => typeof fault === 'string');
}

/** The database a lease is for; the resource was found without faults. */
export function databaseName(resource: Resource): string {
  return resource.target['database'] ?? '';
}

/** The role that holds the profile's rights; the profile was found without faults. */
export function groupRole(profile: Profile): string {
  return profile.settings['groupRole'] ?? '';
}

/** How many sessions a lease may have open at once. */
export function connectionLimit(profile: Profile): number {
  return Number(profile.settings['connectionLimit'] ?? connectionLimitDefault);
}

function isConnectionLimit(text: string): boolean {
  return /^[1-9]\d{0,2}$/.test(text) && Number(text) <= connectionLimitMax;
}

function unknownKeys(words: Readonly<Record<string, string>>, known: readonly string[]): string[] {
  return Object.keys(words)
    .filter((key) => !known.includes(key))
    .map((key) => key.slice(0, 64));
}

function prefixed(prefix: string, text: string | undefined): string | undefined {
  return text === undefined ? undefined : prefix + text;
}
