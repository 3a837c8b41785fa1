import type { EventDraft } from '@stint/common/audit-event.ts';
import type { EventData } from '@stint/common/event-table.ts';
import { joinTokenSha256, newJoinToken } from '@stint/common/join-token.ts';
import type { Secret } from '@stint/common/secret.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { type Clock, formatTime, type UnixMs } from '@stint/common/time.ts';
import { type JoinToken, type JoinTokenStore, joinTokenTtlMs } from '../../domain/join-token.ts';
import { requireTtl } from './require-ttl.ts';
import type { SvidHolders } from './svid-holders.ts';

export type CreateJoinTokenParts = {
  readonly store: JoinTokenStore;
  readonly holders: SvidHolders;
  /** Resolves when the events are durably committed. */
  readonly record: (events: readonly EventDraft[]) => Promise<void>;
  readonly clock: Clock;
};

/** For whom, and how long it may wait to be used. */
export type JoinTokenOrder = { readonly spiffeId: SpiffeId; readonly ttlMs?: number | undefined };

/** The token, which is kept nowhere, and when it dies unused. */
export type NewJoinToken = { readonly token: Secret; readonly expiresAt: UnixMs };

/**
 * Makes a single-use join token for an active identity: 1 check, 2 store its hash, 3 record, 4 answer. A crash after 2
 * leaves the hash of a token that nobody has, which expires.
 */
export class CreateJoinToken {
  readonly #parts: CreateJoinTokenParts;

  constructor(parts: CreateJoinTokenParts) {
    this.#parts = parts;
  }

  /** @throws ServiceError TTL_OUT_OF_RANGE; IDENTITY_UNKNOWN, IDENTITY_SUSPENDED; STORE_UNAVAILABLE and its like. */
  async execute({ spiffeId, ttlMs = joinTokenTtlMs.default }: JoinTokenOrder): Promise<NewJoinToken> {
    const { clock, holders, record, store } = this.#parts;
    requireTtl(ttlMs, joinTokenTtlMs);
    holders.requireActive(spiffeId);
    const token = newJoinToken();
    const now = clock.now();
    const row: JoinToken = {
      tokenSha256: joinTokenSha256(token),
      spiffeId,
      createdAt: now,
      expiresAt: now + ttlMs,
    };
    await store.create(row);
    await record([joinTokenCreated(row)]);
    return { token, expiresAt: row.expiresAt };
  }
}

function joinTokenCreated(row: JoinToken): EventDraft {
  return {
    type: 'identity.join_token_created',
    actor: { kind: 'operator' },
    data: {
      spiffe_id: row.spiffeId,
      evidence_sha256: row.tokenSha256,
      expires_at: formatTime(row.expiresAt),
    } satisfies EventData<'identity.join_token_created'>,
  };
}
