import type { LeaseId } from '@stint/common/ids.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import {
  type Credential,
  type EndProof,
  type LeaseAtTarget,
  ProviderFailure,
  type TargetEntity,
  type TargetFindings,
  type TargetPlace,
  type TargetProvider,
} from '../../app/ports/provider.ts';
import type { Lease } from '../../domain/lease.ts';
import type { Profile, Resource } from '../../domain/registry.ts';
import { checkTarget } from './check-target.ts';
import type { PostgresConfig } from './config.ts';
import { Connections } from './connections.ts';
import { containRole, type EndWork, type LeaseRole, removeRole } from './end-role.ts';
import { brokerNameFault, isRoleNameOf, leaseOfRole, roleName } from './names.ts';
import { connectionLimit, databaseName, groupRole, profileFaults } from './profile.ts';
import { newPassword, scramVerifier } from './scram.ts';
import type { Session } from './session.ts';
import { createRole, listRoles, type Statement, setPassword, setValidUntil } from './statements.ts';

/**
 * Longest time for each call, waiting for a connection included, in milliseconds: below `targetCallMs`, so that the call ends
 * by itself and tells what came of it.
 */
export const deadlineMs = {
  create: 10_000,
  change: 10_000,
  contain: 12_000,
  remove: 14_000,
  list: 14_000,
  check: 14_000,
} as const;

/**
 * How long after its lease's creation a role may still come to be, in milliseconds, by the target's clock. The target
 * itself refuses later ones, so an absent role whose time has passed is absent for good.
 */
export const createWindowMs = 15_000;

const listPageSize = 1_000;

export type PostgresProviderOptions = {
  /** Instance name in the catalog. */
  readonly name: string;
  readonly brokerName: string;
  readonly config: PostgresConfig;
  readonly clock: Clock;
};

/**
 * Leases as roles of a PostgreSQL server: one login role for each lease, a member of its profile's group role.
 *
 * Expiry is the role's own (`VALID UNTIL`), which stops new logins only; ending a lease takes the login and the group
 * away, ends every session by the role's OID, and only then counts as contained. See README.md for the rights this
 * takes and what each step leaves behind.
 */
export class PostgresProvider implements TargetProvider {
  readonly mode = 'creates';
  readonly kind = 'postgres';
  readonly name: string;
  readonly #brokerName: string;
  readonly #config: PostgresConfig;
  readonly #connections: Connections;

  /** Opens no connection yet: a target that is down does not keep the broker from starting. */
  constructor(options: PostgresProviderOptions) {
    const fault = brokerNameFault(options.brokerName);
    if (fault !== undefined) throw new Error(fault);
    this.name = options.name;
    this.#brokerName = options.brokerName;
    this.#config = options.config;
    const { config, clock } = options;
    this.#connections = new Connections({ config, clock, applicationName: `stint ${options.brokerName}` });
  }

