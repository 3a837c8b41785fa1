import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError } from '../cli-error.ts';
import { readId, readRefusedNumber } from './typed-id.ts';

const ulid = '01m8167zc3v2e0q6j4s9d5n1wk';

test('an id of its kind is taken as it is', () => {
  assert.equal(readId('grant', `grt_${ulid}`, 'GRANT'), `grt_${ulid}`);
});

test('what is no id is refused where it was typed, with what one looks like and where it is found', () => {
  assert.throws(() => readId('request', 'nope', '--request'), {
    failure: {
      what: '--request: "nope" is not a request id',
      why: 'such an id is req_ and 26 characters',
      fix: 'stint grants show GRANT, or the answer or error of the request',
      reason: 'INVALID_FIELD',
      exitCode: 2,
      metadata: { field: '--request', expected: 'req_ and 26 characters' },
    },
  });
});

test('an id of something else is told as that', () => {
  const refusal = (...typed: Parameters<typeof readId>) => {
    try {
      return readId(...typed);
    } catch (thrown) {
      assert.ok(thrown instanceof CliError);
      const { why, fix } = thrown.failure;
      return [why, fix];
    }
  };
  assert.deepEqual(refusal('lease', `grt_${ulid}`, '--lease'), [
    'it is the id of a grant',
    'stint grants show GRANT',
  ]);
  assert.deepEqual(refusal('grant', `req_${ulid}`, 'GRANT'), [
    'it is the id of a request',
    'stint grants list',
  ]);
});

test('what is no number of a refused message is refused as an id is', () => {
  assert.equal(readRefusedNumber('3'), 3);
  for (const text of ['abc', '', '-1', '1.5'])
    assert.throws(() => readRefusedNumber(text), {
      failure: {
        what: `ID: "${text}" is not the number of a refused message`,
        why: 'such a number is whole, from 0',
        fix: 'stint audit quarantine list --all',
        reason: 'INVALID_FIELD',
        exitCode: 2,
        metadata: { field: 'ID' },
      },
    });
});
