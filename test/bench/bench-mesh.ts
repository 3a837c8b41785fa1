import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as elapse } from 'node:timers/promises';
import { connectGrpc, type GrpcChannel } from '@stint/common/grpc-client.ts';
import { replacePrivateFile } from '@stint/common/private-file.ts';
import { services } from '@stint/common/proto.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { Mesh } from '../../deploy/mesh/mesh.ts';
import { type ServiceProcess, startService } from '../../deploy/mesh/service-process.ts';
import { verifyDirectory } from '../../services/auditor/verify-command.ts';

/** The workload that the example policies let read the demo API, whose leases are signed tokens. */
const tokenWorkload = parseSpiffeId('spiffe://stint.local/demo/ci-deploy');

/** How long the log may take to have what was granted, in milliseconds; longer is a failed run. */
const auditedMsMax = 60_000;
const auditedPollMs = 10;

/**
 * A whole mesh to measure, as `npm start` runs it, in a folder of its own; and a second sidecar, for the workload that may
 * have tokens.
 */
export class BenchMesh {
  readonly mesh: Mesh;
  readonly tokenSidecar: ServiceProcess;
  readonly #directory: string;
  readonly #broker: GrpcChannel;
  readonly #auditor: GrpcChannel;

  private constructor(directory: string, mesh: Mesh, tokenSidecar: ServiceProcess) {
    this.#directory = directory;
    this.mesh = mesh;
    this.tokenSidecar = tokenSidecar;
    this.#broker = channelTo(mesh, mesh.paths.brokerSocket);
    this.#auditor = channelTo(mesh, mesh.paths.auditorSocket);
  }

  static async start(): Promise<BenchMesh> {
    const directory = mkdtempSync(path.join(tmpdir(), 'stint-bench-'));
    const mesh = await Mesh.start({
      stateDirectory: directory,
      environment: serviceEnvironment(),
      onExit: (part) => {
        throw new Error(`bench: the ${part} ended by itself; its log is under ${directory}/logs`);
      },
    });
    return new BenchMesh(directory, mesh, await startTokenSidecar(mesh));
  }

  /** Of the token workload's sidecar, for a client of grpc-js. */
  get tokenAddress(): string {
    return `unix:${this.mesh.paths.sidecarSocket('bench')}`;
  }

  /** Process ids of what a grant passes through. */
  get pids(): Readonly<Record<'broker' | 'sidecar' | 'auditor' | 'nats', number>> {
    return {
      broker: this.mesh.service('broker').pid,
      sidecar: this.tokenSidecar.pid,
      auditor: this.mesh.service('auditor').pid,
      nats: this.mesh.bus.server.pid,
    };
  }

  /** Returns when every event that the broker has committed stands in the log. @throws Error when it does not come. */
  async audited(): Promise<void> {
    const { auditSequence } = await this.#broker.call(services.admin.GetStatus, {});
    const deadline = performance.now() + auditedMsMax;
    while (performance.now() < deadline) {
      const { sources, quarantined } = await this.#auditor.call(services.audit.GetStatus, {});
      if (quarantined > 0) throw new Error(`bench: the auditor refused ${quarantined} batches`);
      if ((sources[0]?.sequence ?? 0) >= auditSequence) return;
      await elapse(auditedPollMs);
    }
    throw new Error(`bench: the log lacks events of the broker ${auditedMsMax} ms after the load`);
  }

  channel(socket: string): GrpcChannel {
    return channelTo(this.mesh, socket);
  }

  /** Stops everything, keeps the files for {@link proveNothingLost}. */
  async stop(): Promise<void> {
    this.#broker.close();
    this.#auditor.close();
    await this.tokenSidecar.stop();
    await this.mesh.stop();
  }

  /**
   * Looks at what is on disk after the stop: as many grants in the broker's store, and as many records of them in the log,
   * as workloads got answers; and the whole log verified from its raw records.
   * @throws Error saying what is missing.
   */
  proveNothingLost(answered: { readonly tokens: number; readonly leases: number }): string {
    const { log, state } = this.mesh.paths;
    const grants = count(path.join(state, 'broker', 'broker.db'), 'select count(*) as n from grants');
    const issued = `select count(*) as n from records where type in ('grant.issued', 'grant.decided')`;
    const records = count(path.join(log, 'records.db'), issued);
    const all = answered.tokens + answered.leases;
    if (grants !== all || records !== all)
      throw new Error(`bench: ${all} grants answered, ${grants} rows, ${records} records in the log`);
    const { findings, size } = verifyDirectory({ logDir: log });
    if (findings.exitCode !== 0)
      throw new Error(`bench: the log does not verify: ${JSON.stringify(findings.kept)}`);
    return `${all} grants answered = ${grants} rows in the store = ${records} records in the log; all ${size} records verify`;
  }

  /** Removes the files. */
  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Node's own options for the services come in a variable of ours, so that a profile is of them and not of the bench. */
function serviceEnvironment(): Record<string, string> {
  const { PATH = '', STINT_BENCH_NODE_OPTIONS = '' } = process.env;
  return { PATH, NODE_OPTIONS: STINT_BENCH_NODE_OPTIONS };
}

function channelTo(mesh: Mesh, socket: string): GrpcChannel {
  const target = { unixPath: socket };
  return connectGrpc({ target, unavailable: 'BROKER_UNAVAILABLE', clock: systemClock, log: mesh.log });
}

async function startTokenSidecar(mesh: Mesh): Promise<ServiceProcess> {
  const { paths, ports, admin } = mesh;
  const directory = path.join(paths.state, 'bench-sidecar');
  mkdirSync(directory, { mode: 0o700 });
  const tokenFile = path.join(directory, 'join-token');
  await replacePrivateFile(tokenFile, await admin.joinToken(tokenWorkload));
  const options = {
    'spiffe-id': tokenWorkload,
    socket: paths.sidecarSocket('bench'),
    broker: `127.0.0.1:${ports.mesh}`,
    bootstrap: `127.0.0.1:${ports.bootstrap}`,
    'bundle-file': paths.trustBundle,
    'join-token-file': tokenFile,
    // Nothing is given back during a load: each grant lives its five minutes, as a forgetful workload's would.
    'leases-max': '1000000',
  };
  return startService({
    name: 'sidecar',
    program: 'services/sidecar/main.ts',
    args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    environment: serviceEnvironment(),
    logFile: path.join(paths.logs, 'bench-sidecar.log'),
  });
}

function count(file: string, query: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return Number(database.prepare(query).get()?.['n']);
  } finally {
    database.close();
  }
}
