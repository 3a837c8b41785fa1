import { Command, Help, Option } from 'commander';
import { addAuditCommands } from './commands/audit.ts';
import { addBusCommands } from './commands/bus.ts';
import { describeCommand } from './commands/command-help.ts';
import { addExecCommand } from './commands/exec.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addGrantCommands } from './commands/grants.ts';
import { addIdentityCommands } from './commands/identity.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addPostgresCommands } from './commands/postgres.ts';
import { addRequestCommands } from './commands/request.ts';
import type { Runner } from './commands/run-command.ts';
import { addStatusCommand } from './commands/status.ts';
import { endpointNames } from './endpoints.ts';
import { outputFormats } from './terminal/output.ts';

/** The whole command line but `stint dev`. Commander answers `--help` and refuses what it does not know. */
export function createProgram(version: string, run: Runner): Command {
  const program = new Command('stint')
    .version(version, '-V, --version', 'print the version')
    .configureHelp({
      showGlobalOptions: true,
      // Examples are typed as they stand: a description of several lines is not wrapped.
      boxWrap: (text, width) => (text.includes('\n') ? text : Help.prototype.boxWrap(text, width)),
    })
    .showHelpAfterError('(--help after any command shows how it is used)')
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
      'Sockets are found by flag, variable, the nearest .stint/mesh.json, or the XDG directories, in this order.',
      'Every command, its JSON and the exit codes: services/cli/README.md',
    ],
    next: ['npm start'],
  });
  program.commandsGroup('Access:');
  addStatusCommand(program, run);
  addRequestCommands(program, run);
  addExecCommand(program, run);
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
