import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';

/** What an attestor found. */
export type AttestationOutcome =
  | {
      readonly kind: 'attested';
      /** Whom the proof names; whether that identity is registered and active is for the caller to check. */
      readonly spiffeId: SpiffeId;
      /** Verified facts about the workload, for policies. Empty when the proof shows nothing but the identity. */
      readonly attributes: Readonly<Record<string, string>>;
      /** SHA-256 of the evidence, lower-case hex, for the record. */
      readonly evidenceSha256: string;
      /** Whether the same proof was accepted before, for the same key. */
      readonly isReplay: boolean;
    }
  | {
      readonly kind: 'refused';
      /** Which check failed: for the log and the record, never for the caller. */
      readonly fault: string;
      /** Present when the evidence is known, though not good: somebody holds what he must not, or too late. */
      readonly known?: { readonly spiffeId: SpiffeId; readonly evidenceSha256: string };
    };

/**
 * Checks one kind of proof. Evidence is attacker-controlled. An attestor makes each proof usable once, and binds that use
 * to the public key that is to be certified.
 */
export interface Attestor<Evidence> {
  /** Its name in events and on its page. */
  readonly method: string;
  /** @throws ServiceError only when it could not check, e.g. STORE_UNAVAILABLE; a bad proof is an outcome. */
  attest(
    evidence: Evidence,
    binding: { readonly publicKeySha256: string; readonly now: UnixMs },
  ): Promise<AttestationOutcome>;
}
