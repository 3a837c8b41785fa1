import { BusLink, type BusLinkEvent } from '@stint/common/nats.ts';
import { stintIds, trustDomainOf } from '@stint/common/spiffe-id.ts';
import type { SvidSource, SvidState } from '@stint/common/x509-svid.ts';
import { createStream } from './create-stream.ts';

/** How long the server may take to let nats-admin in, in milliseconds. */
const connectDeadlineMs = 15_000;

/**
 * Makes the stream and the auditor's consumer at a running server, or brings them to our config; calling it again changes
 * nothing. Returns whether anything was made or changed. `server` is `host:port`; `state` the SVID of nats-admin, by which the server must be this trust domain's.
 * @throws Error when the server does not let us in, in its own words, or makes something else than was asked.
 */
export async function createBus(server: string, state: SvidState): Promise<boolean> {
  const svid: SvidSource = { current: () => state, onChange: () => () => undefined };
  const trustDomain = trustDomainOf(state.svid.spiffeId);
  let last: BusLinkEvent | undefined;
  const link = new BusLink({
    servers: [server],
    svid,
    server: stintIds.nats(trustDomain),
    onEvent: (event) => {
      last = event;
    },
  });
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const why = last?.detail ?? 'no answer';
    deadline.reject(new Error(`bus: "${server}" did not let nats-admin in: ${why}`));
  }, connectDeadlineMs);
  try {
    const connected = new Promise<Parameters<typeof createStream>[0]>((resolve) => {
      link.onConnected(resolve);
    });
    link.start();
    return await createStream(await Promise.race([connected, deadline.promise]));
  } finally {
    clearTimeout(timer);
    await link.close();
  }
}
