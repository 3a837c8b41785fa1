import { isJoinToken, joinTokenSha256 } from '@stint/common/join-token.ts';
import type { Secret } from '@stint/common/secret.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { AttestationOutcome, Attestor } from '../../domain/attestation.ts';
import type { JoinTokenOutcome, JoinTokenStore } from '../../domain/join-token.ts';

/**
 * Accepts a single-use join token: it proves that whoever sends it was given it by an operator, for the one identity
 * that it was made for, and nothing more. Spent in the store before the answer.
 */
export class JoinTokenAttestor implements Attestor<Secret> {
  readonly method = 'join_token';
  readonly #store: JoinTokenStore;

  constructor(store: JoinTokenStore) {
    this.#store = store;
  }

  async attest(
    token: Secret,
    binding: { publicKeySha256: string; now: UnixMs },
  ): Promise<AttestationOutcome> {
    if (!isJoinToken(token.revealText())) return { kind: 'refused', fault: 'not a join token' };
    const tokenSha256 = joinTokenSha256(token);
    return toAttestation(await this.#store.spend({ tokenSha256, ...binding }), tokenSha256);
  }
}

function toAttestation(outcome: JoinTokenOutcome, evidenceSha256: string): AttestationOutcome {
  switch (outcome.kind) {
    case 'spent':
    case 'replayed':
      return {
        kind: 'attested',
        spiffeId: outcome.spiffeId,
        attributes: {},
        evidenceSha256,
        isReplay: outcome.kind === 'replayed',
      };
    case 'used':
    case 'expired':
      return {
        kind: 'refused',
        fault: `join token ${outcome.kind}`,
        known: { spiffeId: outcome.spiffeId, evidenceSha256 },
      };
    case 'unknown':
      return { kind: 'refused', fault: 'join token unknown' };
  }
}
