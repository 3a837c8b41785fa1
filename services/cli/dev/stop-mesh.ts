import { setTimeout as delay } from 'node:timers/promises';
import { seeLeaseRoles } from '../../../deploy/demo/role-witness.ts';
import type { BrokerAdmin } from '../../../deploy/mesh/broker-admin.ts';
import { devMesh, type Mesh, type MeshPart } from '../../../deploy/mesh/mesh.ts';
import { type LeftProcess, ProcessesLeftError } from '../../../deploy/servers/child.ts';
import { StopWaits } from './stop-waits.ts';

/** How long a mesh may take to stop in order, in milliseconds; what runs then is killed. In good health it takes a fraction of a second. */
const stopMsMax = 12_000;

/** Of that, for one part: one that hangs must leave the others their time. */
const partMsMax = 4_000;

/** Of that, for users of leases to leave the demo database. */
const leaveMsMax = 3_000;

/** How long the demo database may take to say who is left, in milliseconds. */
const lookMsMax = 1_000;

/** How often it is asked, in milliseconds. */
const lookIntervalMs = 100;

/** Parts as they are spoken of. */
const partNames: Readonly<Record<MeshPart, string>> = {
  sidecar: 'the sidecar',
  broker: 'the broker',
  auditor: 'the auditor',
  nats: 'nats',
  postgresql: 'postgresql',
};

/** What is left of a mesh. */
export type MeshEnd = {
  readonly left: readonly LeftProcess[];
  /** Users of leases that stand in the demo database; `unknown` when it could not be asked. */
  readonly users: readonly string[] | 'unknown';
};

export type StopMeshOptions = {
  /** Kills what runs; the stop itself aborts it when it takes too long. */
  readonly kill: AbortController;
  readonly say: (text: string) => void;
};

/**
 * Stops a mesh in order, and kills what has not stopped after 12 s. Long waits are told.
 *
 * 1. The sidecar gives back what it holds. *Crash: it holds nothing on disk; 2.*
 * 2. What one that died has left is revoked. *Crash: the next start revokes it.*
 * 3. The other parts stop. *Crash: the kernel ends them; each comes back on what it has written.*
 */
export async function stopMesh(mesh: Mesh, { kill, say }: StopMeshOptions): Promise<MeshEnd> {
  const waits = new StopWaits(say, stopMsMax);
  const deadline = setTimeout(() => kill.abort(), stopMsMax);
  const left: LeftProcess[] = [];
  const keep = (fault: unknown) => {
    if (!(fault instanceof ProcessesLeftError)) throw fault;
    left.push(...fault.left);
  };
  try {
    waits.begin('the sidecar to stop', partMsMax);
    await mesh.stopService('sidecar', partMsMax).catch(keep);
    waits.begin('database users to leave', leaveMsMax);
    const users = await endLeases(mesh, kill.signal);
    waits.begin('parts to start', stopMsMax);
    const onPart = (part: MeshPart) => waits.begin(`${partNames[part]} to stop`, partMsMax);
    await mesh.stop({ partMsMax, onPart }).catch(keep);
    return { left, users };
  } finally {
    clearTimeout(deadline);
    waits.end();
  }
}

/**
 * Revokes what an earlier mesh on the same state, one that did not end in order, has left in force. To be called before a
 * sidecar serves: what is in force then is an earlier mesh's, whatever the clock says. Nobody waits for its users to go: its
 * sidecar, who would have given them to somebody, is gone. Returns how many grants there were.
 */
export function revokeLeftovers(admin: BrokerAdmin, killed: AbortSignal): Promise<number> {
  return admin.revokeAll(
    'the mesh before this one did not end in order',
    AbortSignal.any([killed, AbortSignal.timeout(leaveMsMax)]),
  );
}

async function endLeases(mesh: Mesh, killed: AbortSignal): Promise<MeshEnd['users']> {
  const signal = AbortSignal.any([killed, AbortSignal.timeout(leaveMsMax)]);
  try {
    await mesh.admin.revokeAll('the mesh stops', signal);
  } catch {
    // The broker is down, or the target: what stands there is looked at next, and told.
  }
  for (;;) {
    const users = await leaseUsers(mesh, killed);
    if (users.length === 0 || signal.aborted) return users;
    await delay(lookIntervalMs);
  }
}

async function leaseUsers(mesh: Mesh, killed: AbortSignal): Promise<MeshEnd['users']> {
  if (killed.aborted) return 'unknown';
  const signal = AbortSignal.any([killed, AbortSignal.timeout(lookMsMax)]);
  const late = new Promise<'unknown'>((resolve) =>
    signal.addEventListener('abort', () => resolve('unknown'), { once: true }),
  );
  try {
    const { server, superuserPassword } = mesh.target;
    return await Promise.race([seeLeaseRoles(server, superuserPassword, devMesh.brokerName), late]);
  } catch {
    return 'unknown'; // whatever the fault, the mesh is stopped next, and the user is told
  }
}
