import { ServiceError } from '@stint/common/errors.ts';
import { parseSpiffeId, type SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Clock } from '@stint/common/time.ts';
import type { EndedLeases } from '../domain/ended-leases.ts';
import { failedCheck, type GrantClaims, type TokenCheck } from '../domain/grant-token.ts';
import type { GrantTokenKeys } from './grant-token-keys.ts';
import type { Broker } from './ports.ts';

/** What is asked about a token that somebody presented. Everything is attacker-controlled. */
export type VerifyRequest = {
  readonly token: string;
  readonly audience: string;
  /** Undefined: not compared. */
  readonly presenter: string | undefined;
  /** Undefined: any. */
  readonly action: string | undefined;
};

export type VerifyTokenParts = {
  readonly keys: GrantTokenKeys;
  readonly endedLeases: EndedLeases;
  readonly broker: Broker;
  readonly clock: Clock;
  /** Longest silence of the broker after which tokens are still accepted, in milliseconds. */
  readonly silenceMsMax: number;
};

const checkTexts: Readonly<Record<TokenCheck, string>> = {
  form: 'it is not a grant token',
  algorithm: 'its signature algorithm is not allowed',
  key: 'it is not signed by a key of the broker',
  signature: 'its signature is wrong',
  issuer: 'it is of another issuer',
  audience: 'it is for another resource',
  not_yet_valid: 'it is not valid yet',
  expired: 'it has expired',
  ended: 'its lease was ended before its time',
  presenter: 'it belongs to another identity than the one that presents it',
  action: 'it allows another action',
};

/** Says whether a grant token is good, now, for this resource and this presenter. */
export class VerifyToken {
  readonly #parts: VerifyTokenParts;

  constructor(parts: VerifyTokenParts) {
    this.#parts = parts;
  }

  /**
   * Resolves to the token's claims when it is good.
   * @throws ServiceError INVALID_FIELD when the question is malformed; TOKEN_INVALID with the check that failed in
   * `metadata.check`; BROKER_UNAVAILABLE when the broker has been silent for so long that nobody here can know
   * whether the lease was ended.
   */
  async execute(request: VerifyRequest): Promise<GrantClaims> {
    requireText('token', request.token);
    requireText('audience', request.audience);
    const presenter = parsePresenter(request.presenter);
    const issuer = this.#requireFreshKeys();
    const signature = await this.#parts.keys.check(request.token);
    if (signature.kind === 'bad') throw invalid(signature.check);
    const { clock, endedLeases } = this.#parts;
    const { audience, action } = request;
    const expectation = {
      issuer,
      audience,
      presenter,
      action,
      hasEnded: endedLeases.has.bind(endedLeases),
    };
    const failed = failedCheck(signature.claims, expectation, clock.now());
    if (failed !== undefined) throw invalid(failed);
    return signature.claims;
  }

  #requireFreshKeys(): string {
    const { keys, broker, clock, silenceMsMax } = this.#parts;
    const heardAt = broker.lastHeardAt();
    // Either way: heard in the future means that the clock was set back, and nobody knows how long ago it was.
    const isFresh = heardAt !== undefined && Math.abs(clock.now() - heardAt) <= silenceMsMax;
    if (keys.issuer !== undefined && isFresh) return keys.issuer;
    throw (
      broker.outage() ??
      new ServiceError('BROKER_UNAVAILABLE', 'the broker has not sent its keys yet', { retryAfterMs: 1_000 })
    );
  }
}

function parsePresenter(text: string | undefined): SpiffeId | undefined {
  return text === undefined ? undefined : parseSpiffeId(text, 'presenter_spiffe_id');
}

function requireText(field: string, text: string): void {
  if (text === '')
    throw new ServiceError('INVALID_FIELD', `${field}: it is missing`, { metadata: { field } });
}

// The token itself never appears: it may be good elsewhere.
function invalid(check: TokenCheck): ServiceError {
  return new ServiceError('TOKEN_INVALID', `token: ${checkTexts[check]}`, { metadata: { check } });
}
