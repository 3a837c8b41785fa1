import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { codecs } from '@stint/common/proto.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { collectorTarget, TraceForwarder } from './trace-forwarder.ts';
import { TraceStore } from './trace-store.ts';

const traceId = Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex');

/** One export as an SDK sends it. */
function exported(spanId: string): Buffer {
  const span = {
    traceId,
    spanId: Buffer.from(spanId, 'hex'),
    name: 'work',
    startTimeUnixNano: 1_000_000,
    endTimeUnixNano: 3_000_000,
  };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'job' } }] };
  return codecs.tracesExport.encode({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
}

test('the standard variables say where each signal goes', () => {
  const base = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-a=1,x-b=t%20u',
  };
  assert.deepEqual(collectorTarget('traces', base), {
    url: 'http://c:4318/v1/traces',
    isGrpc: false,
    headers: { 'x-a': '1', 'x-b': 't u' },
  });
  const own = { ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t:1/exact' };
  assert.equal(collectorTarget('traces', own)?.url, 'http://t:1/exact');
  assert.equal(collectorTarget('metrics', own)?.url, 'http://c:4318/v1/metrics');
  assert.equal(collectorTarget('traces', { ...base, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })?.isGrpc, true);
  assert.equal(collectorTarget('logs', {}), undefined);
});

test('what the receiver takes is kept, and handed on to a gRPC collector byte for byte', async (t) => {
  const bodies: Buffer[] = [];
  const collector = createHttp2Server();
  collector.on('stream', (stream, headers) => {
    assert.equal(headers[':path'], '/opentelemetry.proto.collector.trace.v1.TraceService/Export');
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      bodies.push(Buffer.concat(chunks).subarray(5));
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(5));
    });
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  t.after(() => void collector.close());
  const failures: string[] = [];
  const variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  };
  const store = new TraceStore();
  const receiver = await OtlpReceiver.start(
    store,
    new TraceForwarder(variables, (message) => failures.push(message)),
  );
  const body = exported('00f067aa0ba902b7');
  const answer = await fetch(`${receiver.endpoint}/v1/traces`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'content-type': 'application/x-protobuf' },
  });
  assert.equal(answer.status, 200);
  await receiver.close();
  assert.deepEqual(failures, []);
  assert.deepEqual(bodies, [body]);
  assert.deepEqual(store.spans(traceId.toString('hex')), [
    {
      id: '00f067aa0ba902b7',
      parentId: undefined,
      service: 'job',
      name: 'work',
      startMs: 1,
      endMs: 3,
      isError: false,
    },
  ]);
});

test('a collector that is away is said once, and costs the mesh nothing', async () => {
  const failures: string[] = [];
  const forwarder = new TraceForwarder({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }, (message) =>
    failures.push(message),
  );
  for (const _ of [1, 2]) {
    forwarder.send('traces', exported('00f067aa0ba902b7'));
    await forwarder.close();
  }
  assert.equal(failures.length, 1);
  assert.match(failures[0] ?? '', /^collector http:\/\/127\.0\.0\.1:1\/v1\/traces: /);
});

for (const [what, init, status] of [
  [
    'rubbish',
    { method: 'POST', body: 'no protobuf', headers: { 'content-type': 'application/x-protobuf' } },
    400,
  ],
  ['JSON', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }, 415],
  ['a question', { method: 'GET' }, 404],
] as const) {
  test(`the receiver refuses ${what}`, async () => {
    const receiver = await OtlpReceiver.start(new TraceStore());
    assert.equal((await fetch(`${receiver.endpoint}/v1/traces`, init)).status, status);
    await receiver.close();
  });
}
