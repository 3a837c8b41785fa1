import type { EventDraft } from '@stint/common/audit-event.ts';
import type { EventData } from '@stint/common/event-table.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { type Clock, formatTime } from '@stint/common/time.ts';
import type { CsrReader, IssuedSvid, SvidIssuer } from '../../domain/svid-issuer.ts';
import type { SvidHolders } from './svid-holders.ts';

export type RotateSvidParts = {
  readonly readCsr: CsrReader;
  readonly issuer: SvidIssuer;
  readonly holders: SvidHolders;
  /** Resolves when the events are durably committed. */
  readonly record: (events: readonly EventDraft[]) => Promise<void>;
  readonly clock: Clock;
  /** Life of the SVIDs, in milliseconds. */
  readonly svidTtlMs: number;
};

/** The holder of a live SVID, as proved by mutual TLS. */
export type SvidHolder = { readonly spiffeId: SpiffeId; readonly svidSha256: string };

/**
 * Certifies a new key of the holder of a live SVID, for the same identity: 1 check, 2 certify in memory, 3 record,
 * 4 answer. A crash anywhere leaves at most a record of an SVID that nobody got; the caller asks again.
 */
export class RotateSvid {
  readonly #parts: RotateSvidParts;

  constructor(parts: RotateSvidParts) {
    this.#parts = parts;
  }

  /** @throws ServiceError INVALID_FIELD, MESSAGE_TOO_LARGE; IDENTITY_UNKNOWN, IDENTITY_SUSPENDED; STORE_UNAVAILABLE and its like. */
  async execute(holder: SvidHolder, csrDer: Uint8Array): Promise<IssuedSvid> {
    const { clock, holders, issuer, readCsr, record, svidTtlMs } = this.#parts;
    holders.requireActive(holder.spiffeId);
    const { publicKeyDer } = readCsr(csrDer);
    const issued = await issuer.issue({
      spiffeId: holder.spiffeId,
      publicKeyDer,
      ttlMs: svidTtlMs,
      now: clock.now(),
    });
    await record([svidRotated(holder, issued)]);
    return issued;
  }
}

function svidRotated(holder: SvidHolder, issued: IssuedSvid): EventDraft {
  return {
    type: 'svid.issued',
    actor: { kind: 'workload', spiffe_id: holder.spiffeId, svid_sha256: holder.svidSha256 },
    data: {
      cause: 'rotated',
      spiffe_id: issued.spiffeId,
      svid_sha256: issued.sha256,
      serial_number: issued.serialNumber,
      svid_expires_at: formatTime(issued.expiresAt),
    } satisfies EventData<'svid.issued'>,
  };
}
