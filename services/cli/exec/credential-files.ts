import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Credential__Output } from '@stint/common/gen/stint/broker/v1/Credential.ts';
import type { DatabaseCredential__Output } from '@stint/common/gen/stint/broker/v1/DatabaseCredential.ts';
import { cliError } from '../cli-error.ts';

/** Variables of a command; undefined takes an inherited one away. */
export type ChildEnvironment = Readonly<Record<string, string | undefined>>;

/** How a command is given its credential: variables, and private files by name. */
export type CredentialForm = {
  readonly environment: ChildEnvironment;
  readonly files: Readonly<Record<string, string>>;
};

/** The name under which libpq finds the database: `psql service=stint`. */
const serviceName = 'stint';

/**
 * The form in which ordinary tools take a credential. Secrets stand in files only: a process's environment can be read by
 * everything that runs as the same user, and is inherited by what the command starts. With `envSecrets` they stand in variables too.
 * @param at.directory where the files will be.
 * @throws CliError CREDENTIAL_UNSUPPORTED for a kind of target that this version knows no form for.
 */
export function credentialForm(
  { database, token }: Credential__Output,
  at: { readonly directory: string; readonly envSecrets: boolean },
): CredentialForm {
  if (database?.engine === 'postgresql') return postgresForm(database, at);
  if (token) {
    const environment = {
      STINT_TOKEN_FILE: path.join(at.directory, 'token'),
      STINT_TOKEN: at.envSecrets ? token.token : undefined,
    };
    return { environment, files: { token: token.token } };
  }
  throw cliError('CREDENTIAL_UNSUPPORTED', {
    what: `no command can be given a credential of kind "${database?.engine ?? 'unknown'}"`,
    why: 'exec knows PostgreSQL users and tokens',
    fix: 'stint request RESOURCE ACTION --show-secret',
  });
}

function postgresForm(
  credential: DatabaseCredential__Output,
  { directory, envSecrets }: { readonly directory: string; readonly envSecrets: boolean },
): CredentialForm {
  const { host, port, database, username, password, sslmode } = credential;
  const environment = {
    PGHOST: host,
    PGPORT: String(port),
    PGDATABASE: database,
    PGUSER: username,
    PGPASSFILE: path.join(directory, 'pgpass'),
    PGSSLMODE: sslmode,
    PGSERVICEFILE: path.join(directory, 'pg_service.conf'),
    PGSERVICE: serviceName,
    PGPASSWORD: envSecrets ? password : undefined,
    // It would go before PGHOST: to another server.
    PGHOSTADDR: undefined,
  };
  const files = {
    pgpass: pgpassLine([host, String(port), database, username, password]),
    'pg_service.conf': serviceFile({ host, port: String(port), dbname: database, user: username, sslmode }),
  };
  return { environment, files };
}

/** A line of a password file: fields parted by colons, "\" and ":" in them escaped. Source: PostgreSQL, libpq, "The Password File". */
export function pgpassLine(fields: readonly string[]): string {
  return `${fields.map((field) => requireOneLine(field).replace(/[\\:]/g, '\\$&')).join(':')}\n`;
}

// The file has no escapes: what cannot stand in a line cannot be said.
function serviceFile(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${requireOneLine(value)}\n`);
  return `[${serviceName}]\n${lines.join('')}`;
}

function requireOneLine(text: string): string {
  if (!/[\r\n\0]/.test(text)) return text;
  throw cliError('CREDENTIAL_UNSUPPORTED', {
    what: 'the credential cannot be written into a file for libpq',
    why: 'one of its values has a line break',
    fix: 'stint request RESOURCE ACTION --show-secret, and look at it',
  });
}

/** A private directory (0700) for one command's credentials, and how it is taken away. */
export type CredentialDirectory = { readonly path: string; remove(): Promise<void> };

/**
 * Makes the directory: in XDG_RUNTIME_DIR, which is memory and ours alone, where there is one, else in the temporary directory.
 * A kill -9 leaves it; what it holds is dead by then, since the sidecar gives back what a vanished workload held.
 */
export async function makeCredentialDirectory(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<CredentialDirectory> {
  const runtime = environment['XDG_RUNTIME_DIR'] ?? '';
  const parent = path.isAbsolute(runtime) && (await isDirectory(runtime)) ? runtime : tmpdir();
  const directory = await mkdtemp(path.join(parent, 'stint-exec-'));
  return { path: directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** Writes each file for us alone (0600). */
export async function writeCredentialFiles(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files))
    await writeFile(path.join(directory, name), content, { mode: 0o600, flag: 'wx' });
}

async function isDirectory(candidate: string): Promise<boolean> {
  try {
    return (await stat(candidate)).isDirectory();
  } catch {
    return false; // named but not there: the temporary directory does
  }
}
