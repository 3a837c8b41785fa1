import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { connectGrpc, type GrpcChannel } from '@stint/common/grpc-client.ts';
import { createLog } from '@stint/common/log.ts';
import { ensurePrivateDirectory } from '@stint/common/private-file.ts';
import { services } from '@stint/common/proto.ts';
import { isBrokerId, stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import { BrokerAdmin } from '../../deploy/mesh/broker-admin.ts';
import { devMesh } from '../../deploy/mesh/mesh.ts';
import { type MeshPaths, meshPaths } from '../../deploy/mesh/mesh-paths.ts';
import { brokerArgs, type MeshPlace, sidecarArgs } from '../../deploy/mesh/service-args.ts';
import { type ServiceProcess, startService } from '../../deploy/mesh/service-process.ts';
import { freePort } from '../../deploy/servers/free-port.ts';
import type { MeshUnderTest } from './mesh-under-test.ts';
import { type Scope, tempDir } from './temp-dir.ts';
import { until } from './until.ts';

const log = createLog({ service: 'test', level: 'silent' });

/** How long parts may take to find one another, in milliseconds. */
const joinMsMax = 20_000;

/**
 * A second broker, the real program, beside the one of a mesh, as the broker's page says: the same store, target and bus; a
 * name, ports, sockets and a state directory of its own with the first one's root; and a sidecar of its own for the demo's
 * workload. It ends with its scope, before its mesh if that began earlier.
 */
export class SecondBroker {
  readonly process: ServiceProcess;
  /** As its local operator. */
  readonly admin: GrpcChannel;
  /** As the demo's workload, over the sidecar and so over a Session. */
  readonly sidecar: GrpcChannel;
  readonly #scope: Scope;
  readonly #port: number;

  private constructor(scope: Scope, made: { process: ServiceProcess; place: MeshPlace }) {
    const { paths, ports } = made.place;
    this.#scope = scope;
    this.#port = ports.mesh;
    this.process = made.process;
    this.admin = this.#connect({ unixPath: paths.brokerSocket });
    this.sidecar = this.#connect({ unixPath: paths.sidecarSocket('demo') });
  }

  /** @param args what the mesh's broker was given, too: where the store is. */
  static async start(
    scope: Scope,
    at: MeshUnderTest,
    { name, args }: { readonly name: string; readonly args: readonly string[] },
  ): Promise<SecondBroker> {
    const place = await placeBeside(scope, at);
    copyRoot(at.mesh.paths, place.paths);
    const start = async (service: 'broker' | 'sidecar', serviceArgs: readonly string[]) => {
      const process = await startService({
        name: service,
        program: `services/${service}/main.ts`,
        args: serviceArgs,
        environment: { PATH: globalThis.process.env['PATH'] ?? '' },
        logFile: path.join(place.paths.logs, `${service}.log`),
      });
      scope.after(() => process.stop());
      return process;
    };
    const broker = await start('broker', [...(await brokerArgs(place)), '--name', name, ...args]);
    await start('sidecar', await sidecarArgs(place));
    const second = new SecondBroker(scope, { process: broker, place });
    await second.#join();
    return second;
  }

  /** A simple client of this broker, without a sidecar: unary calls, by that SVID, whichever broker issued it. */
  unary(state: SvidState): GrpcChannel {
    const source = { current: () => state, onChange: () => () => undefined };
    const expectedServer = { trustDomain: devMesh.trustDomain, accepts: isBrokerId };
    return this.#connect({ host: '127.0.0.1', port: this.#port, tls: { source, expectedServer } });
  }

  /** Returns when broker and bus, sidecar and broker have found one another. */
  async #join(): Promise<void> {
    await until(
      'the second broker is on the bus',
      joinMsMax,
      async () => (await this.admin.call(services.admin.GetStatus, {})).busConnected,
    );
    await until(
      'the second sidecar has its session',
      joinMsMax,
      async () => (await this.sidecar.call(services.sidecar.GetStatus, {})).connected,
    );
  }

  #connect(target: Parameters<typeof connectGrpc>[0]['target']): GrpcChannel {
    const channel = connectGrpc({ target, unavailable: 'BROKER_UNAVAILABLE', clock: systemClock, log });
    this.#scope.after(() => channel.close());
    return channel;
  }
}

/** Places of its own but for the target, the bus and the log's key, which it shares with the mesh. */
async function placeBeside(scope: Scope, at: MeshUnderTest): Promise<MeshPlace> {
  const own = meshPaths(path.join(tempDir(scope), 'second'));
  const { target, log: logDirectory } = at.mesh.paths;
  const paths = { ...own, target, log: logDirectory };
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  await ensurePrivateDirectory(paths.run);
  const ports = { ...at.mesh.ports, mesh: await freePort(), bootstrap: await freePort() };
  const admin = new BrokerAdmin(paths.brokerSocket, log);
  scope.after(() => admin.close());
  const { trustDomain, workload } = devMesh;
  const identities = { auditor: stintIds.auditor(trustDomain), workload };
  return { paths, ports, admin, identities };
}

/** The one file of the first broker's that a second needs: what it then issues is trusted by all. */
function copyRoot(from: MeshPaths, to: MeshPaths): void {
  const ca = path.join(to.state, 'broker', 'ca');
  mkdirSync(ca, { recursive: true, mode: 0o700 });
  copyFileSync(path.join(from.state, 'broker', 'ca', 'root.pem'), path.join(ca, 'root.pem'));
}
