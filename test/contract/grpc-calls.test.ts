import path from 'node:path';
import { before, describe, type TestContext } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import type { GrpcListener } from '@stint/common/grpc/listener.ts';
import type { GrpcServer } from '@stint/common/grpc-server.ts';
import {
  connectTo,
  type EchoHandlers,
  echoServerId,
  echoService,
  meshListener,
  startEcho,
  workload,
} from '../harness/echo-server.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { TestCa } from '../harness/test-ca.ts';
import { describeCalls, type Replaced } from './grpc-calls.ts';

let ca: TestCa;
before(async () => {
  ca = await TestCa.create();
});

type How = { readonly handlers: Partial<EchoHandlers> | undefined; readonly replaced: Replaced | undefined };

function start(t: TestContext, listener: GrpcListener, { handlers, replaced }: How): Promise<GrpcServer> {
  const { log, ...rows } = replaced ?? {};
  return startEcho(t, {
    listeners: [listener],
    services: [echoService(handlers, rows)],
    ...(log === undefined ? {} : { log: log.log }),
  });
}

function clientOf(
  t: TestContext,
  address: string,
  security: ReturnType<typeof credentials.createInsecure>,
): Client {
  const client = new Client(address, security, { 'grpc.ssl_target_name_override': 'stint' });
  t.after(() => client.close());
  return client;
}

describe('over a unix socket', () => {
  describeCalls(async (t, handlers, replaced) => {
    const socket = path.join(tempDir(t), 's');
    const server = await start(t, { kind: 'unix', path: socket }, { handlers, replaced });
    const bareClient = () => clientOf(t, `unix:${socket}`, credentials.createInsecure());
    return { server, channel: connectTo(t, server), bareClient };
  });
});

describe('over mutual TLS', () => {
  describeCalls(async (t, handlers, replaced) => {
    const source = await ca.source(workload);
    const listener = meshListener(await ca.source(echoServerId));
    const server = await start(t, listener, { handlers, replaced });
    const [address] = server.addresses;
    const { svid, bundlePem } = source.current();
    const bareClient = () => {
      const [roots, key] = [Buffer.from(bundlePem), Buffer.from(svid.privateKeyPem.revealText())];
      const chain = Buffer.from(svid.certificatesPem);
      // SPIFFE IDs stand in place of host names; who the server is, is not this client's business.
      const security = credentials.createSsl(roots, key, chain, { checkServerIdentity: () => undefined });
      return clientOf(t, `127.0.0.1:${address?.kind === 'tcp' ? address.port : 0}`, security);
    };
    return { server, channel: connectTo(t, server, { source }), bareClient };
  });
});
