import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { withinRoom } from './within-room.ts';

const isFull = (thrown: unknown) =>
  isServiceError(thrown, 'STORE_UNAVAILABLE') && /no room is left.*free some/.test(thrown.message);

test('a disk without room is told as such, of a file and of the store; any other fault stays what it is', () => {
  assert.throws(() => withinRoom(() => writeFileSync('/dev/full', 'x')), isFull);
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE t (x); PRAGMA max_page_count = 3');
  assert.throws(() => withinRoom(() => database.exec('INSERT INTO t VALUES (zeroblob(100000))')), isFull);
  assert.throws(() => withinRoom(() => database.exec('INSERT INTO u VALUES (1)')), /no such table/);
  database.close();
  assert.equal(
    withinRoom(() => 1),
    1,
  );
});
