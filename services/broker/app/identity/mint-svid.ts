import type { EventDraft } from '@stint/common/audit-event.ts';
import { ServiceError } from '@stint/common/errors.ts';
import type { EventData } from '@stint/common/event-table.ts';
import { type SpiffeId, stintIds, type TrustDomain } from '@stint/common/spiffe-id.ts';
import { type Clock, formatTime } from '@stint/common/time.ts';
import { type CsrReader, type IssuedSvid, type SvidIssuer, svidTtlMsMax } from '../../domain/svid-issuer.ts';
import { requireTtl } from './require-ttl.ts';

/** Lifetime of a minted SVID, in milliseconds: 1 minute to 24 hours, 1 hour when nothing is said. */
export const mintTtlMs = { min: 60_000, max: svidTtlMsMax, default: 3_600_000 } as const;

export type MintSvidParts = {
  readonly trustDomain: TrustDomain;
  readonly readCsr: CsrReader;
  readonly issuer: SvidIssuer;
  /** Resolves when the events are durably committed. */
  readonly record: (events: readonly EventDraft[]) => Promise<void>;
  readonly clock: Clock;
  /** Under which host names and addresses the NATS server is reached by clients that know no SPIFFE. */
  readonly natsHostNames: readonly string[];
};

/** What the local operator wants certified. `csrDer` is checked here; the SPIFFE ID is parsed. */
export type MintOrder = {
  readonly spiffeId: SpiffeId;
  readonly csrDer: Uint8Array;
  readonly ttlMs?: number | undefined;
};

/**
 * Certifies a key for infrastructure that cannot attest by itself: the NATS server, its administrator, outside viewers
 * of the event stream. Never for a workload, the broker or the auditor: those have their own, narrower ways, and an
 * operator who could mint them could act as anybody.
 */
export class MintSvid {
  readonly #parts: MintSvidParts;

  constructor(parts: MintSvidParts) {
    this.#parts = parts;
  }

  /** @throws ServiceError INVALID_FIELD (also for a SPIFFE ID that is not minted), MESSAGE_TOO_LARGE, TTL_OUT_OF_RANGE; STORE_UNAVAILABLE and its like. */
  async execute(order: MintOrder): Promise<IssuedSvid> {
    const { clock, issuer, natsHostNames, readCsr, record, trustDomain } = this.#parts;
    const { spiffeId, ttlMs = mintTtlMs.default } = order;
    requireMintable(spiffeId, trustDomain);
    requireTtl(ttlMs, mintTtlMs);
    const { publicKeyDer } = readCsr(order.csrDer);
    const hostNames = spiffeId === stintIds.nats(trustDomain) ? natsHostNames : [];
    const issued = await issuer.issue({ spiffeId, publicKeyDer, ttlMs, hostNames, now: clock.now() });
    await record([svidMinted(issued)]);
    return issued;
  }
}

function requireMintable(spiffeId: SpiffeId, trustDomain: TrustDomain): void {
  const viewers = `spiffe://${trustDomain}/stint/viewer/`;
  const isViewer = spiffeId.startsWith(viewers) && !spiffeId.slice(viewers.length).includes('/');
  if (isViewer || spiffeId === stintIds.nats(trustDomain) || spiffeId === stintIds.natsAdmin(trustDomain))
    return;
  throw new ServiceError(
    'INVALID_FIELD',
    `spiffe_id: "${spiffeId}" is not minted: only stint/nats, stint/nats-admin and stint/viewer/<name> of "${trustDomain}" are; workloads attest with a join token`,
    { metadata: { field: 'spiffe_id' } },
  );
}

function svidMinted(issued: IssuedSvid): EventDraft {
  return {
    type: 'svid.issued',
    actor: { kind: 'operator' },
    data: {
      cause: 'minted',
      spiffe_id: issued.spiffeId,
      svid_sha256: issued.sha256,
      serial_number: issued.serialNumber,
      svid_expires_at: formatTime(issued.expiresAt),
    } satisfies EventData<'svid.issued'>,
  };
}
