import { parseArgs } from 'node:util';
import { plainJson, plainText } from '@stint/common/plain-text.ts';
import { type Verdict, verifyLog } from './app/verify/verify-log.ts';
import { type Finding, findingClasses } from './domain/findings.ts';
import { openLogReader } from './store/log-reader.ts';
import {
  readKeptCheckpoint,
  readKnownSkip,
  readPublicCheckpoint,
  readRoots,
  readVerifier,
  requireLog,
  UnusableError,
  unusableOf,
  unusableReasons,
} from './store/verify-inputs.ts';

const usage = `usage: auditor verify --log-dir DIR [--verifier-key FILE] [--trust-bundle FILE] [--checkpoint FILE]... [--known-skip INDEX]... [-o json]

Verifies a whole log offline, from its raw records. An auditor may be at work on it.
  --verifier-key  the log's key, kept elsewhere; without it the one that lies with the log, which proves less
  --trust-bundle  the trust domain's roots in PEM; without it those that the auditor recorded
  --checkpoint    an older checkpoint: the log must be its continuation
  --known-skip    a record that declares missing events, of which you know: it is no finding then; one that declares
                  none is told, and changes nothing

exit code: 0 whole, ${unusableReasons.NOT_VERIFIED} not verified,
${Object.entries(findingClasses)
  .map(([kind, { exitCode, meaning }]) => `  ${exitCode} ${kind}: ${meaning}`)
  .join('\n')}
`;

/** What a verification needs, as named on the command line. */
export type VerifyOptions = {
  readonly logDir: string;
  readonly verifierKeyFile?: string | undefined;
  readonly trustBundleFile?: string | undefined;
  readonly checkpointFiles?: readonly string[];
  readonly knownSkips?: ReadonlySet<number>;
};

/**
 * Runs `verify` with its arguments; the exit code says what was found. Nothing is written but the verdict, to `write`, or
 * why there is none, to `writeFailure`.
 */
export function verifyCommand(
  args: readonly string[],
  write: (text: string) => void,
  writeFailure = write,
): number {
  let format: 'text' | 'json' = 'text';
  let directory = '';
  try {
    format = readFormat(args);
    const { values } = parseArgs({ args: [...args], options: flags, strict: true });
    if (values.help === true) {
      write(usage);
      return 0;
    }
    directory = values['log-dir'] ?? missing('--log-dir');
    const startedAt = performance.now();
    const verdict = verifyDirectory({
      logDir: directory,
      verifierKeyFile: values['verifier-key'],
      trustBundleFile: values['trust-bundle'],
      checkpointFiles: values.checkpoint ?? [],
      knownSkips: new Set((values['known-skip'] ?? []).map(readKnownSkip)),
    });
    const seconds = (performance.now() - startedAt) / 1_000;
    const pinned = values['verifier-key'] !== undefined;
    const circumstances = { seconds, pinned };
    write(format === 'json' ? asJson(verdict, circumstances) : asText(verdict, circumstances));
    return verdict.findings.exitCode;
  } catch (thrown) {
    const unusable = unusableOf(thrown, directory);
    if (unusable === undefined) throw thrown;
    writeFailure(format === 'json' ? failureJson(unusable) : failureText(unusable));
    return unusableReasons[unusable.reason];
  }
}

function missing(flag: string): never {
  throw new UnusableError(`${flag} is missing`, {
    why: 'verify reads no configuration: it must be told where the log is',
    fix: `${flag} DIR; all that may be said: verify --help`,
  });
}

const flags = {
  'log-dir': { type: 'string' },
  'verifier-key': { type: 'string' },
  'trust-bundle': { type: 'string' },
  checkpoint: { type: 'string', multiple: true },
  'known-skip': { type: 'string', multiple: true },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean' },
} as const;

/** Verifies the log of a directory. @throws UnusableError, and what SQLite throws, when it cannot be looked at. */
export function verifyDirectory(options: VerifyOptions): Verdict {
  requireLog(options.logDir);
  const verifier = readVerifier(options.logDir, options.verifierKeyFile);
  // Read before the log: an auditor at work appends, and a later checkpoint could cover more than the snapshot.
  const newest = readPublicCheckpoint(options.logDir);
  const older = (options.checkpointFiles ?? []).map((file) => ({
    what: `"${file}"`,
    note: readKeptCheckpoint(file),
  }));
  const rootsDer =
    options.trustBundleFile === undefined ? {} : { rootsDer: readRoots(options.trustBundleFile) };
  const reader = openLogReader(options.logDir);
  try {
    const { knownSkips = new Set<number>() } = options;
    return verifyLog({ reader, verifier, newest, older, knownSkips, ...rootsDer });
  } finally {
    reader.close();
  }
}

