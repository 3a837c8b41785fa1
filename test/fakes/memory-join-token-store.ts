import { setImmediate } from 'node:timers/promises';
import {
  type JoinToken,
  type JoinTokenAttempt,
  type JoinTokenOutcome,
  type JoinTokenStore,
  whyNotSpent,
} from '../../services/broker/domain/join-token.ts';

/** Join tokens in memory, with a pause before each spend so that attempts at once really overlap. */
export class MemoryJoinTokenStore implements JoinTokenStore {
  readonly #tokens = new Map<string, JoinToken>();

  create(token: JoinToken): Promise<void> {
    this.#tokens.set(token.tokenSha256, token);
    return Promise.resolve();
  }

  async spend(attempt: JoinTokenAttempt): Promise<JoinTokenOutcome> {
    await setImmediate();
    const token = this.#tokens.get(attempt.tokenSha256);
    if (token === undefined || token.spentAt !== undefined || attempt.now >= token.expiresAt) {
      return whyNotSpent(token, attempt);
    }
    this.#tokens.set(token.tokenSha256, {
      ...token,
      spentAt: attempt.now,
      spentForKeySha256: attempt.publicKeySha256,
    });
    return { kind: 'spent', spiffeId: token.spiffeId };
  }
}
