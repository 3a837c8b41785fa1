import { type KeyObject, sign, verify } from 'node:crypto';
import { ed25519PublicKey, ed25519RawKey } from './ed25519.ts';
import { sha256 } from './merkle.ts';

/** A key that verifies notes. Source: C2SP signed-note, "verifier keys". */
export type NoteVerifier = { readonly name: string; readonly keyId: string; readonly publicKey: KeyObject };

const ed25519Type = Buffer.from([0x01]);

/** Longest note read, in bytes: room for the 16 signatures that must be accepted, at 5 kB each. */
export const noteBytesMax = 131_072;

/** The verifier's text form: `<name>+<key id>+<base64 of type and key>`. */
export function formatVerifierKey(name: string, publicKey: KeyObject): string {
  const raw = ed25519RawKey(publicKey);
  return `${name}+${keyIdOf(name, raw)}+${Buffer.concat([ed25519Type, raw]).toString('base64')}`;
}

/** Reads a verifier key; undefined when malformed, of another type than Ed25519, or when its key id does not match. */
export function parseVerifierKey(text: string): NoteVerifier | undefined {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim());
  const key = decodeBase64(match?.[3] ?? '');
  if (match === null || key?.length !== 33 || key[0] !== 0x01) return undefined;
  const name = match[1] ?? '';
  const raw = key.subarray(1);
  const keyId = keyIdOf(name, raw);
  return keyId === match[2] ? { name, keyId, publicKey: ed25519PublicKey(raw) } : undefined;
}

/** Who signs a note: the key's name (no space, no "+") and its two halves. */
export type NoteSigner = {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
};

/**
 * Signs a text that ends in a newline and has no other control character. Source: C2SP signed-note.
 * @throws RangeError when the text or the name could not be read back.
 */
export function signNote(text: string, signer: NoteSigner): string {
  const { name, privateKey, publicKey } = signer;
  if (!isNoteText(text) || !/^[^\s+]+$/.test(name))
    throw new RangeError('note: the text or the name of the key has no form');
  const signature = sign(null, Buffer.from(text, 'utf8'), privateKey);
  const keyId = Buffer.from(keyIdOf(name, ed25519RawKey(publicKey)), 'hex');
  return `${text}\n\u2014 ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`;
}

/**
 * Opens a note: the text when a signature by that verifier stands on it and is good, else undefined.
 * Signatures by other keys are passed over, as the format demands; a malformed line spoils the note. The note may come
 * from an attacker.
 */
export function openNote(note: string, verifier: NoteVerifier): string | undefined {
  if (Buffer.byteLength(note) > noteBytesMax) return undefined;
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || !note.endsWith('\n')) return undefined;
  const text = note.slice(0, end + 1);
  const signatures = note
    .slice(end + 2, -1)
    .split('\n')
    .map(readSignature);
  if (!isNoteText(text) || signatures.includes(undefined)) return undefined;
  const ours = signatures.filter((found) => found?.name === verifier.name && found.keyId === verifier.keyId);
  const isSigned = (found: NoteSignature | undefined) =>
    found !== undefined && verify(null, Buffer.from(text, 'utf8'), verifier.publicKey, found.signature);
  return ours.length > 0 && ours.every(isSigned) ? text : undefined;
}

type NoteSignature = { readonly name: string; readonly keyId: string; readonly signature: Buffer };

function readSignature(line: string): NoteSignature | undefined {
  const match = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)$/.exec(line);
  const blob = decodeBase64(match?.[2] ?? '');
  if (match === null || blob === undefined || blob.length < 5) return undefined;
  return { name: match[1] ?? '', keyId: blob.subarray(0, 4).toString('hex'), signature: blob.subarray(4) };
}

function isNoteText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  return text.endsWith('\n') && text.isWellFormed() && !/[\x00-\x09\x0b-\x1f]/.test(text);
}

/** Base64 in its one spelling; undefined for any other, which Node would read all the same. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function keyIdOf(name: string, rawKey: Buffer): string {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`, 'utf8'), ed25519Type, rawKey]))
    .subarray(0, 4)
    .toString('hex');
}

/** A checkpoint's facts. Source: C2SP tlog-checkpoint. */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Buffer };

/** The text that is signed as a checkpoint. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString('base64')}\n`;
}

/** Reads the text of a verified checkpoint note; undefined when it is malformed. Extension lines are allowed and ignored. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin, size, root, ...extensions] = text.split('\n');
  const rootBytes = decodeBase64(root ?? '');
  if (origin === undefined || origin === '' || extensions.pop() !== '' || extensions.includes(''))
    return undefined;
  if (
    !/^(?:0|[1-9]\d{0,15})$/.test(size ?? '') ||
    !Number.isSafeInteger(Number(size)) ||
    rootBytes?.length !== 32
  )
    return undefined;
  return { origin, size: Number(size), root: rootBytes };
}
