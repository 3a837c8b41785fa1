import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { processesLeft } from './mesh-under-test.ts';
import { tempDir } from './temp-dir.ts';

const stays = 'console.log("here"); process.stdin.resume()';

test('a process is found by a folder that it names or works in, as long as it lives', async (t) => {
  const directory = tempDir(t);
  const below = path.join(directory, 'below');
  mkdirSync(below);
  const start = async (args: readonly string[], cwd: string) => {
    const child = spawn(process.execPath, ['--eval', stays, ...args], {
      cwd,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return child;
  };
  assert.deepEqual(processesLeft(directory), []);
  const children = [
    await start([path.join(directory, 'a-file')], '/'),
    await start([], directory),
    await start([], below),
  ];
  const other = await start([], '/');
  assert.deepEqual(processesLeft(directory).toSorted(), children.map(({ pid }) => pid).toSorted());
  for (const child of [...children, other]) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  assert.deepEqual(processesLeft(directory), []);
});
