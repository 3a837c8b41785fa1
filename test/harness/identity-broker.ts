import path from 'node:path';
import type { EventDraft } from '@stint/common/audit-event.ts';
import { createLog } from '@stint/common/log.ts';
import { parseTrustDomain, type SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Clock } from '@stint/common/time.ts';
import { AttestWorkload } from '../../services/broker/app/attest-workload.ts';
import { CreateJoinToken } from '../../services/broker/app/create-join-token.ts';
import { MintSvid } from '../../services/broker/app/mint-svid.ts';
import { RotateSvid } from '../../services/broker/app/rotate-svid.ts';
import { type HolderState, SvidHolders } from '../../services/broker/app/svid-holders.ts';
import { createAttestors } from '../../services/broker/attestors/catalog.ts';
import { CertificateAuthority } from '../../services/broker/ca/certificate-authority.ts';
import { readCsr } from '../../services/broker/ca/certificate-request.ts';
import { MemoryJoinTokenStore } from '../fakes/memory-join-token-store.ts';

export const trustDomain = parseTrustDomain('stint.test');
export const silentLog = createLog({ service: 'test', level: 'silent' });

/** A clock that stands until it is moved. */
export type HeldClock = Clock & { advance(ms: number): void };

/** Starts at the machine's time, so that certificates are also good in real TLS. */
export function heldClock(): HeldClock {
  let now = Date.now();
  return {
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
  };
}

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
  const store = new MemoryJoinTokenStore();
  const holders = new SvidHolders(trustDomain, (id) => identities.get(id) ?? 'unknown');
  const parts = { readCsr, issuer, holders, record, clock, svidTtlMs, log: silentLog };
  return {
    ca: issuer,
    events,
    identities,
    faults,
    attestWorkload: new AttestWorkload({ ...parts, attestors: createAttestors({ joinTokens: store }) }),
    rotateSvid: new RotateSvid(parts),
    mintSvid: new MintSvid({ ...parts, trustDomain, natsHostNames: ['localhost', '127.0.0.1'] }),
    createJoinToken: new CreateJoinToken({ store, holders, record, clock }),
  };
}

export type IdentityBroker = Awaited<ReturnType<typeof identityBroker>>;
