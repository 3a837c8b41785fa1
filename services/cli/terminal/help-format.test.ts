import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command, Option } from 'commander';
import { describeCommand } from './command-help.ts';
import { helpFormat, helpWidthOf } from './help-format.ts';

function helpAt(columns: number | undefined): string {
  let shown = '';
  const stream = columns === undefined ? {} : { isTTY: true, columns };
  const program = new Command('tool')
    .configureHelp(helpFormat)
    .configureOutput({
      getOutHelpWidth: () => helpWidthOf(stream),
      writeOut: (text) => {
        shown += text;
      },
    })
    .exitOverride();
  const command = program
    .command('act <thing> <others...>')
    .option('--off', 'a switch that nobody has turned on, which needs a good many words', false)
    .option('--empty <text>', 'none', '')
    .addOption(new Option('--ttl <duration>', 'how long').default(600_000, '10m'));
  describeCommand(command, {
    purpose: 'Do what has to be done with the thing, and with all of the others that are named',
    examples: ["tool act one two --reason 'an example is typed as it stands, however long it has become'"],
    notes: ['A note of more words than a narrow terminal has columns to show in one line of its own.'],
  });
  assert.throws(() => program.parse(['act', '--help'], { from: 'user' }));
  assert.throws(() => program.parse(['--help'], { from: 'user' }));
  return shown;
}

test('help fits a narrow terminal, but for examples, which are typed as they stand', () => {
  const long = helpAt(60)
    .split('\n')
    .filter((line) => line.length > 60);
  assert.deepEqual(long, [
    "  $ tool act one two --reason 'an example is typed as it stands, however long it has become'",
  ]);
});

test('help that goes elsewhere than to a terminal, or to a wide one, is of a width that is easily read', () => {
  for (const text of [helpAt(undefined), helpAt(200)]) {
    const long = text.split('\n').filter((line) => line.length > 80);
    assert.deepEqual(long, [
      "  $ tool act one two --reason 'an example is typed as it stands, however long it has become'",
    ]);
  }
});

test('defaults are told where they say something, and in the words of the user', () => {
  const text = helpAt(undefined);
  assert.match(text, /how long \(default: 10m\)\n/);
  assert.doesNotMatch(text, /false|""/);
  assert.match(text, /^ {2}act <thing> <others\.\.\.> +Do what/m);
});
