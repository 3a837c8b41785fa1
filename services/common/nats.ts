import type { PeerCertificate } from 'node:tls';
import {
  connect,
  errors,
  type MsgHdrs,
  type NatsConnection,
  type NodeConnectionOptions,
  type Status,
} from '@nats-io/transport-node';
import { bus } from './bus.ts';
import type { SpiffeId } from './spiffe-id.ts';
import type { SvidSource } from './x509-svid.ts';

/** Unacknowledged bytes that {@link BusLink.publish} lets stand before it drops: what a slow server may cost in memory. */
export const unflushedBytesMax = 8_388_608;
/** Between attempts to connect, in milliseconds; up to as much again at random, so that a restart is not a stampede. */
export const reconnectWaitMs = 500;
/** A handshake that takes longer has failed. */
const handshakeMsMax = 5_000;
/** A server that leaves two pings of this interval unanswered is gone. */
const pingIntervalMs = 10_000;
/** Waiting for what is still unsent when the link closes. */
const drainMsMax = 2_000;

/**
 * Why an attempt to connect failed. `unreachable`: nothing listens there, or there is no way there. `silent`: no answer
 * in time, as of what is no NATS server, or of one that ends the handshake of a certificate it does not trust.
 * `refused`: one of both ends did not take the other.
 */
export type BusRefusal = 'unreachable' | 'silent' | 'refused';

/** What happened on the link, for the log. `detail` is the library's own words, explained where they are bare; it holds no secret. */
export type BusLinkEvent = {
  readonly kind: 'connected' | 'disconnected' | BusRefusal | 'error';
  readonly detail: string;
};

export type BusLinkOptions = {
  /** `host:port`, at least one. */
  readonly servers: readonly string[];
  /** Who we are, asked at every handshake: `spiffe://<trust domain>/stint/…`. It names the private inbox too. */
  readonly svid: SvidSource;
  /** Who the server must be. */
  readonly server: SpiffeId;
  readonly onEvent?: (event: BusLinkEvent) => void;
};

/**
 * One connection to the bus, kept for the life of the process.
 *
 * It connects in the background and for ever: nothing that starts may wait for NATS. The server's SPIFFE ID is checked
 * in place of its host name. NATS looks at a client's certificate at the handshake only, so the link connects anew
 * whenever the SVID is replaced, which is long before the old one expires; what was unanswered then fails and is tried
 * again by its owner.
 *
 * States: `connecting → connected ⇄ disconnected`, and `closed` from each. One `NatsConnection` lives through
 * reconnects; should the library give it up, the link makes another and tells every {@link onConnected} listener.
 */
export class BusLink {
  readonly #options: BusLinkOptions;
  readonly #listeners: ((connection: NatsConnection) => void)[] = [];
  readonly #closing = new AbortController();
  #connection: NatsConnection | undefined;
  #connected = false;
  #running: Promise<void> | undefined;
  #forgetSvid: (() => void) | undefined;
  #unflushedBytes = 0;
  #flushing = false;

  constructor(options: BusLinkOptions) {
    this.#options = options;
  }

  /** Begins to connect; returns at once. */
  start(): void {
    this.#running ??= this.#run();
    this.#forgetSvid ??= this.#options.svid.onChange(() => void this.#renewIdentity());
  }

  /** Whether a server has us now. */
  get isConnected(): boolean {
    return this.#connected;
  }

  /** The library's connection; undefined until a server has taken us for the first time. */
  get connection(): NatsConnection | undefined {
    return this.#connection;
  }

  /** Calls back after each connect and reconnect, and now if connected. Listeners must not throw. */
  onConnected(listener: (connection: NatsConnection) => void): void {
    this.#listeners.push(listener);
    if (this.#connected && this.#connection !== undefined) listener(this.#connection);
  }

  /**
   * Publishes without waiting for anybody, at most once; false when it was dropped because there is no connection or the
   * server does not keep up ({@link unflushedBytesMax}). What must arrive goes through JetStream and is sent again.
   */
  publish(subject: string, payload: Uint8Array, headers?: MsgHdrs): boolean {
    const connection = this.#connection;
    const isUp = this.#connected && connection?.isClosed() === false && !connection.isDraining();
    if (connection === undefined || !isUp || this.#unflushedBytes + payload.length > unflushedBytesMax)
      return false;
    connection.publish(subject, payload, headers === undefined ? {} : { headers });
    this.#unflushedBytes += payload.length;
    this.#flush(connection);
    return true;
  }

  /** Sends what is unsent, for at most two seconds, and closes. The link cannot be started again. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#forgetSvid?.();
    const connection = this.#connection;
    if (connection !== undefined && !connection.isClosed()) {
      if (this.#connected)
        await Promise.race([connection.drain().catch(() => connection.close()), pause(drainMsMax)]);
      await connection.close();
    }
    await this.#running;
  }

  async #renewIdentity(): Promise<void> {
    try {
      await this.#connection?.reconnect();
    } catch (thrown) {
      this.#tell('error', textOf(thrown)); // closed meanwhile: the next connection uses the new SVID anyway
    }
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const connection = await this.#connectOnce();
      if (connection === undefined) {
        await pause(reconnectWaitMs * (1 + Math.random()), this.#closing.signal);
        continue;
      }
      this.#connection = connection;
      if (this.#closing.signal.aborted) await connection.close();
      else await this.#follow(connection);
    }
  }

  async #connectOnce(): Promise<NatsConnection | undefined> {
    try {
      return await connect(connectionOptions(this.#options));
    } catch (thrown) {
      this.#tell(refusalOf(thrown), this.#explain(thrown));
      return undefined;
    }
  }

  /** Watches one connection until it is closed for good. */
  async #follow(connection: NatsConnection): Promise<void> {
    const status = connection.status();
    this.#becomeConnected(connection);
    for await (const change of status) this.#onStatus(change, connection);
    this.#connected = false;
  }

  #onStatus(change: Status, connection: NatsConnection): void {
    if (change.type === 'disconnect') {
      this.#connected = false;
      this.#tell('disconnected', change.server);
    } else if (change.type === 'reconnect') this.#becomeConnected(connection);
    else if (change.type === 'error') this.#tell('error', this.#explain(change.error));
  }

