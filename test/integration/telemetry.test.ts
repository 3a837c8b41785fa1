import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  startTelemetry,
  telemetryFlushMsMax,
  telemetryIsOn,
  telemetryWanted,
  traceIdsOf,
  withSpan,
} from '@stint/common/telemetry.ts';
import { otlpCollector, otlpEnvironment } from '../harness/otlp-collector.ts';

const program = fileURLToPath(new URL('../harness/traced-call.ts', import.meta.url));
const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

async function runTracedCall(environment: Record<string, string>): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [program, parent], {
    env: { PATH: process.env['PATH'], ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

test('a call joins the trace of its caller: client and server spans, one call, metrics, no ids in attributes', async (t) => {
  const { endpoint, received } = await otlpCollector(t);
  const { code, output } = await runTracedCall(otlpEnvironment(endpoint));
  assert.equal(code, 0, output);
  assert.deepEqual([...received.services], ['stint-broker']);
  const [server, client, work] = [2, 3, 1].map((kind) => received.spans.find((span) => span.kind === kind));
  assert.ok(
    server !== undefined && client !== undefined && work !== undefined,
    JSON.stringify(received.spans),
  );
  assert.ok(received.spans.every(({ traceId }) => traceId === '0af7651916cd43dd8448eb211c80319c'));
  assert.equal(work.parentSpanId, 'b7ad6b7169203331');
  assert.equal(client.parentSpanId, work.spanId);
  assert.equal(server.parentSpanId, client.spanId);
  const attributes = Object.fromEntries(server.attributes.map(({ key, value }) => [key, value.stringValue]));
  assert.deepEqual(attributes, {
    'rpc.system.name': 'grpc',
    'rpc.method': 'stint.broker.v1.AccessService/RequestAccess',
  });
  const failed = received.spans.filter(({ status }) => status.code === 2);
  assert.deepEqual(
    new Set(
      failed.flatMap((span) =>
        span.attributes.filter(({ key }) => key === 'error.type').map(({ value }) => value.stringValue),
      ),
    ),
    new Set(['GRANT_DENIED']),
  );
  assert.ok(
    received.metrics.has('rpc.server.call.duration') && received.metrics.has('rpc.client.call.duration'),
  );
  assert.equal(received.logs, 0);
  const line = output.split('\n').find((text) => text.includes('inside the span'));
  assert.equal(JSON.parse(line ?? '{}').trace_id, '0af7651916cd43dd8448eb211c80319c');
});

/** How late a timer may be on a busy machine, in milliseconds: less than a collector is waited for without the bound. */
const lateMsMax = 3_000;

for (const collector of ['is gone', 'never answers'])
  test(`a collector that ${collector} holds the end up by two seconds at most, and breaks nothing`, async (t) => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    if (collector === 'is gone') await new Promise((resolve) => silent.close(resolve));
    else t.after(() => silent.close());
    const { code, output } = await runTracedCall({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_BSP_SCHEDULE_DELAY: '60000',
    });
    assert.equal(code, 0, output);
    assert.equal(telemetryFlushMsMax, 2_000);
    const [, stoppedMs] = /^stopped in (\S+) ms$/m.exec(output) ?? [];
    assert.ok(Number(stoppedMs) < telemetryFlushMsMax + lateMsMax, output);
  });

test('without the standard variables nothing is loaded or sent, and the work runs plainly', async () => {
  const { code, output } = await runTracedCall({});
  assert.equal(code, 0, output);
  assert.match(output, /sdk loaded: false/);
});

test('the variables decide', async () => {
  assert.equal(telemetryWanted({}), false);
  assert.equal(telemetryWanted({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), false);
  assert.equal(telemetryWanted({ OTEL_TRACES_EXPORTER: 'console' }), true);
  assert.equal(telemetryWanted({ OTEL_TRACES_EXPORTER: 'console', OTEL_SDK_DISABLED: 'true' }), false);
  const telemetry = await startTelemetry('broker', {});
  assert.equal(telemetry.isOn || telemetryIsOn(), false);
  assert.equal(
    withSpan('x', {}, (span) => span),
    undefined,
  );
  await telemetry.stop();
});

test('ids are read from a traceparent, and only from a good one', () => {
  assert.deepEqual(traceIdsOf(parent), {
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    span_id: 'b7ad6b7169203331',
  });
  const bad = [
    undefined,
    '',
    'x',
    parent.toUpperCase(),
    `ff${parent.slice(2)}`,
    `${parent}0`,
    parent.replace(/b7ad\w+/, '0'.repeat(16)),
  ];
  for (const text of bad) assert.equal(traceIdsOf(text), undefined, text);
});
