import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { MeshPorts } from './mesh-ports.ts';

/** What `.stint/mesh.json` tells the command line and the next start. No secrets. */
export type MeshFile = {
  readonly version: 1;
  /** Of the process that holds the mesh; the file outlives it, so that the next start takes the same ports. */
  readonly pid: number;
  readonly trustDomain: string;
  readonly brokerSocket: string;
  readonly auditorSocket: string;
  readonly sidecarSocket: string;
  readonly logDirectory: string;
  readonly ports: MeshPorts;
};

/** Reads the file of an earlier start; undefined when there is none or it is not ours to understand. */
export function readMeshFile(file: string): MeshFile | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isMeshFile(content) ? content : undefined;
  } catch (fault) {
    // Absent or cut short by a crash: the ports are chosen anew, nothing else depends on it.
    if (fault instanceof SyntaxError || (fault as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fault;
  }
}

/** Replaces the file whole. */
export function writeMeshFile(file: string, content: MeshFile): void {
  writeFileSync(`${file}.partial`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.partial`, file);
}

function isMeshFile(content: unknown): content is MeshFile {
  return (
    typeof content === 'object' &&
    content !== null &&
    'version' in content &&
    content.version === 1 &&
    'ports' in content
  );
}
