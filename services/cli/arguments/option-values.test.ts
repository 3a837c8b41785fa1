import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  readDirectoryName,
  readDuration,
  readEventType,
  readIndex,
  readLimit,
  readNewDirectoryName,
  readNewFileName,
  readPair,
  readSpiffeId,
} from './option-values.ts';

test('values of options are read whole or refused', () => {
  assert.equal(readDuration('1m30s'), 90_000);
  assert.deepEqual(readPair('b=x=y', { a: '1' }), { a: '1', b: 'x=y' });
  assert.deepEqual(readPair('b=', {}), { b: '' });
  assert.equal(readIndex('0'), 0);
  assert.equal(readLimit('1000'), 1_000);
  for (const text of ['', '5', '-5m', '1.5h', 'soon']) assert.throws(() => readDuration(text), text);
  for (const text of ['', '=', '=x', 'x']) assert.throws(() => readPair(text, {}), text);
  for (const text of ['', '-1', '1.5', '1e3', '0x1']) assert.throws(() => readIndex(text), text);
  for (const text of ['0', '1001']) assert.throws(() => readLimit(text), text);
});

test('a place that cannot be used is refused before anything is asked or made', () => {
  assert.equal(readNewDirectoryName('somewhere/new'), 'somewhere/new');
  assert.equal(readDirectoryName('.'), '.');
  for (const read of [readNewDirectoryName, readNewFileName, readDirectoryName])
    assert.throws(() => read('/dev/null/x'), { message: /"\/dev\/null" is not a directory/ });
});

test('a count is refused with one range, whatever is wrong with it', () => {
  for (const text of ['0', '1001', 'abc', '-1'])
    assert.throws(() => readLimit(text), { message: 'it must be a whole number from 1 to 1000' }, text);
});

test('an identity is read whole or refused with its fault', () => {
  assert.equal(readSpiffeId('spiffe://stint.local/demo/bob'), 'spiffe://stint.local/demo/bob');
  assert.throws(() => readSpiffeId('bob'), {
    message: 'it is not a SPIFFE ID: it must start with "spiffe://"',
  });
});

test('an event type is read from its beginning on, and one that there is not is refused with those that are near', () => {
  for (const text of ['', 'l', 'lease.', 'lease.revok', 'log.gap_skipped'])
    assert.equal(readEventType(text), text);
  for (const [text, near] of [
    ['lease.revokd', 'did you mean "lease.revoked"?'],
    ['leases', 'did you mean "lease."?'],
    ['LEASE', /^there are lease.activated, lease.aborted, .*, lease.stuck$/],
    ['policy.changed', 'there are policy.loaded, policy.refused'],
    ['UNKNOWN', 'there is lease.unknown'],
    ['issued', 'there are svid.issued, grant.issued'],
    ['nothing', 'there are epoch., policy., identity., svid., access., grant., lease., target., log.'],
  ] as const)
    assert.throws(
      () => readEventType(text),
      ({ message }: Error) => {
        const [, said = ''] = /^no event type begins so: (.*)$/.exec(message) ?? [];
        if (typeof near === 'string') assert.equal(said, near);
        else assert.match(said, near);
        return true;
      },
    );
});
