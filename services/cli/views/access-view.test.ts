import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toTimestamp } from '@stint/common/proto-time.ts';
import { type Access, briefTtlText, keptText, unheededText } from './access-view.ts';

const now = 1_800_000_000_000;

const access = (cached: boolean, justification: string) => {
  const lease = { expiresAt: toTimestamp(now + 119_000) };
  return { grant: { id: 'grt_1', justification }, lease, cached } as Access;
};

const unrecordedReasonText = (shared: Access, reason: string) =>
  unheededText(shared, { reason, ttlMs: undefined }, now);

test('whoever shares access that was asked for with another reason learns that theirs is not recorded', () => {
  assert.equal(
    unrecordedReasonText(access(true, 'report'), 'repair'),
    'grt_1 was held already, for "report": the reason given now is not recorded; --fresh asks for a grant of its own',
  );
  assert.match(unrecordedReasonText(access(true, ''), 'repair') ?? '', /held already, without a reason: /);
});

test('whoever shares access and asked for a lifetime learns which it has', () => {
  const ttlMs = 60_000;
  assert.equal(
    unheededText(access(true, ''), { reason: '', ttlMs }, now),
    'grt_1 was held already, without a reason: --ttl changes nothing, its lease ends in 1m59s; --fresh asks for a grant of its own',
  );
  assert.match(
    unheededText(access(true, 'report'), { reason: 'repair', ttlMs }, now) ?? '',
    /: the reason given now is not recorded; --ttl changes nothing, its lease ends in 1m59s; --fresh /,
  );
  assert.equal(unheededText(access(false, ''), { reason: '', ttlMs }, now), undefined);
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
  assert.match(
    briefTtlText(access(true), 3_000) ?? '',
    /^access by grt_1 ends after 3s: so short a lease is not /,
  );
  assert.equal(keptText(access(true), 3_000), 'the sidecar holds it until it ends');
  assert.equal(keptText(access(false), undefined), 'the sidecar holds it until it ends');
  assert.equal(keptText(access(true), undefined), 'the sidecar holds and renews it');
  for (const ttlMs of [undefined, 10_000, 120_000])
    assert.equal(briefTtlText(access(true), ttlMs), undefined);
  assert.equal(briefTtlText(access(true, true), 9_000), undefined);
  assert.equal(
    briefTtlText(access(false), 9_000),
    undefined,
    'what is never renewed is asked for as long as it is needed',
  );
});
