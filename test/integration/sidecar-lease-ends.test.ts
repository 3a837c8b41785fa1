import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { VerifyRequest } from '@stint/common/gen/stint/sidecar/v1/VerifyRequest.ts';
import { newId } from '@stint/common/ids.ts';
import { services } from '@stint/common/proto.ts';
import { refusedAs } from '../harness/refused-as.ts';
import { startSidecarUnderTest, workloadId } from '../harness/sidecar.ts';
import { acquire, watch } from '../harness/sidecar-calls.ts';
import { until } from '../harness/until.ts';

const { sidecar } = services;

test('a lease that the broker ends leaves memory, is announced, and its token is refused', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const { sessionId, events } = await watch(t, workload);
  const { lease, credential } = await acquire(workload, { sessionId });
  const question = { token: credential?.token?.token ?? '', audience: 'orders-api' };
  assert.equal((await workload.call(sidecar.Verify, question)).leaseId, lease?.id);
  broker.endLease(lease?.id ?? '');
  await until('the workload hears of it', 10_000, () => events.length > 1);
  assert.deepEqual(
    { ...events[1]?.ended },
    { leaseId: lease?.id, grantId: lease?.grantId, reason: 'revoked' },
  );
  await assert.rejects(workload.call(sidecar.Verify, question), (error) => {
    refusedAs('TOKEN_INVALID')(error);
    assert.equal(isServiceError(error) && error.metadata['check'], 'ended');
    return true;
  });
  assert.notEqual((await acquire(workload)).lease?.id, lease?.id);
});

test('an answer that comes twice ends nothing that is in use, and late access that nobody has is given back', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const { grant } = await acquire(workload, { fresh: true });
  const [held] = [...broker.grants.values()];
  assert.ok(held !== undefined);
  const late = { ...held, id: newId('grant', Date.now()), key: 'late', leaseId: newId('lease', Date.now()) };
  broker.grants.set(late.key, late);
  broker.answerLate(held);
  broker.answerLate(late);
  // Their endings, if any, leave before this question does: the session keeps its order.
  await acquire(workload, { fresh: true });
  await until('late access is given back', 10_000, () => late.endedAs === 'abandoned');
  assert.equal(held.endedAs, undefined);
  const listed = await workload.call(sidecar.List, {});
  assert.ok(listed.leases.some((lease) => lease.grant?.id === grant?.id));
});

test('Verify says which check a token fails, and never repeats the token', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  await acquire(workload);
  const [grant] = [...broker.grants.values()];
  assert.ok(grant !== undefined);
  const claims = broker.claimsOf(grant);
  const good = broker.signToken(claims);
  const ask = (token: string, more: VerifyRequest = {}) =>
    workload.call(sidecar.Verify, { token, audience: 'orders-api', ...more });
  const answer = await ask(good, { presenterSpiffeId: workloadId, action: 'read' });
  assert.equal(answer.presenterChecked, true);
  assert.equal(answer.spiffeId, workloadId);
  assert.deepEqual([answer.grantId, answer.leaseId, answer.action], [grant.id, grant.leaseId, 'read']);
  assert.equal((await ask(good)).presenterChecked, false);
  const seconds = Math.floor(Date.now() / 1_000);
  const [header = '', body = '', signature = ''] = good.split('.');
  const unsigned = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${body}.`;
  const flipped = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`;
  const cases: [string, string, VerifyRequest?][] = [
    ['signature', `${header}.${body}.${flipped}`],
    ['algorithm', unsigned],
    ['algorithm', broker.signToken(claims, { alg: 'HS256' })],
    ['key', broker.signToken(claims, { kid: 'other' })],
    ['form', 'not a token'],
    ['form', 'a.b.c'],
    ['form', good.slice(0, -1).replaceAll('.', '')],
    ['form', `${good}.x`],
    ['form', 'x'.repeat(20_000)],
    ['form', broker.signToken(claims, { typ: 'JWT' })],
    ['form', broker.signToken({ ...claims, aud: ['orders-api', 'other'] })],
    ['form', broker.signToken({ ...claims, jti: 'x' })],
    ['form', broker.signToken({ ...claims, sub: 'deploy' })],
    ['form', broker.signToken({ ...claims, exp: 'never' })],
    ['form', broker.signToken([])],
    ['issuer', broker.signToken({ ...claims, iss: 'https://other.test' })],
    ['audience', good, { audience: 'other-api' }],
    ['expired', broker.signToken({ ...claims, exp: seconds - 10 })],
    ['not_yet_valid', broker.signToken({ ...claims, nbf: seconds + 60 })],
    ['presenter', good, { presenterSpiffeId: 'spiffe://stint.local/ci/other' }],
    ['action', good, { action: 'write' }],
  ];
  for (const [check, token, more] of cases) {
    await assert.rejects(ask(token, more), (error) => {
      assert.ok(isServiceError(error, 'TOKEN_INVALID'), `${check}: ${String(error)}`);
      assert.equal(error.metadata['check'], check, error.message);
      assert.ok(!JSON.stringify([error.message, error.metadata]).includes(body));
      return true;
    });
  }
});

