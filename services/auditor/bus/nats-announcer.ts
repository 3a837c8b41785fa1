import { headers } from '@nats-io/transport-node';
import { bus } from '@stint/common/bus.ts';
import type { BusLink } from '@stint/common/nats.ts';
import { codecs } from '@stint/common/proto.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Announcer } from '../app/ports.ts';
import { brokerNameOf } from '../domain/broker-name.ts';
import type { EventFacts } from '../domain/event-facts.ts';

/** The header that carries an event's position in the log. */
export const indexHeader = 'Stint-Index';

/**
 * Announces over plain NATS: events under `auditlog.<type>`, receipts under `receipt.<broker>`. Nobody is waited for: a
 * viewer that is away or slow misses some, sees the hole in `Stint-Index`, and reads it by TailRecords; a broker that
 * misses a receipt sends again.
 */
export class NatsAnnouncer implements Announcer {
  readonly #link: BusLink;

  constructor(link: BusLink) {
    this.#link = link;
  }

  announceEvent(
    type: string,
    event: { readonly index: number; readonly leaf: Buffer; readonly facts: EventFacts },
  ): void {
    if (!this.#link.isConnected) return;
    const fields = headers();
    fields.set(indexHeader, String(event.index));
    const { trace } = event.facts;
    if (trace !== undefined) fields.set('traceparent', `00-${trace.traceId}-${trace.spanId}-01`);
    this.#link.publish(bus.eventSubject(type), event.leaf, fields);
  }

  sendReceipt(broker: SpiffeId, note: string): void {
    const name = brokerNameOf(broker);
    if (name !== undefined) this.#link.publish(bus.receiptSubject(name), codecs.receipt.encode({ note }));
  }
}
