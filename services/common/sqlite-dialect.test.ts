import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { isServiceError } from './errors.ts';
import { cachedStatementsMax, SqliteDatabase } from './sqlite-dialect.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'stint-sqlite-'));
after(() => rmSync(directory, { recursive: true }));

test('a commit is durable by the settings that SQLite reports, not by those we asked for', () => {
  const database = new SqliteDatabase({ file: path.join(directory, 'durable.db') });
  const read = (pragma: string) =>
    Object.values(database.prepare(`PRAGMA ${pragma}`).all([])[0] as object)[0];
  assert.equal(read('journal_mode'), 'wal');
  assert.equal(read('synchronous'), 2);
  assert.equal(read('foreign_keys'), 1);
  database.close();
});

test('a second holder of an exclusive store is refused, a reader is not, and the lock ends with its holder', () => {
  const file = path.join(directory, 'held.db');
  const first = new SqliteDatabase({ file, exclusive: true });
  first.exec('CREATE TABLE t (x)');
  assert.throws(
    () => new SqliteDatabase({ file, exclusive: true }),
    (thrown) => isServiceError(thrown, 'STORE_IN_USE'),
  );
  const reader = new SqliteDatabase({ file, readOnly: true });
  assert.deepEqual(reader.prepare('SELECT x FROM t').all([]), []);
  assert.throws(() => reader.exec('INSERT INTO t VALUES (1)'), /readonly/);
  reader.close();
  first.close();
  new SqliteDatabase({ file, exclusive: true }).close();
});

test('a transaction that throws leaves nothing, and the next one works', () => {
  const database = new SqliteDatabase({ file: ':memory:' });
  database.exec('CREATE TABLE t (x INTEGER UNIQUE)');
  const insert = (x: number) => database.prepare('INSERT INTO t VALUES (?)').run([x]);
  assert.throws(
    () =>
      database.transaction(() => {
        insert(1);
        insert(1);
      }),
    /UNIQUE/,
  );
  database.transaction(() => insert(2));
  assert.deepEqual(database.prepare('SELECT x FROM t').all([]), [
    Object.assign(Object.create(null), { x: 2 }),
  ]);
  database.close();
});

test('the statement cache is bounded and forgets the longest unused', () => {
  const database = new SqliteDatabase({ file: ':memory:' });
  const kept = database.prepare('SELECT 0');
  const forgotten = database.prepare('SELECT -1');
  for (let i = 1; i < cachedStatementsMax; i++) {
    database.prepare(`SELECT ${i}`);
    assert.equal(database.prepare('SELECT 0'), kept);
  }
  assert.notEqual(database.prepare('SELECT -1'), forgotten);
  database.close();
});

test('a file that cannot be opened is STORE_UNAVAILABLE', () => {
  assert.throws(
    () => new SqliteDatabase({ file: path.join(directory, 'absent', 'x.db') }),
    (thrown) => isServiceError(thrown, 'STORE_UNAVAILABLE'),
  );
});
