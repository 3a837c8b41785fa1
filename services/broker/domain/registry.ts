import type { SpiffeId } from '@stint/common/spiffe-id.ts';

/** What sort of workload an identity is. */
export const identityKinds = ['ci', 'service', 'bot', 'cron', 'agent'] as const;
export type IdentityKind = (typeof identityKinds)[number];

/** A version as policies compare it: number by number, never as text. */
export type Version = { readonly major: number; readonly minor: number; readonly patch: number };

/** A registered non-human identity. Everything in it is the operator's word, none of it the workload's. */
export type Identity = {
  readonly spiffeId: SpiffeId;
  readonly kind: IdentityKind;
  /** `team:<name>` or `person:<name>`. Empty when nobody owns it: policies then see no `owner` at all. */
  readonly owner: string;
  readonly backupOwner?: string;
  readonly environment: string;
  /** Roles that policies name; sorted, each once. */
  readonly roles: readonly string[];
  /** A suspended identity is refused before any rule is read. */
  readonly state: 'active' | 'suspended';
  readonly version?: Version;
};

/** A named permission template of a resource: what a lease under it can do at the target. */
export type Profile = {
  /** The action that is asked for, and that policies name: `read`, `deploy`. */
  readonly name: string;
  /** Lifetime when the request names none, in seconds; 1 to `ttlSecondsMax`. */
  readonly ttlSecondsDefault: number;
  /** Longest lifetime whatever policy says, in seconds; 1 to 86 400. */
  readonly ttlSecondsMax: number;
  /** How many live leases of this profile one identity may hold; 1 to 1 000. */
  readonly maxLivePerIdentity: number;
  /** Words for the provider alone, such as `groupRole` or `scope`; checked by the provider. */
  readonly settings: Readonly<Record<string, string>>;
};

/** Something access can be had to. */
export type Resource = {
  readonly id: string;
  /** database, api … : what policies call it. */
  readonly kind: string;
  readonly environment: string;
  /** `team:<name>` or `person:<name>`; never empty. */
  readonly owner: string;
  /** Sorted, each once. */
  readonly labels: readonly string[];
  /** Name of an instance in the broker's provider catalog. */
  readonly provider: string;
  /** Words for the provider alone, such as `database`; checked by the provider. */
  readonly target: Readonly<Record<string, string>>;
  /** At least one; names are unique. */
  readonly profiles: readonly Profile[];
};

/** The registry at one moment: never changed in place, only replaced whole. */
export type RegistrySnapshot = {
  readonly identities: ReadonlyMap<SpiffeId, Identity>;
  readonly resources: ReadonlyMap<string, Resource>;
  /** Hash of the bundle it was read from, hex SHA-256. */
  readonly sha256: string;
};

/** The profile of that name, or undefined when the resource has no such action. */
export function findProfile(resource: Resource, name: string): Profile | undefined {
  return resource.profiles.find((profile) => profile.name === name);
}
