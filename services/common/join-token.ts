import { createHash, randomBytes } from 'node:crypto';
import { Secret } from './secret.ts';

/**
 * A join token's text: `sjt_` and 256 random bits in base64url without padding. The prefix lets secret scanners and
 * log redaction find one that went astray.
 */
const joinTokenGrammar = /^sjt_[A-Za-z0-9_-]{43}$/;

/** Makes a join token of 256 random bits. */
export function newJoinToken(): Secret {
  return new Secret(`sjt_${randomBytes(32).toString('base64url')}`);
}

/** Whether the text has a join token's form. Any other text cannot be one and needs no look-up. */
export function isJoinToken(text: string): boolean {
  return joinTokenGrammar.test(text);
}

/**
 * The hash under which a join token is stored and named, lower-case hex. A plain hash is enough: 256 random bits
 * cannot be guessed from it.
 */
export function joinTokenSha256(token: Secret): string {
  return token.reveal((text) => createHash('sha256').update(text).digest('hex'));
}
