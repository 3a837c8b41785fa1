import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ScratchPostgres, scratchPostgres } from './scratch-servers.ts';
import { type Scope, tempDir } from './temp-dir.ts';

/** A PostgreSQL of its own for a broker's store, durable, with the broker's arguments that name it. */
export async function postgresStore(
  scope: Scope,
): Promise<{ readonly server: ScratchPostgres; readonly args: readonly string[] }> {
  const server = await scratchPostgres(scope, { isDurable: true });
  const { host, port, superuser } = server.current();
  const url = `postgres://${superuser}:${encodeURIComponent(server.password.revealText())}@${host}:${port}/postgres?sslmode=disable`;
  const file = path.join(tempDir(scope), 'store-url');
  writeFileSync(file, url, { mode: 0o600 });
  return { server, args: ['--store', 'postgresql', '--store-url-file', file] };
}
