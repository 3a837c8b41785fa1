import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import path from 'node:path';
import { createPrivateFile, ensurePrivateDirectory, readPrivateFile } from '@stint/common/private-file.ts';
import {
  formatVerifierKey,
  type NoteSigner,
  type NoteVerifier,
  parseVerifierKey,
} from '@stint/common/signed-note.ts';

/** The log's signing key: Ed25519, PKCS#8 in PEM, mode 0600, in a directory of mode 0700 that is not the log's. */
export const logKeyFile = 'log.key';

/** The log's key and its public half in the form that verifiers take. */
export type LogKey = {
  readonly signer: NoteSigner;
  readonly verifier: NoteVerifier;
  readonly verifierKey: string;
};

/**
 * Makes the log's key, or finds the one that is there. `name` is the log's origin and the key's name in notes.
 * Crash before the file has its name: there is no key; call again.
 * @throws PrivateFileError when others may read what is there.
 */
export async function createLogKey(directory: string, name: string): Promise<LogKey> {
  await ensurePrivateDirectory(directory);
  const { privateKey } = generateKeyPairSync('ed25519');
  await createPrivateFile(
    path.join(directory, logKeyFile),
    privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  );
  return openLogKey(directory, name);
}

/** Reads the log's key. @throws PrivateFileError when it is missing or others may read it; Error when it is not Ed25519. */
export async function openLogKey(directory: string, name: string): Promise<LogKey> {
  const file = path.join(directory, logKeyFile);
  const pem = await readPrivateFile(file);
  const privateKey = pem.reveal((bytes) => createPrivateKey(bytes));
  pem.destroy();
  if (privateKey.asymmetricKeyType !== 'ed25519')
    throw new Error(`log key: "${file}" does not hold an Ed25519 key`);
  return describe(privateKey, name);
}

function describe(privateKey: KeyObject, name: string): LogKey {
  const publicKey = createPublicKey(privateKey);
  const verifierKey = formatVerifierKey(name, publicKey);
  const verifier = parseVerifierKey(verifierKey);
  if (verifier === undefined)
    throw new Error(`log key: "${name}" cannot name a key: it must have no space and no "+"`);
  return { signer: { name, privateKey, publicKey }, verifier, verifierKey };
}
