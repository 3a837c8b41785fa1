import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { bus } from '@stint/common/bus.ts';
import { isId, type LeaseId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import type { BusLink } from '@stint/common/nats.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';

export type EndedElsewhereOptions = {
  readonly link: Pick<BusLink, 'onConnected'>;
  /** This broker: what it ended itself, its sessions have heard. */
  readonly spiffeId: SpiffeId;
  readonly log: Log;
  /** Told which lease to look at. Must not throw. */
  readonly hear: (leaseId: LeaseId) => void;
  /** Told that something may have been missed: there is a new connection, and it hears from now on. Must not throw. */
  readonly missed: () => void;
};

/** Hears from what the auditor announces which leases other brokers ended before their time. */
export class EndedElsewhere {
  readonly #options: EndedElsewhereOptions;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(options: EndedElsewhereOptions) {
    this.#options = options;
  }

  /** Begins; returns at once. Call it once. */
  start(): void {
    this.#options.link.onConnected((connection) => this.#onConnected(connection));
  }

  stop(): void {
    for (const subscription of this.#subscriptions.values()) subscription.unsubscribe();
  }

  #onConnected(connection: NatsConnection): void {
    for (const subject of bus.leaseEndSubjects) this.#subscribe(connection, subject);
    // A server answers in order: what is announced after its answer is heard, and what was before stands in the store.
    const missed = () => this.#options.missed();
    // Without an answer the connection is lost. The next one asks again; until then nothing else tells what ended.
    connection.flush().then(missed, missed);
  }

  /**
   * The library keeps a subscription through reconnects, but not one that the server refused, which may be taken now: the
   * rights may have been mended meanwhile.
   */
  #subscribe(connection: NatsConnection, subject: string): void {
    if (this.#subscriptions.get(subject)?.isClosed() === false) return;
    const callback = (error: Error | null, message: Msg) =>
      error === null ? this.#onEvent(message) : this.#onRefusal(subject, error);
    this.#subscriptions.set(subject, connection.subscribe(subject, { callback }));
  }

  /** A nats.conf of before brokers listened: everything else works on, so that nobody would notice. */
  #onRefusal(subject: string, { message: detail }: Error): void {
    const todo =
      'print nats.conf anew with "stint bus config" and have the server reload it; this broker then hears at its next connection, or at once if it is restarted';
    this.#options.log.error(
      { subject, detail, todo },
      'the bus says that this broker may not hear what other brokers end: its sidecars are told late',
    );
  }

  /** Attacker-controlled, by whoever holds the bus: it only says where to look. */
  #onEvent({ data }: Msg): void {
    const leaseId = leaseEndedElsewhere(data, this.#options.spiffeId);
    if (leaseId !== undefined) this.#options.hear(leaseId);
  }
}

/** The lease that an event says another broker ended before its time; undefined for any other event, and for what is none. */
export function leaseEndedElsewhere(bytes: Uint8Array, self: SpiffeId): LeaseId | undefined {
  const event = readObject(Buffer.from(bytes).toString());
  const { type, lease_id, source, data } = event;
  const { broker } = objectOf(source);
  const { reason, revocation } = objectOf(data);
  if (broker === self || reason === 'expired' || typeof lease_id !== 'string' || !isId('lease', lease_id))
    return undefined;
  // A user at a target ends by two events, of which the first is told; a token by one.
  return type === 'lease.revoking' || revocation === 'by_verifiers' ? lease_id : undefined;
}

function readObject(text: string): Record<string, unknown> {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return {}; // not what an auditor sends: there is nothing to look at
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
