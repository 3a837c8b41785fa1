import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { cliError } from './cli-error.ts';
import { createRunner } from './run-command.ts';

/** Runs work that throws, with STINT_LOG_LEVEL as given; all that stands on stderr then, line by line. */
async function stderrOf(thrown: Error, level?: string): Promise<string[]> {
  const written: string[] = [];
  const standIn = {
    env: level === undefined ? {} : { STINT_LOG_LEVEL: level },
    stdout: process.stdout,
    stderr: { write: (text: string) => written.push(text) },
    cwd: () => '/',
    exit: () => undefined,
  };
  const run = createRunner(standIn as unknown as NodeJS.Process);
  const before = process.env['STINT_LOG_LEVEL'];
  // The log reads the level of its own process.
  if (level !== undefined) process.env['STINT_LOG_LEVEL'] = level;
  try {
    await run(() => Promise.reject(thrown))(new Command('odd'));
  } finally {
    if (before === undefined) delete process.env['STINT_LOG_LEVEL'];
    else process.env['STINT_LOG_LEVEL'] = before;
  }
  return written.join('').trimEnd().split('\n');
}

const fault = new TypeError('odd', { cause: new Error('what is behind it') });

test('an unexpected fault is told in words alone, with the way to its stack', async () => {
  assert.deepEqual(await stderrOf(fault), [
    'error: odd',
    '  why: an unexpected fault',
    '  fix: run it again with STINT_LOG_LEVEL=debug, and report it with what is logged then',
    '  code: INTERNAL',
  ]);
});

test('with STINT_LOG_LEVEL an unexpected fault is logged with its stack and its cause', async () => {
  for (const level of ['error', 'debug']) {
    const [logged = '', ...told] = await stderrOf(fault, level);
    const { level: loggedAs, error } = JSON.parse(logged);
    assert.deepEqual([loggedAs, error.message], ['error', 'odd']);
    assert.match(error.stack, /run-command\.test\.ts/);
    assert.equal(error.cause.message, 'what is behind it');
    assert.equal(told[0], 'error: odd');
  }
});

test('an expected failure is logged at debug alone', async () => {
  const refusal = cliError('USAGE', { what: 'wrong', why: 'so', fix: 'do' }, new Error('behind'));
  assert.equal((await stderrOf(refusal, 'info'))[0], 'error: wrong');
  const [logged = ''] = await stderrOf(refusal, 'debug');
  assert.equal(JSON.parse(logged).error.cause.message, 'behind');
});
