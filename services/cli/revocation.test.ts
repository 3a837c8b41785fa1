import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError } from '@stint/common/errors.ts';
import { parseId } from '@stint/common/ids.ts';
import { services } from '@stint/common/proto.ts';
import { heldClock } from '../../test/harness/held-clock.ts';
import type { CliError } from './cli-error.ts';
import { type CommandSession, containMsMax } from './command-session.ts';
import { releaseGrant, requireContained, revokeGrant } from './revocation.ts';

const grantId = parseId('grant', 'grt_00000000000000000000000009', 'grant');

type Lease = { readonly state: string; readonly containedAt: object | null };

/** A broker whose leases are as given at each look (the last stays), on a clock that each look moves by ten seconds. */
function sessionWith(looks: readonly Lease[], stateBefore = 'active') {
  const clock = heldClock(0);
  let look = 0;
  const answer = (state: string) => {
    const lease = looks[Math.min(look, looks.length - 1)];
    const facts = { id: 'lse_1', provider: 'db', lastError: 'ECONNREFUSED', attempts: 3 };
    return { grant: { id: grantId, state }, leases: [{ ...facts, ...lease }] };
  };
  const notes: string[] = [];
  const channel = {
    call: (method: unknown) => {
      if (look++ === 0) return Promise.resolve(answer(stateBefore));
      assert.ok(look > 2 || method === services.admin.RevokeGrant);
      clock.advance(10_000);
      return Promise.resolve(answer('ending'));
    },
  };
  const session = {
    channel: () => Promise.resolve(channel),
    clock,
    output: { note: (text: string) => notes.push(text) },
  } as unknown as CommandSession;
  return { session, notes, spentMs: clock.now };
}

const order = { grantId, reason: 'test', wait: true };
const revoking = { state: 'revoking', containedAt: null };

test('a revocation is waited for as long as its limit, and is then said not to be done', async () => {
  const { session, notes, spentMs } = sessionWith([revoking]);
  const { leases } = await revokeGrant(session, order);
  assert.equal(spentMs(), containMsMax);
  assert.deepEqual(notes, ['waiting: lse_1 at db is revoking: ECONNREFUSED, after 3 tries']);
  assert.throws(() => requireContained(grantId, leases), {
    name: 'CliError',
    failure: {
      what: `${grantId} is ending, and its credential may still work`,
      why: 'lse_1 at db is revoking: ECONNREFUSED, after 3 tries',
      fix: `nothing is to be done again: Stint goes on trying until it is; see: stint grants show ${grantId}`,
      reason: 'NOT_CONTAINED',
      exitCode: 1,
      metadata: {},
    },
  });
});

test('a lease that becomes contained ends the wait, and one that is stuck too', async () => {
  const contained = { state: 'contained', containedAt: {} };
  const { leases } = await revokeGrant(sessionWith([revoking, revoking, contained]).session, order);
  requireContained(grantId, leases);
  const stuck = sessionWith([{ state: 'stuck', containedAt: null }]);
  const left = await revokeGrant(stuck.session, order);
  assert.equal(stuck.spentMs(), 10_000);
  assert.throws(
    () => requireContained(grantId, left.leases),
    (thrown: CliError) => /^waiting alone does not end it: mend at the target/.test(thrown.failure.fix),
  );
});

test('a grant that was ending before is told apart from one that the order ended', async () => {
  const gone = { state: 'revoked', containedAt: {} };
  const { endedBefore } = await revokeGrant(sessionWith([gone], 'completed').session, order);
  assert.equal(endedBefore?.state, 'completed');
  assert.equal((await revokeGrant(sessionWith([gone]).session, order)).endedBefore, undefined);
});

/** A session with a part that answers so often, and then no more. */
function sessionThatFallsSilent(answers: number) {
  let calls = 0;
  const state = { grant: { id: grantId, state: 'active' }, leases: [] };
  const call = () =>
    calls++ < answers
      ? Promise.resolve(state)
      : Promise.reject(new ServiceError('DEADLINE_EXCEEDED', 'no answer from "/a.sock" in time: it is busy'));
  return { channel: () => Promise.resolve({ call }), clock: { now: () => 0 } } as unknown as CommandSession;
}

test('an order without an answer is said to be one that may take effect, and where to look', async () => {
  const said = {
    name: 'CliError',
    failure: {
      what: 'no answer from "/a.sock" in time',
      why: 'it is busy; the grant may end all the same',
      fix: `see whether it did before you try again: stint grants show ${grantId}`,
      reason: 'DEADLINE_EXCEEDED',
      exitCode: 1,
      metadata: {},
    },
  };
  await assert.rejects(revokeGrant(sessionThatFallsSilent(1), order), said);
  await assert.rejects(revokeGrant(sessionThatFallsSilent(1), { ...order, wait: false }), said);
  await assert.rejects(releaseGrant(sessionThatFallsSilent(0), grantId), said);
  await assert.rejects(revokeGrant(sessionThatFallsSilent(0), order), {
    failure: {
      ...said.failure,
      why: 'it is busy; nothing was revoked',
      fix: 'try again; if it stays: stint status',
    },
  });
});
