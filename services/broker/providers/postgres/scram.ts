import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { Secret } from '@stint/common/secret.ts';

const pbkdf2Async = promisify(pbkdf2);

/** Random bytes in a password: 256 bits, so that neither guessing nor a stolen verifier leads back to it. */
const passwordBytes = 32;
const saltBytes = 16;
const digestBytes = 32;

/** Makes a fresh password: 43 characters of base64url, plain ASCII, so that SASLprep leaves it as it is. */
export function newPassword(): Secret {
  return new Secret(randomBytes(passwordBytes).toString('base64url'));
}

/**
 * The verifier that PostgreSQL stores for a password: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
 * Sent in place of the password, it keeps the plaintext out of statements, and so out of the server's log. The hash is
 * computed in the thread pool. Source: RFC 5802 §3, RFC 7677; PostgreSQL manual, pg_authid.
 */
export async function scramVerifier(
  password: Secret,
  iterations: number,
  salt: Buffer = randomBytes(saltBytes),
): Promise<string> {
  const salted = await password.reveal((plaintext) =>
    pbkdf2Async(plaintext, salt, iterations, digestBytes, 'sha256'),
  );
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const serverKey = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
