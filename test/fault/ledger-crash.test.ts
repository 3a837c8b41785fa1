import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isServiceError } from '@stint/common/errors.ts';
import { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { openSqliteStore, openStore } from '../../services/broker/store/open-store.ts';
import { checkedEvents, storeOptions } from '../contract/store-suite.ts';
import { issueEntry } from '../harness/ledger-entries.ts';
import { tempDir } from '../harness/temp-dir.ts';

const child = fileURLToPath(import.meta.resolve('./crashing-ledger.ts'));

/** Runs the child until it kills itself at that step; returns the ids it was told are durable. */
function crashAt(file: string, when: 'open' | 'commit', step: number): { ids: string[]; survived: boolean } {
  const result = spawnSync(process.execPath, [child, file, when, String(step)], { encoding: 'utf8' });
  const lines = result.stdout.split('\n').filter(Boolean);
  const survived = lines.includes('survived');
  if (!survived) assert.equal(result.signal, 'SIGKILL', result.stderr);
  return { ids: lines.filter((line) => line.startsWith('grt_')), survived };
}

/** Opens what the crash has left and checks it: the chain is whole, and rows stand exactly where events do. */
async function checkLeft(file: string, ids: readonly string[]): Promise<number> {
  const store = await openSqliteStore(new SqliteDatabase({ file, exclusive: true }), storeOptions());
  const events = await checkedEvents(store);
  const recorded = events.flatMap((event) =>
    event['type'] === 'grant.issued' ? [String(event['grant_id'])] : [],
  );
  const grants = (await store.grants.listGrants({ liveOnly: false, limit: 10_000 })).map(({ id }) =>
    String(id),
  );
  assert.deepEqual(recorded.toSorted(), grants.toSorted());
  for (const id of ids) assert.ok(grants.includes(id), `${id} was told to be durable and is not there`);
  for (const id of grants) assert.equal((await store.grants.findGrant(id as never))?.leases.length, 1);
  assert.equal(await store.grants.countLiveGrants(), grants.length);
  assert.equal(store.ledger.backlog().events, events.length);
  await store.ledger.commit(issueEntry(9));
  await store.close();
  return grants.length;
}

describe('a broker killed while it commits', () => {
  test('leaves all of a commit or nothing of it, at every step', async (t) => {
    const directory = tempDir(t);
    const counts: number[] = [];
    for (let step = 0, survived = false; !survived; step++) {
      const file = path.join(directory, `commit-${step}.db`);
      const left = crashAt(file, 'commit', step);
      survived = left.survived;
      counts.push(await checkLeft(file, left.ids));
    }
    // Three grants, three leases, their count, the batch and the state written, before COMMIT, after it, and not killed.
    assert.deepEqual(counts, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 5, 5]);
  });

  test('leaves the epoch before or the next one whole, at every step of opening', async (t) => {
    const directory = tempDir(t);
    for (let step = 0; step < 6; step++) {
      const file = path.join(directory, `open-${step}.db`);
      assert.equal(crashAt(file, 'open', step).survived, false);
      assert.equal(await checkLeft(file, []), 0);
    }
  });

  test('may be started again and again', async (t) => {
    const file = path.join(tempDir(t), 'again.db');
    for (let step = 0; step < 3; step++) crashAt(file, 'commit', step * 4);
    assert.equal(await checkLeft(file, []), 6);
  });
});

test('a second broker on the same store is refused in words, and the first goes on', async (t) => {
  const stateDir = tempDir(t);
  const first = await openStore({ store: 'sqlite', stateDir }, storeOptions());
  t.after(() => first.close());
  await assert.rejects(
    openStore({ store: 'sqlite', stateDir }, storeOptions({ name: 'b2' })),
    (thrown) =>
      isServiceError(thrown, 'STORE_IN_USE') && thrown.message.includes('in use by another process'),
  );
  assert.deepEqual(await first.ledger.commit(issueEntry(1)), { kind: 'committed' });
});

test('a full disk refuses commits, loses nothing that was told to be durable, and work goes on when there is room', async (t) => {
  const file = path.join(tempDir(t), 'full.db');
  const database = new SqliteDatabase({ file, exclusive: true });
  const store = await openSqliteStore(database, storeOptions());
  const pages = Number(Object.values(database.prepare('pragma page_count').all([])[0] as object)[0]);
  database.exec(`pragma max_page_count = ${pages + 40}`);
  const durable: string[] = [];
  let refused = 0;
  while (refused < 3) {
    const entries = Array.from({ length: 8 }, () => issueEntry(1));
    const outcomes = await Promise.allSettled(entries.map((entry) => store.ledger.commit(entry)));
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') durable.push(entries[i]?.insert.grant.id ?? '');
      else assert.ok(isServiceError(outcome.reason, 'STORE_UNAVAILABLE'));
    }
    if (outcomes.some(({ status }) => status === 'rejected')) refused++;
  }
  database.exec('pragma max_page_count = 1000000');
  assert.deepEqual(await store.ledger.commit(issueEntry(1)), { kind: 'committed' });
  assert.equal(store.ledger.backlog().events, durable.length + 2);
  assert.equal((await checkedEvents(store)).length, durable.length + 2);
  await store.close();
  assert.equal(await checkLeft(file, durable), durable.length + 1);
});
