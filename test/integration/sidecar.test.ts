import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorReason } from '@stint/common/errors.ts';
import type { AcquireRequest } from '@stint/common/gen/stint/sidecar/v1/AcquireRequest.ts';
import type { VerifyRequest } from '@stint/common/gen/stint/sidecar/v1/VerifyRequest.ts';
import { services } from '@stint/common/proto.ts';
import { refusedAs } from '../harness/refused-as.ts';
import { startSidecarUnderTest, workloadId } from '../harness/sidecar.ts';
import { acquire, watch } from '../harness/sidecar-calls.ts';
import { until } from '../harness/until.ts';

const { sidecar } = services;

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
  assert.deepEqual([status.connected, status.outage], [true, '']);
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

test('one key for two questions at the same moment gives neither the other’s answer', async (t) => {
  const { workload } = await startSidecarUnderTest(t);
  const keyed = { idempotencyKey: 'deploy-4711', fresh: true };
  const [first, second] = await Promise.allSettled([
    acquire(workload, keyed),
    acquire(workload, { ...keyed, resource: 'demo-db' }),
  ]);
  assert.equal(first.status === 'fulfilled' && first.value.grant?.resource, 'orders-api');
  assert.ok(second.status === 'rejected' && refusedAs('IDEMPOTENCY_KEY_REUSED')(second.reason));
});

test('what the broker says of one caller’s key is not said to who asks the same without one', async (t) => {
  const { workload } = await startSidecarUnderTest(t);
  const idempotencyKey = 'deploy-4711';
  await acquire(workload, { idempotencyKey, resource: 'demo-db' });
  const keyed = assert.rejects(acquire(workload, { idempotencyKey }), refusedAs('IDEMPOTENCY_KEY_REUSED'));
  const [plain] = await Promise.all([acquire(workload), keyed]);
  assert.equal(plain.grant?.resource, 'orders-api');
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
  await until('the abandoned grant is completed', 10_000, () => broker.count('completeGrant') > 0);
  const ended = () => [...broker.grants.values()].filter(({ endedAs }) => endedAs !== undefined);
  assert.deepEqual(
    ended().map(({ id, endedAs }) => [id, endedAs]),
    [[own.grant?.id, 'abandoned']],
  );
  assert.equal((await acquire(workload, { sessionId: two.sessionId })).lease?.id, shared.lease?.id);
  await two.end();
  await until('the other too', 10_000, () => ended().length === 2);
  await assert.rejects(
    acquire(workload, { sessionId: one.sessionId }),
    refusedAs('INVALID_FIELD', 'session_id'),
  );
});

test('List shows all that is held, page by page, and refuses a token that it did not give', async (t) => {
  const { workload } = await startSidecarUnderTest(t);
  const held = await Promise.all(
    Array.from({ length: 501 }, (_, n) => acquire(workload, { context: { n: String(n) } })),
  );
  const first = await workload.call(sidecar.List, {});
  const { leases, nextPageToken } = await workload.call(sidecar.List, { pageToken: first.nextPageToken });
  assert.deepEqual([first.leases.length, leases.length, nextPageToken], [500, 1, '']);
  const shown = [...first.leases, ...leases].map(({ lease }) => lease?.id);
  assert.deepEqual(new Set(shown), new Set(held.map(({ lease }) => lease?.id)));
  for (const pageToken of ['x', '-1', '1e3', '9'.repeat(16)])
    await assert.rejects(
      workload.call(sidecar.List, { pageToken }),
      refusedAs('INVALID_FIELD', 'page_token'),
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
  await until('the broker has the question', 10_000, () => broker.count('requestAccess') === 1);
  await end();
  const { leases } = await workload.call(sidecar.List, {});
  assert.deepEqual(leases, []);
  gate.resolve();
  await asked;
  skipMs = 6_000;
  await until(
    'the grant is given back',
    10_000,
    () => [...broker.grants.values()][0]?.endedAs === 'abandoned',
  );
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
  assert.equal(again.grant?.id, grant?.id, 'and says what the grant has become');
});

test('a database credential is acknowledged once, after it was handed over; a token never', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const { credential } = await acquire(workload, { resource: 'demo-db' });
  assert.match(credential?.database?.password ?? '', /^password-of-lse_/);
  await until('the delivery is acknowledged', 10_000, () => broker.count('acknowledgeDelivery') === 1);
  await acquire(workload, { resource: 'demo-db' });
  await acquire(workload);
  // One session keeps the order: what was to be told of the token came before this question.
  await acquire(workload, { resource: 'other-api' });
  assert.equal(broker.count('acknowledgeDelivery'), 1);
  assert.deepEqual(broker.violations, []);
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
  await until('both leases are here', 10_000, () => broker.grants.size === 2);
  const retried = await acquire(workload);
  assert.equal(broker.grants.size, 2, 'the retry found the lease');
  skipMs = 6_000;
  const given = () => [...broker.grants.values()].filter(({ endedAs }) => endedAs === 'abandoned');
  await until('the unclaimed lease is given back', 10_000, () => given().length === 1);
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
