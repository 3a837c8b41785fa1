import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createLog, type Log } from '@stint/common/log.ts';
import { ensurePrivateDirectory, replacePrivateFile } from '@stint/common/private-file.ts';
import { parseSpiffeId, parseTrustDomain, type SpiffeId, stintIds } from '@stint/common/spiffe-id.ts';
import { freePort, isFreePort } from '../servers/free-port.ts';
import { repositoryRoot } from '../tools.ts';
import { BrokerAdmin } from './broker-admin.ts';
import { type BusServer, startBusServer } from './bus-server.ts';
import { type DemoTarget, demoProviders, demoSecrets, startDemoTarget } from './demo-target.ts';
import { type MeshFile, type MeshPorts, readMeshFile, writeMeshFile } from './mesh-file.ts';
import { type MeshPaths, meshPaths } from './mesh-paths.ts';
import { type ServiceProcess, startService } from './service-process.ts';

/** The trust domain and names of the mesh that `stint dev` and the tests run. */
export const devMesh = {
  trustDomain: parseTrustDomain('stint.local'),
  brokerName: 'b1',
  workload: parseSpiffeId('spiffe://stint.local/demo/report-job'),
  viewers: ['siem'],
} as const;

export type MeshOptions = {
  /** `.stint`: all local state. Made when absent; one mesh at a time. */
  readonly stateDirectory: string;
  /** Environment of our services: OTEL_* and PATH. */
  readonly environment: Readonly<Record<string, string>>;
  /** Told when a part serves, with the milliseconds its start took. */
  readonly onReady?: (part: string, ms: number) => void;
  /** Told when a part ended that nobody stopped. */
  readonly onExit?: (part: MeshService) => void;
  /** Further arguments by service; tests shorten times with them. */
  readonly args?: Readonly<Partial<Record<MeshService, readonly string[]>>>;
  /** Other programs in place of the services' own; fault tests run them with a way to stop at a step. */
  readonly programs?: Readonly<Partial<Record<MeshService, string>>>;
};

/** A service of ours in the mesh. */
export type MeshService = 'broker' | 'auditor' | 'sidecar';

/**
 * A whole mesh on this machine, from real parts: PostgreSQL as the demo's target, broker, NATS, auditor, one sidecar.
 *
 * Order: PostgreSQL beside the broker; then NATS, which needs a certificate of the broker's; then
 * auditor and sidecar, which attest with join tokens. A crash at any line leaves state that the next start goes on from.
 */
export class Mesh {
  readonly paths: MeshPaths;
  readonly ports: MeshPorts;
  readonly log: Log;
  readonly #options: MeshOptions;
  readonly #services = new Map<MeshService, ServiceProcess>();
  #admin: BrokerAdmin | undefined;
  #bus: BusServer | undefined;
  #target: DemoTarget | undefined;
  #stopping = false;

  private constructor(options: MeshOptions, paths: MeshPaths, ports: MeshPorts) {
    this.#options = options;
    this.paths = paths;
    this.ports = ports;
    this.log = createLog({ service: 'mesh', level: 'warn' });
  }

  /**
   * Starts everything and returns when all parts serve.
   * @throws what the first part that failed threw; everything that was started is stopped by then.
   */
  static async start(options: MeshOptions): Promise<Mesh> {
    const paths = meshPaths(options.stateDirectory);
    for (const directory of [paths.state, paths.logs]) mkdirSync(directory, { recursive: true, mode: 0o700 });
    // It may stand in a folder that everybody may write to, where somebody else may have made it before us.
    await ensurePrivateDirectory(paths.run);
    const mesh = new Mesh(options, paths, await choosePorts(readMeshFile(paths.meshFile)?.ports));
    try {
      await mesh.#start();
    } catch (fault) {
      await mesh.stop();
      throw fault;
    }
    return mesh;
  }

  /** The admin client of the broker. */
  get admin(): BrokerAdmin {
    this.#admin ??= new BrokerAdmin(this.paths.brokerSocket, this.log);
    return this.#admin;
  }

