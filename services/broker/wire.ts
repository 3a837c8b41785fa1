import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeEpochStarted } from '@stint/common/audit-batch.ts';
import type { EventDraft } from '@stint/common/audit-event.ts';
import type { GrpcAddress } from '@stint/common/grpc/listener.ts';
import type { GrpcService } from '@stint/common/grpc-method.ts';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import type { ReadyFacts, ServiceContext } from '@stint/common/lifecycle.ts';
import { BusLink } from '@stint/common/nats.ts';
import { ensurePrivateDirectory } from '@stint/common/private-file.ts';
import type { RotatingSvidSource } from '@stint/common/rotating-svid-source.ts';
import { parseTrustDomain, type SpiffeId, stintIds, type TrustDomain } from '@stint/common/spiffe-id.ts';
import { gauge } from '@stint/common/telemetry.ts';
import { type Clock, systemClock } from '@stint/common/time.ts';
import { AcknowledgeDelivery } from './app/acknowledge-delivery.ts';
import { AttestWorkload } from './app/attest-workload.ts';
import { AuditBacklog } from './app/audit-backlog.ts';
import { BrokerStatus } from './app/broker-status.ts';
import { Bundles, policyLoaded, requireProvidable } from './app/bundles.ts';
import { CreateJoinToken } from './app/create-join-token.ts';
import { EndDueLeases } from './app/end-due-leases.ts';
import { EndGrant } from './app/end-grant.ts';
import { LeaseEnding } from './app/end-lease.ts';
import { SessionFeed } from './app/ended-lease-feed.ts';
import { ExplainDecision } from './app/explain-decision.ts';
import { MintSvid } from './app/mint-svid.ts';
import type { Ledger, ProviderSet } from './app/ports.ts';
import { PurgeJoinTokens } from './app/purge-join-tokens.ts';
import { RenewLease } from './app/renew-lease.ts';
import { RequestAccess } from './app/request-access.ts';
import { resumeInterrupted } from './app/resume-interrupted.ts';
import { RotateSvid } from './app/rotate-svid.ts';
import type { StepObserver } from './app/steps.ts';
import { SvidHolders } from './app/svid-holders.ts';
import { SweepOrphans } from './app/sweep-orphans.ts';
import { createAttestors } from './attestors/catalog.ts';
import { OutboxRelay } from './bus/outbox-relay.ts';
import { CertificateAuthority } from './ca/certificate-authority.ts';
import { readCsr } from './ca/certificate-request.ts';
import { openLocalSvidSource } from './ca/local-svid-source.ts';
import type { BrokerConfig } from './config.ts';
import { loadBundle } from './policy/load-bundle.ts';
import {
  checkTargets,
  closeProviders,
  keySet,
  maintainProviders,
  openProviders,
} from './providers/catalog.ts';
import { readProviderDeclarations } from './providers/read-declarations.ts';
import { accessService } from './rpc/access-service.ts';
import { adminService } from './rpc/admin-service.ts';
import { attestationService } from './rpc/attestation-service.ts';
import { identityService } from './rpc/identity-service.ts';
import { TrustFeed } from './rpc/trust-feed.ts';
import { openStore, type Store } from './store/open-store.ts';

/** The program's version, told in status. */
export const version = '0.1.0';

/**
 * How often targets are searched for what has no lease, in milliseconds; it goes at the second sighting. Old join tokens go
 * at the same time.
 */
const sweepMs = 60_000;

/** How often the signing keys are looked at, in milliseconds; each look changes them only when their time has come. */
const keyCareMs = 600_000;

/** How long after the start targets are checked, in milliseconds: one that starts beside the broker is up by then. */
const targetCheckAfterMs = 30_000;

/** What tests put in place of the ordinary. */
export type BrokerOptions = { readonly clock?: Clock; readonly step?: StepObserver };

