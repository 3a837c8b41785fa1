import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as elapse } from 'node:timers/promises';
import { type ErrorReason, isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { AcquireRequest } from '@stint/common/gen/stint/sidecar/v1/AcquireRequest.ts';
import type { VerifyRequest } from '@stint/common/gen/stint/sidecar/v1/VerifyRequest.ts';
import type { WatchResponse__Output } from '@stint/common/gen/stint/sidecar/v1/WatchResponse.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { startSidecarUnderTest, workloadId } from '../harness/sidecar.ts';

const { sidecar } = services;

/** Waits until the claim holds, at most for ten seconds. */
async function until(what: string, claim: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (claim()) return;
    await elapse(10);
  }
  throw new Error(`not within ten seconds: ${what}`);
}

function refusedAs(reason: ErrorReason, field?: string): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(isServiceError(thrown), String(thrown));
    assert.equal(thrown.reason, reason, thrown.message);
    if (field !== undefined) assert.equal(thrown.metadata['field'], field, thrown.message);
    return true;
  };
}

function acquire(workload: GrpcChannel, request: AcquireRequest = {}, deadlineMs = 8_000) {
  return workload.call(
    sidecar.Acquire,
    { resource: 'orders-api', action: 'read', ...request },
    { deadlineMs },
  );
}

/** A workload's Watch stream. */
async function watch(t: TestContext, workload: GrpcChannel) {
  const controller = new AbortController();
  const events: WatchResponse__Output[] = [];
  const stream = workload.serverStream(sidecar.Watch, { name: 'test' }, { signal: controller.signal });
  const reading = (async () => {
    for await (const event of stream) events.push(event);
  })().catch((error: unknown) => error);
  t.after(() => controller.abort(new Error('test over')));
  await until('the stream is open', () => events.length > 0);
  const sessionId = events[0]?.opened?.sessionId ?? '';
  assert.match(sessionId, /^ses_[0-9a-f]{32}$/);
  return {
    sessionId,
    events,
    end: async () => {
      controller.abort(new Error('workload gone'));
      await reading;
    },
    reading,
  };
}

test('Acquire asks the broker once and then answers from memory', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const first = await acquire(workload, { justification: 'nightly report' });
  assert.equal(first.cached, false);
  assert.match(first.credential?.token?.token ?? '', /^ey/);
  const second = await acquire(workload, { justification: 'nightly report' });
  assert.equal(second.cached, true);
  assert.deepEqual(second.credential, first.credential);
  assert.deepEqual(second.grant, first.grant);
  assert.deepEqual(second.lease, first.lease);
  assert.equal(broker.count('requestAccess'), 1);
  const status = await workload.call(sidecar.GetStatus, {});
  assert.equal(status.spiffeId, workloadId);
  assert.equal(status.connected, true);
  assert.deepEqual([status.cacheHits, status.cacheMisses, status.leases], [1, 1, 1]);
  assert.deepEqual(broker.violations, []);
});

test('a question that differs in any part of its key has its own lease', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const questions: AcquireRequest[] = [
    {},
    { action: 'write' },
    { resource: 'other-api' },
    { context: { a: 'b' } },
    { parameters: { a: 'b' } },
    { context: { a: 'b', c: 'd' } },
    { context: { a: 'd', c: 'b' } },
  ];
  const answers = await Promise.all(questions.map((question) => acquire(workload, question)));
  assert.equal(new Set(answers.map(({ lease }) => lease?.id)).size, questions.length);
  assert.equal(broker.count('requestAccess'), questions.length);
});

test('fresh never answers from memory and its lease is nobody else’s', async (t) => {
  const { workload } = await startSidecarUnderTest(t);
  const shared = await acquire(workload);
  const fresh = await acquire(workload, { fresh: true });
  assert.notEqual(fresh.lease?.id, shared.lease?.id);
  assert.equal((await acquire(workload)).lease?.id, shared.lease?.id);
});

test('200 concurrent callers share one lease, and none of them gives it back for the others', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const answers = await Promise.all(Array.from({ length: 200 }, () => acquire(workload)));
  assert.equal(new Set(answers.map(({ lease }) => lease?.id)).size, 1);
  assert.equal(broker.count('requestAccess'), 1);
  const grantId = answers[0]?.grant?.id ?? '';
  const { leases } = await workload.call(sidecar.List, {});
  assert.deepEqual(
    leases.map(({ holders }) => holders),
    [200],
  );
  for (let i = 0; i < 199; i++) {
    const released = await workload.call(sidecar.Release, { grantId });
    assert.equal(released.completed, false);
  }
  assert.equal(broker.count('completeGrant'), 0);
  const last = await workload.call(sidecar.Release, { grantId });
  assert.equal(last.completed, true);
  assert.deepEqual(
    last.leases.map(({ state }) => state),
    ['revoked'],
  );
  assert.equal([...broker.grants.values()][0]?.endedAs, 'completed');
});

