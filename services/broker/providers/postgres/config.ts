import type { Secret } from '@stint/common/secret.ts';
import { identifierBytesMax } from './names.ts';

/** One PostgreSQL server as a target, and how the broker reaches it. */
export type PostgresConfig = {
  readonly host: string;
  readonly port: number;
  /** The database the broker itself logs in to; it needs no rights in it. */
  readonly database: string;
  /** The broker's own role at the target. */
  readonly user: string;
  readonly password: Secret;
  /** `verify-full` checks the server's certificate and name; `disable` is taken for the loopback address only. */
  readonly sslmode: 'verify-full' | 'disable';
  /** PEM of the authority that signed the server's certificate; absent means those the system trusts. */
  readonly ca?: string;
  /** Connections that are kept for leases; 1 to 16. One more is opened for a moment where a lease left objects behind. */
  readonly connectionsMax: number;
  /** How long the server works on one statement before it gives up, in milliseconds; 500 to 5 000. */
  readonly statementTimeoutMs: number;
  /** Rounds of PBKDF2 in the verifiers of passwords; 4 096 to 65 536. */
  readonly scramIterations: number;
};

/** Connections to one target when nothing else is set: more do not create faster, the server's hashing bounds it. */
export const connectionsMaxDefault = 4;
export const statementTimeoutMsDefault = 3_000;

/**
 * Rounds when nothing else is set, and the least that is taken. RFC 7677 §4 asks for 4 096 or more, and several drivers
 * refuse a server that offers fewer. Our passwords are 256 random bits, so more rounds add nothing.
 */
export const scramIterationsDefault = 4_096;

/** How an instance is set up: words by key, the password already read from `passwordFile`, the CA from `caFile`. */
export type PostgresSettings = {
  readonly settings: Readonly<Record<string, string>>;
  readonly password: Secret;
  readonly ca: string | undefined;
};

/** The settings an instance understands, with what each means: for the README and for refusing others. */
export const postgresSettings: Readonly<Record<string, string>> = {
  host: 'name or address of the server',
  port: 'TCP port, 1 to 65535; default 5432',
  database: 'database the broker logs in to; default "postgres"',
  user: 'the broker\'s role at the server; default "stint_broker"',
  passwordFile: "file (0600) that holds that role's password",
  sslmode: '"verify-full" (default), or "disable" for the loopback address',
  caFile: "PEM file of the authority behind the server's certificate; default: those the system trusts",
  connections: 'connections kept, 1 to 16; default 4',
  statementTimeoutMs:
    'how long the server works on one statement, in milliseconds, 500 to 5000; default 3000',
  scramIterations: 'PBKDF2 rounds in verifiers, 4096 to 65536; default 4096',
};

/** What is wrong with an instance's settings, without reading any file; empty when nothing is. */
export function postgresConfigFaults(settings: Readonly<Record<string, string>>): readonly string[] {
  const unknown = Object.keys(settings).filter((key) => !(key in postgresSettings));
  const sslmode = settings['sslmode'] ?? 'verify-full';
  const host = settings['host'] ?? '';
  const candidates: readonly (string | false)[] = [
    ...unknown.map(
      (key) =>
        `setting "${key.slice(0, 64)}" is not known; known are ${Object.keys(postgresSettings).join(', ')}`,
    ),
    (host === '' || host.length > 253 || /[\s/@]/.test(host)) && 'setting "host" must be a name or address',
    !settings['passwordFile'] && 'setting "passwordFile" is missing',
    sslmode !== 'verify-full' &&
      sslmode !== 'disable' &&
      'setting "sslmode" must be "verify-full" or "disable"',
    sslmode === 'disable' &&
      !isLoopback(host) &&
      'setting "sslmode": "disable" is taken for the loopback address only',
    ...(['database', 'user'] as const).map((key) => nameFault(settings, key)),
    wholeNumberFault(settings, 'port', { min: 1, max: 65_535 }),
    wholeNumberFault(settings, 'connections', { min: 1, max: 16 }),
    wholeNumberFault(settings, 'statementTimeoutMs', { min: 500, max: 5_000 }),
    wholeNumberFault(settings, 'scramIterations', { min: scramIterationsDefault, max: 65_536 }),
  ];
  return candidates.filter((fault) => fault !== false);
}

/** Makes the configuration of settings that {@link postgresConfigFaults} found nothing wrong with. */
export function postgresConfig({ settings, password, ca }: PostgresSettings): PostgresConfig {
  return Object.freeze({
    host: settings['host'] ?? '',
    port: Number(settings['port'] ?? 5_432),
    database: settings['database'] ?? 'postgres',
    user: settings['user'] ?? 'stint_broker',
    password,
    sslmode: settings['sslmode'] === 'disable' ? 'disable' : 'verify-full',
    ...(ca === undefined ? {} : { ca }),
    connectionsMax: Number(settings['connections'] ?? connectionsMaxDefault),
    statementTimeoutMs: Number(settings['statementTimeoutMs'] ?? statementTimeoutMsDefault),
    scramIterations: Number(settings['scramIterations'] ?? scramIterationsDefault),
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function nameFault(settings: Readonly<Record<string, string>>, key: string): string | false {
  const value = settings[key];
  return (
    value !== undefined &&
    !isName(value) &&
    `setting "${key}" must be 1 to ${identifierBytesMax} bytes without control characters`
  );
}

/** Whether the text can name a database or role of somebody else's making. */
export function isName(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return text !== '' && Buffer.byteLength(text) <= identifierBytesMax && !/[\u0000-\u001f\u007f]/.test(text);
}

function wholeNumberFault(
  settings: Readonly<Record<string, string>>,
  key: string,
  range: { min: number; max: number },
): string | false {
  const text = settings[key];
  if (text === undefined) return false;
  const isInRange = /^\d{1,6}$/.test(text) && Number(text) >= range.min && Number(text) <= range.max;
  return !isInRange && `setting "${key}" must be a whole number from ${range.min} to ${range.max}`;
}
