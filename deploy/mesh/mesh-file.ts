import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { MeshPorts } from './mesh-ports.ts';

const portMax = 65_535;

/** Longest part of a wrong value that a message repeats, in characters. */
const shownMax = 64;

const texts = [
  'trustDomain',
  'brokerSocket',
  'auditorSocket',
  'sidecarSocket',
  'logDirectory',
] as const satisfies (keyof MeshFile)[];

const portNames = ['mesh', 'bootstrap', 'auditor', 'nats', 'postgres'] as const satisfies (keyof MeshPorts)[];

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

/** A mesh file that was changed by hand, or is another version's: file, field and what is wrong with it. */
export class MeshFileError extends Error {
  readonly file: string;
  /** What is wrong, without the file: `"ports.mesh" must be …`. */
  readonly fault: string;

  constructor(file: string, fault: string, cause?: unknown) {
    super(
      `"${file}": ${fault}; remove the file, and the next start writes a new one`,
      cause === undefined ? undefined : { cause },
    );
    this.name = 'MeshFileError';
    this.file = file;
    this.fault = fault;
  }
}

/**
 * Reads the file of an earlier start; undefined when there is none. An empty one is what a power cut can leave of it, and
 * counts as none: the ports are chosen anew, nothing else depends on it.
 * @throws MeshFileError when it holds anything else than a start wrote.
 */
export function readMeshFile(file: string): MeshFile | undefined {
  let content: unknown;
  try {
    const text = readFileSync(file, 'utf8');
    if (text === '') return undefined;
    content = JSON.parse(text);
  } catch (fault) {
    if (fault instanceof SyntaxError)
      throw new MeshFileError(file, `it is not JSON (${fault.message})`, fault);
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fault;
  }
  const [fault] = meshFileFaults(content);
  if (fault !== undefined) throw new MeshFileError(file, fault);
  return content as MeshFile;
}

/** Replaces the file whole. */
export function writeMeshFile(file: string, content: MeshFile): void {
  writeFileSync(`${file}.partial`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.partial`, file);
}

function meshFileFaults(content: unknown): string[] {
  if (!isRecord(content)) return ['it must hold one JSON object'];
  if (content['version'] !== 1) return [`"version" must be 1, and is ${shown(content['version'])}`];
  const ports: Record<string, unknown> = isRecord(content['ports']) ? content['ports'] : {};
  return [
    ...texts
      .filter((field) => typeof content[field] !== 'string' || content[field] === '')
      .map((field) => `"${field}" must be a text, and is ${shown(content[field])}`),
    ...portNames
      .filter((name) => !isPort(ports[name]))
      .map((name) => `"ports.${name}" must be a port, 1 to ${portMax}, and is ${shown(ports[name])}`),
  ];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= portMax;
}

/** A value in a message, whatever stood in the file: not long, and absent said as such. */
function shown(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value).slice(0, shownMax);
}
