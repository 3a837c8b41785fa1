import type { SessionRequest } from '@stint/common/gen/stint/broker/v1/SessionRequest.ts';
import type { SessionView__Output } from '@stint/common/gen/stint/sidecar/v1/SessionView.ts';
import { connectGrpc } from '@stint/common/grpc-client.ts';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import type { ReadyFacts, ServiceContext } from '@stint/common/lifecycle.ts';
import { codecs, services } from '@stint/common/proto.ts';
import { isBrokerId, parseSpiffeId, parseTrustDomain } from '@stint/common/spiffe-id.ts';
import { openAttestedSvidSource } from '@stint/common/svid-source.ts';
import { brokerUpstream } from '@stint/common/svid-upstream.ts';
import { gauge } from '@stint/common/telemetry.ts';
import { type Clock, systemClock } from '@stint/common/time.ts';
import { version } from '@stint/common/version.ts';
import type { SvidSource } from '@stint/common/x509-svid.ts';
import { AcquireAccess } from './app/acquire-access.ts';
import { DropEndedLeases } from './app/drop-ended-leases.ts';
import { followIdentity } from './app/follow-identity.ts';
import { getStatus } from './app/get-status.ts';
import { GrantEndings } from './app/grant-endings.ts';
import { GrantTokenKeys } from './app/grant-token-keys.ts';
import { LeaseUpkeep } from './app/lease-upkeep.ts';
import { listLeases } from './app/list-leases.ts';
import type { Access } from './app/ports.ts';
import { ReleaseAccess } from './app/release-access.ts';
import { RenewLease } from './app/renew-lease.ts';
import { VerifyToken } from './app/verify-token.ts';
import { WatchLeases } from './app/watch-leases.ts';
import { WatchSessions } from './app/watch-sessions.ts';
import type { SidecarConfig } from './config.ts';
import { EndedLeases } from './domain/ended-leases.ts';
import { LeaseCache } from './domain/lease-cache.ts';
import { sidecarService } from './rpc/sidecar-service.ts';
import { BrokerSession } from './upstream/broker-session.ts';
import type { LinkTimes, SessionStream } from './upstream/session-link.ts';

/** Wait before a grant's end is told to the broker a second time, in milliseconds. */
const endingRetryMs = 500;

/** How much of the time to stop the workload's calls under way may take, in milliseconds; the rest is for their grants. */
const callsStopMs = 2_000;
const sessionStopMs = 500;

/** What a sidecar is started with besides its configuration. Tests put their own parts in place. */
export type SidecarOptions = {
  /** The workload's socket. */
  readonly socket: string | undefined;
  readonly clock?: Clock;
  /** In place of attestation. */
  readonly svids?: SvidSource;
  readonly linkTimes?: LinkTimes;
};

type Base = {
  readonly config: SidecarConfig;
  readonly service: ServiceContext;
  readonly clock: Clock;
  readonly options: SidecarOptions;
};

/**
 * Starts a sidecar: identity, session, memory, server, in that order, and stops them in reverse. It is ready when the
 * socket is open; identity and session may come later, and calls say so until then.
 *
 * What stopping leaves: every hold is ended and every grant completed as abandoned, as far as the broker answers in
 * time; the rest ends by itself at the grants' ends.
 */
export async function startSidecar(
  config: SidecarConfig,
  service: ServiceContext,
  options: SidecarOptions,
): Promise<ReadyFacts> {
  const { socket } = options;
  if (socket === undefined)
    throw new Error('no socket: set --socket, or XDG_RUNTIME_DIR to the private directory of this user');
  const clock = options.clock ?? systemClock;
  const base = { config, service, clock, options };
  const svids = options.svids ?? (await openIdentity(base));
  const parts = openMemory(base, svids);
  const server = await startGrpcServer({
    name: 'sidecar',
    listeners: [{ kind: 'unix', path: socket }],
    services: [sidecarService({ ...parts, log: service.log })],
    log: service.log,
    clock,
  });
  service.onStop('server', (deadlineMs) => server.close(Math.min(deadlineMs, callsStopMs)));
  return { socket };
}