  /** The demo's PostgreSQL. */
  get target(): DemoTarget {
    if (this.#target === undefined) throw new Error('mesh: the demo target is not running');
    return this.#target;
  }

  get bus(): BusServer {
    if (this.#bus === undefined) throw new Error('mesh: the bus is not running');
    return this.#bus;
  }

  service(name: MeshService): ServiceProcess {
    const found = this.#services.get(name);
    if (found === undefined) throw new Error(`mesh: the ${name} is not running`);
    return found;
  }

  /** Stops in the reverse order of the start; what has ended already is passed over. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const name of ['sidecar', 'auditor', 'broker'] as const) await this.#services.get(name)?.stop();
    this.#services.clear();
    this.#admin?.close();
    this.#admin = undefined;
    await this.#bus?.stop();
    this.#bus = undefined;
    await this.#target?.server.stop();
    this.#target = undefined;
  }

  /** Stops one of our services in order; one that has ended already is passed over. */
  async stopService(name: MeshService): Promise<void> {
    const process = this.#services.get(name);
    this.#services.delete(name);
    await process?.stop();
  }

  /** Starts one of our services, for the first time or again after it ended. */
  async startService(name: MeshService): Promise<ServiceProcess> {
    const args = {
      broker: () => this.#brokerArgs(),
      auditor: () => this.#auditorArgs(),
      sidecar: () => this.#sidecarArgs(),
    }[name]();
    const process = await this.#timed(name, async () =>
      startService({
        name,
        program: this.#options.programs?.[name] ?? `services/${name}/main.ts`,
        args: [...(await args), ...(this.#options.args?.[name] ?? [])],
        environment: this.#options.environment,
        logFile: path.join(this.paths.logs, `${name}.log`),
      }),
    );
    this.#services.set(name, process);
    void process.exited.then(() => {
      if (!this.#stopping && this.#services.get(name) === process) this.#options.onExit?.(name);
    });
    return process;
  }

  async startBus(): Promise<void> {
    const { trustDomain, brokerName, viewers } = devMesh;
    this.#bus = await this.#timed('nats', () =>
      startBusServer({
        directory: path.join(this.paths.state, 'nats'),
        port: this.ports.nats,
        trustDomain,
        trustBundleFile: this.paths.trustBundle,
        brokers: [brokerName],
        viewers,
        admin: this.admin,
        log: this.log,
      }),
    );
  }

  async startTarget(): Promise<void> {
    this.#target = await this.#timed('postgresql', () =>
      startDemoTarget(this.#targetDirectory(), this.ports.postgres),
    );
  }

  async #start(): Promise<void> {
    await Promise.all([this.startTarget(), this.startService('broker')]);
    await this.startBus();
    await Promise.all([this.startService('auditor'), this.startService('sidecar')]);
    writeMeshFile(this.paths.meshFile, this.#file());
  }

  #file(): MeshFile {
    const { brokerSocket, auditorSocket, log } = this.paths;
    return {
      version: 1,
      pid: process.pid,
      trustDomain: devMesh.trustDomain,
      brokerSocket,
      auditorSocket,
      sidecarSocket: this.paths.sidecarSocket('demo'),
      logDirectory: log,
      ports: this.ports,
    };
  }

  async #timed<T>(part: string, start: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    const started = await start();
    this.#options.onReady?.(part, performance.now() - begun);
    return started;
  }

  #targetDirectory(): string {
    return path.join(this.paths.state, 'postgresql');
  }

  async #brokerArgs(): Promise<string[]> {
    const { brokerPasswordFile } = await demoSecrets(path.join(this.#targetDirectory(), 'secrets'));
    const providersFile = path.join(this.paths.state, 'providers.yaml');
    writeFileSync(providersFile, demoProviders(this.ports.postgres, brokerPasswordFile));
    const bundleDir = path.join(repositoryRoot, 'deploy/demo');
    return flags({
      'state-dir': path.join(this.paths.state, 'broker'),
      'bundle-dir': bundleDir,
      'providers-file': providersFile,
      'mesh-listen': `127.0.0.1:${this.ports.mesh}`,
      'bootstrap-listen': `127.0.0.1:${this.ports.bootstrap}`,
      'admin-socket': this.paths.brokerSocket,
      'nats-url': `tls://127.0.0.1:${this.ports.nats}`,
      'log-verifier-key-file': path.join(this.paths.log, 'log.vkey'),
      'trust-bundle-file': this.paths.trustBundle,
    });
  }

  async #auditorArgs(): Promise<string[]> {
    const stateDir = path.join(this.paths.state, 'auditor');
    return flags({
      'log-dir': this.paths.log,
      'state-dir': stateDir,
      'mesh-listen': `127.0.0.1:${this.ports.auditor}`,
      'admin-socket': this.paths.auditorSocket,
      'nats-url': `tls://127.0.0.1:${this.ports.nats}`,
      'broker-mesh': `127.0.0.1:${this.ports.mesh}`,
      'broker-bootstrap': `127.0.0.1:${this.ports.bootstrap}`,
      'trust-bundle-file': this.paths.trustBundle,
      'join-token-file': await this.#joinToken(stateDir, stintIds.auditor(devMesh.trustDomain)),
    });
  }

  async #sidecarArgs(): Promise<string[]> {
    const stateDir = path.join(this.paths.state, 'sidecar');
    return flags({
      'spiffe-id': devMesh.workload,
      socket: this.paths.sidecarSocket('demo'),
      broker: `127.0.0.1:${this.ports.mesh}`,
      bootstrap: `127.0.0.1:${this.ports.bootstrap}`,
      'bundle-file': this.paths.trustBundle,
      'join-token-file': await this.#joinToken(stateDir, devMesh.workload),
      'state-file': path.join(stateDir, 'svid.json'),
    });
  }

  /** A fresh token for each start: one that is not needed, because the part kept its SVID, dies by itself. */
  async #joinToken(directory: string, spiffeId: SpiffeId): Promise<string> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = path.join(directory, 'join-token');
    await replacePrivateFile(file, await this.admin.joinToken(spiffeId));
    return file;
  }
}

function flags(options: Readonly<Record<string, string>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
}

/** The ports of the last start where they are still free, so that what was written down keeps working; all different. */
async function choosePorts(last: MeshPorts | undefined): Promise<MeshPorts> {
  const chosen = new Set<number>();
  const choose = async (port: number | undefined) => {
    let choice = port !== undefined && (await isFreePort(port)) ? port : await freePort();
    while (chosen.has(choice)) choice = await freePort();
    chosen.add(choice);
    return choice;
  };
  return {
    mesh: await choose(last?.mesh),
    bootstrap: await choose(last?.bootstrap),
    auditor: await choose(last?.auditor),
    nats: await choose(last?.nats),
    postgres: await choose(last?.postgres),
  };
}
