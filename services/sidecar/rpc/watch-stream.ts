import { ServiceError } from '@stint/common/errors.ts';
import type { WatchRequest__Output } from '@stint/common/gen/stint/sidecar/v1/WatchRequest.ts';
import type { WatchResponse } from '@stint/common/gen/stint/sidecar/v1/WatchResponse.ts';
import type { CallContext, MessageSink } from '@stint/common/grpc-method.ts';
import type { WatchLeases } from '../app/watch-leases.ts';
import type { WatchEvent } from '../app/watch-sessions.ts';

/** Most events that wait for a workload to read them; one more ends its stream, and with it its holds. */
export const eventsWaitingMax = 1_024;

/**
 * Serves one Watch stream for the workload's life: first the session's id, then events in order. However the stream
 * ends, the session ends with it.
 */
export async function serveWatch(
  watch: WatchLeases,
  stream: {
    readonly request: WatchRequest__Output;
    readonly out: MessageSink<WatchResponse>;
    readonly call: CallContext;
  },
): Promise<void> {
  const { request, out, call } = stream;
  const events = new WaitingEvents(call.signal);
  const session = watch.execute({ name: request.name }, (event) => events.push(event));
  try {
    out.write({ opened: { sessionId: session.id } });
    for (;;) {
      const event = await events.next();
      if (!out.write(toMessage(event))) await out.drained();
    }
  } finally {
    session.end();
  }
}

/** Events on their way to one reader. */
class WaitingEvents {
  readonly #waiting: WatchEvent[] = [];
  readonly #signal: AbortSignal;
  #wake = Promise.withResolvers<void>();
  #hasOverflowed = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake.resolve(), { once: true });
  }

  push(event: WatchEvent): void {
    if (this.#waiting.length >= eventsWaitingMax) this.#hasOverflowed = true;
    else this.#waiting.push(event);
    this.#wake.resolve();
  }

  /** The next event. Throws the signal's reason when the call has ended, RATE_LIMITED when the reader is too slow. */
  async next(): Promise<WatchEvent> {
    for (;;) {
      if (this.#signal.aborted) throw this.#signal.reason;
      if (this.#hasOverflowed) {
        const text = `${eventsWaitingMax} events wait: the stream is not read, so its session ends`;
        throw new ServiceError('RATE_LIMITED', text, {
          metadata: { events_waiting_max: String(eventsWaitingMax) },
        });
      }
      const event = this.#waiting.shift();
      if (event !== undefined) return event;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
      // An abort between the two lines above has resolved the old promise only; the loop looks at the signal first.
    }
  }
}

function toMessage(event: WatchEvent): WatchResponse {
  if (event.kind === 'renewed') return { renewed: event.lease };
  const { leaseId, grantId, reason } = event;
  return { ended: { leaseId, grantId, reason } };
}
