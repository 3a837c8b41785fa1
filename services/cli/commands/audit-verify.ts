import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { oneMore, readFileName } from '../arguments/option-values.ts';
import { endpointNames } from '../endpoints.ts';
import { runChild } from '../exec/run-child.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import { describeCommand } from '../terminal/command-help.ts';

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
        const { path: directory, source } = session.endpoint('log');
        const args = [
          auditorProgram,
          'verify',
          ...['--log-dir', directory],
          ...(verifierKey === undefined ? [] : ['--verifier-key', verifierKey]),
          ...(trustBundle === undefined ? [] : ['--trust-bundle', trustBundle]),
          ...checkpoint.flatMap((file) => ['--checkpoint', file]),
          ...knownSkip.flatMap((index) => ['--known-skip', index]),
          ...(output === 'json' ? ['-o', 'json'] : []),
        ];
        const ended = await runChild([process.execPath, ...args], { environment: session.environment });
        // The verifier knows where it looked, not who sent it there.
        if (ended.exitCode === exitCodes.usage.code && source !== endpointNames.log.flag)
          session.output.note(`the log's directory was named by ${source}`);
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