test('questions of one moment travel in few frames, each within the limits', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  await acquire(workload);
  broker.frames.length = 0;
  await Promise.all(Array.from({ length: 600 }, (_, i) => acquire(workload, { resource: `api-${i}` })));
  assert.equal(broker.count('requestAccess'), 601);
  assert.ok(broker.frames.length < 300, `${broker.frames.length} frames for 600 questions`);
  assert.deepEqual(broker.violations, []);
});

test('a refusal of the broker reaches the workload as it is and is not remembered', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  await assert.rejects(acquire(workload, { resource: 'nobody' }), refusedAs('RESOURCE_NOT_FOUND'));
  await assert.rejects(acquire(workload, { resource: 'secret' }), refusedAs('GRANT_DENIED'));
  await assert.rejects(acquire(workload, { resource: 'secret' }), refusedAs('GRANT_DENIED'));
  assert.equal(broker.count('requestAccess'), 3);
});

test('a key used again with another body is refused, with the same body it is answered again', async (t) => {
  const { workload } = await startSidecarUnderTest(t);
  const keyed = { idempotencyKey: 'deploy-4711', fresh: true };
  const first = await acquire(workload, keyed);
  const again = await acquire(workload, keyed);
  assert.equal(again.grant?.id, first.grant?.id);
  const { leases } = await workload.call(sidecar.List, {});
  assert.deepEqual(
    leases.map(({ holders }) => holders),
    [1],
    'the repetition holds once',
  );
  await assert.rejects(acquire(workload, { ...keyed, action: 'write' }), refusedAs('IDEMPOTENCY_KEY_REUSED'));
});

test('each malformed input is refused with its field before the broker is asked', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const acquires: [AcquireRequest, ErrorReason, string][] = [
    [{ resource: '' }, 'INVALID_FIELD', 'resource'],
    [{ action: '' }, 'INVALID_FIELD', 'action'],
    [{ justification: 'a\nb' }, 'INVALID_FIELD', 'justification'],
    [{ justification: 'x'.repeat(1_025) }, 'INVALID_FIELD', 'justification'],
    [{ context: { 'Bad Key': '' } }, 'INVALID_FIELD', 'context'],
    [{ parameters: { key: 'x'.repeat(257) } }, 'INVALID_FIELD', 'parameters.key'],
    [{ idempotencyKey: 'short' }, 'INVALID_FIELD', 'idempotency_key'],
    [{ sessionId: 'ses_unknown' }, 'INVALID_FIELD', 'session_id'],
    [{ ttl: { seconds: 0 } }, 'TTL_OUT_OF_RANGE', 'ttl'],
    [{ ttl: { seconds: -5 } }, 'TTL_OUT_OF_RANGE', 'ttl'],
    [{ ttl: { seconds: 86_401 } }, 'TTL_OUT_OF_RANGE', 'ttl'],
    [{ ttl: { seconds: 1, nanos: -1 } }, 'INVALID_FIELD', 'ttl'],
  ];
  for (const [request, reason, field] of acquires)
    await assert.rejects(acquire(workload, request), refusedAs(reason, field));
  await assert.rejects(
    acquire(workload, { justification: 'x'.repeat(100_000) }),
    refusedAs('MESSAGE_TOO_LARGE'),
  );
  await assert.rejects(
    acquire(workload, { justification: 'x'.repeat(10_000_000) }),
    refusedAs('MESSAGE_TOO_LARGE'),
  );
  await assert.rejects(
    workload.call(sidecar.Release, { grantId: 'x' }),
    refusedAs('INVALID_FIELD', 'grant_id'),
  );
  await assert.rejects(
    workload.call(sidecar.Renew, { leaseId: 'x' }),
    refusedAs('INVALID_FIELD', 'lease_id'),
  );
  const verify = (request: VerifyRequest) => workload.call(sidecar.Verify, request);
  await assert.rejects(verify({ audience: 'a' }), refusedAs('INVALID_FIELD', 'token'));
  await assert.rejects(verify({ token: 'a' }), refusedAs('INVALID_FIELD', 'audience'));
  await assert.rejects(
    verify({ token: 'a', audience: 'a', presenterSpiffeId: 'spiffe://' }),
    refusedAs('INVALID_FIELD', 'presenter_spiffe_id'),
  );
  await assert.rejects(
    (async () => {
      for await (const _ of workload.serverStream(sidecar.Watch, { name: 'n'.repeat(129) })) assert.fail();
    })(),
    refusedAs('INVALID_FIELD', 'name'),
  );
  assert.deepEqual(
    broker.asked.filter(({ body }) => body !== 'alive'),
    [],
  );
});

