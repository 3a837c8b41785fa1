import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { createPrivateFile, ensurePrivateDirectory, readPrivateFile } from '@stint/common/private-file.ts';
import type { Secret } from '@stint/common/secret.ts';
import { prepareDemoDatabase } from '../demo/demo-database.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';

/** The broker's login at the demo database. */
const brokerRole = 'stint_broker';

/** A real PostgreSQL for the demo: its own superuser's password is kept, and the broker's, each in a file of its own. */
export type DemoTarget = {
  readonly server: PostgresServer;
  readonly superuserPassword: Secret;
};

/** The secrets of the demo's PostgreSQL, made once. Returns the file that the broker's provider reads. */
export async function demoSecrets(
  directory: string,
): Promise<{ superuserPassword: Secret; brokerPassword: Secret; brokerPasswordFile: string }> {
  await ensurePrivateDirectory(directory);
  const keep = async (name: string): Promise<Secret> => {
    const file = path.join(directory, name);
    await createPrivateFile(file, randomBytes(24).toString('base64url'));
    return readPrivateFile(file);
  };
  const superuserPassword = await keep('superuser.password');
  const brokerPassword = await keep('broker.password');
  return { superuserPassword, brokerPassword, brokerPasswordFile: path.join(directory, 'broker.password') };
}

/**
 * Starts the demo's PostgreSQL and brings it to what the example registry names. `signal` kills it at once when it aborts.
 * @throws with nothing left running.
 */
export async function startDemoTarget(
  directory: string,
  port: number,
  signal?: AbortSignal,
): Promise<DemoTarget> {
  const { superuserPassword, brokerPassword } = await demoSecrets(path.join(directory, 'secrets'));
  const server = await startPostgres({
    directory: path.join(directory, 'server'),
    password: superuserPassword,
    port,
    signal,
  });
  const { host, superuser } = server;
  try {
    await prepareDemoDatabase({ host, port, superuser, superuserPassword, brokerRole, brokerPassword });
  } catch (fault) {
    await server.stop();
    throw fault;
  }
  return { server, superuserPassword };
}

/** The providers file that names the demo's PostgreSQL as the target `demo-postgres`. */
export function demoProviders(port: number, passwordFile: string): string {
  const settings = { host: '127.0.0.1', port, user: brokerRole, passwordFile, sslmode: 'disable' };
  return `${JSON.stringify({ providers: [{ name: 'demo-postgres', kind: 'postgres', settings }] }, null, 2)}\n`;
}
