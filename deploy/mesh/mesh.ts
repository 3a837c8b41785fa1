import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createLog, type Log } from '@stint/common/log.ts';
import { ensurePrivateDirectory } from '@stint/common/private-file.ts';
import { parseSpiffeId, parseTrustDomain, stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { type ChildExit, endedOrKilled, type LeftProcess, ProcessesLeftError } from '../servers/child.ts';
import { BrokerAdmin } from './broker-admin.ts';
import { type BusServer, startBusServer } from './bus-server.ts';
import { type DemoTarget, startDemoTarget } from './demo-target.ts';
import { type MeshFile, readMeshFile, writeMeshFile } from './mesh-file.ts';
import { waitUntilJoined } from './mesh-joined.ts';
import { type MeshPaths, meshPaths } from './mesh-paths.ts';
import { choosePorts, type MeshPorts } from './mesh-ports.ts';
import { PartKeeper, type PartNews } from './part-keeper.ts';
import { auditorArgs, brokerArgs, type MeshPlace, sidecarArgs } from './service-args.ts';
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
  /** Awaited once the broker serves and before the sidecar starts: what is in force then, an earlier mesh has left. */
  readonly beforeSidecar?: (admin: BrokerAdmin) => Promise<void>;
  /** Told when a part serves, with the milliseconds its start took. */
  readonly onReady?: (part: string, ms: number) => void;
  /** Told when a part ended that nobody stopped. */
  readonly onExit?: (part: MeshPart) => void;
  /** Has parts that end by themselves started again, and is told of it, with the part's log; absent: they stay down. */
  readonly keepUp?: (news: PartNews<MeshPart>, logFile: string) => void;
  /** Further arguments by service; tests shorten times with them. */
  readonly args?: Readonly<Partial<Record<MeshService, readonly string[]>>>;
  /** Names of brokers beside the mesh's own that its bus is to know. Who names them starts them, and stops them before it. */
  readonly otherBrokers?: readonly string[];
  /** Other programs in place of the services' own; fault tests run them with a way to stop at a step. */
  readonly programs?: Readonly<Partial<Record<MeshService, string>>>;
  /** Kills every part at once when it aborts, those that start too; nothing is started after that. `stop` is still to be called. */
  readonly signal?: AbortSignal;
};

/** How a mesh is stopped. */
export type MeshStopOptions = {
  /** How long each part may take before it is killed, in milliseconds; each has a limit of its own unless given. */
  readonly partMsMax?: number;
  /** Told before a part is waited for. */
  readonly onPart?: (part: MeshPart) => void;
};

/** A service of ours in the mesh. */
export type MeshService = 'broker' | 'auditor' | 'sidecar';

