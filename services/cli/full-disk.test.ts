import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { repositoryRoot } from '../../deploy/tools.ts';
import { tempDir } from '../../test/harness/temp-dir.ts';

const launcher = path.join(repositoryRoot, 'services/cli/stint.mjs');

const setupSql = ['postgres', 'setup-sql', '--group', 'shop_read', '--database', 'shop'];

/** Runs a program with its stdout going to a file; what it says on stderr, and its exit code. */
async function runTo(file: string, [program = '', ...args]: readonly string[]) {
  const stdout = openSync(file, 'w');
  try {
    const child = spawn(program, args, { stdio: ['ignore', stdout, 'pipe'] });
    const exit = once(child, 'exit');
    const stderr = await text(child.stderr as NonNullable<typeof child.stderr>);
    const [code] = await exit;
    return { stderr, code };
  } finally {
    closeSync(stdout);
  }
}

for (const args of [setupSql, ['status', '-o', 'json'], ['--version'], ['grants', '--help']]) {
  const name = args.join(' ');
  const skip = existsSync('/dev/full') ? false : 'this system has no /dev/full';
  test(`a full disk is told of what \`stint ${name}\` shows`, { skip }, async () => {
    const { stderr, code } = await runTo('/dev/full', [process.execPath, launcher, ...args]);
    assert.equal(code, 1);
    assert.match(stderr, /the result could not be written whole to stdout/);
    assert.match(stderr, /no space left on device \(ENOSPC\)/);
    assert.match(stderr, /make room there, or send it elsewhere/);
    assert.match(stderr, /OUTPUT_UNWRITTEN/);
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack');
  });
}

test('a disk that takes only a part of a result is full', async (t) => {
  const file = path.join(tempDir(t), 'result');
  // A limit on the size of a file stands for the disk: the write that crosses it is taken in part, the next one refused.
  const command = ['ulimit -f 1; exec "$0" "$@"', process.execPath, launcher, ...setupSql];
  const { stderr, code } = await runTo(file, ['bash', '-c', ...command]);
  assert.equal(code, 1);
  assert.match(stderr, /why: file too large \(EFBIG\)/);
  assert.ok(statSync(file).size > 0);
});
