import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from './program.ts';

const run = () => () => Promise.resolve();

test('revoke stands with what gives and takes access', () => {
  const groups = createProgram('0', run).helpInformation().split(/\n\n/);
  const access = groups.find((group) => group.startsWith('Access:')) ?? '';
  const names = access.split('\n').map((line) => line.trim().split(' ')[0]);
  assert.deepEqual(names, ['Access:', 'status', 'request', 'release', 'exec', 'revoke']);
});

test('every command says its purpose and shows an example', () => {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  for (const command of all(createProgram('0', run)))
    assert.match(command.description(), /^[A-Z].*\n\nExamples:\n {2}\$ /, command.name());
});

test('wrong usage is told as JSON to programs that ask for JSON', () => {
  let told = '';
  const program = createProgram('0', run, 'json').configureOutput({
    writeErr: (text) => {
      told += text;
    },
  });
  assert.throws(() => program.parse(['stauts'], { from: 'user' }));
  assert.deepEqual(JSON.parse(told), {
    error: {
      what: "unknown command 'stauts'",
      why: 'Did you mean status?',
      fix: '--help after any command shows how it is used',
      reason: 'USAGE',
      exit_code: 2,
      metadata: {},
    },
  });
});
