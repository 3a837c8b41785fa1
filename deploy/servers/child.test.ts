import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Child, type ChildOptions, ChildStartError, startChild } from './child.ts';
import { processesIn } from './processes-in.ts';

function start(t: TestContext, script: string, options: Partial<ChildOptions> = {}): Promise<Child> {
  const directory = mkdtempSync(path.join(tmpdir(), 'stint-test-'));
  t.after(() => {
    assert.deepEqual(processesIn(directory), [], 'a child outlived its test');
    rmSync(directory, { recursive: true });
  });
  return startChild({
    name: 'script',
    command: ['/bin/sh', '-c', script],
    directory,
    environment: { PATH: '/usr/bin:/bin' },
    logFile: path.join(directory, 'log'),
    isReady: (line) => line === 'ready',
    readyDeadlineMs: 10_000,
    deathSignal: 'KILL',
    ...options,
  });
}

test('a child that ends before it serves is an error that repeats its last lines', async (t) => {
  await assert.rejects(start(t, 'echo "port is taken" >&2; exit 3'), (error) => {
    assert.ok(error instanceof ChildStartError);
    assert.deepEqual(error.lines, ['port is taken']);
    assert.match(error.message, /^script: ended at start with code 3; its log is .*\n {2}\| port is taken$/);
    return true;
  });
});

test('a child that does not serve by its deadline is killed', async (t) => {
  await assert.rejects(start(t, 'exec sleep 60', { readyDeadlineMs: 50 }), /not ready within 50 ms/);
});

test('a program that does not exist is an error that names it', async (t) => {
  await assert.rejects(
    start(t, '', { command: ['/nowhere/program'] }),
    /script: ended at start with code 127[\s\S]*\/nowhere\/program/,
  );
});

test('a child that ignores the signal to stop is killed at the deadline', async (t) => {
  const child = await start(t, 'trap "" TERM; echo ready; while :; do sleep 0.05; done');
  assert.deepEqual(await child.stop('SIGTERM', 50), { code: null, signal: 'SIGKILL' });
});

test('stopping a child that has ended says how it ended', async (t) => {
  const child = await start(t, 'echo ready; exit 4');
  await child.exited;
  assert.deepEqual(await child.stop('SIGTERM', 50), { code: 4, signal: null });
});

test('a child gets nothing of our environment and writes all it prints to its log', async (t) => {
  process.env['STINT_TEST_LEAK'] = 'leaked';
  t.after(() => delete process.env['STINT_TEST_LEAK']);
  const directory = mkdtempSync(path.join(tmpdir(), 'stint-test-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const logFile = path.join(directory, 'log');
  const child = await start(t, 'echo "<$STINT_TEST_LEAK>"; echo ready', { logFile });
  await child.exited;
  assert.equal(readFileSync(logFile, 'utf8'), '<>\nready\n');
});
