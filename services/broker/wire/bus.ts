import { BusLink } from '@stint/common/nats.ts';
import type { RotatingSvidSource } from '@stint/common/rotating-svid-source.ts';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { TellEndedElsewhere } from '../app/ending/tell-ended-elsewhere.ts';
import { EndedElsewhere } from '../bus/ended-elsewhere.ts';
import { OutboxRelay } from '../bus/outbox-relay.ts';
import type { Store } from '../store/open-store.ts';
import type { Base, Foundation } from './foundation.ts';

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
    onEvent: ({ kind, detail }) => log[kind === 'connected' ? 'info' : 'warn']({ kind, detail }, 'bus'),
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

/** Hears what other brokers on the store end, where there may be others. Returns how it is stopped: a look at the store is done first. */
export function hearOtherBrokers(foundation: Foundation): () => Promise<void> {
  if (foundation.config.store !== 'postgresql') return () => Promise.resolve();
  const telling = new TellEndedElsewhere(foundation);
  const hearing = new EndedElsewhere({
    link: foundation.link,
    spiffeId: foundation.spiffeId,
    log: foundation.service.log,
    hear: (leaseId) => void telling.hear(leaseId),
    missed: () => void telling.catchUp(),
  });
  hearing.start();
  return async () => {
    hearing.stop();
    await telling.stop();
  };
}
