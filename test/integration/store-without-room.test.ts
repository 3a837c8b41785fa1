import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { openSqliteStore } from '../../services/broker/store/open-store.ts';
import { checkedEvents, storeOptions } from '../contract/store-suite.ts';
import { issueEntry } from '../harness/ledger-entries.ts';
import { tempDir } from '../harness/temp-dir.ts';

const noRoom = (thrown: unknown) =>
  isServiceError(thrown, 'STORE_UNAVAILABLE') && /no room is left on the store's disk/.test(thrown.message);

test('a store without room says so, loses nothing, and goes on by itself once there is some', async (t) => {
  const database = new SqliteDatabase({ file: path.join(tempDir(t), 'broker.db'), exclusive: true });
  const store = await openSqliteStore(database, storeOptions());
  t.after(() => store.close());
  // A limit of SQLite's own, met as a full disk is.
  const limitPages = (pages: number) => database.exec(`PRAGMA max_page_count = ${pages}`);
  const [{ page_count: pages } = { page_count: 0 }] = database.prepare('PRAGMA page_count').all([]) as {
    page_count: number;
  }[];
  limitPages(pages + 20);
  const commit = () => store.ledger.commit(issueEntry(Date.now()));
  let committed = 0;
  await assert.rejects(async () => {
    for (; committed < 1_000; committed++) await commit();
  }, noRoom);
  assert.ok(committed > 0);
  assert.match(store.ledger.outage() ?? '', /no room/);
  assert.equal(await store.grants.countLiveGrants(), committed, 'reads go on');
  await assert.rejects(commit(), noRoom);

  limitPages(1_000_000);
  assert.equal((await commit()).kind, 'committed');
  assert.equal(store.ledger.outage(), undefined);
  const issued = (await checkedEvents(store)).filter(({ type }) => type === 'grant.issued');
  assert.equal(issued.length, committed + 1, 'what was refused left no event');
});
