import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectGrpc, type GrpcChannel } from '@stint/common/grpc-client.ts';
import { isId } from '@stint/common/ids.ts';
import { createLog } from '@stint/common/log.ts';
import { services } from '@stint/common/proto.ts';
import { isBrokerId, type SpiffeId } from '@stint/common/spiffe-id.ts';
import { newSvidKey } from '@stint/common/svid-key.ts';
import { assembleSvidState } from '@stint/common/svid-state.ts';
import { systemClock } from '@stint/common/time.ts';
import type { SvidSource, SvidState } from '@stint/common/x509-svid.ts';
import pg from 'pg';
import { demoDatabase } from '../../deploy/demo/demo-database.ts';
import { devMesh, Mesh, type MeshOptions } from '../../deploy/mesh/mesh.ts';
import { processesIn } from '../../deploy/servers/processes-in.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import { isRoleNameOf } from '../../services/broker/providers/postgres/names.ts';
import { adminQuery } from './admin-query.ts';
import { skipWithoutNats, skipWithoutPostgres } from './scratch-servers.ts';
import type { Scope } from './temp-dir.ts';
import { tempDir } from './temp-dir.ts';

/** For `{ skip }`: a whole mesh needs both servers. */
export const skipWithoutMesh = skipWithoutPostgres || skipWithoutNats;

const log = createLog({ service: 'test', level: 'silent' });

/** How an ordinary request of the demo's workload looks. */
export const readDemo = { resource: 'demo-db', action: 'read', justification: 'the daily report' } as const;

/** A user at the demo database that a lease stands behind. */
export type LeaseRole = { readonly name: string; readonly canLogin: boolean; readonly isPastEnd: boolean };

/**
 * A whole mesh from real parts in a folder of its own, with a connection to each. It ends with its scope, which fails
 * when a process of the mesh outlives it.
 */
export class MeshUnderTest {
  readonly mesh: Mesh;
  readonly directory: string;
  /** As the demo's workload, over the sidecar and so over a Session. */
  readonly sidecar: GrpcChannel;
  /** As the local operator. */
  readonly admin: GrpcChannel;
  readonly auditor: GrpcChannel;
  readonly #scope: Scope;

  private constructor(scope: Scope, mesh: Mesh, directory: string) {
    this.#scope = scope;
    this.mesh = mesh;
    this.directory = directory;
    this.sidecar = this.#connect({ unixPath: mesh.paths.sidecarSocket('demo') });
    this.admin = this.#connect({ unixPath: mesh.paths.brokerSocket });
    this.auditor = this.#connect({ unixPath: mesh.paths.auditorSocket });
  }

  static async start(
    scope: Scope,
    options: Partial<Omit<MeshOptions, 'stateDirectory'>> & { readonly directory?: string } = {},
  ): Promise<MeshUnderTest> {
    const { directory = path.join(tempDir(scope), 'mesh'), ...rest } = options;
    const environment = { PATH: process.env['PATH'] ?? '', ...rest.environment };
    const mesh = await Mesh.start({ ...rest, stateDirectory: directory, environment });
    scope.after(async () => {
      await mesh.stop();
      assert.deepEqual(processesLeft(directory), [], 'a process of the mesh outlived it');
    });
    return new MeshUnderTest(scope, mesh, directory);
  }

  /** A fresh SVID of a registered identity, by a join token, as a workload without a sidecar gets it. */
  async attest(spiffeId: SpiffeId): Promise<SvidState> {
    const { token } = await this.admin.call(services.admin.CreateJoinToken, { spiffeId });
    return this.attestWith(token, spiffeId);
  }

  /** Spends a join token. */
  async attestWith(joinToken: string, spiffeId: SpiffeId): Promise<SvidState> {
    const key = await newSvidKey();
    const { svid } = await this.bootstrap().call(services.attestation.Attest, { joinToken, csr: key.csrDer });
    assert.ok(svid);
    const issued = { spiffeId, certificatesDer: svid.certificates, bundleDer: svid.bundle };
    return assembleSvidState(issued, key.privateKeyPem);
  }

  /** Where who has no SVID yet asks for one. */
  bootstrap(): GrpcChannel {
    const tls = { bundlePem: readFileSync(this.mesh.paths.trustBundle, 'utf8'), expectedServer };
    return this.#connect({ host: '127.0.0.1', port: this.mesh.ports.bootstrap, tls });
  }

  /** A simple client of the broker, without a sidecar: unary calls, by that SVID. */
  unary(state: SvidState): GrpcChannel {
    const source: SvidSource = { current: () => state, onChange: () => () => undefined };
    const tls = { source, expectedServer };
    return this.#connect({ host: '127.0.0.1', port: this.mesh.ports.mesh, tls });
  }

  /** The users of leases, whichever broker made them, by the target's own word. */
  async roles(): Promise<LeaseRole[]> {
    const sql = `SELECT rolname AS name, rolcanlogin AS "canLogin", coalesce(rolvaliduntil < now(), false) AS "isPastEnd" FROM pg_roles`;
    const roles = (await this.query(sql)) as LeaseRole[];
    return roles.filter(({ name }) => isLeaseRole(name));
  }

  /** Asks the target's demo database as its superuser; the rows of the last statement. */
  query(sql: string): Promise<Record<string, unknown>[]> {
    const { server, superuserPassword: password } = this.mesh.target;
    return adminQuery({ server, password, database: demoDatabase.database }, sql);
  }

  #connect(target: Parameters<typeof connectGrpc>[0]['target']): GrpcChannel {
    const channel = connectGrpc({ target, unavailable: 'BROKER_UNAVAILABLE', clock: systemClock, log });
    this.#scope.after(() => channel.close());
    return channel;
  }
}

/** Whether some broker gives the name to some lease: it ends in the 26 characters of the lease's id. */
function isLeaseRole(name: string): boolean {
  const id = `lse_${name.slice(-26)}`;
  return isId('lease', id) && isRoleNameOf(id, name);
}

const expectedServer = { trustDomain: devMesh.trustDomain, accepts: isBrokerId };

/** Processes that name a folder or work in it, this one excepted: what a stop leaves is among them. */
export function processesLeft(directory: string): number[] {
  return [...new Set([...processesNaming(directory), ...processesIn(directory)])];
}

/** Processes that have a folder's path in their command line, this one excepted. */
export function processesNaming(directory: string): number[] {
  const pids = readdirSync('/proc').map(Number);
  return pids.filter((pid) => {
    if (!Number.isInteger(pid) || pid === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
    } catch {
      return false; // it ended meanwhile
    }
  });
}

/** Whether a process of this machine lives. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // it is gone: a process that is not ours to signal would be no part of a mesh of ours
  }
}

/** A program of a test's own as a mesh takes it, in place of a service's: by its path from the repository's root. */
export function programPath(program: URL): string {
  return path.relative(repositoryRoot, fileURLToPath(program));
}

/** Logs in with a database credential and reads the demo's table; the number of its rows. */
export async function readOrders(credential: DatabaseCredential): Promise<number> {
  const { host, port, database, username: user, password } = credential;
  const client = new pg.Client({ host, port, database, user, password });
  client.on('error', () => undefined); // a session that is cut fails its query
  await client.connect();
  try {
    return (await client.query('SELECT id FROM orders')).rows.length;
  } finally {
    await client.end();
  }
}

/** What a database credential in an answer holds, as far as a login needs it. */
export type DatabaseCredential = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: string;
};
