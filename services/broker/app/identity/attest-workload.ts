import type { EventDraft } from '@stint/common/audit-event.ts';
import { ServiceError } from '@stint/common/errors.ts';
import type { EventData } from '@stint/common/event-table.ts';
import type { Log } from '@stint/common/log.ts';
import type { Secret } from '@stint/common/secret.ts';
import { type Clock, formatTime } from '@stint/common/time.ts';
import type { AttestationOutcome, Attestor } from '../../domain/attestation.ts';
import type { CsrReader, IssuedSvid, SvidIssuer } from '../../domain/svid-issuer.ts';
import type { SvidHolders } from './svid-holders.ts';

/** A proof of identity, by kind. */
export type AttestationProof = { readonly kind: 'joinToken'; readonly joinToken: Secret };

export type AttestWorkloadParts = {
  readonly attestors: { readonly joinToken: Attestor<Secret> };
  readonly readCsr: CsrReader;
  readonly issuer: SvidIssuer;
  readonly holders: SvidHolders;
  /** Resolves when the events are durably committed. */
  readonly record: (events: readonly EventDraft[]) => Promise<void>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Life of the SVIDs, in milliseconds. */
  readonly svidTtlMs: number;
};

type Attested = Extract<AttestationOutcome, { kind: 'attested' }>;
type Refused = Extract<AttestationOutcome, { kind: 'refused' }>;

/**
 * Exchanges a proof of identity for an SVID.
 * 1. Read the request and check that its key is the caller's. Crash, or refused: nothing was written.
 * 2. Spend the proof for that key. Crash after: the caller, who got no answer, repeats proof and key within a minute.
 * 3. Ask the registry. A proof spent for an identity that is not active stays spent.
 * 4. Certify the key, in memory. Crash after: as 2.
 * 5. Record it. Crash after: as 2; the SVID recorded was never handed out, and another one is recorded.
 * 6. Answer.
 */
export class AttestWorkload {
  readonly #parts: AttestWorkloadParts;

  constructor(parts: AttestWorkloadParts) {
    this.#parts = parts;
  }

  /**
   * `csrDer` and the proof are attacker-controlled.
   * @throws ServiceError INVALID_FIELD, MESSAGE_TOO_LARGE for the request; ATTESTATION_FAILED, which never says which
   * check failed (the log does); STORE_UNAVAILABLE and its like, after which the same call may be made again.
   */
  async execute(proof: AttestationProof, csrDer: Uint8Array): Promise<IssuedSvid> {
    const { clock, issuer, readCsr, record, svidTtlMs } = this.#parts;
    const { publicKeyDer, publicKeySha256 } = readCsr(csrDer); // 1
    const attestor = this.#parts.attestors[proof.kind];
    const found = await attestor.attest(proof[proof.kind], { publicKeySha256, now: clock.now() }); // 2
    const outcome = this.#withoutInactive(found); // 3
    if (outcome.kind === 'refused') return this.#refuse(attestor.method, outcome);
    const { spiffeId } = outcome;
    const issued = await issuer.issue({ spiffeId, publicKeyDer, ttlMs: svidTtlMs, now: clock.now() }); // 4
    await record([identityAttested(attestor.method, outcome, issued)]); // 5
    return issued;
  }

  #withoutInactive(outcome: AttestationOutcome): AttestationOutcome {
    if (outcome.kind === 'refused') return outcome;
    const { spiffeId, evidenceSha256 } = outcome;
    const state = this.#parts.holders.state(spiffeId);
    return state === 'active'
      ? outcome
      : { kind: 'refused', fault: `identity ${state}`, known: { spiffeId, evidenceSha256 } };
  }

  async #refuse(method: string, { fault, known }: Refused): Promise<never> {
    this.#parts.log.warn(
      { method, fault, spiffe_id: known?.spiffeId, evidence_sha256: known?.evidenceSha256 },
      'attestation refused',
    );
    // Evidence that nobody ever issued is not recorded: anybody could fill the log with it.
    if (known !== undefined) await this.#parts.record([attestationDenied(method, fault, known)]);
    throw new ServiceError(
      'ATTESTATION_FAILED',
      'the proof of identity was not accepted: ask the operator, whose log says why',
    );
  }
}

function identityAttested(method: string, attested: Attested, issued: IssuedSvid): EventDraft {
  return {
    type: 'identity.attested',
    actor: { kind: 'workload', spiffe_id: issued.spiffeId, svid_sha256: issued.sha256 },
    data: {
      spiffe_id: issued.spiffeId,
      method,
      evidence_sha256: attested.evidenceSha256,
      replayed: attested.isReplay,
      attributes: attested.attributes,
      serial_number: issued.serialNumber,
      svid_expires_at: formatTime(issued.expiresAt),
    } satisfies EventData<'identity.attested'>,
  };
}

function attestationDenied(method: string, fault: string, known: NonNullable<Refused['known']>): EventDraft {
  return {
    type: 'access.denied',
    // Who it was is not known: that is what failed.
    actor: { kind: 'workload' },
    data: {
      reason: 'ATTESTATION_FAILED',
      method,
      fault,
      spiffe_id: known.spiffeId,
      evidence_sha256: known.evidenceSha256,
    } satisfies EventData<'access.denied'>,
  };
}
