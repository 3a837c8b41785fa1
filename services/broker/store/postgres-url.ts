import { readFileSync } from 'node:fs';
import { Secret } from '@stint/common/secret.ts';
import type { PostgresPlace } from './postgres-connection.ts';

const thisMachine = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * Reads `postgres://user:password@host:port/database`. TLS: `sslmode=verify-full` (the default, except to this machine)
 * checks the server's certificate and name against `sslrootcert`, a PEM file, or the system's roots; `sslmode=disable`
 * must be said. Anything between the two would look safe and not be.
 * @throws Error that names what is wrong and never shows the URL.
 */
export function parsePostgresUrl(secret: Secret): PostgresPlace {
  const url = secret.reveal((text) => URL.parse(text.toString('utf8').trim()));
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol))
    throw new Error('store: the URL is not a postgres:// URL');
  const database = decodeURIComponent(url.pathname.slice(1));
  if (url.hostname === '' || url.username === '' || database === '') {
    throw new Error('store: the URL needs a host, a user and a database');
  }
  const mode = url.searchParams.get('sslmode') ?? (thisMachine.has(url.hostname) ? 'disable' : 'verify-full');
  const rootFile = url.searchParams.get('sslrootcert');
  if (mode !== 'disable' && mode !== 'verify-full')
    throw new Error(`store: sslmode "${mode}" is not disable or verify-full`);
  const tls = rootFile === null ? {} : { ca: readFileSync(rootFile, 'utf8') };
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 5_432 : Number(url.port),
    database,
    user: decodeURIComponent(url.username),
    password: new Secret(decodeURIComponent(url.password)),
    ...(mode === 'disable' ? {} : { tls }),
  };
}
