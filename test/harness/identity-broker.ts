import path from 'node:path';
import type { EventDraft } from '@stint/common/audit-event.ts';
import { createLog } from '@stint/common/log.ts';
import { parseTrustDomain, type SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Clock } from '@stint/common/time.ts';
import type { HolderState } from '../../services/broker/app/identity/svid-holders.ts';
import { CertificateAuthority } from '../../services/broker/ca/certificate-authority.ts';
import { identityUseCases } from '../../services/broker/wire/use-cases.ts';
import { MemoryJoinTokenStore } from '../fakes/memory-join-token-store.ts';

export const trustDomain = parseTrustDomain('stint.test');
export const silentLog = createLog({ service: 'test', level: 'silent' });

/** The identity part of a broker with its real CA and use cases; tokens and events are kept in memory. */
export async function identityBroker(options: { directory: string; clock: Clock; svidTtlMs?: number }) {
  const { clock, svidTtlMs = 3_600_000 } = options;
  const events: EventDraft[] = [];
  const identities = new Map<SpiffeId, HolderState>();
  const faults: { record?: Error } = {};
  const record = (drafts: readonly EventDraft[]): Promise<void> => {
    if (faults.record !== undefined) return Promise.reject(faults.record);
    events.push(...drafts);
    return Promise.resolve();
  };
  const issuer = await CertificateAuthority.open({
    directory: path.join(options.directory, 'ca'),
    trustDomain,
    clock,
    onRenewalFailure: (failure) => {
      throw failure;
    },
  });
  return {
    ca: issuer,
    events,
    identities,
    faults,
    ...identityUseCases({
      issuer,
      joinTokens: new MemoryJoinTokenStore(),
      stateOf: (id) => identities.get(id) ?? 'unknown',
      record,
      clock,
      log: silentLog,
      trustDomain,
      svidTtlMs,
      natsHostNames: ['localhost', '127.0.0.1'],
    }),
  };
}

export type IdentityBroker = Awaited<ReturnType<typeof identityBroker>>;