  #becomeConnected(connection: NatsConnection): void {
    this.#connected = true;
    this.#tell('connected', connection.getServer());
    for (const listener of this.#listeners) listener(connection);
  }

  /** The server says no more than "Authorization Violation" to whom it does not know. */
  #explain(thrown: unknown): string {
    if (!(thrown instanceof errors.AuthorizationError)) return textOf(thrown);
    const self = this.#options.svid.current().svid.spiffeId;
    return `${textOf(thrown)}: the server's nats.conf has no user "${self}"; make it anew ("stint bus config") and reload the server`;
  }

  #tell(kind: BusLinkEvent['kind'], detail: string): void {
    this.#options.onEvent?.({ kind, detail });
  }

  /** One flush at a time; what it covers stops counting when the server has answered or the connection is lost. */
  #flush(connection: NatsConnection): void {
    if (this.#flushing || this.#unflushedBytes === 0) return;
    this.#flushing = true;
    const covered = this.#unflushedBytes;
    const settle = () => {
      this.#flushing = false;
      this.#unflushedBytes -= covered;
      this.#flush(connection);
    };
    // A lost connection has thrown its buffer away, so its bytes stop counting as well.
    connection.flush().then(settle, settle);
  }
}

/**
 * The name under which a part of Stint has its inbox, from its SPIFFE ID: `/stint/broker/b1` → `broker_b1`.
 * @throws Error when a segment has a character that could make two names one, or one inbox part of another.
 */
export function busUserName(id: SpiffeId): string {
  const [, , , kind, ...names] = id.split('/');
  if (kind !== 'stint' || names.length === 0 || !names.every((name) => /^[A-Za-z0-9-]{1,64}$/.test(name))) {
    throw new Error(
      `bus: "${id}" cannot have an inbox: it must be spiffe://<trust domain>/stint/… in letters, digits and "-"`,
    );
  }
  return names.join('_');
}

/**
 * Whether a server's certificate names exactly this SPIFFE ID; the fault otherwise. Other names may stand beside it,
 * for clients that check host names, but no second URI. The chain is already verified. Attacker-controlled.
 * Source: X509-SVID §2, §4.1.
 */
export function serverIdentityFault(
  expected: SpiffeId,
  certificate: Pick<PeerCertificate, 'subjectaltname'>,
): Error | undefined {
  const names = certificate.subjectaltname ?? '';
  // Node quotes a name that holds a separator; no SPIFFE ID does, and such a name has no business here.
  const uris = names.includes('"') ? [] : names.split(', ').filter((name) => name.startsWith('URI:'));
  if (uris.length === 1 && uris[0] === `URI:${expected}`) return undefined;
  return new Error(`bus: the server is not "${expected}"`);
}

function connectionOptions(options: BusLinkOptions): NodeConnectionOptions {
  const { svid, server } = options;
  const self = svid.current().svid.spiffeId;
  const tls = {
    // Getters: the library reads them at every handshake.
    get cert() {
      return svid.current().svid.certificatesPem;
    },
    get key() {
      return svid.current().svid.privateKeyPem.revealText();
    },
    get ca() {
      return svid.current().bundlePem;
    },
    minVersion: 'TLSv1.3',
    checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
      serverIdentityFault(server, certificate),
  };
  return {
    servers: [...options.servers],
    name: self,
    inboxPrefix: bus.inboxPrefix(busUserName(self)),
    tls,
    timeout: handshakeMsMax,
    pingInterval: pingIntervalMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    reconnectJitterTLS: reconnectWaitMs,
    // A refused certificate is mended by rotation or by the operator: the link must outlive it.
    ignoreAuthErrorAbort: true,
    ignoreClusterUpdates: true,
    // Else every request makes an error beforehand, with its stack, in case it should fail.
    noAsyncTraces: true,
  };
}

/** What the system says of an address behind which nobody can be had. Source: connect(2), getaddrinfo(3). */
const unreachableCode = /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/;

function refusalOf(thrown: unknown): BusRefusal {
  if (thrown instanceof errors.TimeoutError) return 'silent';
  const { code, cause } = thrown as NodeJS.ErrnoException;
  const { code: causeCode } = (cause ?? {}) as NodeJS.ErrnoException;
  return unreachableCode.test(code ?? causeCode ?? '') ? 'unreachable' : 'refused';
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    signal?.addEventListener('abort', end, { once: true });
  });
}
