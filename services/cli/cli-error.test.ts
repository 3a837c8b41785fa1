import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorReason, errorReasons, ServiceError } from '@stint/common/errors.ts';
import { cliError, failureOf, withFix } from './cli-error.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';

test('every reason of a service has a known exit code, and a fix', () => {
  const known: number[] = Object.values(exitCodes).map(({ code }) => code);
  for (const reason of Object.keys(errorReasons) as ErrorReason[]) {
    assert.ok(known.includes(exitCodeOf(reason)), reason);
    const failure = failureOf(new ServiceError(reason, 'something happened'));
    assert.notEqual(failure.fix, '', reason);
    assert.notEqual(failureOf(new ServiceError(reason, 'x')).exitCode, 0, reason);
  }
});

test('denials, missing proof of identity and ended grants are told apart by exit code', () => {
  assert.equal(exitCodeOf('GRANT_DENIED'), 3);
  assert.equal(exitCodeOf('IDENTITY_SUSPENDED'), 3);
  assert.equal(exitCodeOf('IDENTITY_NOT_READY'), 4);
  assert.equal(exitCodeOf('GRANT_ENDED'), 6);
  assert.equal(exitCodeOf('TTL_OUT_OF_RANGE'), 2);
  assert.equal(exitCodeOf('BROKER_UNAVAILABLE'), 1);
});

test('whatever is not registered ends with one code, and a socket of another service is no denial', () => {
  for (const reason of ['IDENTITY_UNKNOWN', 'RESOURCE_NOT_FOUND', 'PROFILE_NOT_FOUND'] as const)
    assert.equal(exitCodeOf(reason), 3, reason);
  assert.equal(exitCodeOf('METHOD_NOT_ALLOWED'), 1);
});

test('what and why are parted at the first colon of a sentence, not after the name of a field', () => {
  const denied = failureOf(new ServiceError('GRANT_DENIED', 'policy denies "write" on "db": no rule: none'));
  assert.equal(denied.what, 'policy denies "write" on "db"');
  assert.equal(denied.why, 'no rule: none');
  const invalid = failureOf(new ServiceError('INVALID_FIELD', 'ttl: too long'));
  assert.equal(invalid.what, 'ttl: too long');
  assert.equal(invalid.why, errorReasons.INVALID_FIELD.meaning);
});

test('a field of the contract is named as it was typed', () => {
  const fault = (field: string) =>
    failureOf(new ServiceError('INVALID_FIELD', `${field}: too long`, { metadata: { field } })).what;
  assert.equal(fault('justification'), '--reason: too long');
  assert.equal(fault('grant_id'), 'GRANT: too long');
  assert.equal(fault('page_size'), 'page_size: too long');
});

test('why the value of a field is refused stands with why, whatever the value holds', () => {
  const failure = (said: string) =>
    failureOf(new ServiceError('INVALID_FIELD', `spiffe_id: ${said}`, { metadata: { field: 'spiffe_id' } }));
  assert.partialDeepStrictEqual(failure('"a: b" is not a SPIFFE ID: it must start with "spiffe://"'), {
    what: 'SPIFFE_ID: "a: b" is not a SPIFFE ID',
    why: 'it must start with "spiffe://"',
  });
  assert.partialDeepStrictEqual(failure('"a: b" is not one'), {
    what: 'SPIFFE_ID: "a: b" is not one',
    why: errorReasons.INVALID_FIELD.meaning,
  });
});

test('the fix for a field speaks of what was typed, and of a list only where one helps', () => {
  const failure = (field: string) =>
    failureOf(new ServiceError('INVALID_FIELD', `${field}: malformed`, { metadata: { field } }));
  assert.equal(failure('resource').fix, 'stint registry list');
  assert.equal(failure('action').fix, 'stint registry list');
  assert.equal(failure('grant').fix, 'stint grants list');
  assert.match(failure('justification').fix, /^mend --reason /);
  assert.match(failure('context.ticket').fix, /^mend --context ticket /);
  assert.equal(failure('context.ticket').what, '--context ticket: malformed');
  assert.equal(failure('context.ticket').why, errorReasons.INVALID_FIELD.meaning);
  assert.equal(failure('page_size').fix, 'see --help of the command');
});

test('a refusal that says when to try again has that in its fix', () => {
  const fixOf = (retryAfterMs?: number) =>
    failureOf(
      new ServiceError('RATE_LIMITED', 'too many', retryAfterMs === undefined ? {} : { retryAfterMs }),
    ).fix;
  assert.equal(fixOf(5_000), 'try again in 5s; if it stays: stint status');
  assert.equal(fixOf(), 'try again; if it stays: stint status');
});

test('a fix that the command knows replaces the general one and nothing else', () => {
  const thrown = new ServiceError('GRANT_DENIED', 'no', { metadata: { resource: 'db' } });
  assert.deepEqual(withFix(thrown, 'do this').failure, { ...failureOf(thrown), fix: 'do this' });
});

test('failures of our own keep their code; what is unexpected is INTERNAL', () => {
  const ours = cliError('NOT_RUNNING', { what: 'a', why: 'b', fix: 'c' });
  assert.deepEqual(failureOf(ours), {
    what: 'a',
    why: 'b',
    fix: 'c',
    reason: 'NOT_RUNNING',
    exitCode: 1,
    metadata: {},
  });
  assert.equal(failureOf(new TypeError('odd')).reason, 'INTERNAL');
  const ofFile = Object.assign(new Error('EACCES: no'), { code: 'EACCES', syscall: 'open' });
  assert.equal(failureOf(ofFile).reason, 'FILE_UNUSABLE');
});
