import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { refusedAs } from '../harness/refused-as.ts';
import { type SidecarUnderTest, startSidecarUnderTest, workloadId } from '../harness/sidecar.ts';
import { acquire, watch } from '../harness/sidecar-calls.ts';
import { until } from '../harness/until.ts';

const { sidecar } = services;

const status = (workload: GrpcChannel) => workload.call(sidecar.GetStatus, {});

test('a broker that breaks off in mid-request is asked again with the same key: one grant, one answer', async (t) => {
  const { broker, proxy, workload } = await startSidecarUnderTest(t);
  await acquire(workload);
  const gate = Promise.withResolvers<void>();
  broker.gate = { body: 'requestAccess', open: gate.promise };
  const waiting = acquire(workload, { resource: 'demo-db' });
  await until('the broker has the question', 10_000, () => broker.count('requestAccess') === 2);
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

/** Asks while answers are lost, lets the broker end what it could not deliver, as a restarted one does, and connects again. */
async function askAcrossUndelivered(
  { broker, proxy, workload }: SidecarUnderTest,
  request: Parameters<typeof acquire>[1],
) {
  await acquire(workload);
  proxy.set('reply', 'blackhole');
  const waiting = acquire(workload, request);
  await until('the broker has granted', 10_000, () => broker.grants.size === 2);
  const lost = [...broker.grants.values()].at(-1);
  assert.ok(lost);
  lost.endedAs = 'undelivered';
  proxy.set('reply', 'pass');
  proxy.cutAll();
  return { lost, waiting };
}

test('a grant that a restarted broker has ended as undelivered is asked for once more, under a new key', async (t) => {
  const sidecarUnderTest = await startSidecarUnderTest(t);
  const { broker } = sidecarUnderTest;
  const { lost, waiting } = await askAcrossUndelivered(sidecarUnderTest, { resource: 'demo-db' });
  const { grant } = await waiting;
  assert.ok(grant);
  assert.notEqual(grant.id, lost.id);
  const keys = broker.asked.filter(({ body }) => body === 'requestAccess').map(({ key }) => key);
  assert.deepEqual([keys.length, keys[1] === keys[2], keys[2] === keys[3]], [4, true, false]);
  assert.deepEqual(broker.violations, []);
});

test('a caller whose own key’s grant has ended is told so: another key is theirs to choose', async (t) => {
  const sidecarUnderTest = await startSidecarUnderTest(t);
  const named = { resource: 'demo-db', idempotencyKey: 'job-4711' };
  const { waiting } = await askAcrossUndelivered(sidecarUnderTest, named);
  await assert.rejects(waiting, refusedAs('GRANT_ENDED'));
  assert.equal(sidecarUnderTest.broker.count('requestAccess'), 3);
});

test('a question whose grants all end is asked twice and no more', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const error = new ServiceError('GRANT_ENDED', 'over');
  for (let n = 0; n < 3; n++) broker.refusals.push({ body: 'requestAccess', error });
  await assert.rejects(acquire(workload), refusedAs('GRANT_ENDED'));
  assert.equal(broker.count('requestAccess'), 2);
});

test('a broker that is killed and comes back is found again, and what waited is answered', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const cached = await acquire(workload);
  await broker.stop();
  const waiting = acquire(workload, { resource: 'demo-db' }, 10_000);
  await until('the loss is noticed', 10_000, async () => !(await status(workload)).connected);
  assert.equal((await acquire(workload)).lease?.id, cached.lease?.id, 'memory is served meanwhile');
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
  await until('a sign of life', 10_000, () => broker.count('alive') > 0);
  const connections = proxy.accepted();
  proxy.set('reply', 'blackhole');
  await until('a new connection', 10_000, () => proxy.accepted() > connections);
  proxy.set('reply', 'pass');
  assert.equal((await acquire(workload, { resource: 'demo-db' })).cached, false);
});

test('a new SVID moves the session to a new connection without failing anything', async (t) => {
  const { broker, proxy, ca, svids, workload } = await startSidecarUnderTest(t);
  await acquire(workload);
  const gate = Promise.withResolvers<void>();
  broker.gate = { body: 'requestAccess', open: gate.promise };
  const onTheOld = acquire(workload, { resource: 'old-api' });
  await until('the old connection has the question', 10_000, () => broker.count('requestAccess') === 2);
  broker.gate = undefined;
  const connections = proxy.accepted();
  svids.set(await ca.issue(workloadId));
  await until('there are two sessions', 10_000, () => broker.openSessions === 2);
  assert.equal(proxy.accepted(), connections + 1);
  assert.equal((await acquire(workload, { resource: 'new-api' })).cached, false);
  gate.resolve();
  assert.equal((await onTheOld).cached, false);
  await until('the old session has ended', 10_000, () => broker.openSessions === 1);
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
  const asleep = await status(workload);
  assert.deepEqual([asleep.spiffeId, asleep.svidExpiresAt, asleep.connected], ['', null, false]);
  assert.match(asleep.outage, /^the sidecar has no identity: the SVID expired; .* join token/);
  sleep(false);
  svids.set(await ca.issue(workloadId));
  assert.equal((await acquire(workload, { resource: 'x-api' })).cached, false);
});

test('a sidecar that becomes another identity gives nothing of the one before', async (t) => {
  const { ca, svids, workload } = await startSidecarUnderTest(t);
  const { sessionId, events } = await watch(t, workload);
  const before = await acquire(workload, { sessionId });
  svids.set(await ca.issue('spiffe://stint.local/ci/other'));
  await until('the workload hears of it', 10_000, () => events.length > 1);
  assert.equal(events[1]?.ended?.reason, 'identity_changed');
  const after = await acquire(workload);
  assert.notEqual(after.grant?.id, before.grant?.id);
});

test('what ends while the broker is away is completed when it is back', async (t) => {
  const { broker, workload } = await startSidecarUnderTest(t);
  const { sessionId, end } = await watch(t, workload);
  await acquire(workload, { sessionId });
  await broker.stop();
  await end();
  await until('the lease is given up', 10_000, async () => (await status(workload)).leases === 0);
  assert.deepEqual(
    [...broker.grants.values()].map(({ endedAs }) => endedAs),
    [undefined],
  );
  await broker.start();
  await until(
    'the grant is completed',
    10_000,
    () => [...broker.grants.values()][0]?.endedAs === 'abandoned',
  );
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
