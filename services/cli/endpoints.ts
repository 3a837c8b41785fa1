import { lstatSync } from 'node:fs';
import path from 'node:path';
import { type MeshFile, MeshFileError, readMeshFile } from '../../deploy/mesh/mesh-file.ts';
import { cliError } from './cli-error.ts';
import { shellWords } from './terminal/shell-words.ts';

/** What the command line talks to, and the log's public files. */
export type EndpointName = 'sidecar' | 'broker' | 'auditor' | 'log';

/** A path and who named it. */
export type Endpoint = { readonly path: string; readonly source: string };

export type Endpoints = { readonly [Name in EndpointName]: Endpoint | undefined };

/** How each endpoint is named, by flag, variable, key of the mesh file, and place in the user's own directories. */
export const endpointNames = {
  sidecar: {
    flag: '--sidecar-socket',
    variable: 'STINT_SIDECAR_SOCKET',
    fileKey: 'sidecarSocket',
    xdg: ['XDG_RUNTIME_DIR', 'stint/sidecar.sock'],
  },
  broker: {
    flag: '--broker-socket',
    variable: 'STINT_BROKER_ADMIN_SOCKET',
    fileKey: 'brokerSocket',
    xdg: ['XDG_RUNTIME_DIR', 'stint/broker.sock'],
  },
  auditor: {
    flag: '--auditor-socket',
    variable: 'STINT_AUDITOR_ADMIN_SOCKET',
    fileKey: 'auditorSocket',
    xdg: ['XDG_RUNTIME_DIR', 'stint/auditor.sock'],
  },
  log: {
    flag: '--log-dir',
    variable: 'STINT_AUDITOR_LOG_DIR',
    fileKey: 'logDirectory',
    xdg: ['XDG_STATE_HOME', 'stint/log'],
  },
} as const satisfies Record<
  EndpointName,
  { flag: string; variable: string; fileKey: keyof MeshFile; xdg: readonly [string, string] }
>;

/** Names the state directory of a mesh, all of whose endpoints are then used, wherever the command stands. */
export const meshVariable = 'STINT_STATE_DIR';

export type EndpointSources = {
  readonly flags: Readonly<Partial<Record<EndpointName, string>>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the search for `.stint/mesh.json` begins; it goes up from here. */
  readonly directory: string;
  /** Who asks: a mesh file of somebody else is not believed. */
  readonly uid: number;
};

/**
 * Finds each endpoint: flag, then variable, then the mesh of {@link meshVariable} or else the nearest `.stint/mesh.json` up
 * from the directory, then the user's XDG directory; undefined where none of them names it. Whether something answers there
 * is not looked at.
 * @throws CliError MESH_FILE_UNTRUSTED when a mesh file is needed and the one found is another user's, FILE_UNUSABLE when it
 * is none, NOT_RUNNING when there is none in the directory that the variable names.
 */
export function findEndpoints(sources: EndpointSources): Endpoints {
  let mesh: FoundMesh | 'absent' | undefined;
  const find = (name: EndpointName): Endpoint | undefined => {
    const named = fromFlagOrVariable(name, sources);
    if (named !== undefined) return named;
    mesh ??= namedMesh(sources) ?? nearestMesh(sources) ?? 'absent';
    return fromMesh(name, mesh) ?? fromXdg(name, sources.environment);
  };
  return { sidecar: find('sidecar'), broker: find('broker'), auditor: find('auditor'), log: find('log') };
}

function fromFlagOrVariable(
  name: EndpointName,
  { flags, environment, directory }: EndpointSources,
): Endpoint | undefined {
  const { flag, variable } = endpointNames[name];
  const byFlag = flags[name];
  if (byFlag !== undefined) return { path: path.resolve(directory, byFlag), source: flag };
  const byVariable = environment[variable];
  if (byVariable === undefined || byVariable === '') return undefined;
  return { path: path.resolve(directory, byVariable), source: variable };
}

type FoundMesh = { readonly file: string; readonly content: MeshFile };

/** The mesh that the variable names. One that is not there is never replaced by another that happens to be near. */
function namedMesh({ environment, directory, uid }: EndpointSources): FoundMesh | undefined {
  const named = environment[meshVariable] ?? '';
  if (named === '') return undefined;
  const file = path.resolve(directory, named, 'mesh.json');
  const mesh = meshAt(file, uid);
  if (mesh !== undefined) return mesh;
  throw cliError('NOT_RUNNING', {
    what: 'no mesh was found',
    why: `${meshVariable} names "${named}", and there is no "${file}"`,
    fix: `npm start -- --state-dir ${shellWords([path.dirname(file)])}, or: unset ${meshVariable}`,
  });
}

function nearestMesh({ directory, uid }: EndpointSources): FoundMesh | undefined {
  for (let folder = path.resolve(directory); ; folder = path.dirname(folder)) {
    const mesh = meshAt(path.join(folder, '.stint', 'mesh.json'), uid);
    if (mesh !== undefined || folder === path.dirname(folder)) return mesh;
  }
}

function meshAt(file: string, uid: number): FoundMesh | undefined {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return undefined;
  // Whoever may write this file chooses whom we tell our reasons, and what we take for credentials.
  if (found.uid !== uid || (found.mode & 0o022) !== 0) throw untrusted(file, found.uid);
  const content = readTrustedFile(file);
  return content === undefined ? undefined : { file, content };
}

function fromMesh(name: EndpointName, mesh: FoundMesh | 'absent'): Endpoint | undefined {
  if (mesh === 'absent') return undefined;
  const found: unknown = mesh.content[endpointNames[name].fileKey];
  return typeof found === 'string' && found !== '' ? { path: found, source: mesh.file } : undefined;
}

function fromXdg(name: EndpointName, environment: EndpointSources['environment']): Endpoint | undefined {
  const [variable, place] = endpointNames[name].xdg;
  const home = environment['HOME'] ?? '';
  const base =
    environment[variable] ??
    (variable === 'XDG_STATE_HOME' && home !== '' ? path.join(home, '.local/state') : undefined);
  // Relative ones are to be ignored. Source: XDG Base Directory Specification.
  if (base === undefined || !path.isAbsolute(base)) return undefined;
  return { path: path.join(base, place), source: variable };
}

function readTrustedFile(file: string): MeshFile | undefined {
  try {
    return readMeshFile(file);
  } catch (thrown) {
    if (!(thrown instanceof MeshFileError)) throw thrown;
    const text = {
      what: `"${file}" cannot be used`,
      why: thrown.fault,
      fix: 'remove it and start the mesh anew (npm start), which writes it',
    };
    throw cliError('FILE_UNUSABLE', text, thrown);
  }
}

function untrusted(file: string, uid: number): Error {
  return cliError('MESH_FILE_UNTRUSTED', {
    what: `"${file}" is not used`,
    why: `others than you may write it (it belongs to user ${uid}): it could send you to a mesh of theirs`,
    fix: `start your own mesh (npm start), or name the sockets: ${endpointNames.sidecar.flag}, ${endpointNames.broker.flag}`,
  });
}
