import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import path from 'node:path';
import {
  createPrivateFile,
  PrivateFileError,
  readPrivateFile,
  replacePrivateFile,
} from '@stint/common/private-file.ts';
import type { Secret } from '@stint/common/secret.ts';
import type { TrustDomain } from '@stint/common/spiffe-id.ts';
import { formatTime, type UnixMs } from '@stint/common/time.ts';
import { isP256Spki } from '@stint/common/x509/p256.ts';
import { type SigningCa, toSigningCa } from './certificate.ts';

/**
 * The CA's directory cannot be used as it is. The text names the file, the fault and what to do; nothing was changed,
 * because a CA made anew in its place would cut off every workload that trusts the old one.
 */
export class CaFilesError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CaFilesError';
  }
}

/** Which of the CA's two files. Each holds a certificate and its private key, so that they can never come apart. */
export type CaRole = 'root' | 'issuing';

/** Where a CA's file is. */
export function caFilePath(directory: string, role: CaRole): string {
  return path.join(directory, `${role}.pem`);
}

/** Writes the root's file if there is none; false when somebody else has just written one. */
export function createRootFile(directory: string, root: SigningCa): Promise<boolean> {
  return createPrivateFile(caFilePath(directory, 'root'), encode(root));
}

/** Writes the issuing CA's file in place of the one before. */
export function replaceIssuingFile(directory: string, issuing: SigningCa): Promise<void> {
  return replacePrivateFile(caFilePath(directory, 'issuing'), encode(issuing));
}

/**
 * Reads one of the CA's files; undefined when it does not exist.
 * @throws CaFilesError when it is readable by others, cannot be read, is damaged, is not a CA's, is of another trust
 * domain, or holds a certificate and a key that do not belong together.
 */
export async function readCaFile(
  directory: string,
  role: CaRole,
  trustDomain: TrustDomain,
): Promise<SigningCa | undefined> {
  const file = caFilePath(directory, role);
  const contents = await readContents(file);
  if (contents === undefined) return undefined;
  try {
    return decode(file, contents, trustDomain);
  } finally {
    contents.destroy();
  }
}

/** @throws CaFilesError when the issuing CA was not signed by this root. */
export function requireSignedBy(root: SigningCa, issuing: SigningCa, directory: string): void {
  const [above, below] = [root.certificate, issuing.certificate];
  if (below.checkIssued(above) && below.verify(above.publicKey)) return;
  throw new CaFilesError(
    `"${caFilePath(directory, 'issuing')}" was not signed by the root beside it: restore both files from one backup`,
  );
}

/** @throws CaFilesError when the root's time is over or has not come. */
export function requireInTime(root: SigningCa, directory: string, now: UnixMs): void {
  const notBefore = root.certificate.validFromDate.getTime();
  const notAfter = root.certificate.validToDate.getTime();
  if (notBefore <= now && now < notAfter) return;
  const span = `${formatTime(notBefore)} to ${formatTime(notAfter)}`;
  throw new CaFilesError(
    `"${caFilePath(directory, 'root')}" is good from ${span}, and the clock says ${formatTime(now)}: set the clock, or make a new trust domain's CA in another directory`,
  );
}

async function readContents(file: string): Promise<Secret | undefined> {
  try {
    return await readPrivateFile(file);
  } catch (cause) {
    if (cause instanceof PrivateFileError && cause.kind === 'missing') return undefined;
    throw new CaFilesError(
      cause instanceof PrivateFileError ? cause.message : `"${file}" cannot be read`,
      cause,
    );
  }
}

function decode(file: string, contents: Secret, trustDomain: TrustDomain): SigningCa {
  const { certificate, privateKey } = parse(file, contents);
  if (!certificate.checkPrivateKey(privateKey))
    throw new CaFilesError(`"${file}" holds a certificate and the private key of another: restore it`);
  if (!isP256Spki(certificate.publicKey.export({ format: 'der', type: 'spki' }))) {
    throw new CaFilesError(`"${file}" holds a key that is not ECDSA P-256: restore it`);
  }
  if (!certificate.ca)
    throw new CaFilesError(`"${file}" holds a certificate that may not sign others: restore it`);
  if (certificate.subjectAltName !== `URI:spiffe://${trustDomain}`) {
    throw new CaFilesError(
      `"${file}" is of "${certificate.subjectAltName}", and the trust domain is "${trustDomain}": set the one or move the other`,
    );
  }
  return toSigningCa(certificate, privateKey);
}

function parse(file: string, contents: Secret): { certificate: X509Certificate; privateKey: KeyObject } {
  try {
    return contents.reveal((pem) => ({
      certificate: new X509Certificate(pem),
      privateKey: createPrivateKey(pem),
    }));
  } catch (cause) {
    throw new CaFilesError(
      `"${file}" is damaged: it must hold a certificate and its private key in PEM; restore it`,
      cause,
    );
  }
}

function encode({ certificate, key }: SigningCa): string {
  return `${certificate.toString()}${key.export({ format: 'pem', type: 'pkcs8' })}`;
}
