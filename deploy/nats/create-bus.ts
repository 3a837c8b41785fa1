import { BusLink, type BusLinkEvent, type BusRefusal } from '@stint/common/nats.ts';
import { stintIds, trustDomainOf } from '@stint/common/spiffe-id.ts';
import { type Clock, systemClock } from '@stint/common/time.ts';
import type { SvidSource, SvidState } from '@stint/common/x509-svid.ts';
import { createStream } from './create-stream.ts';

/**
 * How long each kind of refusal is answered by another attempt, in milliseconds: what has only just started may need a
 * moment. An attempt without an answer takes 5 s, so that silence is heard twice.
 */
const retryMs = { unreachable: 3_000, refused: 3_000, silent: 6_000 } as const satisfies Record<
  BusRefusal,
  number
>;

/** How long all attempts may take together, in milliseconds, whatever becomes of them. */
const connectMsMax = 15_000;

const meanings = {
  unreachable: 'no server can be reached there',
  silent: 'what listens there does not answer as a bus',
  refused: 'server and nats-admin do not accept each other',
} as const satisfies Record<BusRefusal, string>;

/** No server let us in as nats-admin. */
export class BusRefusedError extends Error {
  /** Of the last attempt. */
  readonly kind: BusRefusal;
  /** The same without where. */
  readonly why: string;

  /** `detail`: what was said in the last attempt. */
  constructor(server: string, { kind, detail }: { readonly kind: BusRefusal; readonly detail: string }) {
    const why = `${meanings[kind]}: ${detail}`;
    super(`bus at "${server}": ${why}`);
    this.name = 'BusRefusedError';
    this.kind = kind;
    this.why = why;
  }
}

/**
 * Makes the stream and the auditor's consumer at a running server, or brings them to our config; calling it again changes
 * nothing. Returns whether anything was made or changed. `server` is `host:port`; `state` the SVID of nats-admin, by which
 * the server must be this trust domain's.
 * @throws BusRefusedError within 4 s, or 12 s of one that does not answer; Error when the server makes something else
 * than was asked.
 */
export async function createBus(
  server: string,
  state: SvidState,
  clock: Clock = systemClock,
): Promise<boolean> {
  const svid: SvidSource = { current: () => state, onChange: () => () => undefined };
  const startedAt = clock.now();
  const refused = Promise.withResolvers<never>();
  const giveUp = (kind: BusRefusal, detail: string) =>
    refused.reject(new BusRefusedError(server, { kind, detail }));
  const onEvent = ({ kind, detail }: BusLinkEvent) => {
    if (kind === 'connected' || kind === 'disconnected' || kind === 'error') return;
    if (clock.now() - startedAt >= retryMs[kind]) giveUp(kind, detail);
  };
  const nats = stintIds.nats(trustDomainOf(state.svid.spiffeId));
  const link = new BusLink({ servers: [server], svid, server: nats, onEvent });
  // It keeps the process alive too: the link's own waits do not.
  const deadline = setTimeout(() => giveUp('silent', 'timeout'), connectMsMax);
  try {
    const connected = new Promise<Parameters<typeof createStream>[0]>((resolve) => {
      link.onConnected(resolve);
    });
    link.start();
    return await createStream(await Promise.race([connected, refused.promise]));
  } finally {
    clearTimeout(deadline);
    await link.close();
  }
}
