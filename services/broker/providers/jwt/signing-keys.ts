import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import {
  createPrivateFile,
  ensurePrivateDirectory,
  readPrivateFile,
  removeAbandonedCopies,
} from '@stint/common/private-file.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import { calculateJwkThumbprint, type JWK } from 'jose';

/** Longest life of a token, in seconds: a verifier that missed its end accepts it no longer than this. */
export const tokenSecondsMax = 3_600;

/** How long a verifier may use a key set without asking again, in milliseconds; the key set's answer says so too. */
export const keySetCacheMs = 300_000;

/** Age at which the newest key gets a successor, in milliseconds: 30 days. */
export const rotationMs = 30 * 86_400_000;

/** A key of the set. It signs from `signsFrom` until its successor does. */
type SigningKey = {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: JWK;
  readonly madeAt: UnixMs;
  readonly signsFrom: UnixMs;
  readonly file: string;
};

/** What signing needs: the key and the header's bytes, made once. */
export type Signer = { readonly privateKey: KeyObject; readonly encodedHeader: string };

const fileNamePattern = /^(\d{13})\.pem$/;

/**
 * The ES256 keys that sign tokens: one file a key (0600 in a 0700 directory), named by the time it was made.
 *
 * There is no other state. The order of names says which key signs: the newest whose announcement time has passed. A
 * new key is published at once and signs only after {@link keySetCacheMs}, when every verifier can have it; the very
 * first signs at once. A key that has a signing successor stays published until the last token it signed has ended and
 * caches have turned over, and is then removed. *A crash while a key is written leaves the old set whole.*
 */
export class SigningKeys {
  readonly #directory: string;
  readonly #clock: Clock;
  #keys: readonly SigningKey[] = [];
  #current: { readonly signer: Signer; readonly until: UnixMs } | undefined;

  private constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /**
   * Reads the directory, makes the first key when there is none, and does what is due.
   * @throws PrivateFileError when the directory or a file is open to others; Error when a file is no P-256 key.
   */
  static async open(directory: string, clock: Clock): Promise<SigningKeys> {
    await ensurePrivateDirectory(directory);
    await removeAbandonedCopies(directory, clock.now());
    const keys = new SigningKeys(directory, clock);
    await keys.#read();
    if (keys.#keys.length === 0) await keys.rotate();
    await keys.maintain();
    return keys;
  }

  /** The key that signs now. Costs a comparison until the next key's turn comes. */
  signer(): Signer {
    const now = this.#clock.now();
    if (this.#current === undefined || now >= this.#current.until) this.#current = this.#choose(now);
    return this.#current.signer;
  }

  /** Every key that a live token may be signed with, now or soon; newest first. */
  keySet(): { readonly keys: readonly JWK[] } {
    const now = this.#clock.now();
    const published = this.#keys.filter((key) => now < this.#endsAt(key));
    return { keys: published.map((key) => key.publicJwk).reverse() };
  }

  /** Makes a new key and publishes it; it signs after {@link keySetCacheMs}. */
  async rotate(): Promise<void> {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    // Later than every other, even if the clock was set back: the order of names is the order of keys.
    const madeAt = Math.max(this.#clock.now(), (this.#keys.at(-1)?.madeAt ?? 0) + 1);
    const file = path.join(this.#directory, `${String(madeAt).padStart(13, '0')}.pem`);
    if (!(await createPrivateFile(file, pem))) throw new Error(`"${file}" was made by another process`);
    await this.#read();
  }

  /** Rotates when the newest key is {@link rotationMs} old, and removes keys no token can depend on. Call it every hour or so. */
  async maintain(): Promise<void> {
    const now = this.#clock.now();
    const newest = this.#keys.at(-1);
    if (newest !== undefined && now - newest.madeAt >= rotationMs) await this.rotate();
    for (const key of this.#keys) if (now >= this.#endsAt(key)) await unlink(key.file);
    await this.#read();
  }

  async #read(): Promise<void> {
    const names = (await readdir(this.#directory)).filter((name) => fileNamePattern.test(name)).sort();
    const keys: SigningKey[] = [];
    for (const name of names) {
      const known = this.#keys.find((key) => path.basename(key.file) === name);
      // Whichever is the oldest has nothing to wait for: no other could sign in its place.
      const isFirst = keys.length === 0;
      keys.push(known ?? (await readKey(path.join(this.#directory, name), isFirst)));
    }
    this.#keys = keys;
    this.#current = undefined;
  }

  #choose(now: UnixMs): { readonly signer: Signer; readonly until: UnixMs } {
    const next = this.#keys.find((key) => key.signsFrom > now);
    const chosen = this.#keys.findLast((key) => key.signsFrom <= now) ?? this.#keys[0];
    if (chosen === undefined) throw new Error('no signing key: the set is made with one and never empties');
    const header = JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: chosen.kid });
    const signer = {
      privateKey: chosen.privateKey,
      encodedHeader: Buffer.from(header).toString('base64url'),
    };
    return { signer, until: next?.signsFrom ?? Number.POSITIVE_INFINITY };
  }

  /** When a key leaves the set: its successor signs, its last token has ended, and caches have turned over. */
  #endsAt(key: SigningKey): UnixMs {
    const successor = this.#keys.find((other) => other.madeAt > key.madeAt);
    return successor === undefined
      ? Number.POSITIVE_INFINITY
      : successor.signsFrom + tokenSecondsMax * 1_000 + keySetCacheMs;
  }
}

async function readKey(file: string, isFirst: boolean): Promise<SigningKey> {
  const secret = await readPrivateFile(file);
  const privateKey = secret.reveal((pem) => createPrivateKey(pem));
  secret.destroy();
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error(`"${file}" is not a P-256 key`);
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' }) as {
    kty: string;
    crv: string;
    x: string;
    y: string;
  };
  const kid = await calculateJwkThumbprint({ kty, crv, x, y }, 'sha256');
  const madeAt = Number(fileNamePattern.exec(path.basename(file))?.[1]);
  const signsFrom = isFirst ? madeAt : madeAt + keySetCacheMs;
  return {
    kid,
    privateKey,
    publicJwk: { kty, crv, x, y, kid, use: 'sig', alg: 'ES256' },
    madeAt,
    signsFrom,
    file,
  };
}
