import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { codecs } from '@stint/common/proto.ts';
import { processesIn } from '../../deploy/servers/processes-in.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import { columnsOf } from '../../services/cli/terminal/wrap-text.ts';
import { processesNaming } from '../harness/mesh-under-test.ts';
import { skipWithoutNats, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';

const skip = skipWithoutNats || skipWithoutPostgres;
const state = path.join(tempDir({ after }), '.stint');

/** A mesh's own processes: everything whose command line names the state directory. */
function leftovers(): number[] {
  return [...processesIn(path.join(state, 'postgresql', 'server')), ...processesIn(path.join(state, 'nats'))];
}

/** `stint dev`, as `npm start` runs it. */
class Dev {
  readonly process: ChildProcess;
  output = '';
  readonly #exited: Promise<number | null>;

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const program = path.join(repositoryRoot, 'services/cli/main.ts');
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      NO_COLOR: '1',
      ...environment,
    };
    const child = spawn(process.execPath, [program, 'dev', '--state-dir', state, ...args], {
      env,
      cwd: repositoryRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.output += String(chunk);
      });
    }
    this.process = child;
    this.#exited = once(child, 'close').then(([code]) => code as number | null);
  }

  exited(): Promise<number | null> {
    return this.#exited;
  }

  /** Resolves once it has printed the text. */
  async printed(text: string): Promise<void> {
    const seen = () => this.output.includes(text);
    while (!seen()) {
      const more = this.process.stdout === null ? undefined : once(this.process.stdout, 'data');
      const ended = await Promise.race([more, this.#exited.then(() => 'ended' as const)]);
      if (ended === 'ended' && !seen()) assert.fail(`"${text}" was never printed:\n${this.output}`);
    }
  }
}

/** @throws AssertionError with the lines that a terminal of 80 columns would break, paths of the state directory apart. */
function assertFits(output: string): void {
  const told = output.replaceAll(state, '.stint').split('\n');
  assert.deepEqual(
    told.filter((line) => columnsOf(line) > 80),
    [],
  );
}

test('one command tells the whole story and leaves nothing running', { skip, timeout: 120_000 }, async () => {
  const dev = new Dev(['--once']);
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
  assertFits(dev.output);
  assert.deepEqual(leftovers(), []);
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
  const dev = new Dev(['--once'], {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=demo',
  });
  assert.equal(await dev.exited(), 0, dev.output);
  collector.close();
  for (const service of ['report-job', 'stint-sidecar', 'stint-broker', 'stint-auditor'])
    assert.ok(services.has(service), service);
});

for (const [when, text] of [
  ['while the mesh starts', '● nats'],
  ['in the story', 'Policy allows it'],
] as const) {
  test(`Ctrl-C ${when} ends it without a fault and leaves nothing`, { skip, timeout: 120_000 }, async () => {
    const dev = new Dev([]);
    await dev.printed(text);
    dev.process.kill('SIGINT');
    assert.equal(await dev.exited(), 0, dev.output);
    assert.doesNotMatch(dev.output, /story broke|Error|The mesh is up/);
    assert.match(dev.output, /no process and no database user is left/);
    assert.deepEqual(leftovers(), []);
  });
}

/** The process of a part, by what the system knows of it. */
function pidOf(part: string): number {
  if (part === 'postgresql')
    return Number(
      readFileSync(path.join(state, 'postgresql/server/data/postmaster.pid'), 'utf8').split('\n')[0],
    );
  const program = part === 'nats' ? 'nats-server' : `services/${part}/main.ts`;
  const found = processesNaming(state).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program),
  );
  assert.equal(found.length, 1, `processes of ${part}: ${found.join(' ')}`);
  return found[0] ?? 0;
}

/** One `stint` command on this mesh. @throws when it does not exit with 0. */
async function stint(...args: string[]): Promise<string> {
  const program = path.join(repositoryRoot, 'services/cli/main.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], {
    cwd: path.dirname(state),
    env: { PATH: process.env['PATH'], STINT_SIDECAR_SOCKET: '', NO_COLOR: '1' },
  });
  return stdout;
}

test('each part that is killed is started again, which is said, and access and record go on', {
  skip,
  timeout: 180_000,
}, async () => {
  const dev = new Dev([]);
  await dev.printed('The mesh is up');
  for (const part of ['nats', 'postgresql', 'broker', 'auditor', 'sidecar']) {
    process.kill(pidOf(part), 'SIGKILL');
    await dev.printed(`${part} ended by itself; it is started again in 1 s`);
    await dev.printed(`${part} is back`);
    await until(`all is well after ${part} was killed`, 20_000, () => stint('status'));
    await stint('request', 'demo-db', 'read', '--fresh', '--reason', `after ${part}`);
  }
  await until('the log has every request', 20_000, async () => {
    const records = await stint('audit', 'list', '--type', 'grant.decided', '--limit', '50');
    return ['nats', 'postgresql', 'broker', 'auditor', 'sidecar'].every((part) =>
      records.includes(`after ${part}`),
    )
      ? true
      : undefined;
  });
  dev.process.kill('SIGINT');
  assert.equal(await dev.exited(), 0, dev.output);
  assert.match(dev.output, /no process and no database user is left/);
  assert.deepEqual(leftovers(), []);
});

test('a mesh that was killed whole starts again on its state, refuses a second one, and Ctrl-C ends it', {
  skip,
  timeout: 180_000,
}, async () => {
  const killed = new Dev([]);
  await killed.printed('Ctrl-C stops everything.');
  assertFits(killed.output);
  const second = new Dev(['--once']);
  assert.equal(await second.exited(), 1);
  assert.match(second.output, /another mesh runs on/);
  killed.process.kill('SIGKILL');
  await killed.exited();
  const again = new Dev([]);
  await again.printed('The mesh is up');
  again.process.kill('SIGINT');
  assert.equal(await again.exited(), 0, again.output);
  assert.match(again.output, /no process and no database user is left/);
  assert.deepEqual(leftovers(), []);
});
