import assert from 'node:assert/strict';
import path from 'node:path';
import type { EventDraft } from '@stint/common/audit-event.ts';
import { type ErrorReason, isServiceError, type ServiceError } from '@stint/common/errors.ts';
import type { Log } from '@stint/common/log.ts';
import { parseSpiffeId, type SpiffeId } from '@stint/common/spiffe-id.ts';
import { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import type { AccessRequest, Arrival, Asker } from '../../services/broker/app/access/access-question.ts';
import type { AcknowledgeDelivery } from '../../services/broker/app/access/acknowledge-delivery.ts';
import { AuditBacklog, type BacklogLimits } from '../../services/broker/app/access/audit-backlog.ts';
import type { RenewLease } from '../../services/broker/app/access/renew-lease.ts';
import type { AccessAnswer, RequestAccess } from '../../services/broker/app/access/request-access.ts';
import { Bundles } from '../../services/broker/app/bundles.ts';
import type { EndDueLeases } from '../../services/broker/app/ending/end-due-leases.ts';
import type { EndGrant } from '../../services/broker/app/ending/end-grant.ts';
import type { LeaseEnding } from '../../services/broker/app/ending/end-lease.ts';
import type { EndSuspended } from '../../services/broker/app/ending/end-suspended.ts';
import { EndedLeaseFeed } from '../../services/broker/app/ending/ended-lease-feed.ts';
import { resumeInterrupted } from '../../services/broker/app/ending/resume-interrupted.ts';
import type { Step } from '../../services/broker/app/ending/steps.ts';
import type { SweepOrphans } from '../../services/broker/app/ending/sweep-orphans.ts';
import type { Bundle } from '../../services/broker/app/ports/policy.ts';
import type { ProviderSet } from '../../services/broker/app/ports/provider.ts';
import { TargetHealth } from '../../services/broker/app/target-health.ts';
import type { Grant } from '../../services/broker/domain/grant.ts';
import type { Lease } from '../../services/broker/domain/lease.ts';
import { providerKinds } from '../../services/broker/providers/catalog.ts';
import { openProviders } from '../../services/broker/providers/open-providers.ts';
import type { ProviderKind } from '../../services/broker/providers/provider-kind.ts';
import { openSqliteStore, type Store } from '../../services/broker/store/open-store.ts';
import { leaseUseCases } from '../../services/broker/wire/use-cases.ts';
import { checkedEvents, storeOptions } from '../contract/store-suite.ts';
import { MemoryTarget } from '../fakes/memory-target.ts';
import { capturedLog } from './captured-log.ts';
import { type HeldClock, heldClock } from './held-clock.ts';
import { admitted, inForce } from './policy-bundle.ts';
import { type Scope, tempDir } from './temp-dir.ts';

/** An event as it stands in the ledger's log. */
export type CommittedEvent = EventDraft & { readonly time: string };

/** Who asks in these tests. */
export const deployer = parseSpiffeId('spiffe://stint.local/ci');
export const reader = parseSpiffeId('spiffe://stint.local/batch');
export const suspended = parseSpiffeId('spiffe://stint.local/old');

const registry = `
environments: [prod]
roles: [ci, batch]
attributes: { declared: [ticket], parameters: [table] }
identities:
  - { spiffeId: spiffe://stint.local/ci, kind: ci, owner: 'team:web', environment: prod, roles: [ci] }
  - { spiffeId: spiffe://stint.local/batch, kind: cron, owner: 'team:data', environment: prod, roles: [batch] }
  - { spiffeId: spiffe://stint.local/old, kind: bot, owner: 'team:data', environment: prod, roles: [batch], state: suspended }
resources:
  - { id: web, kind: service, owner: 'team:web', environment: prod, provider: token, profiles: [{ name: deploy, ttl: 5m, ttlMax: 15m }] }
  - id: sales
    kind: database
    owner: team:data
    environment: prod
    provider: database
    profiles:
      - { name: read, ttl: 5m, ttlMax: 1h, maxLivePerIdentity: 3, settings: { role: reader } }
      - { name: write, ttl: 5m, ttlMax: 1h, settings: { role: writer } }
      - { name: broken, ttlMax: 1h, settings: { role: nobody } }
`;

const policies = `
@id("ci-deploys") @max_ttl("10m")
permit (principal in Stint::Role::"ci", action == Stint::Action::"deploy", resource == Stint::Resource::"web");

@id("all-read") @max_ttl("30m")
permit (principal, action in [Stint::Action::"read", Stint::Action::"broken"], resource == Stint::Resource::"sales");

@id("never-write") @deny_reason("nobody writes")
forbid (principal, action == Stint::Action::"write", resource);
`;

const declarations = [
  { name: 'token', kind: 'jwt', settings: { issuer: 'https://broker.test' } },
  { name: 'database', kind: 'memory', settings: {} },
];
const roomy: BacklogLimits = { eventsMax: 1e6, bytesMax: 1e9, ageMsMax: 1e12 };

/** How a request comes when its receiver says that the credential arrived, and when it does not. */
export const bySession: Arrival = { traceparent: undefined, delivery: 'acknowledged' };
export const byCall: Arrival = { traceparent: undefined, delivery: 'unacknowledged' };

export type BrokerCoreOptions = {
  readonly limits?: Partial<BacklogLimits>;
  /** Loads the bundle in force and, at a reload, the next one. */
  readonly load?: (providers: ProviderSet) => Promise<Bundle>;
  readonly random?: () => number;
};

/**
 * The broker's use cases on a real SQLite ledger, with the real policy engine, the real jwt provider and a target in
 * memory, at a clock that stands until it is moved. {@link crash} throws the use cases away; the next stand on the same file.
 */
export class BrokerCore {
  readonly clock: HeldClock;
  readonly target: MemoryTarget;
  readonly feed = new EndedLeaseFeed();
  readonly log: Log;
  readonly logText: () => string;
  /** Is told of every step; one that throws is a crash there. */
  onStep: (step: Step) => void = () => undefined;
  store!: Store;
  bundles!: Bundles;
  providers!: ProviderSet;
  request!: RequestAccess;
  ending!: LeaseEnding;
  endGrant!: EndGrant;
  endSuspended!: EndSuspended;
  renewal!: RenewLease;
  delivery!: AcknowledgeDelivery;
  worker!: EndDueLeases;
  sweeper!: SweepOrphans;
  readonly #directory: string;
  readonly #options: BrokerCoreOptions;
  #keys = 0;

  private constructor(directory: string, options: BrokerCoreOptions) {
    const captured = capturedLog();
    this.#directory = directory;
    this.#options = options;
    this.clock = heldClock();
    this.target = new MemoryTarget('database', this.clock);
    this.log = captured.log;
    this.logText = captured.text;
  }

  static async start(scope: Scope, options: BrokerCoreOptions = {}): Promise<BrokerCore> {
    const core = new BrokerCore(tempDir(scope), options);
    await core.#open();
    scope.after(() => core.store.close());
    return core;
  }

  /** Everything in memory is gone; a broker starts on what is on disk. */
  async crash(): Promise<void> {
    await this.store.close();
    await this.#open();
  }

  /** Another worker on the same rows, as a replica would run; with other providers if its operator gave it others. */
  anotherWorker(providers: ProviderSet = this.providers): EndDueLeases {
    return leaseUseCases({ ...this.#parts(), providers }).worker;
  }

  async #open(): Promise<void> {
    const surroundings = { brokerName: 'b1', stateDirectory: this.#directory, clock: this.clock };
    const memory: ProviderKind = { faults: () => [], open: () => Promise.resolve(this.target) };
    const opened = await openProviders({ ...providerKinds, memory }, declarations, surroundings);
    this.providers = new TargetHealth(this.clock).watch(opened);
    const load = this.#options.load ?? (() => Promise.resolve(testBundle()));
    this.bundles = await Bundles.open(() => load(this.providers));
    const file = path.join(this.#directory, 'broker.db');
    const database = new SqliteDatabase({ file, exclusive: true });
    this.store = await openSqliteStore(database, storeOptions({ clock: this.clock }));
    const parts = this.#parts();
    await resumeInterrupted(parts);
    const leases = leaseUseCases(parts);
    this.ending = leases.ending;
    this.request = leases.requestAccess;
    this.endGrant = leases.endGrant;
    this.endSuspended = leases.endSuspended;
    this.renewal = leases.renewLease;
    this.delivery = leases.acknowledge;
    this.worker = leases.worker;
    this.sweeper = leases.sweeper;
  }

  #parts() {
    const { clock, feed, log, store, bundles, providers } = this;
    const limits = { ...roomy, ...this.#options.limits };
    return {
      clock,
      feed,
      log,
      bundles,
      providers,
      store: store.grants,
      ledger: store.ledger,
      backlog: new AuditBacklog(store.ledger, limits, clock),
      step: (step: Step) => this.onStep(step),
      random: this.#options.random ?? (() => 0.5),
    };
  }

  /** The asker as mutual TLS would have proved it, with an SVID of an hour. */
  asker(spiffeId: SpiffeId = reader, svidMs = 3_600_000): Asker {
    return { spiffeId, svidSha256: 'c'.repeat(64), svidExpiresAt: this.clock.now() + svidMs };
  }

  /** A well-formed request with a fresh key. */
  question(overrides: Partial<AccessRequest> = {}): AccessRequest {
    return {
      idempotencyKey: `key-${String(++this.#keys).padStart(8, '0')}`,
      resource: 'sales',
      action: 'read',
      justification: 'nightly report',
      context: {},
      parameters: {},
      ...overrides,
    };
  }

  /** Asks for a user of the database. */
  askRead(overrides: Partial<AccessRequest> = {}, arrival: Arrival = bySession): Promise<AccessAnswer> {
    return this.request.execute(this.asker(), this.question(overrides), arrival);
  }

  /** Asks for a signed token. */
  askDeploy(overrides: Partial<AccessRequest> = {}): Promise<AccessAnswer> {
    const question = this.question({ resource: 'web', action: 'deploy', ...overrides });
    return this.request.execute(this.asker(deployer), question, bySession);
  }

  /** Gets a user of the database and says that it arrived. */
  async takeRead(overrides: Partial<AccessRequest> = {}): Promise<AccessAnswer> {
    const answer = await this.askRead(overrides);
    await this.delivery.execute(answer.lease.spiffeId, answer.lease.id);
    return answer;
  }

  release(grant: Pick<Grant, 'id'>, options: { spiffeId?: SpiffeId; waitContained?: boolean } = {}) {
    const { spiffeId = reader, waitContained = true } = options;
    const ender = { kind: 'holder', spiffeId, svidSha256: 'c'.repeat(64) } as const;
    return this.endGrant.execute(ender, grant.id, { reason: 'completed', waitContained });
  }

  async grantOf(lease: Pick<Lease, 'id'>): Promise<{ grant: Grant; lease: Lease }> {
    const found = await this.store.grants.findLease(lease.id);
    assert.ok(found !== undefined, `no lease ${lease.id}`);
    return found;
  }

  /** Every event since the first start, the epochs' own left out. Checks the chain on the way. */
  async events(): Promise<CommittedEvent[]> {
    const all = (await checkedEvents(this.store)) as unknown as CommittedEvent[];
    return all.filter(({ type }) => type !== 'epoch.started');
  }

  /** The kinds of the events about one grant, in order. */
  async story(grant: Pick<Grant, 'id'>): Promise<string[]> {
    return (await this.events()).filter(({ grant_id }) => grant_id === grant.id).map(({ type }) => type);
  }

  /** Moves the clock and lets the worker do what is due then. Returns how many it took. */
  async pass(ms: number): Promise<number> {
    this.clock.advance(ms);
    return await this.worker.endDue();
  }
}

/** The bundle of these tests in force. */
export function testBundle(text = policies): Bundle {
  const bundle = admitted(text, registry);
  const { identities, resources } = bundle;
  const sha256 = 'f'.repeat(64);
  return {
    registry: { identities, resources, sha256 },
    engine: inForce(bundle).engine,
    sha256,
    policyCount: bundle.policies.length,
  };
}

/** The reason with which a promise is refused; it must be. */
export async function refusalOf(asked: Promise<unknown>, reason: ErrorReason): Promise<ServiceError> {
  const thrown = await asked.then(
    () => assert.fail('it was not refused'),
    (refusal: unknown) => refusal,
  );
  if (!isServiceError(thrown, reason)) throw thrown;
  return thrown;
}
