import type { Command } from 'commander';
import { contextOption, readDuration } from '../arguments/option-values.ts';
import { runWithAccess } from '../exec/run-with-access.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';

type ExecOptions = {
  readonly reason: string;
  readonly ttl?: number;
  readonly context: Readonly<Record<string, string>>;
  readonly envSecrets: boolean;
  readonly keepRunning: boolean;
};

/** Adds `stint exec`. */
export function addExecCommand(program: Command, run: Runner): void {
  const command = program
    .command('exec <resource> <action> <command...>')
    .usage('<resource> <action> [options] -- <command...>')
    .option('--reason <text>', 'why, for policy and the record', '')
    .option('--ttl <duration>', 'lifetime of the credential, which is renewed where it can be', readDuration)
    .addOption(contextOption())
    .option('--env-secrets', 'put the secret into a variable too: PGPASSWORD, STINT_TOKEN', false)
    .option('--keep-running', 'do not end the command when its access ends early', false)
    .action(
      run<ExecOptions>((session, { args: [resource = '', action = '', ...words], options }) => {
        const { reason, ttl, context, envSecrets, keepRunning } = options;
        const question = { resource, action, justification: reason, context, ttlMs: ttl };
        return runWithAccess(session, { question, command: words, envSecrets, keepRunning });
      }),
    );
  describeCommand(command, {
    purpose: 'Run a command with access made for it, and take the access back when it ends',
    examples: [
      "stint exec demo-db read -- psql -c 'select count(*) from orders'",
      "stint exec demo-db read --reason 'daily report' -- sh -c 'echo $PGUSER'",
    ],
    notes: [
      'PostgreSQL: PGHOST PGPORT PGDATABASE PGUSER PGSSLMODE PGPASSFILE PGSERVICEFILE PGSERVICE=stint.',
      'Tokens: STINT_TOKEN_FILE, such as for curl -H "Authorization: Bearer $(cat $STINT_TOKEN_FILE)". Always: STINT_GRANT_ID, and TRACEPARENT when traced.',
      'The exit code is the command’s: 126 not executable, 127 not found, 128 + n killed by signal n.',
      'Access that ends early sends the command SIGTERM; if that makes it fail, the exit code is 6.',
    ],
    next: ['stint audit list --limit 10', 'stint explain RESOURCE ACTION'],
  });
}
