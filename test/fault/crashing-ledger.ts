/** A child process: commits grants to a SQLite store and kills itself at one step. Prints the ids it was told are durable. */
import { writeSync } from 'node:fs';
import { type CachedStatement, SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { openSqliteStore } from '../../services/broker/store/open-store.ts';
import { storeOptions } from '../contract/store-suite.ts';
import { issueEntry } from '../harness/ledger-entries.ts';

const [file = '', when = 'commit', stepText = '0'] = process.argv.slice(2);
let isArmed = when === 'open';
let stepsLeft = Number(stepText);

/** One step of a transaction: a row written, the end before COMMIT, or COMMIT itself. */
function step(): void {
  if (isArmed && stepsLeft-- === 0) process.kill(process.pid, 'SIGKILL');
}

class CrashingDatabase extends SqliteDatabase {
  #isInTransaction = false;

  override prepare(sql: string): CachedStatement {
    const statement = super.prepare(sql);
    const run: CachedStatement['run'] = (parameters) => {
      if (this.#isInTransaction) step();
      return statement.run(parameters);
    };
    return { ...statement, run };
  }

  override transaction<T>(work: () => T): T {
    this.#isInTransaction = true;
    const result = super.transaction(() => {
      const done = work();
      step();
      return done;
    });
    this.#isInTransaction = false;
    step();
    return result;
  }
}

const store = await openSqliteStore(new CrashingDatabase({ file, exclusive: true }), storeOptions());
const commit = async (now: number) => {
  const entry = issueEntry(now);
  await store.ledger.commit(entry);
  writeSync(1, `${entry.insert.grant.id}\n`);
};
await Promise.all([commit(1), commit(2)]);
isArmed = true;
await Promise.all([commit(3), commit(4), commit(5)]);
writeSync(1, 'survived\n');
process.exit(0);
