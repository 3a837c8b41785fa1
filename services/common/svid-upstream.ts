import { readFile } from 'node:fs/promises';
import { ServiceError } from './errors.ts';
import type { AttestRequest } from './gen/stint/broker/v1/AttestRequest.ts';
import type { AttestResponse__Output } from './gen/stint/broker/v1/AttestResponse.ts';
import type { RotateSvidRequest } from './gen/stint/broker/v1/RotateSvidRequest.ts';
import {
  connectGrpc,
  type ExpectedServer,
  type GrpcChannel,
  type GrpcChannelOptions,
} from './grpc-client.ts';
import type { Log } from './log.ts';
import { PemCertificatesError, readCertificates } from './pem-certificates.ts';
import { services } from './proto.ts';
import type { Secret } from './secret.ts';
import { isBrokerId, type TrustDomain } from './spiffe-id.ts';
import type { SvidUpstream } from './svid-source.ts';
import type { IssuedChain } from './svid-state.ts';
import type { Clock } from './time.ts';
import type { SvidState } from './x509-svid.ts';

/** How long one attestation or rotation may take, in milliseconds, connecting included. */
const callMsMax = 10_000;

/** Where a broker can be reached for an SVID. */
export type BrokerUpstreamOptions = {
  readonly trustDomain: TrustDomain;
  readonly bootstrap: { readonly host: string; readonly port: number };
  readonly mesh: { readonly host: string; readonly port: number };
  /** PEM file with the trust domain's roots: what the broker is known by before there is an SVID. Read at each attestation. */
  readonly bundleFile: string;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Gets SVIDs from a broker, and from nobody else: the server must show an SVID `spiffe://<td>/stint/broker/<name>` under
 * the trust domain's roots before the join token is sent. Each call has a connection of its own: there are two an hour.
 */
export function brokerUpstream(options: BrokerUpstreamOptions): SvidUpstream {
  const { trustDomain, bootstrap, mesh, bundleFile } = options;
  const expectedServer: ExpectedServer = { trustDomain, accepts: isBrokerId };
  return {
    roots: async () => (await readBundle(bundleFile)).rootsDer,
    attest: async (joinToken: Secret, csr: Buffer) => {
      const { bundlePem } = await readBundle(bundleFile);
      const target = { ...bootstrap, tls: { bundlePem, expectedServer } };
      const request: AttestRequest = { joinToken: joinToken.revealText(), csr };
      return withChannel(options, target, async (channel) =>
        toIssuedChain(await channel.call(services.attestation.Attest, request, { deadlineMs: callMsMax })),
      );
    },
    rotate: (held: SvidState, csr: Buffer) => {
      const source = { current: () => held, onChange: () => () => undefined };
      const target = { ...mesh, tls: { source, expectedServer } };
      const request: RotateSvidRequest = { csr };
      return withChannel(options, target, async (channel) =>
        toIssuedChain(await channel.call(services.identity.RotateSvid, request, { deadlineMs: callMsMax })),
      );
    },
  };
}

async function withChannel(
  { clock, log }: BrokerUpstreamOptions,
  target: GrpcChannelOptions['target'],
  use: (channel: GrpcChannel) => Promise<IssuedChain>,
): Promise<IssuedChain> {
  const channel = connectGrpc({ target, unavailable: 'BROKER_UNAVAILABLE', clock, log });
  try {
    return await use(channel);
  } finally {
    channel.close();
  }
}

function toIssuedChain({ svid }: AttestResponse__Output): IssuedChain {
  if (svid === null) throw new ServiceError('IDENTITY_NOT_READY', 'the broker answered without an SVID');
  return { certificatesDer: svid.certificates, bundleDer: svid.bundle };
}

async function readBundle(file: string): Promise<{ bundlePem: string; rootsDer: readonly Uint8Array[] }> {
  const bundlePem = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new ServiceError(
      'IDENTITY_NOT_READY',
      `the trust bundle "${file}" cannot be read: copy the trust domain's root there`,
      { cause },
    );
  });
  try {
    return { bundlePem, rootsDer: readCertificates(bundlePem) };
  } catch (cause) {
    if (!(cause instanceof PemCertificatesError)) throw cause;
    const message = `the trust bundle "${file}" cannot be used: ${cause.message}`;
    throw new ServiceError('IDENTITY_NOT_READY', message, { cause });
  }
}
