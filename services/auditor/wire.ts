import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { isServiceError } from '@stint/common/errors.ts';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import type { ReadyFacts, ServiceContext } from '@stint/common/lifecycle.ts';
import { leafHash } from '@stint/common/merkle.ts';
import { BusLink } from '@stint/common/nats.ts';
import { ensurePrivateDirectory } from '@stint/common/private-file.ts';
import type { RotatingSvidSource } from '@stint/common/rotating-svid-source.ts';
import { parseTrustDomain, stintIds } from '@stint/common/spiffe-id.ts';
import { openAttestedSvidSource } from '@stint/common/svid-source.ts';
import { brokerUpstream } from '@stint/common/svid-upstream.ts';
import { systemClock } from '@stint/common/time.ts';
import { version } from '@stint/common/version.ts';
import { beginLog } from './app/checkpoints/begin-log.ts';
import { CheckpointSchedule } from './app/checkpoints/checkpoint-schedule.ts';
import { CheckpointPublisher, checkSigned } from './app/checkpoints/publish-checkpoint.ts';
import { Ingest, type IngestOptions } from './app/ingest/ingest-batch.ts';
import { LogSignal } from './app/log-signal.ts';
import type { SkipParts } from './app/operator/skip-gap.ts';
import { NatsAnnouncer } from './bus/nats-announcer.ts';
import { NatsConsumer } from './bus/nats-consumer.ts';
import type { AuditorConfig } from './config.ts';
import { auditAdminService } from './rpc/audit-admin-service.ts';
import { auditService } from './rpc/audit-service.ts';
import { LogBeginningFile } from './store/log-beginning-file.ts';
import { LogFiles } from './store/log-files.ts';
import { createLogKey, type LogKey } from './store/log-key.ts';
import { openStore } from './store/open-store.ts';

/** How often gaps are looked at when nothing arrives, in milliseconds. */
const gapWatchMs = 1_000;

/** What fault tests put in place of the ordinary. */
export type AuditorOptions = {
  readonly crashPoint?: NonNullable<IngestOptions['crashPoint']> & NonNullable<SkipParts['crashPoint']>;
  readonly skipAfterMs?: number;
};

/**
 * Starts the auditor: key, store, comparison of the two, identity, bus, servers, in that order. Nothing is taken in
 * and nothing is signed before the log on disk has been compared with what was signed of it. The local socket answers
 * while the auditor still waits for its SVID; the mesh and the bus need one.
 * @throws LogMismatchError when the log is not the one that was signed; ServiceError STORE_IN_USE.
 */
export async function startAuditor(
  config: AuditorConfig,
  service: ServiceContext,
  options: AuditorOptions = {},
): Promise<ReadyFacts> {
  await ensurePrivateDirectory(config.stateDir);
  const key = await createLogKey(config.stateDir, config.origin);
  const { store, quarantine, files } = await openLog(config, service, key);
  const signal = new LogSignal();
  const svid = await openIdentity(config, service);
  const link = openBus(config, service, svid);
  const announcer = new NatsAnnouncer(link);
  const common = { store, quarantine, announcer, clock: systemClock, log: service.log };
  const publisher = new CheckpointPublisher({ ...common, signer: key.signer, files, signal });
  await beginLog(store, new LogBeginningFile(config.stateDir), () => publisher.current());
  const schedule = startCheckpoints(service, publisher, config.checkpointInterval);
  const onGrown = () => {
    signal.fire();
    schedule.due();
  };
  const ingest = new Ingest({
    ...common,
    rootsDer: () => svid.current().bundleDer,
    onReceiptDue: (broker) => {
      publisher.oweReceipt(broker);
      onGrown();
    },
    ...options,
  });
  startGapWatch(service, ingest);
  const consumer = new NatsConsumer({
    link,
    log: service.log,
    accept: (deliveries) => ingest.accept(deliveries),
  });
  const answers = auditService({
    store,
    quarantine,
    publisher,
    signal,
    verifierKey: key.verifierKey,
    sources: () => ingest.sources(),
    isBusConnected: () => link.isConnected && consumer.isServed,
    outage: () => ingest.outage ?? publisher.outage,
    version,
  });
  const operator = auditAdminService({
    ...common,
    onGrown,
    ...options,
    svid: () => svid.current(),
    sources: () => ingest.sources(),
  });
  const serve = { name: 'auditor', log: service.log, clock: systemClock };
  const admin = await startGrpcServer({
    ...serve,
    services: [answers, operator],
    listeners: [{ kind: 'unix', path: config.adminSocket }],
  });
  service.onStop('admin socket', (deadlineMs) => admin.close(deadlineMs));
  consumer.start();
  service.onStop('consumer', () => consumer.close());
  await svid.ready();
  link.start();
  const tls = { source: svid, requireClientSvid: true, trustDomain: parseTrustDomain(config.trustDomain) };
  const mesh = await startGrpcServer({
    ...serve,
    services: [answers],
    listeners: [{ kind: 'tcp', ...config.meshListen, tls }],
  });
  service.onStop('mesh', (deadlineMs) => mesh.close(deadlineMs));
  const [address] = mesh.addresses;
  return {
    mesh: address?.kind === 'tcp' ? `${address.host}:${address.port}` : '',
    admin: config.adminSocket,
    size: store.size(),
    verifier_key: key.verifierKey,
  };
}