test('the end of a workload’s stream releases what it alone held, and only that', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const one = await watch(t, workload);
  const two = await watch(t, workload);
  const own = await acquire(workload, { sessionId: one.sessionId, resource: 'own-api' });
  const shared = await acquire(workload, { sessionId: one.sessionId });
  await acquire(workload, { sessionId: two.sessionId });
  await one.end();
  await until('the abandoned grant is completed', () => broker.count('completeGrant') > 0);
  const ended = () => [...broker.grants.values()].filter(({ endedAs }) => endedAs !== undefined);
  assert.deepEqual(
    ended().map(({ id, endedAs }) => [id, endedAs]),
    [[own.grant?.id, 'abandoned']],
  );
  assert.equal((await acquire(workload, { sessionId: two.sessionId })).lease?.id, shared.lease?.id);
  await two.end();
  await until('the other too', () => ended().length === 2);
  await assert.rejects(
    acquire(workload, { sessionId: one.sessionId }),
    refusedAs('INVALID_FIELD', 'session_id'),
  );
});

test('a workload that goes while its question is under way leaves nothing held', async (t) => {
  let skipMs = 0;
  const clock = { now: () => Date.now() + skipMs };
  const { broker, workload } = await startSidecarUnderTest(t, { clock });
  const { sessionId, end } = await watch(t, workload);
  const gate = Promise.withResolvers<void>();
  broker.gate = { body: 'requestAccess', open: gate.promise };
  const asked = assert.rejects(acquire(workload, { sessionId }), refusedAs('INVALID_FIELD', 'session_id'));
  await until('the broker has the question', () => broker.count('requestAccess') === 1);
  await end();
  const { leases } = await workload.call(sidecar.List, {});
  assert.deepEqual(leases, []);
  gate.resolve();
  await asked;
  skipMs = 6_000;
  await until('the grant is given back', () => [...broker.grants.values()][0]?.endedAs === 'abandoned');
  assert.equal((await workload.call(sidecar.GetStatus, {}, { deadlineMs: 60_000 })).leases, 0);
});

test('a session holds once however often it acquires, and releases at once', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const { sessionId } = await watch(t, workload);
  const { grant } = await acquire(workload, { sessionId });
  await acquire(workload, { sessionId });
  const released = await workload.call(sidecar.Release, { grantId: grant?.id ?? '', sessionId });
  assert.equal(released.completed, true);
  assert.equal(broker.count('completeGrant'), 1);
  const again = await workload.call(sidecar.Release, { grantId: grant?.id ?? '', sessionId });
  assert.equal(again.completed, true, 'releasing a released grant succeeds again');
});

test('a database credential is acknowledged once, after it was handed over; a token never', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const { credential } = await acquire(workload, { resource: 'demo-db' });
  assert.match(credential?.database?.password ?? '', /^password-of-lse_/);
  await until('the delivery is acknowledged', () => broker.count('acknowledgeDelivery') === 1);
  await acquire(workload, { resource: 'demo-db' });
  await acquire(workload);
  await workload.call(sidecar.GetStatus, {});
  assert.equal(broker.count('acknowledgeDelivery'), 1);
  assert.deepEqual(broker.violations, []);
});

test('a broker that breaks off in mid-request is asked again with the same key: one grant, one answer', async (t) => {
  const { broker, proxy, workload } = await startSidecarUnderTest(t);
  await acquire(workload);
  const gate = Promise.withResolvers<void>();
  broker.gate = { body: 'requestAccess', open: gate.promise };
  const waiting = acquire(workload, { resource: 'demo-db' });
  await until('the broker has the question', () => broker.count('requestAccess') === 2);
  proxy.cutAll();
  broker.gate = undefined;
  gate.resolve();
  const { grant } = await waiting;
  const keys = broker.asked.filter(({ body }) => body === 'requestAccess').map(({ key }) => key);
  assert.equal(keys.length, 3);
  assert.equal(keys[1], keys[2]);
  assert.equal([...broker.grants.values()].filter(({ resource }) => resource === 'demo-db').length, 1);
  assert.equal(broker.grants.get(keys[1] ?? '')?.id, grant?.id);
});