  entityName(leaseId: LeaseId): string {
    return roleName(this.#brokerName, leaseId);
  }

  profileFaults(resource: Resource, profile: Profile): readonly string[] {
    return profileFaults(resource, profile, this.#brokerName);
  }

  checkTarget(places: readonly TargetPlace[], signal: AbortSignal): Promise<TargetFindings> {
    return checkTarget(this.#connections, {
      places,
      signal,
      deadlineMs: deadlineMs.check,
      config: this.#config,
      brokerName: this.#brokerName,
    });
  }

  /**
   * One transaction and one round trip: the role, its group, its comment. *A crash or lost reply leaves all of it or
   * nothing, under a name the lease row holds: the worker probes by that name and removes.*
   */
  async create(
    lease: Lease,
    place: TargetPlace,
    signal: AbortSignal,
  ): Promise<{ credential: Credential; handle: Readonly<Record<string, string>> }> {
    const password = newPassword();
    const verifier = await scramVerifier(password, this.#config.scramIterations);
    const comment = JSON.stringify({
      stint: 1,
      lease: lease.id,
      grant: lease.grantId,
      resource: lease.resource,
    });
    const oid = await this.#connections.run(
      'create',
      { signal, deadlineMs: deadlineMs.create },
      async (session, cutSignal) => {
        const statement = createRole({
          version: session.version,
          name: this.#checkedName(lease),
          verifier,
          validUntil: lease.expiresAt + session.clockOffsetMs,
          connectionLimit: connectionLimit(place.profile),
          groupRole: groupRole(place.profile),
          comment,
          notAfter: lease.createdAt + createWindowMs + session.clockOffsetMs,
        });
        const [row] = await session.run(statement, 'create', cutSignal);
        return row?.['oid'];
      },
    );
    if (typeof oid !== 'string') throw new ProviderFailure('ambiguous', 'NO_OID', { target: 'answers' });
    return { credential: this.#credential(lease, place.resource, password), handle: { oid } };
  }

  async remint(lease: Lease, resource: Resource, signal: AbortSignal): Promise<Credential> {
    const password = newPassword();
    const verifier = await scramVerifier(password, this.#config.scramIterations);
    await this.#change(signal, () => setPassword(this.#checkedName(lease), verifier));
    return this.#credential(lease, resource, password);
  }

  async extend(lease: Lease, expiresAt: UnixMs, signal: AbortSignal): Promise<void> {
    await this.#change(signal, (session) =>
      setValidUntil(this.#checkedName(lease), expiresAt + session.clockOffsetMs),
    );
  }

  /**
   * 1. Takes login, password and group away, in one transaction. *Crash: no new login; the next try goes on.*
   * 2. Ends every session by the role's OID and asks until none is left. *Crash: the next try does both again.*
   *
   * A role that is absent counts as contained, once its sessions are gone and none can be created late any more.
   * @throws ProviderFailure `unreachable` CREATION_IN_FLIGHT while a lost creation may still arrive.
   */
  contain(lease: LeaseAtTarget, signal: AbortSignal): Promise<EndProof> {
    return this.#end(lease, { lane: 'contain', signal }, containRole);
  }

  /**
   * 1. Contains, so that nothing is inherited in step 2. *Crash: contained.*
   * 2. Only where objects or rights hang on the role: joins it, hands its objects to the graveyard and drops its
   *    rights, database by database. *Crash: some databases are done; the next try does the rest.*
   * 3. Drops the role. *Crash: the next try finds it absent.*
   * 4. Ends sessions by the saved OID once more: one that was logging in during containment shows by now.
   *
   * @throws ProviderFailure `blocked` 2BP01 with the kinds of what still hangs on the role, e.g. `2BP01:a.pg_class=1`:
   * rights that somebody else granted, which only they or a superuser can take back.
   */
  remove(lease: LeaseAtTarget, signal: AbortSignal): Promise<EndProof> {
    return this.#end(lease, { lane: 'remove', signal }, removeRole);
  }

  listEntities(signal: AbortSignal): Promise<readonly TargetEntity[]> {
    const prefix = `stint_${this.#brokerName}_`;
    return this.#connections.run(
      'remove',
      { signal, deadlineMs: deadlineMs.list },
      async (session, cutSignal) => {
        const found: TargetEntity[] = [];
        for (let after = ''; ; ) {
          const rows = (await session.run(listRoles(prefix, after, listPageSize), 'end', cutSignal)) as {
            name: string;
            comment: string | null;
          }[];
          for (const { name, comment } of rows) {
            const leaseId = leaseOfRole(this.#brokerName, name);
            if (leaseId !== undefined)
              found.push({ entityName: name, leaseId, resource: resourceOf(comment) });
          }
          after = rows.at(-1)?.name ?? '';
          if (rows.length < listPageSize) return found;
        }
      },
    );
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  async #end(
    lease: LeaseAtTarget,
    { lane, signal }: { readonly lane: 'contain' | 'remove'; readonly signal: AbortSignal },
    work: (work: EndWork, role: LeaseRole) => Promise<EndProof>,
  ): Promise<EndProof> {
    const role: LeaseRole = {
      name: this.#checkedName(lease),
      recordedOid: lease.handle['oid'],
      mayComeUntil: lease.createdAt + createWindowMs,
    };
    const connections = this.#connections;
    return await connections.run(lane, { signal, deadlineMs: deadlineMs[lane] }, (session, cutSignal) => {
      const runIn = (database: string, statement: Statement) =>
        connections.runIn(
          database,
          cutSignal,
          async (there) => void (await there.run(statement, 'end', cutSignal)),
        );
      return work({ session, signal: cutSignal, database: this.#config.database, runIn }, role);
    });
  }

  async #change(signal: AbortSignal, statement: (session: Session) => Statement): Promise<void> {
    await this.#connections.run('create', { signal, deadlineMs: deadlineMs.change }, (session, cutSignal) =>
      session.run(statement(session), 'change', cutSignal),
    );
  }

  /** The role's name in a lease row, checked: a row that names another role must never reach the target. */
  #checkedName(lease: LeaseAtTarget): string {
    if (!isRoleNameOf(lease.id, lease.entityName))
      throw new ProviderFailure('blocked', 'FOREIGN_NAME', { target: 'unasked' });
    return lease.entityName;
  }

  #credential(
    lease: Lease,
    resource: Resource,
    password: Extract<Credential, { kind: 'database' }>['password'],
  ): Credential {
    const { host, port, sslmode } = this.#config;
    return {
      kind: 'database',
      engine: 'postgresql',
      host,
      port,
      database: databaseName(resource),
      username: lease.entityName,
      password,
      sslmode,
    };
  }
}

function resourceOf(comment: string | null): string {
  try {
    const facts: unknown = JSON.parse(comment ?? '');
    return typeof facts === 'object' &&
      facts !== null &&
      'resource' in facts &&
      typeof facts.resource === 'string'
      ? facts.resource
      : '';
  } catch {
    return ''; // somebody else's comment: the name alone says that the role is ours
  }
}
