import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { batchHash, type SignedBatch } from '@stint/common/audit-batch.ts';
import { bus } from '@stint/common/bus.ts';
import { connectGrpc, type GrpcChannel } from '@stint/common/grpc-client.ts';
import { createLog } from '@stint/common/log.ts';
import { BusLink } from '@stint/common/nats.ts';
import { type SpiffeId, stintIds } from '@stint/common/spiffe-id.ts';
import { formatSvidState } from '@stint/common/svid-state.ts';
import { systemClock } from '@stint/common/time.ts';
import { createStream } from '../../deploy/nats/create-stream.ts';
import { natsServerConfig } from '../../deploy/nats/server-config.ts';
import { type Child, startChild } from '../../deploy/servers/child.ts';
import type { NatsServer } from '../../deploy/servers/nats-server.ts';
import { type Scratch, scratchNats } from './scratch-servers.ts';
import { type Scope, tempDir } from './temp-dir.ts';
import { batchPayload, type TestBroker, type TestTrust, testDomain } from './test-broker.ts';

/** A real nats-server with the bus's own config, its stream made. */
export type AuditBus = {
  readonly nats: Scratch<NatsServer>;
  readonly trust: TestTrust;
  readonly url: string;
  /** A link of that identity, started and closed with the scope; it may not be connected yet. */
  link(id: SpiffeId): Promise<BusLink>;
  /** Publishes a batch as a relay does and waits for the server's word; the message id is that of its bytes, or another. */
  publish(
    link: BusLink,
    message: { broker: TestBroker; batch: SignedBatch; messageId?: string },
  ): Promise<void>;
};

/** Starts the bus for a scope. `edit` changes its nats.conf, at each start anew. */
export async function startAuditBus(
  scope: Scope,
  trust: TestTrust,
  options: { brokers: readonly string[]; viewers: readonly string[]; edit?: (config: string) => string },
): Promise<AuditBus> {
  const { edit = (config) => config, ...names } = options;
  const files = await serverFiles(scope, trust);
  const nats = await scratchNats(scope, {
    config: () => edit(natsServerConfig({ trustDomain: testDomain, ...names, ...files })),
  });
  const link = async (id: SpiffeId) => {
    const made = new BusLink({
      servers: [`127.0.0.1:${nats.current().port}`],
      svid: await trust.source(id),
      server: stintIds.nats(testDomain),
    });
    made.start();
    scope.after(() => made.close());
    return made;
  };
  await createStream(await connected(await link(stintIds.natsAdmin(testDomain))));
  const publish: AuditBus['publish'] = async (from, { broker, batch, messageId }) => {
    const msgID = messageId ?? batchHash(batch.header);
    const js = jetstream(await connected(from), { checkAPI: false });
    await js.publish(bus.batchSubject(broker.name), batchPayload(batch), { msgID, timeout: 5_000 });
  };
  return { nats, trust, url: `tls://127.0.0.1:${nats.current().port}`, link, publish };
}

/** The link's connection, once it has one that is up. */
export function connected(link: BusLink): Promise<NatsConnection> {
  return new Promise((resolve) => link.onConnected(resolve));
}

async function serverFiles(scope: Scope, trust: TestTrust) {
  const directory = tempDir(scope);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const svid = await trust.ca.issue({
    spiffeId: stintIds.nats(testDomain),
    publicKeyDer: publicKey.export({ format: 'der', type: 'spki' }),
    ttlMs: 3_600_000,
    now: systemClock.now(),
    hostNames: ['localhost', '127.0.0.1'],
  });
  const pem = (der: Buffer) =>
    `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  const write = (name: string, text: string) => {
    writeFileSync(path.join(directory, name), text, { mode: 0o600 });
    return path.join(directory, name);
  };
  return {
    certificateFile: write('server.pem', svid.certificatesDer.map(pem).join('')),
    keyFile: write('server.key', privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()),
    trustBundleFile: write('roots.pem', trust.rootsDer.map(pem).join('')),
  };
}

/** An auditor that runs as a process of its own. */
export type AuditorProcess = {
  readonly child: Child;
  readonly channel: GrpcChannel;
  readonly verifierKey: string;
};

/** Where an auditor keeps its log and state, over restarts. */
export type AuditorPlace = { readonly logDir: string; readonly stateDir: string; readonly socket: string };

export function auditorPlace(scope: Scope): AuditorPlace {
  const directory = tempDir(scope);
  const run = path.join(directory, 'run');
  mkdirSync(run, { mode: 0o700 });
  return {
    logDir: path.join(directory, 'log'),
    stateDir: path.join(directory, 'state'),
    socket: path.join(run, 'a.sock'),
  };
}

const mainFile = fileURLToPath(new URL('../../services/auditor/main.ts', import.meta.url));

/**
 * Starts the auditor's program on the bus. Its SVID lies ready in the state directory, as a process before it would
 * have left it, so that no broker is needed. `program`: another main, for fault tests.
 */
export async function startAuditorProcess(
  scope: Scope,
  at: {
    bus: AuditBus;
    place: AuditorPlace;
    program?: readonly string[];
    environment?: Readonly<Record<string, string>>;
  },
): Promise<AuditorProcess> {
  const { place } = at;
  const source = await at.bus.trust.source(stintIds.auditor(testDomain));
  mkdirSync(place.stateDir, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(place.stateDir, 'svid.json'), formatSvidState(source.current()), { mode: 0o600 });
  writeFileSync(path.join(place.stateDir, 'trust-bundle.pem'), source.current().bundlePem);
  let ready: { verifier_key?: string } = {};
  const child = await startChild({
    name: 'auditor',
    command: [process.execPath, ...(at.program ?? [mainFile]), ...flags(at)],
    directory: path.dirname(place.socket),
    environment: { PATH: process.env['PATH'] ?? '', STINT_LOG_LEVEL: 'debug', ...at.environment },
    logFile: path.join(path.dirname(place.socket), 'auditor.log'),
    isReady: (line) => {
      if (!line.startsWith('{"ready"')) return false;
      ready = JSON.parse(line) as typeof ready;
      return true;
    },
    readyDeadlineMs: 20_000,
    deathSignal: 'KILL',
  });
  scope.after(async () => void (await child.stop('SIGTERM', 10_000)));
  const log = createLog({ service: 'test', level: 'silent' });
  const channel = connectGrpc({
    target: { unixPath: place.socket },
    unavailable: 'AUDIT_UNAVAILABLE',
    clock: systemClock,
    log,
  });
  scope.after(() => channel.close());
  return { child, channel, verifierKey: ready.verifier_key ?? '' };
}

function flags({ bus: { url }, place }: { bus: AuditBus; place: AuditorPlace }): string[] {
  const values = {
    'log-dir': place.logDir,
    'state-dir': place.stateDir,
    'admin-socket': place.socket,
    'nats-url': url,
    'mesh-listen': '127.0.0.1:0',
    'checkpoint-interval': '100ms',
    'join-token-file': path.join(place.stateDir, 'join-token'),
    'trust-bundle-file': path.join(place.stateDir, 'trust-bundle.pem'),
  };
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}
