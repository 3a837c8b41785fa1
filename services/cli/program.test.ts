import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from './program.ts';

const run = () => () => Promise.resolve();

test('revoke stands with what gives and takes access', () => {
  const groups = createProgram('0', run).helpInformation().split(/\n\n/);
  const access = groups.find((group) => group.startsWith('Access:')) ?? '';
  const names = access.match(/(?<=^ {2})\S+/gm);
  assert.deepEqual(names, ['status', 'request', 'release', 'exec', 'revoke']);
});

test('every command says its purpose and shows an example', () => {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  for (const command of all(createProgram('0', run)))
    assert.match(command.description(), /^[A-Z].*\n\nExamples:\n {2}\$ /, command.name());
});
