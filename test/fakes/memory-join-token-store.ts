import { setImmediate } from 'node:timers/promises';
import {
  type JoinToken,
  type JoinTokenAttempt,
  type JoinTokenOutcome,
  type JoinTokenPage,
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

  purge({ endedBy, after = '', limit }: JoinTokenPage) {
    const rest = [...this.#tokens.keys()].filter((tokenSha256) => tokenSha256 > after);
    const page = rest.toSorted().slice(0, limit);
    const ended = page.filter((tokenSha256) => (this.#tokens.get(tokenSha256)?.expiresAt ?? 0) <= endedBy);
    for (const tokenSha256 of ended) this.#tokens.delete(tokenSha256);
    return Promise.resolve({ purged: ended.length, next: page.length < limit ? undefined : page.at(-1) });
  }
}
