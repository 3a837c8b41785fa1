import { createHash } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';

/** Longest unix socket path that every part may be given, in bytes: the kernel takes 107, a sidecar's log names it whole. */
const socketPathBytesMax = 104;

/** Where everything of one mesh stands. All paths are absolute. */
export type MeshPaths = {
  readonly state: string;
  /** Holds the unix sockets, each in a private folder of its own. */
  readonly run: string;
  readonly meshFile: string;
  readonly logs: string;
  readonly log: string;
  readonly trustBundle: string;
  /** Of the demo's PostgreSQL. */
  readonly target: string;
  readonly brokerSocket: string;
  readonly auditorSocket: string;
  sidecarSocket(name: string): string;
};

/**
 * The places of a mesh below its state directory. Where that is so deep that a socket's path would be too long, the sockets
 * stand in a private folder under the system's temporary directory, named after the state directory.
 */
export function meshPaths(stateDirectory: string): MeshPaths {
  const state = path.resolve(stateDirectory);
  const near = path.join(state, 'run');
  const longest = path.join(near, 'sidecar-000000000000', 'sidecar.sock');
  const run = Buffer.byteLength(longest) <= socketPathBytesMax ? near : farRunDirectory(state);
  return {
    state,
    run,
    meshFile: path.join(state, 'mesh.json'),
    logs: path.join(state, 'logs'),
    log: path.join(state, 'log'),
    trustBundle: path.join(state, 'trust-bundle.pem'),
    target: path.join(state, 'postgresql'),
    brokerSocket: path.join(run, 'broker', 'admin.sock'),
    auditorSocket: path.join(run, 'auditor', 'admin.sock'),
    sidecarSocket: (name) => path.join(run, `sidecar-${name}`, 'sidecar.sock'),
  };
}

function farRunDirectory(state: string): string {
  const name = createHash('sha256').update(state).digest('hex').slice(0, 12);
  return path.join(tmpdir(), `stint-${userInfo().uid}-${name}`);
}
