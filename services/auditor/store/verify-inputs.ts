import { existsSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { isServiceError } from '@stint/common/errors.ts';
import {
  InputFileError,
  readCertificateFile,
  readInputFile,
  readVerifierKeyFile,
} from '@stint/common/input-file.ts';
import type { NoteVerifier } from '@stint/common/signed-note.ts';
import { findingClasses } from '../domain/findings.ts';
import { checkpointFile, verifierKeyFile } from './log-files.ts';
import { recordsFile } from './open-store.ts';

/** Why there is no verdict, with the exit code of each. A log that is damaged beyond reading is no wrong argument. */
export const unusableReasons = {
  /** An argument is wrong, or a file that it names is. */
  NOT_VERIFIED: 2,
  /** No log stands where one was looked for. */
  NO_LOG: 2,
  /** One stands there, and is damaged so far that it has no records to judge. */
  LOG_UNREADABLE: findingClasses.unreadable.exitCode,
} as const;

export type UnusableReason = keyof typeof unusableReasons;

type UnusableText = { readonly why: string; readonly fix: string; readonly reason?: UnusableReason };

/** Why nothing was verified: what is not as it must be, its stable code, why, and what to do. */
export class UnusableError extends Error {
  readonly reason: UnusableReason;
  readonly why: string;
  readonly fix: string;

  constructor(what: string, { reason = 'NOT_VERIFIED', why, fix }: UnusableText, cause?: unknown) {
    super(what, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.why = why;
    this.fix = fix;
  }
}

/** Checks that a log stands in the directory. @throws UnusableError. */
export function requireLog(directory: string): void {
  const [records, found] = [statOf(path.join(directory, recordsFile)), statOf(directory)];
  if (records?.isFile() === true) return;
  const below = path.join(directory, 'log');
  const refuse = (why: string, better?: string) => {
    const fix =
      better === undefined
        ? 'name the directory that the auditor keeps the log in (its option log-dir) with --log-dir'
        : `--log-dir ${better}`;
    throw new UnusableError(`no log stands in "${directory}"`, { reason: 'NO_LOG', why, fix });
  };
  if (found === undefined) refuse('there is no such directory, or this user may not look into it');
  else if (path.basename(directory) === recordsFile && !found.isDirectory())
    refuse('it is the file of the records', path.dirname(directory));
  else if (!found.isDirectory()) refuse('it is a file, not a directory');
  else if (existsSync(path.join(below, recordsFile)))
    refuse(`there is no ${recordsFile} in it; one is in the folder "log" below`, below);
  else refuse(`${records === undefined ? 'there is no' : 'there is no file'} ${recordsFile} in it`);
}

/** Undefined when it is not there, and when this user may not look. */
function statOf(place: string): Stats | undefined {
  try {
    return statSync(place, { throwIfNoEntry: false });
  } catch {
    return undefined; // EACCES on the way: the message says that too
  }
}

/** Reads the log's key: the one named, or the one that lies with the log. @throws UnusableError. */
export function readVerifier(directory: string, named: string | undefined): NoteVerifier {
  const file = named ?? path.join(directory, verifierKeyFile);
  const fix = `name a copy of the log's ${verifierKeyFile} with --verifier-key`;
  return orUnusable(fix, () => readVerifierKeyFile(file));
}

/** Reads the public checkpoint; undefined when there is none. @throws UnusableError. */
export function readPublicCheckpoint(directory: string): string | undefined {
  const file = path.join(directory, checkpointFile);
  if (statOf(file) === undefined) return undefined;
  const fix = 'put the file back from a copy, or verify as a user who may read it';
  return orUnusable(fix, () => readInputFile(file));
}

/** Reads a checkpoint that was kept elsewhere. @throws UnusableError. */
export function readKeptCheckpoint(file: string): string {
  const fix = "name a copy that was made of the log's checkpoint with --checkpoint";
  return orUnusable(fix, () => readInputFile(file));
}

/** Reads roots of trust, each DER. @throws UnusableError. */
export function readRoots(file: string): Buffer[] {
  const fix = "name the trust domain's roots, certificates in PEM, with --trust-bundle";
  return orUnusable(fix, () => readCertificateFile(file));
}

/** Reads the index of a record that declares missing events. @throws UnusableError. */
export function readKnownSkip(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UnusableError(`--known-skip: "${text}" is not the index of a record`, {
    why: 'it must be a whole number from 0',
    fix: 'take the index that "stint audit gap skip" and the finding tell',
  });
}

/** Why nothing could be verified; undefined for a fault of ours. */
export function unusableOf(thrown: unknown, directory: string): UnusableError | undefined {
  if (thrown instanceof UnusableError) return thrown;
  if (!(thrown instanceof Error)) return undefined;
  const code = 'code' in thrown ? String(thrown.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS'))
    return new UnusableError(thrown.message, { why: 'the arguments are wrong', fix: 'see verify --help' });
  const found = isServiceError(thrown, 'STORE_UNAVAILABLE') ? thrown.cause : thrown;
  if (!(found instanceof Error) || !('errcode' in found)) return undefined;
  const what = `"${path.join(directory, recordsFile)}" cannot be read as a log`;
  if (notOfTheFile.has(Number(found.errcode) % 256))
    return new UnusableError(what, { why: found.message, fix: 'verify as a user who may read it' }, thrown);
  // Not a database, cut short, or without our tables: whoever did it, there is nothing to verify.
  const fix = 'put it back from a copy; what is damaged so far cannot be verified';
  return new UnusableError(what, { reason: 'LOG_UNREADABLE', why: whyUnreadable(found), fix }, thrown);
}

/** SQLite's codes that say nothing of what the file holds: BUSY, LOCKED, NOMEM, READONLY, CANTOPEN, AUTH. */
const notOfTheFile: ReadonlySet<number> = new Set([5, 6, 7, 8, 14, 23]);

function whyUnreadable({ message }: Error): string {
  return message.startsWith('no such table') ? `it has not the tables of a log (${message})` : message;
}

/** What `read` reads. @throws UnusableError with that fix when a file cannot be used. */
function orUnusable<Read>(fix: string, read: () => Read): Read {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof InputFileError)) throw thrown;
    throw new UnusableError(thrown.what, { why: thrown.why, fix }, thrown);
  }
}