/**
 * Makes the log's key unless there is one, and publishes its verifier key: what brokers and readers must know before
 * the first checkpoint. Returns the verifier key. Calling it again changes nothing.
 */
export async function keygen(config: AuditorConfig): Promise<string> {
  const { verifierKey } = await createLogKey(config.stateDir, config.origin);
  mkdirSync(config.logDir, { recursive: true, mode: 0o755 });
  new LogFiles(config.logDir).writeVerifierKey(verifierKey);
  return verifierKey;
}

async function openLog(config: AuditorConfig, service: ServiceContext, key: LogKey) {
  const { store, quarantine, close } = await openStore(config.logDir);
  service.onStop('store', close);
  const files = new LogFiles(config.logDir);
  checkSigned({ store, files, verifier: key.verifier, hashLeaf: leafHash });
  files.writeVerifierKey(key.verifierKey);
  return { store, quarantine, files };
}

async function openIdentity(config: AuditorConfig, service: ServiceContext): Promise<RotatingSvidSource> {
  const { log } = service;
  const trustDomain = parseTrustDomain(config.trustDomain);
  const upstream = brokerUpstream({
    trustDomain,
    bootstrap: config.brokerBootstrap,
    mesh: config.brokerMesh,
    bundleFile: config.trustBundleFile,
    clock: systemClock,
    log,
  });
  const svid = await openAttestedSvidSource({
    trustDomain,
    spiffeId: stintIds.auditor(trustDomain),
    joinTokenFile: config.joinTokenFile,
    stateFile: path.join(config.stateDir, 'svid.json'),
    upstream,
    clock: systemClock,
    random: Math.random,
    log,
  });
  svid.start();
  service.onStop('svid', () => svid.stop());
  return svid;
}

function openBus(config: AuditorConfig, service: ServiceContext, svid: RotatingSvidSource): BusLink {
  const link = new BusLink({
    servers: [config.natsUrl.replace(/^tls:\/\//, '')],
    svid,
    server: stintIds.nats(parseTrustDomain(config.trustDomain)),
    onEvent: ({ kind, detail }) =>
      service.log[kind === 'connected' ? 'info' : 'warn']({ kind, detail }, 'bus'),
  });
  service.onStop('bus', () => link.close());
  return link;
}

function startCheckpoints(
  service: ServiceContext,
  publisher: CheckpointPublisher,
  intervalMs: number,
): CheckpointSchedule {
  const publish = orFail(service, 'checkpoint', () => {
    const { outage } = publisher;
    try {
      publisher.publish();
      if (outage !== undefined) service.log.info('the log is signed again');
    } catch (thrown) {
      if (!isServiceError(thrown, 'STORE_UNAVAILABLE')) throw thrown;
      if (outage === undefined)
        service.log.error({ error: thrown }, 'the log is not signed: brokers keep their events');
      schedule.due();
    }
  });
  const schedule = new CheckpointSchedule({ publish, intervalMs, clock: systemClock });
  // What was appended last before a crash; brokers send it again for their receipts.
  publish();
  service.onStop('checkpoints', () => {
    schedule.close();
    // What was appended last is signed, so that the next start compares with all of it.
    publisher.publish();
  });
  return schedule;
}

function startGapWatch(service: ServiceContext, ingest: Ingest): void {
  const watching = setInterval(
    orFail(service, 'gap watch', () => ingest.watchGaps()),
    gapWatchMs,
  );
  service.onStop('gap watch', () => clearInterval(watching));
}

/** A log that cannot be signed or looked at is no log: better an auditor that is seen to be down. */
function orFail(service: ServiceContext, part: string, work: () => void): () => void {
  return () => {
    try {
      work();
    } catch (thrown) {
      service.fail(part, thrown);
    }
  };
}
