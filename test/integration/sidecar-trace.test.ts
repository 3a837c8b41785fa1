import assert from 'node:assert/strict';
import { test } from 'node:test';
import { services } from '@stint/common/proto.ts';
import { startTelemetry, withSpan } from '@stint/common/telemetry.ts';
import { startSidecarUnderTest } from '../harness/sidecar.ts';

// Nobody listens there: what counts is what the broker is told.
process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = 'http://127.0.0.1:9';

test('a workload’s trace goes on at the broker, under the sidecar’s own span', async (t) => {
  const telemetry = await startTelemetry('sidecar', process.env);
  t.after(() => telemetry.stop());
  const { broker, workload } = await startSidecarUnderTest(t);
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  const request = { resource: 'orders-api', action: 'read' };
  await withSpan('work', { parent: traceparent }, () => workload.call(services.sidecar.Acquire, request));
  const [asked] = broker.asked.filter(({ body }) => body === 'requestAccess');
  const [version, trace, span] = asked?.traceparent.split('-') ?? [];
  assert.deepEqual([version, trace], ['00', traceId]);
  assert.match(span ?? '', /^[0-9a-f]{16}$/);
  assert.notEqual(span, 'b7ad6b7169203331');
});
