import { systemClock } from '@stint/common/time.ts';
import type { Command } from 'commander';
import { readNewDirectoryName } from '../arguments/option-values.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { runDev } from './dev-mesh.ts';
import { watchInterruptions } from './interruptions.ts';

/** Adds `stint dev`. The process exits once everything has stopped. */
export function addDevCommand(program: Command, process: NodeJS.Process): void {
  const command = program
    .command('dev')
    .option('--once', 'end after the story', false)
    .option('--state-dir <directory>', 'where all local state lives', readNewDirectoryName, '.stint')
    .action(async ({ once, stateDir }: { once: boolean; stateDir: string }) => {
      const code = await runDev({
        stateDirectory: stateDir,
        once,
        environment: process.env,
        out: process.stdout,
        interruptions: watchInterruptions(process, systemClock),
      });
      // What a stop has cut off may wait for an answer for seconds more; all is written: stdout and stderr are synchronous.
      process.exit(code);
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
