import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Access, unrecordedReasonText } from './access-view.ts';

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
