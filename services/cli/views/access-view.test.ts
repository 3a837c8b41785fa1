import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Access, briefTtlText, unrecordedReasonText } from './access-view.ts';

const access = (cached: boolean, justification: string) =>
  ({ grant: { id: 'grt_1', justification }, cached }) as Access;

test('whoever shares access that was asked for with another reason learns that theirs is not recorded', () => {
  assert.equal(
    unrecordedReasonText(access(true, 'report'), 'repair'),
    'grt_1 was held already, for "report": the reason given now is not recorded; --fresh asks for a grant of its own',
  );
  assert.match(unrecordedReasonText(access(true, ''), 'repair') ?? '', /held already, without a reason: /);
});

test('nothing is said where no reason is lost', () => {
  assert.equal(unrecordedReasonText(access(true, 'report'), 'report'), undefined);
  assert.equal(unrecordedReasonText(access(true, 'report'), ''), undefined);
  assert.equal(unrecordedReasonText(access(false, 'report'), 'repair'), undefined);
});

test('whoever asks for a lifetime that may not be renewed learns it, and which would be', () => {
  const access = (renewable: boolean, cached = false) =>
    ({ grant: { id: 'grt_1' }, lease: { renewable }, cached }) as Access;
  assert.equal(
    briefTtlText(access(true), 9_000),
    'access by grt_1 may end after 9s: so short a lease may not be renewed; one of 10s is, until the grant ends',
  );
  for (const ttlMs of [undefined, 10_000, 120_000])
    assert.equal(briefTtlText(access(true), ttlMs), undefined);
  assert.equal(briefTtlText(access(true, true), 9_000), undefined);
  assert.equal(
    briefTtlText(access(false), 9_000),
    undefined,
    'what is never renewed is asked for as long as it is needed',
  );
});