async function openIdentity({ config, service, clock }: Base): Promise<SvidSource> {
  const { log } = service;
  const trustDomain = parseTrustDomain(config.trustDomain);
  const { bootstrap, broker: mesh, bundleFile, joinTokenFile, stateFile } = config;
  const svids = await openAttestedSvidSource({
    trustDomain,
    spiffeId: config.spiffeId === undefined ? undefined : parseSpiffeId(config.spiffeId),
    joinTokenFile,
    stateFile,
    upstream: brokerUpstream({ trustDomain, bootstrap, mesh, bundleFile, clock, log }),
    clock,
    random: Math.random,
    log,
  });
  svids.start();
  service.onStop('svid', () => svids.stop());
  gauge('stint.svid.expiry', () => {
    const { expiresAt } = svids.status();
    return expiresAt === undefined ? undefined : (expiresAt - clock.now()) / 1_000;
  });
  return svids;
}

/** The session, the leases held, and the use cases on them. */
function openMemory(base: Base, svids: SvidSource) {
  const { config, service, clock, options } = base;
  const { log } = service;
  const { leasesMax } = config;
  const cache = new LeaseCache<Access>();
  const sessions = new WatchSessions();
  const endedLeases = new EndedLeases();
  const keys = new GrantTokenKeys();
  const dropEnded = new DropEndedLeases({ cache, sessions, endedLeases, clock, log });
  const pushes = {
    leasesEnded: dropEnded.execute.bind(dropEnded),
    tokenKeys: keys.replace.bind(keys),
    lateAccess: (grant: Parameters<GrantEndings['abandonLate']>[0]) => {
      // An answer that came twice: the first is in use.
      if (cache.findGrant(grant.grantId) === undefined) endings.abandonLate(grant);
    },
  };
  const times = options.linkTimes;
  const broker = new BrokerSession({
    dial: () => dialBroker(base, svids),
    svids,
    pushes,
    clock,
    log,
    ...(times && { times }),
  });
  const endings = new GrantEndings({ broker, clock, log, leasesMax, retryMs: endingRetryMs });
  const shared = { cache, sessions, endings, endedLeases, broker, clock };
  const renewing = new RenewLease(shared);
  const acquire = new AcquireAccess({ ...shared, leasesMax });
  const upkeep = new LeaseUpkeep({ ...shared, renewing, log });
  service.onStop('identity', followIdentity({ ...shared, svids, log }));
  broker.start();
  service.onStop('session', (deadlineMs) => broker.close(Math.min(deadlineMs, sessionStopMs)));
  upkeep.start();
  service.onStop('leases', (deadlineMs) => giveBack({ ...shared, upkeep }, deadlineMs - sessionStopMs));
  observe(cache, clock);
  return {
    acquire,
    renew: renewing,
    release: new ReleaseAccess(shared),
    watch: new WatchLeases(shared),
    verify: new VerifyToken({ ...shared, keys, silenceMsMax: config.verifySilenceMax }),
    list: (after: number) => listLeases({ cache, clock }, after),
    status: () => getStatus({ svids, broker, cache, acquire, version }),
  };
}

/** Completes every grant still held, as far as the broker answers until the deadline. */
async function giveBack(
  parts: { cache: LeaseCache<Access>; endings: GrantEndings; upkeep: LeaseUpkeep; clock: Clock },
  deadlineMs: number,
): Promise<void> {
  const { cache, endings, upkeep, clock } = parts;
  upkeep.stop();
  for (const { lease } of cache.drain()) endings.abandon(lease);
  await endings.flush(clock.now() + Math.max(0, deadlineMs));
  endings.stop();
}

function dialBroker({ config, service, clock }: Base, svids: SvidSource): SessionStream {
  const trustDomain = parseTrustDomain(config.trustDomain);
  const tls = { source: svids, expectedServer: { trustDomain, accepts: isBrokerId } };
  const channel = connectGrpc({
    target: { ...config.broker, tls },
    unavailable: 'BROKER_UNAVAILABLE',
    clock,
    log: service.log,
  });
  const stream = channel.bidi<SessionRequest, SessionView__Output>({
    ...services.access.Session,
    responseDeserialize: codecs.sessionView.decode,
  });
  return { stream, close: () => channel.close() };
}

function observe(cache: LeaseCache<Access>, clock: Clock): void {
  gauge('stint.leases.live', () => cache.size);
  gauge('stint.sidecar.seconds_to_expiry', () => {
    let earliest: number | undefined;
    for (const { lease } of cache.list()) earliest = Math.min(earliest ?? lease.expiresAt, lease.expiresAt);
    return earliest === undefined ? undefined : (earliest - clock.now()) / 1_000;
  });
}
