import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isServiceError } from '@stint/common/errors.ts';
import { plainJson, plainText } from '@stint/common/plain-text.ts';
import { parseVerifierKey } from '@stint/common/signed-note.ts';
import { type Verdict, verifyLog } from './app/verify-log.ts';
import { type Finding, findingClasses } from './domain/findings.ts';
import { checkpointFile, readIfThere, verifierKeyFile } from './store/log-files.ts';
import { openLogReader } from './store/log-reader.ts';

/** The log could not be looked at: wrong arguments, or something that must be there is not. */
const exitUnusable = 2;

const usage = `usage: auditor verify --log-dir DIR [--verifier-key FILE] [--trust-bundle FILE] [--checkpoint FILE]... [--known-skip INDEX]... [-o json]

Verifies a whole log offline, from its raw records. An auditor may be at work on it.
  --verifier-key  the log's key, kept elsewhere; without it the one that lies with the log, which proves less
  --trust-bundle  the trust domain's roots in PEM; without it those that the auditor recorded
  --checkpoint    an older checkpoint: the log must be its continuation
  --known-skip    a record that declares missing events, of which you know: it is no finding then

exit code: 0 whole, ${exitUnusable} not verified,
${Object.entries(findingClasses)
  .map(([kind, { exitCode, meaning }]) => `  ${exitCode} ${kind}: ${meaning}`)
  .join('\n')}
`;

/** What a verification needs, as named on the command line. */
export type FsckOptions = {
  readonly logDir: string;
  readonly verifierKeyFile?: string | undefined;
  readonly trustBundleFile?: string | undefined;
  readonly checkpointFiles?: readonly string[];
  readonly knownSkips?: ReadonlySet<number>;
};

/** Runs `verify` with its arguments; the exit code says what was found. Nothing is written but to `write`. */
export function verifyCommand(args: readonly string[], write: (text: string) => void): number {
  try {
    const { values } = parseArgs({ args: [...args], options: flags, strict: true });
    if (values.help === true || values['log-dir'] === undefined) {
      write(usage);
      return values.help === true ? 0 : exitUnusable;
    }
    const startedAt = performance.now();
    const verdict = fsck({
      logDir: values['log-dir'],
      verifierKeyFile: values['verifier-key'],
      trustBundleFile: values['trust-bundle'],
      checkpointFiles: values.checkpoint ?? [],
      knownSkips: new Set((values['known-skip'] ?? []).map(readRecordIndex)),
    });
    const seconds = (performance.now() - startedAt) / 1_000;
    const pinned = values['verifier-key'] !== undefined;
    write(values.output === 'json' ? asJson(verdict, seconds) : asText(verdict, { seconds, pinned }));
    return verdict.findings.exitCode;
  } catch (thrown) {
    if (!isExpected(thrown)) throw thrown;
    const what = isSqliteFault(thrown) ? 'records.db cannot be read as a log: ' : '';
    write(`not verified: ${what}${plainText((thrown as Error).message)}\n`);
    return exitUnusable;
  }
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

/** Verifies the log of a directory. @throws UnusableError, ServiceError STORE_UNAVAILABLE when it cannot be looked at. */
export function fsck(options: FsckOptions): Verdict {
  const keyFile = options.verifierKeyFile ?? path.join(options.logDir, verifierKeyFile);
  const verifier = parseVerifierKey(readText(keyFile));
  if (verifier === undefined) throw new UnusableError(`"${keyFile}" holds no verifier key`);
  // Read before the log: an auditor at work appends, and a later checkpoint could cover more than the snapshot.
  const newest = readIfThere(path.join(options.logDir, checkpointFile));
  const older = (options.checkpointFiles ?? []).map((file) => ({ what: `"${file}"`, note: readText(file) }));
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

function readRecordIndex(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UnusableError(`--known-skip: "${text}" is not the index of a record`);
}

class UnusableError extends Error {}

function isExpected(thrown: unknown): boolean {
  const isUsage =
    thrown instanceof TypeError && 'code' in thrown && String(thrown.code).startsWith('ERR_PARSE_ARGS');
  return thrown instanceof UnusableError || isServiceError(thrown) || isUsage || isSqliteFault(thrown);
}

/** Not a database, cut short, or without our tables: whoever did it, there is nothing to verify. */
function isSqliteFault(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_SQLITE_ERROR';
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UnusableError(`"${file}" cannot be read`, { cause });
  }
}

function readRoots(file: string): Buffer[] {
  const blocks = readText(file).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new UnusableError(`"${file}" holds no certificate`);
  return blocks.map((pem) => new X509Certificate(pem).raw);
}

function asText(verdict: Verdict, { seconds, pinned }: { seconds: number; pinned: boolean }): string {
  const { findings, size, root, skips } = verdict;
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
  if (findings.exitCode === 0) return `whole: ${rate}, root ${root.toString('base64')}\n${known}${key}`;
  const classes = [...findings.counts]
    .map(([kind, count]) => `  ${kind} (${count}): ${findingClasses[kind].meaning}\n`)
    .join('');
  const head = size === 0 && [...findings.counts.keys()].join() === 'empty' ? 'EMPTY' : 'NOT WHOLE';
  return `${head}: ${rate}\n${classes}${findings.kept.map(asLine).join('')}${key}`;
}

// Whoever changed the log may have written to the terminal of its reader.
function asLine(finding: Finding): string {
  const where = [
    finding.index === undefined ? '' : ` index ${finding.index}`,
    finding.broker === undefined ? '' : ` broker ${finding.broker}`,
    finding.seq === undefined ? '' : ` event ${finding.seq}`,
  ].join('');
  return `${plainText(`  -${where === '' ? '' : `${where}:`} ${finding.message}`)}\n`;
}

function asJson(verdict: Verdict, seconds: number): string {
  const { findings, size, root, skips } = verdict;
  const facts = {
    whole: findings.exitCode === 0,
    exit_code: findings.exitCode,
    size,
    root: root.toString('base64'),
    seconds,
  };
  return `${plainJson({ ...facts, counts: Object.fromEntries(findings.counts), findings: findings.kept, skips: skips.map(skipJson) })}\n`;
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
