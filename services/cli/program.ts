import { Command, Option } from 'commander';
import { cliError } from './cli-error.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addBusCommands } from './commands/bus.ts';
import { describeCommand } from './commands/command-help.ts';
import { addExecCommand } from './commands/exec.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addGrantCommands, addRevokeCommand } from './commands/grants.ts';
import { addIdentityCommands } from './commands/identity.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addPostgresCommands } from './commands/postgres.ts';
import { addRequestCommands } from './commands/request.ts';
import type { Runner } from './commands/run-command.ts';
import { addStatusCommand } from './commands/status.ts';
import { endpointNames } from './endpoints.ts';
import { helpFormat, helpWidthOf } from './terminal/help-format.ts';
import { failureLine, type OutputFormat, outputFormats } from './terminal/output.ts';

const helpHint = '--help after any command shows how it is used';

/**
 * The whole command line but `stint dev`. Commander answers `--help` and refuses what it does not know.
 * @param usage how that refusal is written.
 */
export function createProgram(version: string, run: Runner, usage: OutputFormat = 'table'): Command {
  const program = new Command('stint')
    .version(version, '-V, --version', 'print the version')
    .configureHelp(helpFormat)
    .configureOutput({
      getOutHelpWidth: () => helpWidthOf(process.stdout),
      getErrHelpWidth: () => helpWidthOf(process.stderr),
      outputError: (text, write) => write(usage === 'json' ? usageJson(text) : text),
    })
    .showHelpAfterError(usage === 'json' ? false : `(${helpHint})`)
    .addOption(
      new Option('-o, --output <format>', 'how results are written')
        .choices([...outputFormats])
        .default('table'),
    )
    .option(`${endpointNames.sidecar.flag} <path>`, `the sidecar (${endpointNames.sidecar.variable})`)
    .option(
      `${endpointNames.broker.flag} <path>`,
      `the broker's admin socket (${endpointNames.broker.variable})`,
    )
    .option(
      `${endpointNames.auditor.flag} <path>`,
      `the auditor's admin socket (${endpointNames.auditor.variable})`,
    )
    .option(`${endpointNames.log.flag} <path>`, `the log's public files (${endpointNames.log.variable})`)
    .exitOverride();
  describeCommand(program, {
    purpose: 'Just-in-time access for workloads: ask, use, give back, and see the proof',
    examples: [
      'stint status',
      'stint request demo-db read --reason "daily report"',
      "stint exec demo-db read -- psql -c 'select count(*) from orders'",
    ],
    notes: [
      'Sockets are found by flag, variable, the mesh of STINT_STATE_DIR, the nearest .stint/mesh.json, or the XDG directories, in this order.',
      'Every command, its JSON and the exit codes: services/cli/README.md',
    ],
    next: ['npm start'],
  });
  program.commandsGroup('Access:');
  addStatusCommand(program, run);
  addRequestCommands(program, run);
  addExecCommand(program, run);
  addRevokeCommand(program, run);
  program.commandsGroup('Answers:');
  addExplainCommand(program, run);
  addGrantCommands(program, run);
  addAuditCommands(program, run);
  program.commandsGroup('Operation:');
  addIdentityCommands(program, run);
  addPolicyCommands(program, run);
  program.commandsGroup('Installation:');
  addBusCommands(program, run);
  addPostgresCommands(program, run);
  return program;
}

/** Commander's refusal as an error of ours. It writes `error: what`, and what was meant in a second line. */
function usageJson(text: string): string {
  const [what = '', why = ''] = text
    .replace(/^error: /, '')
    .trimEnd()
    .split('\n');
  const meant = why === '' ? 'the command line cannot be understood' : why.replace(/^\((.*)\)$/, '$1');
  return failureLine(cliError('USAGE', { what, why: meant, fix: helpHint }).failure);
}
