import { Command, Option } from 'commander';
import type { CalledAs } from './called-as.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addBusCommands } from './commands/bus.ts';
import { addExecCommand } from './commands/exec.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addGrantCommands } from './commands/grants.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addPostgresCommands } from './commands/postgres.ts';
import { addRegistryCommands } from './commands/registry.ts';
import { addReleaseCommand } from './commands/release.ts';
import { addRequestCommand } from './commands/request.ts';
import { addRevokeCommand } from './commands/revoke.ts';
import { addStatusCommand } from './commands/status.ts';
import { addSvidCommands } from './commands/svid.ts';
import { addTokenCommands } from './commands/token.ts';
import { endpointNames } from './endpoints.ts';
import type { Runner } from './run-command.ts';
import { describeCommand } from './terminal/command-help.ts';
import { helpFormat, helpWidthOf } from './terminal/help-format.ts';
import { type OutputFormat, outputFormats } from './terminal/output.ts';
import { resultStream } from './terminal/result-stream.ts';

/** How the program is told: what it is called, and for whom it writes. */
export type ProgramManner = { readonly called?: CalledAs; readonly format?: OutputFormat };

/** The whole command line but `stint dev`. Commander answers `--help`; what it refuses, `runTyped` tells. */
export function createProgram(
  version: string,
  run: Runner,
  { called = 'stint', format = 'table' }: ProgramManner = {},
): Command {
  const program = new Command(called)
    .version(version, '-V, --version', 'print the version')
    .configureHelp(helpFormat)
    .configureOutput({
      getOutHelpWidth: () => helpWidthOf(process.stdout),
      getErrHelpWidth: () => helpWidthOf(process.stderr),
      // A refusal is told as the error that it becomes; programs are not shown the page that it may come with.
      outputError: () => undefined,
      writeOut: resultStream(process.stdout).write,
      ...(format === 'json' ? { writeErr: () => undefined } : {}),
    })
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
  addRequestCommand(program, run);
  addReleaseCommand(program, run);
  addExecCommand(program, run);
  addRevokeCommand(program, run);
  program.commandsGroup('Answers:');
  addExplainCommand(program, run);
  addGrantCommands(program, run);
  addAuditCommands(program, run);
  program.commandsGroup('Operation:');
  addTokenCommands(program, run);
  addSvidCommands(program, run);
  addPolicyCommands(program, run);
  addRegistryCommands(program, run);
  program.commandsGroup('Installation:');
  addBusCommands(program, run);
  addPostgresCommands(program, run);
  return program;
}
