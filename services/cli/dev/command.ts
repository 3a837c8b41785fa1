import path from 'node:path';
import { placeFault } from '@stint/common/config/place-check.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { runDev } from './dev-mesh.ts';

/** Adds `stint dev`. The exit code is set once everything has stopped. */
export function addDevCommand(program: Command, process: NodeJS.Process): void {
  program
    .command('dev')
    .description('Run a whole mesh on this machine and show a workload get, use and lose access')
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
}

function readStateDirectory(text: string): string {
  const fault = placeFault('new directory', path.resolve(text));
  if (fault !== undefined) throw new InvalidArgumentError(fault);
  return text;
}
