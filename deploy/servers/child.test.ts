import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  Child,
  type ChildOptions,
  ChildStartError,
  killedMsMax,
  ProcessesLeftError,
  startChild,
} from './child.ts';
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

test('a child that the system does not end though it is killed is an error with its process id', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const signals: string[] = [];
  const kill = (signal: string) => signals.push(signal);
  const stuck = Object.assign(new EventEmitter(), { pid: 4_242, kill }) as unknown as ChildProcess;
  const child = new Child(stuck, { name: 'script', deathSignal: 'KILL' });
  const stopped = child.stop('SIGTERM', 50);
  t.mock.timers.tick(50);
  assert.deepEqual(signals, ['SIGTERM', 'SIGKILL']);
  t.mock.timers.tick(killedMsMax);
  await assert.rejects(stopped, new ProcessesLeftError([{ name: 'script', pid: 4_242 }]));
  stuck.emit('close', null, 'SIGKILL');
});

test('a child is killed at once when its signal aborts, also while it starts, and none is started after', async (t) => {
  const kill = new AbortController();
  const { signal } = kill;
  const child = await start(t, 'trap "" TERM; echo ready; while :; do sleep 0.05; done', { signal });
  const startEnds = assert.rejects(start(t, 'exec sleep 60', { signal }), /ended at start with SIGKILL/);
  kill.abort(new Error('it stops'));
  assert.deepEqual(await child.exited, { code: null, signal: 'SIGKILL' });
  await startEnds;
  await assert.rejects(start(t, 'echo ready', { signal }), /it stops/);
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
