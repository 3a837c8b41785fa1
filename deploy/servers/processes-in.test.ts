import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '../../test/harness/temp-dir.ts';
import { processesIn, processesOf } from './processes-in.ts';

const skip = process.platform === 'linux' ? false : 'NOT TESTED: no /proc on this system';

/** A process that works in a folder until the test ends. */
async function processAt(t: TestContext, cwd: string): Promise<number> {
  const child = spawn(process.execPath, ['--eval', 'process.stdin.resume()'], { cwd });
  t.after(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child.pid ?? 0;
}

test('processes of a folder are found by every name of it: its own, and one over a symbolic link', {
  skip,
}, async (t) => {
  const directory = tempDir(t);
  const [real, link] = [path.join(directory, 'real'), path.join(directory, 'link')];
  mkdirSync(path.join(real, 'data'), { recursive: true });
  symlinkSync(real, link);
  const pid = await processAt(t, path.join(real, 'data'));
  for (const name of [real, link, path.join(link, 'data')]) {
    assert.deepEqual(processesIn(name), [pid], name);
    assert.deepEqual(processesOf(process.execPath, name), [pid], name);
  }
});

test('a process below a folder that was removed is still found, over a symbolic link too', {
  skip,
}, async (t) => {
  const directory = tempDir(t);
  const removed = path.join(directory, 'removed');
  mkdirSync(path.join(removed, 'data'), { recursive: true });
  symlinkSync(directory, path.join(directory, 'link'));
  const pid = await processAt(t, path.join(removed, 'data'));
  rmSync(removed, { recursive: true });
  assert.deepEqual(processesIn(path.join(directory, 'link/removed')), [pid]);
});