test('a broker that is killed and comes back is found again, and what waited is answered', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const cached = await acquire(workload);
  await broker.stop();
  const waiting = acquire(workload, { resource: 'demo-db' }, 10_000);
  assert.equal((await acquire(workload)).lease?.id, cached.lease?.id, 'memory is served meanwhile');
  await elapse(300);
  assert.equal((await workload.call(sidecar.GetStatus, {})).connected, false);
  await broker.start();
  assert.equal((await waiting).cached, false);
  assert.deepEqual(broker.violations, []);
});

test('without a broker until the deadline the reason says so, and memory is served on', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  await acquire(workload);
  await broker.stop();
  await assert.rejects(acquire(workload, { resource: 'x-api' }, 700), refusedAs('BROKER_UNAVAILABLE'));
  assert.equal((await acquire(workload)).cached, true);
});

test('a silent broker is noticed by the signs of life and left', async (t) => {
  const { broker, proxy, workload } = await startSidecarUnderTest(t, { aliveMs: 60 });
  await acquire(workload);
  await until('a sign of life', () => broker.count('alive') > 0);
  const connections = proxy.accepted();
  proxy.set('reply', 'blackhole');
  await until('a new connection', () => proxy.accepted() > connections);
  proxy.set('reply', 'pass');
  assert.equal((await acquire(workload, { resource: 'demo-db' })).cached, false);
});

test('a new SVID moves the session to a new connection without failing anything', async (t) => {
  const { broker, proxy, ca, svids, workload } = await startSidecarUnderTest(t);
  await acquire(workload);
  const gate = Promise.withResolvers<void>();
  broker.gate = { body: 'requestAccess', open: gate.promise };
  const onTheOld = acquire(workload, { resource: 'old-api' });
  await until('the old connection has the question', () => broker.count('requestAccess') === 2);
  broker.gate = undefined;
  const connections = proxy.accepted();
  svids.set(await ca.issue(workloadId));
  await until('there are two sessions', () => broker.openSessions === 2);
  assert.equal(proxy.accepted(), connections + 1);
  assert.equal((await acquire(workload, { resource: 'new-api' })).cached, false);
  gate.resolve();
  assert.equal((await onTheOld).cached, false);
  await until('the old session has ended', () => broker.openSessions === 1);
  assert.equal(broker.count('requestAccess'), 3, 'nothing was asked twice');
  assert.equal((await acquire(workload, { resource: 'last-api' })).cached, false);
});

test('a sidecar that slept past its SVID serves what lives, says what is missing, and comes back', async (t) => {
  const { proxy, ca, svids, sleep, workload } = await startSidecarUnderTest(t);
  const cached = await acquire(workload);
  sleep(true);
  proxy.cutAll();
  assert.equal((await acquire(workload)).lease?.id, cached.lease?.id);
  await assert.rejects(acquire(workload, { resource: 'x-api' }, 600), (error) => {
    assert.ok(isServiceError(error, 'IDENTITY_NOT_READY'), String(error));
    assert.match(error.message, /join token/);
    return true;
  });
  const asleep = await workload.call(sidecar.GetStatus, {});
  assert.deepEqual([asleep.spiffeId, asleep.svidExpiresAt, asleep.connected], ['', null, false]);
  sleep(false);
  svids.set(await ca.issue(workloadId));
  assert.equal((await acquire(workload, { resource: 'x-api' })).cached, false);
});

test('a sidecar that becomes another identity gives nothing of the one before', async (t) => {
  const { ca, svids, workload } = await startSidecarUnderTest(t);
  const { sessionId, events } = await watch(t, workload);
  const before = await acquire(workload, { sessionId });
  svids.set(await ca.issue('spiffe://stint.local/ci/other'));
  await until('the workload hears of it', () => events.length > 1);
  assert.equal(events[1]?.ended?.reason, 'identity_changed');
  const after = await acquire(workload);
  assert.notEqual(after.grant?.id, before.grant?.id);
});

test('a lease that the broker ends leaves memory, is announced, and its token is refused', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const { sessionId, events } = await watch(t, workload);
  const { lease, credential } = await acquire(workload, { sessionId });
  const question = { token: credential?.token?.token ?? '', audience: 'orders-api' };
  assert.equal((await workload.call(sidecar.Verify, question)).leaseId, lease?.id);
  broker.endLease(lease?.id ?? '');
  await until('the workload hears of it', () => events.length > 1);
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
  await until('the session is open again', () => broker.openSessions === 1);
  for (let i = 0; i < 50; i++) {
    const answer = await verify().catch((error: unknown) => error);
    if (!isServiceError(answer)) return;
    await elapse(20);
  }
  assert.fail('tokens are not accepted again');
});