/** Everything the use cases are made of. */
type Foundation = {
  readonly config: BrokerConfig;
  readonly trustDomain: TrustDomain;
  readonly spiffeId: SpiffeId;
  readonly clock: Clock;
  readonly step: StepObserver;
  readonly service: ServiceContext;
  readonly authority: CertificateAuthority;
  readonly svid: RotatingSvidSource;
  readonly providers: ProviderSet;
  readonly bundles: Bundles;
  readonly store: Store;
  readonly link: BusLink;
};

/**
 * Starts a broker: identity, providers, policy, store, bus, use cases, worker, servers, in that order. What starts last
 * stops first, so that nothing is asked of a part that has gone.
 */
export async function startBroker(
  config: BrokerConfig,
  service: ServiceContext,
  options: BrokerOptions = {},
): Promise<ReadyFacts> {
  const clock = options.clock ?? systemClock;
  const trustDomain = parseTrustDomain(config.trustDomain);
  const base = {
    config,
    service,
    clock,
    trustDomain,
    step: options.step ?? (() => undefined),
    spiffeId: stintIds.broker(trustDomain, config.name),
  };
  await ensurePrivateDirectory(config.stateDir);
  const identity = await openIdentity(base);
  await publishTrustBundle(config.trustBundleFile, identity.authority.bundlePem);
  const providers = await openTargets(base);
  const bundles = await Bundles.open(() => load(base, providers));
  checkTargetsSoon(base, providers, bundles);
  const store = await openLedger(base, identity.svid);
  identity.recordBy(store.ledger);
  await store.ledger.commit({ events: [policyLoaded(bundles.current())] });
  const resumed = await resumeInterrupted({ store: store.grants, providers, clock });
  if (resumed > 0) service.log.info({ leases: resumed }, 'leases that the last process was at are taken up');
  gauge('stint.grants.active', () => store.grants.countLiveGrants());
  gauge('stint.audit.backlog', () => store.ledger.backlog().events);
  const link = startBus(base, { svid: identity.svid, store });
  return serve({ ...base, ...identity, providers, bundles, store, link });
}

type Base = Pick<Foundation, 'config' | 'service' | 'clock' | 'trustDomain' | 'spiffeId' | 'step'>;

async function openIdentity({ config, service, clock, trustDomain, spiffeId }: Base) {
  const { log } = service;
  const onRenewalFailure = (error: unknown) =>
    log.error({ error }, 'the issuing CA could not be renewed; it goes on until its end');
  const authority = await CertificateAuthority.open({
    directory: path.join(config.stateDir, 'ca'),
    trustDomain,
    clock,
    onRenewalFailure,
  });
  let ledger: Ledger | undefined;
  const svid = await openLocalSvidSource({
    issuer: authority,
    spiffeId,
    ttlMs: config.svidTtl,
    clock,
    random: Math.random,
    recordRotation: async (next, previous) => {
      await ledger?.commit({ events: [ownSvidRotated(spiffeId, next.sha256, previous.sha256)] });
    },
    onFailure: (error, nextAttemptAt) =>
      log.error({ error, nextAttemptAt }, "the broker's own SVID was not rotated"),
  });
  svid.start();
  service.onStop('svid', () => svid.stop());
  return {
    authority,
    svid,
    recordBy: (opened: Ledger) => {
      ledger = opened;
    },
  };
}

