import { readFileSync } from 'node:fs';
import { PemCertificatesError, readCertificates } from './pem-certificates.ts';
import { type NoteVerifier, parseVerifierKey } from './signed-note.ts';

/** Why a file that somebody named cannot be used: what is wrong with which file, and why. */
export class InputFileError extends Error {
  readonly what: string;
  readonly why: string;

  constructor({ what, why }: { what: string; why: string }, cause?: unknown) {
    super(`${what}: ${why}`, cause === undefined ? undefined : { cause });
    this.name = 'InputFileError';
    this.what = what;
    this.why = why;
  }
}

/** Why a file cannot be read, by the system's code. */
const readFaults: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'this user may not',
};

/** Reads a file of text. @throws InputFileError. */
export function readInputFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code = 'unknown fault' } = cause as NodeJS.ErrnoException;
    throw new InputFileError({ what: `"${file}" cannot be read`, why: readFaults[code] ?? code }, cause);
  }
}

/** Reads a log's verifier key. @throws InputFileError. */
export function readVerifierKeyFile(file: string): NoteVerifier {
  const verifier = parseVerifierKey(readInputFile(file));
  if (verifier !== undefined) return verifier;
  throw new InputFileError({
    what: `"${file}" holds no verifier key`,
    why: 'a verifier key is one line: name+id+base64',
  });
}

/** Reads the certificates of a file in PEM, each DER; at least one. @throws InputFileError. */
export function readCertificateFile(file: string): Buffer[] {
  const text = readInputFile(file);
  try {
    return readCertificates(text);
  } catch (thrown) {
    if (!(thrown instanceof PemCertificatesError)) throw thrown;
    const what = `"${file}" cannot be read as certificates`;
    throw new InputFileError({ what, why: thrown.message }, thrown);
  }
}
