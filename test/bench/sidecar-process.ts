import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServiceContext } from '@stint/common/lifecycle.ts';
import { createLog } from '@stint/common/log.ts';
import { services } from '@stint/common/proto.ts';
import { Secret } from '@stint/common/secret.ts';
import { parseSvidState } from '@stint/common/svid-state.ts';
import type { SidecarConfig } from '../../services/sidecar/config.ts';
import { startSidecar } from '../../services/sidecar/wire.ts';
import { FakeBroker } from '../fakes/fake-broker.ts';
import { SettableSvidSource } from '../harness/test-ca.ts';

/** What a process of the sidecar's measurement is told to be. */
export type Role =
  | { readonly role: 'echo'; readonly socket: string; readonly answer: object }
  | { readonly role: 'broker'; readonly svid: string }
  | { readonly role: 'sidecar'; readonly svid: string; readonly socket: string; readonly port: number };

/** What it says: that it serves, or, when asked, how much CPU it has used, in microseconds. */
export type Word = { readonly port?: number; readonly cpuMicros?: number };

/** A bare grpc-js server on a unix socket, with the contract's codec, that answers always the same. */
function serveEcho(socket: string, answer: object): Promise<Word> {
  const server = new Server();
  server.addService(
    { Acquire: services.sidecar.Acquire },
    { Acquire: (_call: unknown, callback: (error: null, value: object) => void) => callback(null, answer) },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve({}) : reject(error),
    );
  });
}

async function serveBroker(svid: string): Promise<Word> {
  const broker = new FakeBroker(new SettableSvidSource(parseSvidState(new Secret(svid))));
  await broker.start();
  return { port: broker.address.port };
}

async function serveSidecar(to: Extract<Role, { role: 'sidecar' }>): Promise<Word> {
  const address = { host: '127.0.0.1', port: to.port };
  const service: ServiceContext = {
    log: createLog({ service: 'sidecar', level: 'warn' }),
    onStop: () => undefined,
    fail: () => process.exit(1),
  };
  const config: SidecarConfig = {
    trustDomain: 'stint.local',
    spiffeId: undefined,
    socket: undefined,
    broker: address,
    bootstrap: address,
    bundleFile: '',
    joinTokenFile: '',
    stateFile: undefined,
    leasesMax: 1_000_000,
    verifySilenceMax: 60_000,
    exitWithParent: true,
  };
  const svids = new SettableSvidSource(parseSvidState(new Secret(to.svid)));
  await startSidecar(config, service, { socket: to.socket, svids });
  return {};
}

function serve(to: Role): Promise<Word> {
  if (to.role === 'echo') return serveEcho(to.socket, to.answer);
  return to.role === 'broker' ? serveBroker(to.svid) : serveSidecar(to);
}

// Started by sidecar-cached.ts: the first message is the role, every later one asks for the CPU used.
process.on('disconnect', () => process.exit(0));
process.once('message', (to: Role) => {
  void serve(to).then((word) => {
    process.on('message', () => {
      const { user, system } = process.cpuUsage();
      process.send?.({ cpuMicros: user + system } satisfies Word);
    });
    process.send?.(word);
  });
});
