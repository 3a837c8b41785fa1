import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { bus } from '@stint/common/bus.ts';
import { isId, type LeaseId } from '@stint/common/ids.ts';
import type { BusLink } from '@stint/common/nats.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';

export type EndedElsewhereOptions = {
  readonly link: Pick<BusLink, 'onConnected'>;
  /** This broker: what it ended itself, its sessions have heard. */
  readonly spiffeId: SpiffeId;
  /** Told which lease to look at. Must not throw. */
  readonly hear: (leaseId: LeaseId) => void;
  /** Told that something may have been missed: there is a new connection, and it hears from now on. Must not throw. */
  readonly missed: () => void;
};

/** Hears from what the auditor announces which leases other brokers ended before their time. */
export class EndedElsewhere {
  readonly #options: EndedElsewhereOptions;
  #connection: NatsConnection | undefined;
  #subscriptions: Subscription[] = [];

  constructor(options: EndedElsewhereOptions) {
    this.#options = options;
  }

  /** Begins; returns at once. Call it once. */
  start(): void {
    this.#options.link.onConnected((connection) => this.#onConnected(connection));
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  #onConnected(connection: NatsConnection): void {
    if (connection !== this.#connection) {
      this.#connection = connection;
      const callback = (error: Error | null, message: Msg) => void (error === null && this.#onEvent(message));
      this.#subscriptions = bus.leaseEndSubjects.map((subject) =>
        connection.subscribe(subject, { callback }),
      );
    }
    // A server answers in order: what is announced after its answer is heard, and what was before stands in the store.
    const missed = () => this.#options.missed();
    // Without an answer the connection is lost. The next one asks again; until then nothing else tells what ended.
    connection.flush().then(missed, missed);
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
