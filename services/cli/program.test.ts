import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { addDevCommand } from './dev/command.ts';
import { createProgram } from './program.ts';
import { helpWidthOf } from './terminal/help-format.ts';

const run = () => () => Promise.resolve();

test('revoke stands with what gives and takes access', () => {
  const groups = createProgram('0', run).helpInformation().split(/\n\n/);
  const access = groups.find((group) => group.startsWith('Access:')) ?? '';
  const names = access.match(/(?<=^ {2})\S+/gm);
  assert.deepEqual(names, ['status', 'request', 'release', 'exec', 'revoke']);
});

/** Every help page of a program that npx runs, as it is shown elsewhere than on a terminal. */
function helpPages(): ReadonlyMap<string, string> {
  const program = createProgram('0', run, { called: 'npx stint' });
  addDevCommand(program, process);
  const pages = new Map<string, string>();
  const read = (command: Command, name: string) => {
    let page = '';
    const writeOut = (text: string) => {
      page += text;
    };
    command.configureOutput({ getOutHelpWidth: () => helpWidthOf({}), writeOut }).outputHelp();
    pages.set(name, page);
    for (const sub of command.commands) read(sub, `${name} ${sub.name()}`);
  };
  read(program, 'stint');
  return pages;
}

test('no line of any help page is wider than 80 columns', () => {
  for (const [name, page] of helpPages())
    assert.deepEqual(
      page.split('\n').filter((line) => [...line].length > 80),
      [],
      name,
    );
});

test('every command line of any help page is told as it is to be typed', () => {
  for (const [name, page] of helpPages())
    assert.deepEqual(page.match(/(?<!npx |[\w/.-])stint [a-z-].*/g) ?? [], [], name);
});

test('every command says its purpose and shows an example', () => {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  for (const command of all(createProgram('0', run)))
    assert.match(command.description(), /^[A-Z].*\n\nExamples:\n {2}\$ /, command.name());
});
