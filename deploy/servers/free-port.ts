import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Where ports are taken from: below those that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere).
 * One of those may be anybody's again before its server listens on it, and again each time that server is started anew.
 */
const ports = { from: 20_000, to: 32_767 } as const;

/** Tries before giving up: were half of the range taken, all of them would fail once in a million million times. */
const attemptsMax = 40;

/**
 * A port on 127.0.0.1 that nobody listens on, chosen at random, so that two who choose at once hardly ever choose the same.
 * Nothing holds it: be quick.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const port = randomInt(ports.from, ports.to + 1);
    if (await isFreePort(port)) return port;
  }
  throw new Error(`free port: none found between ${ports.from} and ${ports.to} in ${attemptsMax} tries`);
}

/** Whether a server could listen on this port of 127.0.0.1 now. */
export function isFreePort(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