/** A process of the mesh: a service of ours, the bus, or the demo's target. */
export type MeshPart = MeshService | 'nats' | 'postgresql';

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
  /** Starts under way: a stop waits for them, so that none comes up behind it. */
  readonly #starting = new Set<Promise<unknown>>();
  readonly #keeper: PartKeeper<MeshPart> | undefined;
  #stopping = false;

  private constructor(options: MeshOptions, paths: MeshPaths, ports: MeshPorts) {
    this.#options = options;
    this.paths = paths;
    this.ports = ports;
    this.log = createLog({ service: 'mesh', level: 'warn' });
    const { keepUp } = options;
    if (keepUp === undefined) return;
    this.#keeper = new PartKeeper({
      start: (part) => this.#startPart(part),
      tell: (news) => keepUp(news, this.logFile(news.part)),
      clock: systemClock,
    });
  }

  /**
   * Starts everything and returns when all parts serve and have found one another.
   * @throws what the first part that failed threw; everything that was started is stopped by then
   * @throws ProcessesLeftError with that as its cause, when something could not be stopped
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
      const left = await mesh.#stopParts({});
      throw left.length === 0 ? fault : new ProcessesLeftError(left, fault);
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

  /**
   * Stops every part; what has ended already is passed over. Nothing can be started after it.
   * @throws ProcessesLeftError when some could not even be killed; the others are stopped by then.
   */
  async stop(options: MeshStopOptions = {}): Promise<void> {
    const left = await this.#stopParts(options);
    if (left.length > 0) throw new ProcessesLeftError(left);
  }

  /** Stops one of our services in order; one that has ended already is passed over. @throws ProcessesLeftError */
  async stopService(name: MeshService, deadlineMs?: number): Promise<void> {
    const process = this.#services.get(name);
    this.#services.delete(name);
    await process?.stop(deadlineMs);
  }

  async #stopParts({ partMsMax, onPart }: MeshStopOptions): Promise<readonly LeftProcess[]> {
    this.#stopping = true;
    this.#keeper?.close();
    await endedOrKilled(this.#starting, this.#options.signal);
    const left: LeftProcess[] = [];
    for (const [part, stop] of this.#stops(partMsMax)) {
      onPart?.(part);
      await stop().catch((fault: unknown) => {
        if (!(fault instanceof ProcessesLeftError)) throw fault;
        left.push(...fault.left);
      });
    }
    this.#admin?.close();
    [this.#admin, this.#bus, this.#target] = [undefined, undefined, undefined];
    return left;
  }

  /** What runs, in the order in which it stops: the auditor takes in what the broker does and sends while it stops. */
  #stops(partMsMax: number | undefined): ReadonlyMap<MeshPart, () => Promise<void>> {
    const stops = new Map<MeshPart, () => Promise<void>>();
    for (const name of ['sidecar', 'broker', 'auditor'] as const)
      if (this.#services.has(name)) stops.set(name, () => this.stopService(name, partMsMax));
    const [bus, target] = [this.#bus, this.#target];
    if (bus !== undefined) stops.set('nats', () => bus.stop(partMsMax));
    if (target !== undefined) stops.set('postgresql', () => target.server.stop(partMsMax));
    return stops;
  }

  /** Starts one of our services, for the first time or again after it ended. */
  startService(name: MeshService): Promise<ServiceProcess> {
    const args = { broker: brokerArgs, auditor: auditorArgs, sidecar: sidecarArgs }[name];
    const start = async () =>
      startService({
        name,
        program: this.#options.programs?.[name] ?? `services/${name}/main.ts`,
        args: [...(await args(this.#place())), ...(this.#options.args?.[name] ?? [])],
        environment: this.#options.environment,
        logFile: this.logFile(name),
        signal: this.#options.signal,
      });
    return this.#timed(name, start, (process) => {
      this.#services.set(name, process);
      this.#watch(name, process.exited, () => this.#services.get(name) === process);
    });
  }

  /** Starts the bus, for the first time or again after it ended. */
  async startBus(): Promise<void> {
    await this.#bus?.stop(); // a server that has ended left the renewal of its certificate
    const { trustDomain, brokerName, viewers } = devMesh;
    const start = () =>
      startBusServer({
        directory: path.join(this.paths.state, 'nats'),
        port: this.ports.nats,
        trustDomain,
        trustBundleFile: this.paths.trustBundle,
        brokers: [brokerName, ...(this.#options.otherBrokers ?? [])],
        viewers,
        admin: this.admin,
        log: this.log,
        signal: this.#options.signal,
      });
    await this.#timed('nats', start, (bus) => {
      this.#bus = bus;
      this.#watch('nats', bus.server.exited, () => this.#bus === bus);
    });
  }

  /** Starts the demo's target, for the first time or again after it ended. */
  async startTarget(): Promise<void> {
    const start = () => startDemoTarget(this.paths.target, this.ports.postgres, this.#options.signal);
    await this.#timed('postgresql', start, (target) => {
      this.#target = target;
      this.#watch('postgresql', target.server.exited, () => this.#target === target);
    });
  }

  async #start(): Promise<void> {
    await Promise.all([this.startTarget(), this.startService('broker')]);
    await this.#options.beforeSidecar?.(this.admin);
    await this.startBus();
    await Promise.all([this.startService('auditor'), this.startService('sidecar')]);
    await waitUntilJoined(this.paths, this.log, this.#options.signal);
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

  async #startPart(part: MeshPart): Promise<void> {
    if (part === 'nats') await this.startBus();
    else if (part === 'postgresql') await this.startTarget();
    else await this.startService(part);
  }

  /** What a part says is written to this file. */
  logFile(part: MeshPart): string {
    if (part === 'nats') return path.join(this.paths.state, 'nats', 'nats.log');
    if (part === 'postgresql') return path.join(this.paths.target, 'server', 'postgres.log');
    return path.join(this.paths.logs, `${part}.log`);
  }

  #place(): MeshPlace {
    const { trustDomain, workload } = devMesh;
    const identities = { auditor: stintIds.auditor(trustDomain), workload };
    return { paths: this.paths, ports: this.ports, admin: this.admin, identities };
  }

  /** Tells of an end that nobody asked for. `isOurs`: the part has not been stopped or replaced meanwhile. */
  #watch(part: MeshPart, exited: Promise<ChildExit>, isOurs: () => boolean): void {
    void exited.then(({ code, signal }) => {
      if (this.#stopping || this.#options.signal?.aborted || !isOurs()) return;
      this.#options.onExit?.(part);
      this.#keeper?.ended(part, signal ?? `code ${code}`);
    });
  }

  /** `keep` is called before a stop goes on that waits for this start. */
  async #timed<T>(part: MeshPart, start: () => Promise<T>, keep: (started: T) => void): Promise<T> {
    if (this.#stopping) throw new Error(`mesh: it stops, ${part} is not started`);
    const begun = performance.now();
    const starting = start().then((started) => {
      keep(started);
      return started;
    });
    this.#starting.add(starting);
    try {
      const started = await starting;
      this.#options.onReady?.(part, performance.now() - begun);
      return started;
    } finally {
      this.#starting.delete(starting);
    }
  }
}
