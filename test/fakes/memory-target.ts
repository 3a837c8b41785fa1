import { randomBytes } from 'node:crypto';
import type { LeaseId } from '@stint/common/ids.ts';
import { Secret } from '@stint/common/secret.ts';
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
} from '../../services/broker/app/ports/provider.ts';
import type { Lease } from '../../services/broker/domain/lease.ts';
import type { Profile, Resource } from '../../services/broker/domain/registry.ts';

/** What the broker asks of a target. */
export type TargetCall = 'create' | 'remint' | 'extend' | 'contain' | 'remove';

/** How a call fails: before anything is done, or when all is done and only the reply is lost. */
export type TargetFault = {
  readonly when: 'before' | 'after';
  readonly kind: ProviderFailure['kind'];
  readonly code: string;
};

/** What stands at the target. */
type Entity = {
  readonly resource: string;
  readonly rights: ReadonlySet<string>;
  password: string;
  validUntil: UnixMs;
  canLogin: boolean;
  readonly sessions: Set<MemorySession>;
};

/** What the roles of this target allow. */
const roles: Readonly<Record<string, readonly string[]>> = { reader: ['read'], writer: ['read', 'write'] };

/**
 * A database in memory with its provider: users with sessions, rights and an expiry of their own. It lives on while the
 * broker beside it is thrown away. Faults are put in by name of the call.
 */
export class MemoryTarget implements TargetProvider {
  readonly mode = 'creates';
  readonly kind = 'memory';
  readonly name: string;
  /** How often each call arrived, also those that failed. */
  readonly calls: Record<TargetCall, number> = { create: 0, remint: 0, extend: 0, contain: 0, remove: 0 };
  readonly #clock: Clock;
  readonly #entities = new Map<string, Entity>();
  readonly #next: { readonly call: TargetCall; readonly fault: TargetFault }[] = [];
  readonly #always = new Map<TargetCall, TargetFault>();
  readonly #blocked = new Map<string, { readonly call: TargetCall; readonly code: string }>();
  /** Names that were ended: a creation still on its way is refused, as the real target's time limit refuses it. */
  readonly #ended = new Set<string>();
  readonly #gates = new Map<TargetCall, Promise<void>>();

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
  }

  /** The next call of that name that has no such fault waiting already fails so. */
  failNext(call: TargetCall, fault: TargetFault): void {
    this.#next.push({ call, fault });
  }

  /** Every call of that name fails so, until {@link mend}. */
  failAlways(call: TargetCall, fault: TargetFault): void {
    this.#always.set(call, fault);
  }

  /** Containing or removing this one entity is blocked with the code, until {@link mend}; all others go on. */
  block(entityName: string, call: 'contain' | 'remove', code: string): void {
    this.#blocked.set(entityName, { call, code });
  }

  /** Takes every fault away. */
  mend(): void {
    this.#next.length = 0;
    this.#always.clear();
    this.#blocked.clear();
  }

  /** Calls of that name wait before they do anything. Returns the way to let them go. */
  hold(call: TargetCall): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gates.set(call, promise);
    return () => {
      this.#gates.delete(call);
      resolve();
    };
  }

  /** Somebody other than the broker makes an entity, with a session open. */
  plant(entityName: string, resource = ''): void {
    const sessions = new Set<MemorySession>();
    const session = new MemorySession(new Set(), () => void sessions.delete(session));
    sessions.add(session);
    const validUntil = Number.MAX_SAFE_INTEGER;
    this.#entities.set(entityName, {
      resource,
      rights: new Set(),
      password: newPassword(),
      validUntil,
      canLogin: true,
      sessions,
    });
  }

  /** Names that exist, sorted. */
  entities(): string[] {
    return [...this.#entities.keys()].toSorted();
  }

  /** Names with which somebody could log in now, or has a session, sorted. */
  usable(): string[] {
    const now = this.#clock.now();
    const isUsable = (entity: Entity) =>
      (entity.canLogin && entity.validUntil > now) || entity.sessions.size > 0;
    return this.entities().filter((name) => isUsable(this.#entities.get(name) as Entity));
  }

  /** When the target itself ends that name's logins. */
  validUntil(entityName: string): UnixMs | undefined {
    return this.#entities.get(entityName)?.validUntil;
  }

  /** @throws Error when the target refuses the credential. */
  login(credential: Credential): MemorySession {
    const entity = credential.kind === 'database' ? this.#entities.get(credential.username) : undefined;
    const password = credential.kind === 'database' ? credential.password.revealText() : '';
    if (entity === undefined || entity.password !== password) throw new Error('login failed');
    if (!entity.canLogin || entity.validUntil <= this.#clock.now()) throw new Error('login not allowed');
    const session = new MemorySession(entity.rights, () => void entity.sessions.delete(session));
    entity.sessions.add(session);
    return session;
  }

  entityName(leaseId: LeaseId): string {
    return `stint_${leaseId.slice(4)}`;
  }

  profileFaults(_resource: Resource, { settings }: Profile): readonly string[] {
    return settings['role'] === undefined ? ['setting "role" is missing'] : [];
  }

  create(lease: Lease, place: TargetPlace, signal: AbortSignal): ReturnType<TargetProvider['create']> {
    return this.#run('create', signal, () => {
      const rights = roles[place.profile.settings['role'] ?? ''];
      if (rights === undefined) throw new ProviderFailure('definite', 'no_such_role');
      if (this.#entities.has(lease.entityName)) throw new ProviderFailure('definite', 'exists');
      if (this.#ended.has(lease.entityName)) throw new ProviderFailure('definite', 'ended_before');
      const entity: Entity = {
        resource: place.resource.id,
        rights: new Set(rights),
        password: newPassword(),
        validUntil: lease.expiresAt,
        canLogin: true,
        sessions: new Set(),
      };
      this.#entities.set(lease.entityName, entity);
      return {
        credential: credentialOf(lease.entityName, entity.password),
        handle: { role_oid: String(this.calls.create) },
      };
    });
  }

  remint(lease: Lease, _resource: Resource, signal: AbortSignal): Promise<Credential> {
    return this.#run('remint', signal, () => {
      const entity = this.#find(lease);
      entity.password = newPassword();
      return credentialOf(lease.entityName, entity.password);
    });
  }

  extend(lease: Lease, expiresAt: UnixMs, signal: AbortSignal): Promise<void> {
    return this.#run('extend', signal, () => {
      this.#find(lease).validUntil = expiresAt;
    });
  }

  contain(lease: LeaseAtTarget, signal: AbortSignal): Promise<EndProof> {
    return this.#run('contain', signal, () => {
      requireName(lease);
      this.#failIfBlocked('contain', lease);
      const entity = this.#entities.get(lease.entityName);
      this.#ended.add(lease.entityName);
      const cut = entity === undefined ? 0 : cutSessions(entity);
      if (entity !== undefined) entity.canLogin = false;
      return { can_login: false, sessions_cut: cut, sessions_left: 0 };
    });
  }

  remove(lease: LeaseAtTarget, signal: AbortSignal): Promise<EndProof> {
    return this.#run('remove', signal, () => {
      requireName(lease);
      this.#failIfBlocked('remove', lease);
      const entity = this.#entities.get(lease.entityName);
      const cut = entity === undefined ? 0 : cutSessions(entity);
      this.#entities.delete(lease.entityName);
      return { sessions_cut: cut, sessions_left: 0 };
    });
  }

  listEntities(): Promise<readonly TargetEntity[]> {
    const all = [...this.#entities].map(([entityName, { resource }]) => ({
      entityName,
      leaseId: `lse_${entityName.slice('stint_'.length)}` as LeaseId,
      resource,
    }));
    return Promise.resolve(all);
  }

  checkTarget(places: readonly TargetPlace[]): Promise<TargetFindings> {
    const named = places.map(({ profile }) => profile.settings['role'] ?? '');
    const unknown = named.filter((role) => roles[role] === undefined);
    return Promise.resolve({ faults: unknown.map((role) => `role "${role}" does not exist`), warnings: [] });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #find(lease: Lease): Entity {
    const entity = this.#entities.get(lease.entityName);
    if (entity === undefined) throw new ProviderFailure('definite', 'absent');
    return entity;
  }

  #failIfBlocked(call: TargetCall, { entityName }: LeaseAtTarget): void {
    const blocked = this.#blocked.get(entityName);
    if (blocked?.call === call) throw new ProviderFailure('blocked', blocked.code);
  }

  async #run<Answer>(call: TargetCall, signal: AbortSignal, act: () => Answer): Promise<Answer> {
    this.calls[call]++;
    // A real target answers in a later turn: what races with the call is seen to race.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#gates.get(call);
    if (signal.aborted) throw new ProviderFailure('unreachable', 'aborted');
    const fault = this.#takeFault(call);
    if (fault?.when === 'before') throw new ProviderFailure(fault.kind, fault.code);
    const answer = act();
    if (fault?.when === 'after') throw new ProviderFailure(fault.kind, fault.code);
    return answer;
  }

  #takeFault(call: TargetCall): TargetFault | undefined {
    const at = this.#next.findIndex((next) => next.call === call);
    return at < 0 ? this.#always.get(call) : this.#next.splice(at, 1)[0]?.fault;
  }
}

