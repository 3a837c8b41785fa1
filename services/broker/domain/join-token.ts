import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';

/** How long a join token may wait to be used, in milliseconds: 1 second to 24 hours, 10 minutes when nothing is said. */
export const joinTokenTtlMs = { min: 1_000, max: 86_400_000, default: 600_000 } as const;

/**
 * How long after its use a join token is accepted again with the same public key, in milliseconds. The answer may have
 * been lost on its way; whoever holds the key's private half is who spent the token, so repeating it gives nobody more.
 */
export const joinTokenReplayMs = 60_000;

/**
 * How long a join token's row is kept after its end, used or not, in milliseconds: a week, in which whoever tries it late is
 * on record with the identity it was for. Afterwards it is as one that was never made: refused all the same.
 */
export const joinTokenKeptMs = 604_800_000;

/** A join token as it is stored: never the token. */
export type JoinToken = {
  /** SHA-256 of the token's text, lower-case hex; unique. */
  readonly tokenSha256: string;
  /** The one identity it proves. */
  readonly spiffeId: SpiffeId;
  readonly createdAt: UnixMs;
  /** Unused, it dies then. */
  readonly expiresAt: UnixMs;
  /** When and for which public key it was spent; both or neither. */
  readonly spentAt?: UnixMs;
  readonly spentForKeySha256?: string;
};

/** Somebody presents a token to have a public key certified. Hashes are lower-case hex. */
export type JoinTokenAttempt = {
  readonly tokenSha256: string;
  /** SHA-256 of the key's SubjectPublicKeyInfo. */
  readonly publicKeySha256: string;
  readonly now: UnixMs;
};

/** What became of an attempt. Only `spent` has changed the row. */
export type JoinTokenOutcome =
  | { readonly kind: 'spent'; readonly spiffeId: SpiffeId }
  /** Spent before, for the same key, within {@link joinTokenReplayMs}. */
  | { readonly kind: 'replayed'; readonly spiffeId: SpiffeId }
  | { readonly kind: 'used'; readonly spiffeId: SpiffeId }
  | { readonly kind: 'expired'; readonly spiffeId: SpiffeId }
  | { readonly kind: 'unknown' };

/** Some of the tokens, by their hashes. */
export type JoinTokenPage = {
  readonly endedBy: UnixMs;
  readonly after: string | undefined;
  readonly limit: number;
};

/** Where join tokens are kept. */
export interface JoinTokenStore {
  /** Durable on return. @throws ServiceError STORE_UNAVAILABLE. */
  create(token: JoinToken): Promise<void>;
  /**
   * Spends the token for this key: of any number of attempts at once exactly one is `spent`. The store does it by one
   * conditional update (unspent, `now` before `expiresAt`) and its count of changed rows, never by reading first;
   * when nothing was changed, {@link whyNotSpent} says why. Durable on return.
   * @throws ServiceError STORE_UNAVAILABLE: nothing was spent, or the same attempt made again tells.
   */
  spend(attempt: JoinTokenAttempt): Promise<JoinTokenOutcome>;
  /**
   * Looks at the next `limit` tokens after that hash, in order of their hashes, and removes those that ended by `endedBy`.
   * `next` is where to go on; undefined when there are no more.
   * @throws ServiceError STORE_UNAVAILABLE.
   */
  purge(page: JoinTokenPage): Promise<{ readonly purged: number; readonly next: string | undefined }>;
}

/** Why an attempt did not spend the token, judged by the row as it now is (undefined: there is none). */
export function whyNotSpent(token: JoinToken | undefined, attempt: JoinTokenAttempt): JoinTokenOutcome {
  if (token === undefined) return { kind: 'unknown' };
  const { spiffeId, spentAt, spentForKeySha256 } = token;
  if (spentAt === undefined) return { kind: 'expired', spiffeId };
  const isSameHolder = spentForKeySha256 === attempt.publicKeySha256;
  const isSoon = attempt.now - spentAt <= joinTokenReplayMs;
  return { kind: isSameHolder && isSoon ? 'replayed' : 'used', spiffeId };
}
