import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Log } from '@stint/common/log.ts';
import { replacePrivateFile } from '@stint/common/private-file.ts';
import { stintIds, type TrustDomain } from '@stint/common/spiffe-id.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import { createBus } from '../nats/create-bus.ts';
import { natsServerConfig } from '../nats/server-config.ts';
import { type NatsServer, startNatsServer } from '../servers/nats-server.ts';
import type { BrokerAdmin } from './broker-admin.ts';

/** Life of the bus's SVID, in milliseconds. It is made anew at half of it, and NATS told to read it. */
const svidTtlMs = 24 * 3_600_000;

export type BusServerOptions = {
  readonly directory: string;
  readonly port: number;
  readonly trustDomain: TrustDomain;
  readonly trustBundleFile: string;
  readonly brokers: readonly string[];
  readonly viewers: readonly string[];
  readonly admin: BrokerAdmin;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
};

/** The mesh's NATS: server, its rotating certificate, and the stream. */
export type BusServer = { readonly server: NatsServer; readonly stop: NatsServer['stop'] };

/**
 * Starts NATS with a certificate minted by the broker, and makes stream and consumer. A crash at any line: the next start
 * does all of it again; what the stream held is still there.
 */
export async function startBusServer(options: BusServerOptions): Promise<BusServer> {
  const { directory, trustDomain, admin } = options;
  const files = {
    certificateFile: path.join(directory, 'svid.pem'),
    keyFile: path.join(directory, 'svid.key'),
  };
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const renew = async () => writeSvid(files, await admin.mint(stintIds.nats(trustDomain), svidTtlMs));
  await renew();
  const config = natsServerConfig({
    trustDomain,
    brokers: options.brokers,
    viewers: options.viewers,
    trustBundleFile: options.trustBundleFile,
    ...files,
  });
  const server = await startNatsServer({ directory, config, port: options.port, signal: options.signal });
  const timer = setInterval(() => {
    renew()
      .then(() => server.reload(config))
      .catch((error: unknown) =>
        options.log.error({ error }, "the bus's certificate was not renewed; the next try is in half a life"),
      );
  }, svidTtlMs / 2);
  const stop: BusServer['stop'] = (deadlineMs) => {
    clearInterval(timer);
    return server.stop(deadlineMs);
  };
  try {
    const adminSvid = await admin.mint(stintIds.natsAdmin(trustDomain), 3_600_000);
    await createBus(`127.0.0.1:${options.port}`, adminSvid);
  } catch (fault) {
    await stop();
    throw fault;
  }
  return { server, stop };
}

/** The key before its certificate: NATS reads both at start and at SIGHUP, never in between. */
async function writeSvid(
  files: { readonly certificateFile: string; readonly keyFile: string },
  { svid }: SvidState,
): Promise<void> {
  await replacePrivateFile(files.keyFile, svid.privateKeyPem.revealText());
  await replacePrivateFile(files.certificateFile, svid.certificatesPem);
}