/** Whoever reads the file sees the old roots or the new ones, never half. */
async function publishTrustBundle(file: string, bundlePem: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.partial`, bundlePem);
  await rename(`${file}.partial`, file);
}

async function openTargets({ config, service, clock }: Base): Promise<ProviderSet> {
  const declared =
    config.providersFile === undefined ? [] : await readProviderDeclarations(config.providersFile);
  const declarations = [
    { name: 'grant-token', kind: 'jwt', settings: { issuer: config.tokenIssuer } },
    ...declared,
  ];
  const providers = await openProviders(declarations, {
    brokerName: config.name,
    stateDirectory: path.join(config.stateDir, 'keys'),
    clock,
  });
  service.onStop('providers', () => closeProviders(providers));
  return providers;
}

/** Says in the log where the broker's rights at a target are wrong. Nothing waits for it: a target may be down. */
function checkTargetsSoon({ service }: Base, providers: ProviderSet, bundles: Bundles): void {
  const { log } = service;
  const stopping = new AbortController();
  const check = async () => {
    try {
      const resources = bundles.current().registry.resources.values();
      const { faults, warnings } = await checkTargets(providers, resources, stopping.signal);
      for (const fault of faults) log.error({ fault }, 'a target is not set up as it must be');
      for (const warning of warnings) log.warn({ warning }, 'a target was checked');
    } catch (error) {
      log.error({ error }, 'the targets could not be checked');
    }
  };
  const timer = setTimeout(() => void check(), targetCheckAfterMs);
  service.onStop('target check', () => {
    clearTimeout(timer);
    stopping.abort();
  });
}

async function load({ config, service, trustDomain }: Base, providers: ProviderSet) {
  const rules = { trustDomain, providerNames: [...providers.keys()] };
  const bundle = await loadBundle(config.bundleDir, rules, (fault) =>
    service.log.error(
      { ...fault },
      'a fault while deciding: a permit that fails permits nothing, anything else that fails denies',
    ),
  );
  requireProvidable(bundle.registry, providers);
  return bundle;
}

async function openLedger(
  { config, service, clock, spiffeId }: Base,
  svid: RotatingSvidSource,
): Promise<Store> {
  const store = await openStore(config, {
    name: config.name,
    spiffeId,
    clock,
    log: service.log,
    certifyEpoch: ({ epoch, publicKey }) => makeEpochStarted(epoch, publicKey, svid.current().svid),
  });
  service.onStop('store', () => store.close());
  return store;
}

function startBus(
  { config, service, spiffeId, trustDomain }: Base,
  parts: { svid: RotatingSvidSource; store: Store },
): BusLink {
  const { log } = service;
  const link = new BusLink({
    servers: [config.natsUrl.replace(/^tls:\/\//, '')],
    svid: parts.svid,
    server: stintIds.nats(trustDomain),
    onEvent: (event) => log.info({ ...event }, 'bus'),
  });
  service.onStop('bus', () => link.close());
  const relay = new OutboxRelay({
    link,
    outbox: parts.store.outbox,
    brokerName: config.name,
    spiffeId,
    verifierKeyFile: config.logVerifierKeyFile,
    log,
  });
  service.onStop('relay', () => relay.stop());
  relay.start();
  link.start();
  return link;
}

async function serve(foundation: Foundation): Promise<ReadyFacts> {
  const { config, service, clock, svid, trustDomain } = foundation;
  const tls = { source: svid, trustDomain };
  const server = await startGrpcServer({
    name: 'broker',
    listeners: [
      { kind: 'tcp', ...config.meshListen, tls: { ...tls, requireClientSvid: true } },
      { kind: 'tcp', ...config.bootstrapListen, tls: { ...tls, requireClientSvid: false } },
      { kind: 'unix', path: config.adminSocket },
    ],
    services: wireServices(foundation),
    log: service.log,
    clock,
  });
  service.onStop('servers', (deadlineMs) => server.close(deadlineMs));
  return readyFacts(server.addresses);
}

/** Use cases, the worker beside them, and the services that speak for them. */
function wireServices(foundation: Foundation): GrpcService[] {
  const { config, service, clock, store, bundles, providers, authority, trustDomain } = foundation;
  const limits = {
    eventsMax: config.backlogEventsMax,
    bytesMax: config.backlogBytesMax,
    ageMsMax: config.backlogAgeMax,
  };
  const parts = {
    ...foundation,
    ledger: store.ledger,
    store: store.grants,
    log: service.log,
    feed: new SessionFeed(),
    backlog: new AuditBacklog(store.ledger, limits, clock),
    random: Math.random,
  };
  const ending = new LeaseEnding(parts);
  const endGrant = new EndGrant(store.grants, ending);
  runWorker(foundation, ending);
  const record = async (events: readonly EventDraft[]) => void (await store.ledger.commit({ events }));
  const holders = new SvidHolders(
    trustDomain,
    (id) => bundles.current().registry.identities.get(id)?.state ?? 'unknown',
  );
  const certifying = { readCsr, issuer: authority, holders, record, clock, svidTtlMs: config.svidTtl };
  return [
    accessService({
      ...parts,
      requestAccess: new RequestAccess({ ...parts, ending }),
      endGrant,
      renewLease: new RenewLease(parts),
      acknowledge: new AcknowledgeDelivery(store.grants, store.ledger, clock),
      trust: keepTrust(foundation),
    }),
    attestationService(
      new AttestWorkload({
        ...certifying,
        log: service.log,
        attestors: createAttestors({ joinTokens: store.joinTokens }),
      }),
      clock,
    ),
    identityService(new RotateSvid(certifying)),
    adminService({
      ...parts,
      version,
      status: new BrokerStatus({
        ...parts,
        storeKind: config.store,
        startedAt: clock.now(),
        isBusConnected: () => foundation.link.isConnected,
      }),
      endGrant,
      explain: new ExplainDecision(bundles, providers, clock),
      createJoinToken: new CreateJoinToken({ store: store.joinTokens, holders, record, clock }),
      mintSvid: new MintSvid({ ...certifying, trustDomain, natsHostNames: config.natsHostNames }),
    }),
  ];
}

function runWorker(foundation: Foundation, ending: LeaseEnding): void {
  const { service, store, clock, providers } = foundation;
  const worker = new EndDueLeases({ providers, store: store.grants, ending, clock, log: service.log });
  const running = worker.run();
  service.onStop('worker', async () => {
    worker.stop();
    await running;
  });
  const sweeper = new SweepOrphans({
    ...foundation,
    store: store.grants,
    ledger: store.ledger,
    log: service.log,
  });
  const purging = new PurgeJoinTokens({ store: store.joinTokens, clock, log: service.log });
  // A pass that takes longer than the interval lets the next ones fall away: passes never queue.
  let sweeping: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    sweeping ??= Promise.all([sweeper.sweep(), purging.purge()]).finally(() => {
      sweeping = undefined;
    });
  }, sweepMs);
  service.onStop('sweeper', async () => {
    clearInterval(timer);
    sweeper.stop();
    await sweeping;
  });
}

/** What sidecars trust, refreshed whenever the signing keys have changed. */
function keepTrust({ authority, providers, config, clock, service }: Foundation): TrustFeed {
  const read = () => ({
    x509Authorities: authority.bundleDer,
    jwks: JSON.stringify(keySet(providers)),
    issuer: config.tokenIssuer,
  });
  const trust = new TrustFeed(read, () => clock.now());
  const care = () =>
    maintainProviders(providers)
      .then(() => trust.refresh())
      .catch((error: unknown) =>
        service.log.error({ error }, 'the signing keys could not be cared for; the next look tries again'),
      );
  const timer = setInterval(() => void care(), keyCareMs);
  service.onStop('key care', () => clearInterval(timer));
  return trust;
}

function ownSvidRotated(spiffeId: SpiffeId, svidSha256: string, previousSha256: string): EventDraft {
  const data = {
    cause: 'rotated',
    spiffe_id: spiffeId,
    svid_sha256: svidSha256,
    previous_svid_sha256: previousSha256,
  };
  return { type: 'svid.issued', actor: { kind: 'broker', spiffe_id: spiffeId }, data };
}

function readyFacts([mesh, bootstrap, admin]: readonly GrpcAddress[]): ReadyFacts {
  return { mesh: addressText(mesh), bootstrap: addressText(bootstrap), admin: addressText(admin) };
}

function addressText(address: GrpcAddress | undefined): string {
  return address?.kind === 'tcp' ? `${address.host}:${address.port}` : (address?.path ?? '');
}
