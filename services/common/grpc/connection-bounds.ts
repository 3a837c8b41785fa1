import type { Socket } from 'node:net';

/** Connections that have not finished their TLS handshake: of one listener, and of one remote address. */
export const handshakesMax = 1_000;
export const handshakesPerAddressMax = 250;

/** Connections of one SPIFFE ID: a session for each of its replicas, and half as many that change their SVID or call. */
export const connectionsPerIdentityMax = 1_500;

/** Connections of one remote address where callers are anonymous, so that no address takes all there are. */
export const connectionsPerAddressMax = 250;

/**
 * The handshakes under way on one listener. One too many ends the oldest, of its address or of all: a peer that means it is
 * done in a round trip, and one that only holds places loses them. Whoever opens many loses its own first.
 */
export class Handshakes {
  // By remote endpoint, oldest first.
  readonly #sockets = new Map<string, Socket>();
  readonly #byAddress = new Map<string, Set<string>>();

  get size(): number {
    return this.#sockets.size;
  }

  /** Counts a connection until {@link finish}, or until it closes. */
  begin(socket: Socket): void {
    const { remoteAddress: address, remotePort } = socket;
    if (address === undefined) {
      // Gone before it was looked at.
      socket.destroy();
      return;
    }
    const endpoint = `${address} ${remotePort}`;
    const siblings = this.#byAddress.get(address) ?? new Set();
    if (siblings.size >= handshakesPerAddressMax) this.#end(siblings);
    if (this.#sockets.size >= handshakesMax) this.#end(this.#sockets.keys());
    this.#byAddress.set(address, siblings.add(endpoint));
    this.#sockets.set(endpoint, socket);
    socket.once('close', () => this.#forget(endpoint, socket));
  }

  /** The handshake of the connection from this endpoint is done. */
  finish({ remoteAddress, remotePort }: Socket): void {
    const endpoint = `${remoteAddress} ${remotePort}`;
    const socket = this.#sockets.get(endpoint);
    if (socket !== undefined) this.#forget(endpoint, socket);
  }

  /** Ends all of them. */
  cut(): void {
    for (const socket of [...this.#sockets.values()]) socket.destroy();
  }

  #end(endpoints: Iterable<string>): void {
    for (const oldest of endpoints) {
      const socket = this.#sockets.get(oldest);
      if (socket === undefined) return;
      this.#forget(oldest, socket);
      socket.destroy();
      return;
    }
  }

  // An endpoint may be a later connection's by the time an earlier one's close is told.
  #forget(endpoint: string, socket: Socket): void {
    if (this.#sockets.get(endpoint) !== socket) return;
    this.#sockets.delete(endpoint);
    const address = endpoint.slice(0, endpoint.indexOf(' '));
    const siblings = this.#byAddress.get(address);
    siblings?.delete(endpoint);
    if (siblings?.size === 0) this.#byAddress.delete(address);
  }
}

/** Connections by their peer: a SPIFFE ID, or an address. No peer holds more than its share. */
export class ConnectionShares {
  readonly #shareMax: number;
  readonly #held = new Map<string, number>();

  constructor(shareMax: number) {
    this.#shareMax = shareMax;
  }

  /** Counts a connection until it closes. False: its peer has its share already, and it is not counted. */
  take(peer: string, socket: Socket): boolean {
    const held = this.#held.get(peer) ?? 0;
    if (held >= this.#shareMax) return false;
    this.#held.set(peer, held + 1);
    socket.once('close', () => this.#giveBack(peer));
    return true;
  }

  #giveBack(peer: string): void {
    const left = (this.#held.get(peer) ?? 1) - 1;
    if (left === 0) this.#held.delete(peer);
    else this.#held.set(peer, left);
  }
}
