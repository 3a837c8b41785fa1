import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Scope } from './temp-dir.ts';

/** Which way bytes go: to the server, or back to the client. */
export type Direction = 'request' | 'reply';

/**
 * What happens to bytes of one direction. `pass`: nothing. `blackhole`: they vanish and connections stay open. `cut`:
 * the first of them ends the connection, unseen by the other side. `hold`: they wait, and go on when passing is restored.
 */
export type Fault = 'pass' | 'blackhole' | 'cut' | 'hold';

/** A TCP proxy on 127.0.0.1 that does wrong on demand. */
export type FaultProxy = {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Sets the fault of a direction from now on, for open connections too. */
  set(direction: Direction, fault: Fault): void;
  /**
   * Arms a fault that sets in when a request holds this text: the request itself still gets the fault when the
   * direction is `request`, and reaches the server when it is `reply`. Resolves when it has set in.
   */
  onRequest(text: string, fault: { readonly direction: Direction; readonly fault: Fault }): Promise<void>;
  /** Lets the open connections fall silent for good, as a firewall does that forgot them; new ones are as the faults say. */
  silenceOpen(): void;
  /** Ends every open connection on both sides. */
  cutAll(): void;
  /** How many connections came so far. */
  accepted(): number;
};

type Trigger = {
  readonly text: string;
  readonly direction: Direction;
  readonly fault: Fault;
  readonly fired: () => void;
};

/** Starts a proxy before a server and stops it at the scope's end. */
export async function faultProxy(
  scope: Scope,
  target: { readonly host: string; readonly port: number },
): Promise<FaultProxy> {
  const faults: Record<Direction, Fault> = { request: 'pass', reply: 'pass' };
  const held: Record<Direction, (() => void)[]> = { request: [], reply: [] };
  const triggers = new Set<Trigger>();
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  let accepted = 0;

  const set = (direction: Direction, fault: Fault): void => {
    faults[direction] = fault;
    if (fault === 'pass') for (const release of held[direction].splice(0)) release();
  };
  const relay = (direction: Direction, from: Socket, to: Socket): void => {
    sockets.add(from);
    from.on('data', (bytes) => {
      if (direction === 'request') fire(triggers, bytes, set);
      const fault = faults[direction];
      if (silent.has(from)) return;
      if (fault === 'pass') to.write(bytes);
      else if (fault === 'hold') held[direction].push(() => to.write(bytes));
      else if (fault === 'cut') from.destroy();
    });
    from.on('error', () => from.destroy()); // a connection that breaks is what this proxy is for
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((client) => {
    accepted += 1;
    const upstream = connect(target.port, target.host);
    relay('request', client, upstream);
    relay('reply', upstream, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  scope.after(async () => {
    server.close();
    cutAll();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('fault proxy: the system named no port');
  return {
    host: '127.0.0.1',
    port: address.port,
    set,
    onRequest: (text, { direction, fault }) =>
      new Promise((resolve) => triggers.add({ text, direction, fault, fired: resolve })),
    silenceOpen: () => {
      for (const socket of sockets) silent.add(socket);
    },
    cutAll,
    accepted: () => accepted,
  };
}

function fire(triggers: Set<Trigger>, bytes: Buffer, set: FaultProxy['set']): void {
  for (const trigger of triggers) {
    if (!bytes.includes(trigger.text)) continue;
    triggers.delete(trigger);
    set(trigger.direction, trigger.fault);
    trigger.fired();
  }
}
