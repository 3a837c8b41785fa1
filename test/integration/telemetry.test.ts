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
  traceIdsOf,
  wantedSignals,
  withSpan,
} from '@stint/common/telemetry.ts';
import { otlpCollector, otlpEnvironment } from '../harness/otlp-collector.ts';

const program = fileURLToPath(new URL('../programs/traced-call.ts', import.meta.url));
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

test('an endpoint for metrics alone gets the metrics, and no trace goes anywhere', async (t) => {
  const { endpoint, received } = await otlpCollector(t);
  const { code, output } = await runTracedCall({
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${endpoint}/v1/metrics`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  });
  assert.equal(code, 0, output);
  assert.ok(received.metrics.size > 0, 'no metric came');
  assert.equal(received.spans.length, 0);
  assert.doesNotMatch(output, /ECONNREFUSED|4318/);
});

test('without the standard variables nothing is loaded or sent, and the work runs plainly', async () => {
  const { code, output } = await runTracedCall({});
  assert.equal(code, 0, output);
  assert.match(output, /sdk loaded: false/);
});

test('the variables decide, signal by signal', async () => {
  const asked = (environment: Record<string, string>) =>
    Object.entries(wantedSignals(environment))
      .filter(([, isWanted]) => isWanted)
      .map(([signal]) => signal)
      .join(' ');
  const endpoint = 'http://127.0.0.1:4318';
  assert.equal(asked({}), '');
  assert.equal(asked({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), '');
  assert.equal(asked({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), 'traces metrics');
  assert.equal(asked({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: 'true' }), '');
  assert.equal(asked({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_EXPORTER: 'none' }), 'metrics');
  assert.equal(asked({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: endpoint }), 'metrics');
  assert.equal(asked({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint }), 'traces');
  assert.equal(asked({ OTEL_TRACES_EXPORTER: 'console' }), 'traces');
  assert.equal(asked({ OTEL_TRACES_EXPORTER: 'none' }), '');
  assert.equal(asked({ OTEL_METRICS_EXPORTER: 'otlp', OTEL_LOGS_EXPORTER: 'otlp' }), 'metrics logs');
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
