import { BusLink } from '@stint/common/nats.ts';
import type { RotatingSvidSource } from '@stint/common/rotating-svid-source.ts';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { OutboxRelay } from '../bus/outbox-relay.ts';
import type { Store } from '../store/open-store.ts';
import type { Base } from './foundation.ts';

/** Makes the link to the bus and the relay on it; neither is started. */
export function makeBus(
  { config, service, spiffeId, trustDomain }: Base,
  { svid, store }: { readonly svid: RotatingSvidSource; readonly store: Store },
): { readonly link: BusLink; readonly relay: OutboxRelay } {
  const { log } = service;
  const link = new BusLink({
    servers: [config.natsUrl.replace(/^tls:\/\//, '')],
    svid,
    server: stintIds.nats(trustDomain),
    onEvent: (event) => log.info({ ...event }, 'bus'),
  });
  const relay = new OutboxRelay({
    link,
    outbox: store.outbox,
    brokerName: config.name,
    spiffeId,
    verifierKeyFile: config.logVerifierKeyFile,
    log,
  });
  return { link, relay };
}
