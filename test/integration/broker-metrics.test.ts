import assert from 'node:assert/strict';
import { test } from 'node:test';
import { services } from '@stint/common/proto.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  metricTable,
} from '@stint/common/telemetry/metric-table.ts';
import { devMesh } from '../../deploy/mesh/mesh.ts';
import { MeshUnderTest, readDemo, skipWithoutMesh } from '../harness/mesh-under-test.ts';
import { otlpCollector, otlpEnvironment, type ReceivedPoint } from '../harness/otlp-collector.ts';
import { until } from '../harness/until.ts';

/** Long enough for metrics that are sent twice a second, on a busy machine, in milliseconds. */
const sentMs = 20_000;

test('the broker tells what it granted, refused and revoked, how fast, and what is open', {
  skip: skipWithoutMesh,
}, async (t) => {
  const { endpoint, received } = await otlpCollector(t, 'stint-broker');
  const at = await MeshUnderTest.start(t, { environment: otlpEnvironment(endpoint) });
  const pointsOf = (name: CounterName | HistogramName | GaugeName): readonly ReceivedPoint[] => {
    const metric = received.metrics.get(name);
    if (metric !== undefined) assert.equal(metric.unit, metricTable[name].unit);
    return metric?.points ?? [];
  };
  const told = (name: Parameters<typeof pointsOf>[0], expected: Record<string, number>) =>
    until(`${name} is told`, sentMs, () => {
      const found = Object.fromEntries(
        pointsOf(name).map(({ attributes, value }) => [
          Object.values(attributes).toSorted().join(' '),
          value,
        ]),
      );
      assert.deepEqual(found, expected);
      return true;
    });

  const workload = at.unary(await at.attest(devMesh.workload));
  const ci = at.unary(await at.attest(parseSpiffeId('spiffe://stint.local/demo/ci-deploy')));
  const ask = (idempotencyKey: string, request: object = readDemo) =>
    workload.call(services.access.RequestAccess, { ...readDemo, ...request, idempotencyKey });
  const held = await ask('metrics-held');
  await ask('metrics-held');
  await ask('metrics-given-back').then(({ grant }) =>
    workload.call(services.access.CompleteGrant, { grantId: grant?.id ?? '', waitContained: true }),
  );
  await ci.call(services.access.RequestAccess, {
    resource: 'demo-api',
    action: 'read',
    justification: 'a smoke test',
    idempotencyKey: 'metrics-token',
  });
  await assert.rejects(ask('metrics-unknown', { resource: 'no-such' }), { reason: 'RESOURCE_NOT_FOUND' });

  const requests = {
    'demo-postgres granted': 2,
    'demo-postgres replayed': 1,
    'grant-token granted': 1,
    'RESOURCE_NOT_FOUND refused': 1,
  };
  await told('stint.grant.requests', requests);
  await told('stint.grant.duration', requests);
  await told('stint.credential.issue.duration', { 'demo-postgres': 2 });
  await told('stint.revocation.count', { 'completed demo-postgres revoked': 1 });
  await told('stint.revocation.lag', { 'completed demo-postgres': 1 });
  await told('stint.grants.active', { '': 2 });
  const [lag] = pointsOf('stint.revocation.lag');
  assert.ok(lag?.sum !== undefined && lag.sum >= 0 && lag.sum < 10, `${lag?.sum} s`);
  // Receipts come within the second: what waits goes back to nothing, and is told to the end.
  await told('stint.audit.backlog', { '': 0 });
  await workload.call(services.access.CompleteGrant, { grantId: held.grant?.id ?? '', waitContained: true });
  await told('stint.grants.active', { '': 1 });
  const recorded = Object.entries(metricTable).filter(([, { by }]) => by === 'broker');
  const missing = recorded.filter(([name]) => !received.metrics.has(name)).map(([name]) => name);
  assert.deepEqual(missing, ['stint.audit.false_receipts'], 'told, but for what did not happen');
});