test('tokens are verified without a broker for a minute, and then refused: nobody knows what ended', async (t) => {
  let skipMs = 0;
  const clock = { now: () => Date.now() + skipMs };
  const { broker, workload } = await startSidecarUnderTest(t, { clock });
  const { credential, lease } = await acquire(workload);
  const question = { token: credential?.token?.token ?? '', audience: 'orders-api' };
  const verify = () => workload.call(sidecar.Verify, question, { deadlineMs: 120_000 });
  await broker.stop();
  skipMs = 50_000;
  assert.equal((await verify()).leaseId, lease?.id);
  skipMs = 70_000;
  await assert.rejects(verify(), refusedAs('BROKER_UNAVAILABLE'));
  await broker.start();
  await until('the session is open again', 10_000, () => broker.openSessions === 1);
  await until('tokens are accepted again', 10_000, verify);
});

test('a held renewable lease is renewed before its end, and its holders hear of it', async (t) => {
  let skipMs = 0;
  const clock = { now: () => Date.now() + skipMs };
  const { broker, workload } = await startSidecarUnderTest(t, { clock });
  const { sessionId, events } = await watch(t, workload);
  const { lease } = await acquire(workload, { resource: 'demo-db', sessionId });
  broker.refusals.push({ body: 'renewLease', error: new ServiceError('PROVIDER_UNAVAILABLE', 'later') });
  skipMs = 420_000;
  await until('the lease is renewed, at the second try', 10_000, () => events.some(({ renewed }) => renewed));
  assert.equal(broker.count('renewLease'), 2);
  const renewed = events.find((event) => event.renewed)?.renewed;
  assert.equal(renewed?.id, lease?.id);
  // The sidecar's clock is ahead of ours: only a long deadline is still to come there.
  const deadlineMs = 600_000;
  const byHand = await workload.call(sidecar.Renew, { leaseId: lease?.id ?? '' }, { deadlineMs });
  assert.equal(byHand.lease?.id, lease?.id);
  const again = await acquire(workload, { resource: 'demo-db', sessionId }, deadlineMs);
  assert.deepEqual(again.lease, byHand.lease, 'memory has the renewed lease');
});

test('stopping gives everything back', async (t) => {
  const { broker, workload, stop } = await startSidecarUnderTest(t);
  const { sessionId, reading } = await watch(t, workload);
  await acquire(workload, { sessionId });
  await acquire(workload, { resource: 'demo-db' });
  await stop();
  assert.deepEqual(
    [...broker.grants.values()].map(({ endedAs }) => endedAs),
    ['abandoned', 'abandoned'],
  );
  const ended = await reading;
  assert.ok(isServiceError(ended, 'SHUTTING_DOWN'), String(ended));
  await until('the session has ended', 10_000, () => broker.openSessions === 0);
});
