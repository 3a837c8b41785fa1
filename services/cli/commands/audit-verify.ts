import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { cliError } from '../cli-error.ts';
import type { CommandSession } from '../command-session.ts';
import { endpointNames } from '../endpoints.ts';
import { runChild } from '../exec/run-child.ts';
import { describeCommand } from './command-help.ts';
import { oneMore, readFileName } from './option-values.ts';
import type { Runner } from './run-command.ts';

/** The file that makes a directory that of a log. */
const recordsFile = 'records.db';

const auditorProgram = fileURLToPath(new URL('../../auditor/main.ts', import.meta.url));

type VerifyOptions = {
  readonly verifierKey?: string;
  readonly trustBundle?: string;
  readonly checkpoint: readonly string[];
  readonly knownSkip: readonly string[];
};

/** Adds `stint audit verify`: the auditor's own offline verifier, its verdict and exit code passed on. */
export function addAuditVerify(audit: Command, run: Runner): void {
  const command = audit
    .command('verify')
    .option(
      '--verifier-key <file>',
      "the log's key, kept elsewhere (default: log.vkey with the log)",
      readFileName,
    )
    .option(
      '--trust-bundle <file>',
      "the trust domain's roots in PEM (default: those recorded in the log)",
      readFileName,
    )
    .option(
      '--checkpoint <file>',
      'an older checkpoint: the log must be its continuation; may be repeated',
      (file: string, before: readonly string[]) => oneMore(readFileName(file), before),
      [],
    )
    .option(
      '--known-skip <index>',
      'a record that declares missing events, of which you know; may be repeated',
      oneMore,
      [],
    )
    .action(
      run<VerifyOptions>(async (session, { options }) => {
        const { verifierKey, trustBundle, checkpoint, knownSkip, output } = options;
        const args = [
          auditorProgram,
          'verify',
          ...['--log-dir', logDirectory(session)],
          ...(verifierKey === undefined ? [] : ['--verifier-key', verifierKey]),
          ...(trustBundle === undefined ? [] : ['--trust-bundle', trustBundle]),
          ...checkpoint.flatMap((file) => ['--checkpoint', file]),
          ...knownSkip.flatMap((index) => ['--known-skip', index]),
          ...(output === 'json' ? ['-o', 'json'] : []),
        ];
        const ended = await runChild([process.execPath, ...args], { environment: session.environment });
        return ended.exitCode;
      }),
    );
  describeCommand(command, {
    purpose: 'Check the whole log from its raw records, offline',
    examples: ['stint audit verify', 'stint audit verify --verifier-key ./kept/log.vkey -o json'],
    notes: [
      'Exit codes are the verifier’s: 0 whole, 2 not verified, 10 to 20 by kind of damage, 21 events skipped, 22 empty, 23 unreadable.',
    ],
    next: ['stint audit list'],
  });
}

/** Where the log is. @throws CliError NO_LOG when none stands there. */
function logDirectory(session: CommandSession): string {
  const { path: directory, source } = session.endpoint('log');
  if (existsSync(path.join(directory, recordsFile))) return directory;
  throw cliError('NO_LOG', {
    what: `no log stands in "${directory}"`,
    why: `${whyNoLog(directory)} (the directory is named by ${source})`,
    fix: `run it where the mesh was started (npm start), or name the log's directory with ${endpointNames.log.flag}`,
  });
}

function whyNoLog(directory: string): string {
  if (!existsSync(directory)) return 'it does not exist, or this user may not look into it';
  if (!statSync(directory).isDirectory()) return 'it is a file, not a directory';
  const below = path.join(directory, 'log');
  return existsSync(path.join(below, recordsFile))
    ? `there is no ${recordsFile} in it, but one in "${below}"`
    : `there is no ${recordsFile} in it`;
}