/** A workload's open session at the target. */
export class MemorySession {
  readonly #rights: ReadonlySet<string>;
  readonly #onClose: () => void;
  #isOpen = true;

  constructor(rights: ReadonlySet<string>, onClose: () => void) {
    this.#rights = rights;
    this.#onClose = onClose;
  }

  /** @throws Error when the session is cut or lacks the right. */
  use(right: string): void {
    if (!this.#isOpen) throw new Error('the session is closed');
    if (!this.#rights.has(right)) throw new Error(`permission denied: ${right}`);
  }

  close(): void {
    this.#isOpen = false;
    this.#onClose();
  }
}

/** A row that names something else must never reach a target. */
function requireName({ id, entityName }: LeaseAtTarget): void {
  if (!entityName.endsWith(`_${id.slice('lse_'.length)}`))
    throw new ProviderFailure('blocked', 'FOREIGN_NAME');
}

function cutSessions({ sessions }: Entity): number {
  const open = [...sessions];
  for (const session of open) session.close();
  return open.length;
}

function newPassword(): string {
  return randomBytes(16).toString('hex');
}

function credentialOf(username: string, password: string): Credential {
  return {
    kind: 'database',
    engine: 'postgresql',
    host: 'memory.test',
    port: 5432,
    database: 'sales',
    username,
    password: new Secret(password),
    sslmode: 'verify-full',
  };
}
