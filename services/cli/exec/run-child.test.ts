import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../../test/harness/temp-dir.ts';
import { runChild, signalCode } from './run-child.ts';

const environment = { PATH: process.env['PATH'] };
const codeOf = async (...command: string[]) => (await runChild(command, { environment })).exitCode;

test("a child's end is told as a shell tells it", async () => {
  assert.equal(await codeOf('true'), 0);
  assert.equal(await codeOf('sh', '-c', 'exit 42'), 42);
  assert.equal(await codeOf('sh', '-c', 'kill -KILL $$'), 137);
  assert.equal(await codeOf('sh', '-c', 'kill -TERM $$'), 143);
  assert.equal(signalCode('SIGINT'), 130);
});

test('what is not there is 127, and what may not be executed 126', async (t) => {
  const file = path.join(tempDir(t), 'file');
  writeFileSync(file, '#!/bin/sh\nexit 0\n');
  chmodSync(file, 0o600);
  assert.equal(await codeOf(`${file}-absent`), 127);
  assert.equal(await codeOf('no-such-command-anywhere'), 127);
  assert.equal(await codeOf(file), 126);
  const { startFault } = await runChild([file], { environment });
  assert.equal(startFault?.code, 'EACCES');
});

test('signals that reach us reach the child, and no handler of ours is left', async () => {
  const before = process.listenerCount('SIGTERM');
  const ended = runChild(['sh', '-c', "trap 'exit 7' TERM; kill -TERM $PPID; while :; do sleep 0.05; done"], {
    environment,
  });
  assert.equal((await ended).exitCode, 7);
  assert.equal(process.listenerCount('SIGTERM'), before);
});

test('a variable that is undefined is taken away from the child', async () => {
  const command = ['sh', '-c', '[ -z "$GONE" ] && [ "$KEPT" = x ]'];
  const { exitCode } = await runChild(command, {
    environment: { ...environment, GONE: undefined, KEPT: 'x' },
  });
  assert.equal(exitCode, 0);
});
