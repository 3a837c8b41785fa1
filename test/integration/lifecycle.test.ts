import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../programs/lifecycle.ts', import.meta.url));

type Run = {
  readonly child: ChildProcessWithoutNullStreams;
  ready(): Promise<Record<string, unknown>>;
  exit: Promise<number | null>;
  lines(): Record<string, unknown>[];
  stopped(): unknown[];
};

function run(t: TestContext, ...args: string[]): Run {
  const child = spawn(process.execPath, [program, ...args]);
  t.after(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const lines = () =>
    log
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  return {
    child,
    exit,
    lines,
    ready: async () => JSON.parse(String((await once(createInterface(child.stdout), 'line'))[0])),
    stopped: () =>
      lines()
        .filter(({ message }) => message === 'part stopped')
        .map(({ part }) => part),
  };
}

test('a service says once that it is ready and where, on stdout, and logs to stderr', async (t) => {
  const service = run(t, 'none');
  assert.deepEqual(await service.ready(), {
    ready: 'broker',
    pid: service.child.pid,
    mesh: '127.0.0.1:7443',
  });
  service.child.kill('SIGTERM');
  assert.equal(await service.exit, 0);
});

test('SIGTERM and SIGINT stop the parts in reverse, and the exit code is 0', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const service = run(t, 'none');
    await service.ready();
    service.child.kill(signal);
    assert.equal(await service.exit, 0);
    assert.deepEqual(service.stopped(), ['relay', 'server', 'store']);
  }
});

test('a part that fails to stop is logged, the others still stop, and the exit code is 1', async (t) => {
  const service = run(t, 'stop-throws');
  await service.ready();
  service.child.kill('SIGTERM');
  assert.equal(await service.exit, 1);
  assert.deepEqual(service.stopped(), ['relay', 'server', 'store']);
});

test('a second signal ends a service that hangs at once', async (t) => {
  const service = run(t, 'stop-hangs');
  await service.ready();
  service.child.kill('SIGTERM');
  while (!service.stopped().includes('server')) await once(service.child.stderr, 'data');
  service.child.kill('SIGTERM');
  assert.equal(await service.exit, 1);
});

test('a fault while starting stops what was started; the exit code is 1 and it never says ready', async (t) => {
  const service = run(t, 'start-throws');
  let said = '';
  service.child.stdout.on('data', (chunk) => (said += chunk));
  assert.equal(await service.exit, 1);
  assert.equal(said, '');
  assert.deepEqual(service.stopped(), ['relay', 'server', 'store']);
});

test('a part that cannot go on stops the service with 1', async (t) => {
  const service = run(t, 'fails-later');
  assert.equal(await service.exit, 1);
  assert.deepEqual(service.stopped(), ['relay', 'server', 'store']);
});

for (const fault of ['uncaught', 'unhandled']) {
  test(`an ${fault} fault is logged and ends the process with 1`, async (t) => {
    const service = run(t, fault);
    assert.equal(await service.exit, 1);
    assert.equal(service.lines().at(-1)?.['level'], 'fatal');
  });
}

test('a service ends when its parent does, if asked to', async (t) => {
  const service = run(t, 'none', '--exit-with-parent');
  await service.ready();
  service.child.stdin.end();
  assert.equal(await service.exit, 0);
});

test('SIGUSR1 opens no inspector', async (t) => {
  const service = run(t, 'none');
  await service.ready();
  service.child.kill('SIGUSR1');
  while (!service.lines().some(({ message }) => message === 'SIGUSR1 is ignored'))
    await once(service.child.stderr, 'data');
  const probe = connect(9_229, '127.0.0.1');
  await assert.rejects(once(probe, 'connect'), /ECONNREFUSED/);
  service.child.kill('SIGTERM');
  assert.equal(await service.exit, 0);
});
