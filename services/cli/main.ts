import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { createRunner } from './commands/run-command.ts';
import { addDevCommand } from './dev/command.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgram } from './program.ts';

/** The exit code of a program that writes to a closed pipe, as of one that dies of SIGPIPE. */
const closedPipeCode = exitCodes.signal.code + 13;

process.stdout.on('error', (fault: NodeJS.ErrnoException) => {
  if (fault.code !== 'EPIPE') throw fault;
  process.exit(closedPipeCode);
});

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  version: string;
};
// Before commander has read anything: what it refuses must be written as it was asked for.
const [ours = ''] = process.argv.slice(2).join(' ').split(' -- ');
const wantsJson = /(?:^| )(?:-o ?|--output[ =])json(?: |$)/.test(ours);
const program = createProgram(version, createRunner(process), wantsJson ? 'json' : 'table');
program.commandsGroup('Operation:');
addDevCommand(program, process);

try {
  await program.parseAsync(process.argv);
} catch (thrown) {
  if (!(thrown instanceof CommanderError)) throw thrown;
  // Commander has written the text. What it ends with 0 is help and version; all else is wrong usage.
  process.exitCode = thrown.exitCode === 0 ? exitCodes.ok.code : exitCodes.usage.code;
}
