import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import { type CachedStatement, SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { openSqliteStore } from '../../services/broker/store/open-store.ts';
import { holder, issueEntry } from '../harness/ledger-entries.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { storeOptions } from './store-suite.ts';

class ListeningDatabase extends SqliteDatabase {
  readonly heard = new Set<string>();

  override prepare(sql: string): CachedStatement {
    this.heard?.add(sql);
    return super.prepare(sql);
  }
}

test('every statement of the store goes by an index', async (t) => {
  const database = new ListeningDatabase({ file: path.join(tempDir(t), 'broker.db'), exclusive: true });
  const store = await openSqliteStore(database, storeOptions());
  t.after(() => store.close());
  // Heard from here on: the hot path's statements, which were prepared at opening, and all that reads.
  for (const sql of [...database.heard])
    if (!/^(?:select|update|delete) /.test(sql) || /sqlite_|kysely_|pragma/.test(sql))
      database.heard.delete(sql);
  await store.ledger.commit(issueEntry(1, {}, 5));
  const { grants } = store;
  const lease = 'lse_' as LeaseId;
  await Promise.all([
    grants.findGrant('grt_' as GrantId),
    grants.findLease(lease),
    grants.claimDueLeases({ now: 2, providers: ['p', 'q'], othersDueBy: 1, holdMs: 3, limit: 4 }),
    grants.nextDueAt(['p', 'q'], 2),
    grants.listInterrupted(2, 3),
    grants.listPutOff({ intent: 2, undelivered: 3, ending: 4 }, 5),
    grants.makeDue([lease], 2),
  ]);
  await Promise.all([
    grants.openEntities('p', ['a', 'b']),
    grants.listEndedEarly(['p', 'q'], 1, lease, 5),
    grants.countLeasesByState(),
    grants.countLiveGrants(),
  ]);
  const filters = [{}, { spiffeId: holder }, { resource: 'r' }, { spiffeId: holder, resource: 'r' }];
  for (const liveOnly of [true, false]) {
    for (const before of [undefined, 'grt_' as GrantId]) {
      for (const filter of filters)
        await grants.listGrants({
          ...filter,
          liveOnly,
          limit: 5,
          ...(before === undefined ? {} : { before }),
        });
    }
  }
  await store.outbox.read(1, 5);
  await store.joinTokens.spend({ tokenSha256: 'x', publicKeySha256: 'y', now: 1 });
  await store.joinTokens.create({ tokenSha256: 'x', spiffeId: holder, createdAt: 1, expiresAt: 2 });
  await store.joinTokens.purge({ endedBy: 2, after: undefined, limit: 5 });
  assert.ok(database.heard.size > 30, `only ${database.heard.size} statements were heard`);
  for (const sql of [...database.heard]) {
    if (sql.startsWith('insert')) continue;
    const plan = database
      .prepare(`explain query plan ${sql}`)
      .all(new Array(sql.split('?').length - 1).fill(1)) as { detail: string }[];
    if (/from "?grants"? .*ended_at is null/s.test(sql))
      assert.match(plan.map(({ detail }) => detail).join(), /USING INDEX grants_live/, sql);
    if (/^select .* from "leases" where "next_attempt_at" > /.test(sql))
      assert.match(plan.map(({ detail }) => detail).join(), /SEARCH leases USING INDEX leases_due \(/, sql);
    if (sql.includes("coalesce(provider, '')"))
      assert.match(plan.map(({ detail }) => detail).join(), /leases USING (?:COVERING )?INDEX leases_due \(/);
    for (const { detail } of plan) {
      assert.doesNotMatch(
        detail,
        /^SCAN (?:grants|leases|outbox|broker_state|epochs|join_tokens)(?! USING)/,
        `${sql}\n${detail}`,
      );
    }
  }
});
