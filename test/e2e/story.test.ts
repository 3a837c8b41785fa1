import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';
import { codecs } from '@stint/common/proto.ts';
import { DevRun, pidOf, serversOf, stintOn } from '../harness/dev-run.ts';
import { skipWithoutNats, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';

const skip = skipWithoutNats || skipWithoutPostgres;
const state = path.join(tempDir({ after }), '.stint');

test('one command tells the whole story and leaves nothing running', { skip, timeout: 120_000 }, async () => {
  const dev = new DevRun(state, ['--once']);
  assert.equal(await dev.exited(), 0, dev.output);
  for (let step = 1; step <= 10; step++)
    assert.match(dev.output, new RegExp(`✓ +${step} `), `step ${step}:\n${dev.output}`);
  assert.match(dev.output, /no such role, no session of it/);
  assert.match(dev.output, /nearest rule that would have allowed: migrator-writes-demo-db/);
  assert.match(
    dev.output,
    /nightly report[\s\S]*stint-sidecar[\s\S]*stint-broker[\s\S]*CREATE ROLE[\s\S]*publish audit\.b1[\s\S]*stint-auditor/,
  );
  assert.match(dev.output, /no process and no database user is left/);
  dev.assertFits();
  assert.deepEqual(serversOf(state), []);
});

test('traces also reach the collector that the standard variables name', {
  skip,
  timeout: 120_000,
}, async () => {
  const services = new Set<string>();
  const collector = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    assert.equal(request.headers['x-tenant'], 'demo');
    if (request.url === '/v1/traces') {
      for (const { resource } of codecs.tracesExport.decode(Buffer.concat(chunks)).resourceSpans) {
        const name = resource?.attributes.find((attribute) => attribute.key === 'service.name');
        services.add(name?.value?.stringValue ?? '');
      }
    }
    response.writeHead(200).end();
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const dev = new DevRun(state, ['--once'], {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=demo',
  });
  assert.equal(await dev.exited(), 0, dev.output);
  collector.close();
  for (const service of ['report-job', 'stint-sidecar', 'stint-broker', 'stint-auditor'])
    assert.ok(services.has(service), service);
});

test('Ctrl-C in the story ends it without a fault and leaves nothing', {
  skip,
  timeout: 120_000,
}, async () => {
  const dev = new DevRun(state);
  await dev.printed('Policy allows it');
  dev.process.kill('SIGINT');
  assert.equal(await dev.exited(), 0, dev.output);
  assert.doesNotMatch(dev.output, /story broke|Error|The mesh is up/);
  assert.match(dev.output, /no process and no database user is left/);
  assert.deepEqual(serversOf(state), []);
});

test('each part that is killed is started again, which is said, and access and record go on', {
  skip,
  timeout: 180_000,
}, async () => {
  const dev = new DevRun(state);
  await dev.printed('The mesh is up');
  for (const part of ['nats', 'postgresql', 'broker', 'auditor', 'sidecar'] as const) {
    process.kill(pidOf(state, part), 'SIGKILL');
    await dev.printed(`${part} ended by itself (SIGKILL); it is started again in 1 s`);
    await dev.printed(`${part} is back`);
    await until(`all is well after ${part} was killed`, 20_000, () => stintOn(state, 'status'));
    await stintOn(state, 'request', 'demo-db', 'read', '--fresh', '--reason', `after ${part}`);
  }
  await until('the log has every request', 20_000, async () => {
    const records = await stintOn(state, 'audit', 'list', '--type', 'grant.decided', '--limit', '50');
    return ['nats', 'postgresql', 'broker', 'auditor', 'sidecar'].every((part) =>
      records.includes(`after ${part}`),
    )
      ? true
      : undefined;
  });
  dev.process.kill('SIGINT');
  assert.equal(await dev.exited(), 0, dev.output);
  assert.match(dev.output, /no process and no database user is left/);
  assert.deepEqual(serversOf(state), []);
});

test('a mesh that was killed whole starts again on its state, refuses a second one, and Ctrl-C ends it', {
  skip,
  timeout: 180_000,
}, async () => {
  const killed = new DevRun(state);
  await killed.printed('Ctrl-C stops everything.');
  killed.assertFits();
  const second = new DevRun(state, ['--once']);
  assert.equal(await second.exited(), 1);
  assert.match(
    second.output,
    /✗ another mesh runs in ".*"\n {2}why: .*\n {2}fix: .*\n {2}code: MESH_RUNNING\n$/,
  );
  assert.ok(second.output.includes(`why: process ${killed.process.pid} holds`), second.output);
  second.assertFits();
  killed.process.kill('SIGKILL');
  await killed.exited();
  const again = new DevRun(state);
  await again.printed('The mesh is up');
  again.process.kill('SIGINT');
  assert.equal(await again.exited(), 0, again.output);
  assert.match(again.output, /no process and no database user is left/);
  assert.deepEqual(serversOf(state), []);
});