test('a held renewable lease is renewed before its end, and its holders hear of it', async (t) => {
  let skipMs = 0;
  const clock = { now: () => Date.now() + skipMs };
  const { broker, workload } = await startSidecarUnderTest(t, { clock });
  const { sessionId, events } = await watch(t, workload);
  const { lease } = await acquire(workload, { resource: 'demo-db', sessionId });
  broker.refusals.push({ body: 'renewLease', error: new ServiceError('PROVIDER_UNAVAILABLE', 'later') });
  skipMs = 420_000;
  await until('the lease is renewed, at the second try', () => events.some(({ renewed }) => renewed));
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

test('what ends while the broker is away is completed when it is back', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const { sessionId, end } = await watch(t, workload);
  await acquire(workload, { sessionId });
  await broker.stop();
  await end();
  await elapse(200);
  await broker.start();
  await until('the grant is completed', () => [...broker.grants.values()][0]?.endedAs === 'abandoned');
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
  await until('the session has ended', () => broker.openSessions === 0);
});

test('an answer that comes after its caller has gone is kept for the retry, else given back', async (t) => {
  let skipMs = 0;
  const clock = { now: () => Date.now() + skipMs };
  const { broker, workload } = await startSidecarUnderTest(t, { clock });
  const gate = Promise.withResolvers<void>();
  broker.gate = { body: 'requestAccess', open: gate.promise };
  await assert.rejects(acquire(workload, {}, 500), refusedAs('DEADLINE_EXCEEDED'));
  await assert.rejects(acquire(workload, { resource: 'other-api' }, 500), refusedAs('DEADLINE_EXCEEDED'));
  broker.gate = undefined;
  gate.resolve();
  await until('both leases are here', () => broker.grants.size === 2);
  const retried = await acquire(workload);
  assert.equal(broker.grants.size, 2, 'the retry found the lease');
  skipMs = 6_000;
  const given = () => [...broker.grants.values()].filter(({ endedAs }) => endedAs === 'abandoned');
  await until('the unclaimed lease is given back', () => given().length === 1);
  assert.equal(given()[0]?.resource, 'other-api');
  assert.equal((await acquire(workload)).lease?.id, retried.lease?.id);
});

test('more leases than allowed, and more questions than allowed, are refused as too many', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t, { config: { leasesMax: 2 } });
  await acquire(workload, { resource: 'a-api' });
  const { grant } = await acquire(workload, { resource: 'b-api' });
  await assert.rejects(acquire(workload, { resource: 'c-api' }), refusedAs('RATE_LIMITED'));
  await workload.call(sidecar.Release, { grantId: grant?.id ?? '' });
  assert.equal((await acquire(workload, { resource: 'c-api' })).cached, false);
  assert.equal(broker.count('requestAccess'), 3);
});

test('a broker that does not read makes callers wait, then refuses them, and loses nothing', async (t) => {
  const { broker, proxy, workload, connect } = await startSidecarUnderTest(t);
  await acquire(workload);
  proxy.set('request', 'hold');
  // One connection carries 1,000 calls at a time.
  const workloads = [workload, connect()] as const;
  const outcomes = Array.from({ length: 1_100 }, (_, i) =>
    acquire(
      workloads[i % 2 === 0 ? 0 : 1],
      { resource: `api-${i}`, justification: 'x'.repeat(1_000) },
      20_000,
    ).then(
      () => 'answered',
      (error: unknown) => (isServiceError(error) ? error.reason : String(error)),
    ),
  );
  await Promise.race(outcomes); // the first to be settled are the refused
  proxy.set('request', 'pass');
  const settled = await Promise.all(outcomes);
  const counts = Map.groupBy(settled, (outcome) => outcome);
  assert.deepEqual([...counts.keys()].sort(), ['RATE_LIMITED', 'answered']);
  assert.equal(counts.get('answered')?.length, 1_024);
  assert.deepEqual(broker.violations, []);
});

test('no secret appears in the log', async (t) => {
  const { broker, workload, logText } = await startSidecarUnderTest(t);
  const database = await acquire(workload, { resource: 'demo-db' });
  const token = await acquire(workload);
  await assert.rejects(
    workload.call(sidecar.Verify, { token: token.credential?.token?.token ?? '', audience: 'wrong' }),
    refusedAs('TOKEN_INVALID'),
  );
  await broker.stop();
  await assert.rejects(acquire(workload, { resource: 'x' }, 400), refusedAs('BROKER_UNAVAILABLE'));
  assert.ok(logText().length > 0);
  for (const secret of [database.credential?.database?.password, token.credential?.token?.token])
    assert.ok(secret && !logText().includes(secret));
});
