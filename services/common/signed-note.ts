import { type KeyObject, sign, verify } from 'node:crypto';
import { ed25519PublicKey, ed25519RawKey } from './ed25519.ts';
import { sha256 } from './merkle.ts';

/** A key that verifies notes. Source: C2SP signed-note, "verifier keys". */
export type NoteVerifier = { readonly name: string; readonly keyId: string; readonly publicKey: KeyObject };

const ed25519Type = Buffer.from([0x01]);

/** Longest note read, in bytes; a checkpoint with a hundred cosignatures is far below. */
export const noteBytesMax = 65_536;

/** The verifier's text form: `<name>+<key id>+<base64 of type and key>`. */
export function formatVerifierKey(name: string, publicKey: KeyObject): string {
  const raw = ed25519RawKey(publicKey);
  return `${name}+${keyIdOf(name, raw)}+${Buffer.concat([ed25519Type, raw]).toString('base64')}`;
}

/** Reads a verifier key; undefined when malformed, of another type than Ed25519, or when its key id does not match. */
export function parseVerifierKey(text: string): NoteVerifier | undefined {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim());
  const key = Buffer.from(match?.[3] ?? '', 'base64');
  if (match === null || key.length !== 33 || key[0] !== 0x01) return undefined;
  const name = match[1] ?? '';
  const raw = key.subarray(1);
  const keyId = keyIdOf(name, raw);
  return keyId === match[2] ? { name, keyId, publicKey: ed25519PublicKey(raw) } : undefined;
}

/** Signs a text that ends in a newline. Source: C2SP signed-note. */
export function signNote(text: string, name: string, privateKey: KeyObject, publicKey: KeyObject): string {
  const signature = sign(null, Buffer.from(text, 'utf8'), privateKey);
  const keyId = Buffer.from(keyIdOf(name, ed25519RawKey(publicKey)), 'hex');
  return `${text}\n\u2014 ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`;
}

/**
 * Opens a note: the text when a signature by that verifier stands on it and is good, else undefined.
 * Signatures by other keys are passed over, as the format demands. The note may come from an attacker.
 */
export function openNote(note: string, verifier: NoteVerifier): string | undefined {
  if (note.length > noteBytesMax) return undefined;
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || !note.endsWith('\n')) return undefined;
  const text = note.slice(0, end + 1);
  for (const line of note.slice(end + 2).split('\n')) {
    const match = /^\u2014 (\S+) ([A-Za-z0-9+/=]+)$/.exec(line);
    if (match?.[1] !== verifier.name) continue;
    const blob = Buffer.from(match[2] ?? '', 'base64');
    if (blob.subarray(0, 4).toString('hex') !== verifier.keyId) continue;
    return verify(null, Buffer.from(text, 'utf8'), verifier.publicKey, blob.subarray(4)) ? text : undefined;
  }
  return undefined;
}

function keyIdOf(name: string, rawKey: Buffer): string {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`, 'utf8'), ed25519Type, rawKey])).subarray(0, 4).toString('hex');
}

/** A checkpoint's facts. Source: C2SP tlog-checkpoint. */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Buffer };

/** The text that is signed as a checkpoint. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString('base64')}\n`;
}

/** Reads the text of a verified checkpoint note; undefined when it is malformed. Extension lines are allowed and ignored. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin, size, root] = text.split('\n');
  const rootBytes = Buffer.from(root ?? '', 'base64');
  if (origin === undefined || origin === '' || !/^(?:0|[1-9]\d{0,15})$/.test(size ?? '') || rootBytes.length !== 32) return undefined;
  return { origin, size: Number(size), root: rootBytes };
}
