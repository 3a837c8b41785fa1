import type { LeaseId } from '@stint/common/ids.ts';
import type { Secret } from '@stint/common/secret.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { Grant } from '../../domain/grant.ts';
import type { Lease } from '../../domain/lease.ts';
import type { Profile, Resource } from '../../domain/registry.ts';

/** A credential in the shape its target is used with. Only ever in memory, on its way to the workload. */
export type Credential =
  | { readonly kind: 'token'; readonly token: Secret }
  | {
      readonly kind: 'database';
      readonly engine: 'postgresql';
      readonly host: string;
      readonly port: number;
      readonly database: string;
      readonly username: string;
      readonly password: Secret;
      readonly sslmode: string;
    };

/** Something at a target that bears a lease's name, whether or not there is such a lease. */
export type TargetEntity = {
  readonly entityName: string;
  /** The lease whose name it is, read out of the name. */
  readonly leaseId: LeaseId;
  /** As the target says; empty where it does not. */
  readonly resource: string;
};

/** All that ending needs to know of a lease. Of one whose row is lost, it is read out of the name at the target. */
export type LeaseAtTarget = Pick<Lease, 'id' | 'entityName' | 'createdAt' | 'handle'>;

/** A resource and one of its profiles. */
export type TargetPlace = { readonly resource: Resource; readonly profile: Profile };

/** What checking a target found. Faults keep leases from working or from being safe; warnings should be read once. */
export type TargetFindings = { readonly faults: readonly string[]; readonly warnings: readonly string[] };

/** Public keys as verifiers read them. Source: RFC 7517 §5. */
export type JwkSet = { readonly keys: readonly Readonly<Record<string, unknown>>[] };

/** What every provider is. A member that may be absent is so where the provider has no need of it. */
type ProviderBase = {
  readonly name: string;
  readonly kind: string;
  /** The lease's name at the target, made from the id alone, valid there, and recognisable as ours. */
  entityName(leaseId: LeaseId): string;
  /** What is wrong with a resource and profile that name this provider; empty when nothing is. Read at bundle load. */
  profileFaults(resource: Resource, profile: Profile): readonly string[];
  /** Does what time has made due, such as a new signing key. Called every ten minutes; what fails is tried again then. */
  readonly maintain?: (() => Promise<void>) | undefined;
};

/**
 * Issues by signing: nothing exists at a target, so decision, lease and credential are one commit. What is signed cannot be
 * renewed: it is asked for anew.
 */
export interface SigningProvider extends ProviderBase {
  readonly mode: 'signs';
  /** Synchronous and quick: it runs between decision and commit. The same lease gives an equivalent credential again. */
  sign(grant: Grant, lease: Lease, profile: Profile): Credential;
  /** The public keys that live credentials are verified with, now or soon. Sidecars are given them. */
  readonly keySet?: (() => JwkSet) | undefined;
}

/**
 * Issues by creating something at a target. Every call has a deadline of its own below {@link targetCallMs}; every call may
 * be repeated. Failures are {@link ProviderFailure}. Ending takes what stands at the target alone, with the handle that
 * creating gave: the resource may have left the registry, and the broker may be another one on the same store.
 */
export interface TargetProvider extends ProviderBase {
  readonly mode: 'creates';
  /**
   * Creates `lease.entityName` with the target's own expiry. An existing entity of that name is a definite failure.
   * Returns the facts that ending it will need.
   */
  create(
    lease: Lease,
    place: TargetPlace,
    signal: AbortSignal,
  ): Promise<{ readonly credential: Credential; readonly handle: Readonly<Record<string, string>> }>;
  /** A new secret for a live entity, for the replay of a request: no secret is stored anywhere. */
  remint(lease: Lease, resource: Resource, signal: AbortSignal): Promise<Credential>;
  /** Moves the target's own expiry. */
  extend(lease: Lease, expiresAt: UnixMs, signal: AbortSignal): Promise<void>;
  /** Cuts access and sessions; resolves only when the target says that nobody can use it. Absent counts as contained. */
  contain(lease: LeaseAtTarget, signal: AbortSignal): Promise<EndProof>;
  /** Removes what is left. Absent counts as removed. */
  remove(lease: LeaseAtTarget, signal: AbortSignal): Promise<EndProof>;
  /** What stands at the target under names that are this broker's by their form, in any order. */
  listEntities(signal: AbortSignal): Promise<readonly TargetEntity[]>;
  /** Compares the broker's rights at the target with what its places there need: no fewer, and no more. Changes nothing. */
  readonly checkTarget?:
    | ((places: readonly TargetPlace[], signal: AbortSignal) => Promise<TargetFindings>)
    | undefined;
  /** Frees connections. */
  close(): Promise<void>;
}

export type Provider = SigningProvider | TargetProvider;

/** What the target said, for the record: counts and codes, no free text. */
export type EndProof = { readonly [fact: string]: string | number | boolean };

/** Providers by instance name. */
export type ProviderSet = ReadonlyMap<string, Provider>;

/**
 * How a provider fails. `definite`: nothing was or is changed at the target. `ambiguous`: it may have been (lost reply,
 * timeout). `unreachable`: the target cannot be asked now; waiting may mend it. `blocked`: waiting alone will not
 * (missing rights, dependent objects). `code` is an SQLSTATE, errno or the like, safe to record; `remedy` is what mends it,
 * for the operator, where the provider can tell.
 */
export class ProviderFailure extends Error {
  readonly kind: 'definite' | 'ambiguous' | 'unreachable' | 'blocked';
  readonly code: string;
  readonly target: TargetSign;
  readonly remedy: string | undefined;

  /** `target` is `away` for `unreachable` and `ambiguous`, and `answers` for the others, unless it is given. */
  constructor(
    kind: ProviderFailure['kind'],
    code: string,
    about: {
      readonly cause?: unknown;
      readonly target?: TargetSign;
      readonly remedy?: string | undefined;
    } = {},
  ) {
    const { cause, target, remedy } = about;
    super(`provider failure: ${kind} (${code})`, { cause });
    this.name = 'ProviderFailure';
    this.kind = kind;
    this.code = code;
    this.remedy = remedy;
    this.target = target ?? (kind === 'unreachable' || kind === 'ambiguous' ? 'away' : 'answers');
  }
}

/**
 * What a failed call says of its target. `answers`: it is there, and refused this call. `away`: no call can be done there
 * now, for it does not answer, or does not let the broker in. `unasked`: the call did not come as far as the target.
 */
export type TargetSign = 'answers' | 'away' | 'unasked';