function readFormat(args: readonly string[]): 'text' | 'json' {
  const { output = 'text' } = parseArgs({ args: [...args], options: flags, strict: false }).values;
  if (output === 'text' || output === 'json') return output;
  throw new UnusableError(`--output: "${output}" is no format`, {
    why: 'there are text and json',
    fix: '-o json, or nothing',
  });
}

function failureText({ message, reason, why, fix }: UnusableError): string {
  const head = `not verified: ${plainText(message)}\n`;
  return `${head}  why: ${plainText(why)}\n  fix: ${plainText(fix)}\n  code: ${reason}\n`;
}

// The shape that the command line's own failures have.
function failureJson({ message, reason, why, fix }: UnusableError): string {
  const facts = { reason, exit_code: unusableReasons[reason], metadata: {} };
  return `${plainJson({ error: { what: message, why, fix, ...facts } })}\n`;
}

/** How a verdict came about: in what time, and whether by a key that was given or by the one that lay with the log. */
type Circumstances = { readonly seconds: number; readonly pinned: boolean };

function asText(verdict: Verdict, { seconds, pinned }: Circumstances): string {
  const { findings, size, root, skips, unfoundSkips } = verdict;
  const rate = `${size} records in ${seconds.toFixed(1)} s (${Math.round(size / seconds)} a second)`;
  const key = pinned
    ? ''
    : 'The verifier key lay with the log: who can change one can change the other. Give yours with --verifier-key.\n';
  const known = skips
    .map(({ index, broker, missingFrom, resumeAt }) => {
      const hole = `events ${missingFrom} to ${resumeAt - 1} of ${plainText(broker)}`;
      return `  but for ${hole}, skipped by an operator in record ${index}\n`;
    })
    .join('');
  const notes = `${unfoundSkips.map((index) => unfoundText(index, size)).join('')}${key}`;
  if (findings.exitCode === 0) return `whole: ${rate}, root ${root.toString('base64')}\n${known}${notes}`;
  const classes = [...findings.counts]
    .map(([kind, count]) => {
      const { exitCode, meaning } = findingClasses[kind];
      return `  ${exitCode} ${kind} (${count}): ${meaning}\n`;
    })
    .join('');
  const head = size === 0 && [...findings.counts.keys()].join() === 'empty' ? 'EMPTY' : 'NOT WHOLE';
  return `${head}: ${rate}\n${classes}${findings.kept.map(asLine).join('')}${notes}`;
}

function unfoundText(index: number, size: number): string {
  const what = index < size ? `record ${index} declares no missing events` : `there is no record ${index}`;
  return `--known-skip ${index} changed nothing: ${what}. A finding that is a declared hole tells its record.\n`;
}

// Whoever changed the log may have written to the terminal of its reader.
function asLine(finding: Finding): string {
  const where = [
    finding.class,
    finding.index === undefined ? [] : `index ${finding.index}`,
    finding.broker === undefined ? [] : `broker ${finding.broker}`,
    finding.seq === undefined ? [] : `event ${finding.seq}`,
  ].flat();
  return `${plainText(`  - ${where.join(', ')}: ${finding.message}`)}\n`;
}

function asJson(verdict: Verdict, { seconds, pinned }: Circumstances): string {
  const { findings, size, root, skips, unfoundSkips } = verdict;
  const facts = {
    whole: findings.exitCode === 0,
    exit_code: findings.exitCode,
    size,
    root: root.toString('base64'),
    seconds,
    verifier_key: pinned ? 'pinned' : 'with the log',
  };
  const lists = { findings: findings.kept, skips: skips.map(skipJson), known_skips_not_found: unfoundSkips };
  return `${plainJson({ ...facts, counts: Object.fromEntries(findings.counts), ...lists })}\n`;
}

function skipJson({
  index,
  broker,
  missingFrom,
  resumeAt,
  reason,
  operator,
}: Verdict['skips'][number]): object {
  return { index, broker, missing_from: missingFrom, resume_at: resumeAt, reason, operator };
}
