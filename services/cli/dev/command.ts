import path from 'node:path';
import { placeFault } from '@stint/common/config/place-check.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { describeCommand } from '../commands/command-help.ts';
import { runDev } from './dev-mesh.ts';

/** Adds `stint dev`. The exit code is set once everything has stopped. */
export function addDevCommand(program: Command, process: NodeJS.Process): void {
  const command = program
    .command('dev')
    .option('--once', 'end after the story', false)
    .option('--state-dir <directory>', 'where all local state lives', readStateDirectory, '.stint')
    .action(async ({ once, stateDir }: { once: boolean; stateDir: string }) => {
      const interrupted = new Promise<void>((resolve) => {
        process.once('SIGINT', () => resolve());
        process.once('SIGTERM', () => resolve());
        process.once('SIGHUP', () => resolve());
        // Nobody reads any more (`stint dev | head`): nothing may be left behind for that.
        process.stdout.on('error', () => resolve());
      });
      process.exitCode = await runDev({
        stateDirectory: stateDir,
        once,
        environment: process.env,
        out: process.stdout,
        interrupted,
      });
    });
  describeCommand(command, {
    purpose: 'Run a whole mesh on this machine and show a workload get, use and lose access',
    examples: ['stint dev', 'stint dev --once', 'stint dev --state-dir /srv/stint-demo'],
    notes: [
      'It stays up until Ctrl-C, and starts again what dies. --once ends after the story: 0 when every step held, else 1.',
    ],
    next: ['stint status'],
  });
}

function readStateDirectory(text: string): string {
  const fault = placeFault('new directory', path.resolve(text));
  if (fault !== undefined) throw new InvalidArgumentError(fault);
  return text;
}
