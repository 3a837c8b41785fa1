import type { Kysely } from 'kysely';
import {
  type JoinToken,
  type JoinTokenAttempt,
  type JoinTokenOutcome,
  type JoinTokenPage,
  type JoinTokenStore,
  whyNotSpent,
} from '../domain/join-token.ts';
import { orUnavailable } from './or-unavailable.ts';
import type { JoinTokenRow, Schema } from './schema.ts';

/** Keeps join tokens by their hashes. One statement spends a token, so that of any number of attempts one has it. */
export class KyselyJoinTokenStore implements JoinTokenStore {
  readonly #database: Kysely<Schema>;

  constructor(database: Kysely<Schema>) {
    this.#database = database;
  }

  async create(token: JoinToken): Promise<void> {
    const insert = this.#database.insertInto('join_tokens').values({
      token_sha256: token.tokenSha256,
      spiffe_id: token.spiffeId,
      created_at: token.createdAt,
      expires_at: token.expiresAt,
      spent_at: token.spentAt ?? null,
      spent_for_key_sha256: token.spentForKeySha256 ?? null,
    });
    await orUnavailable(insert.execute());
  }

  async spend(attempt: JoinTokenAttempt): Promise<JoinTokenOutcome> {
    const spent = await orUnavailable(
      this.#database
        .updateTable('join_tokens')
        .set({ spent_at: attempt.now, spent_for_key_sha256: attempt.publicKeySha256 })
        .where('token_sha256', '=', attempt.tokenSha256)
        .where('spent_at', 'is', null)
        .where('expires_at', '>', attempt.now)
        .returning('spiffe_id')
        .executeTakeFirst(),
    );
    if (spent !== undefined) return { kind: 'spent', spiffeId: spent.spiffe_id as JoinToken['spiffeId'] };
    const row = await orUnavailable(
      this.#database
        .selectFrom('join_tokens')
        .selectAll()
        .where('token_sha256', '=', attempt.tokenSha256)
        .executeTakeFirst(),
    );
    return whyNotSpent(row === undefined ? undefined : fromRow(row), attempt);
  }

  async purge({ endedBy, after = '', limit }: JoinTokenPage) {
    const page = await orUnavailable(
      this.#database
        .selectFrom('join_tokens')
        .select(['token_sha256', 'expires_at'])
        .where('token_sha256', '>', after)
        .orderBy('token_sha256')
        .limit(limit)
        .execute(),
    );
    const ended = page.filter((row) => row.expires_at <= endedBy).map((row) => row.token_sha256);
    if (ended.length > 0)
      await orUnavailable(
        this.#database.deleteFrom('join_tokens').where('token_sha256', 'in', ended).execute(),
      );
    return { purged: ended.length, next: page.length < limit ? undefined : page.at(-1)?.token_sha256 };
  }
}

function fromRow(row: JoinTokenRow): JoinToken {
  return {
    tokenSha256: row.token_sha256,
    spiffeId: row.spiffe_id as JoinToken['spiffeId'],
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    ...(row.spent_at === null ? {} : { spentAt: row.spent_at }),
    ...(row.spent_for_key_sha256 === null ? {} : { spentForKeySha256: row.spent_for_key_sha256 }),
  };
}
