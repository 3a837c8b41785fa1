import { version } from '@stint/common/version.ts';
import { CommanderError } from 'commander';
import { calledAs } from './called-as.ts';
import { CliError } from './cli-error.ts';
import { addDevCommand } from './dev/command.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgram } from './program.ts';
import { createRunner } from './run-command.ts';
import { Output } from './terminal/output.ts';
import { resultStream } from './terminal/result-stream.ts';
import { runTyped } from './usage-error.ts';

/** The exit code of a program that writes to a closed pipe, as of one that dies of SIGPIPE. */
const closedPipeCode = exitCodes.signal.code + 13;

process.stdout.on('error', (fault: NodeJS.ErrnoException) => {
  // Every other fault is told by whoever wrote: see resultStream.
  if (fault.code === 'EPIPE') process.exit(closedPipeCode);
});

// Before commander has read anything: what it refuses must be written as it was asked for.
const [ours = ''] = process.argv.slice(2).join(' ').split(' -- ');
const wantsJson = /(?:^| )(?:-o ?|--output[ =])json(?: |$)/.test(ours);
const format = wantsJson ? 'json' : 'table';
const { env: environment, stderr } = process;
const stdout = resultStream(process.stdout);
const called = calledAs(environment);
const program = createProgram(version, createRunner(process), { called, format });
program.commandsGroup('Operation:');
addDevCommand(program, process);

try {
  await runTyped(program, process.argv, format);
} catch (thrown) {
  if (thrown instanceof CliError) {
    new Output({ stdout, stderr, format, environment }).fail(thrown.failure);
    process.exitCode = thrown.failure.exitCode;
  } else if (thrown instanceof CommanderError) {
    // Commander has written the page. What it ends with 0 was asked for.
    process.exitCode = thrown.exitCode === 0 ? exitCodes.ok.code : exitCodes.usage.code;
  } else throw thrown;
}
