import type { AcquireResponse } from '@stint/common/gen/stint/sidecar/v1/AcquireResponse.ts';
import { services } from '@stint/common/proto.ts';
import type { Acquired } from '../app/acquire-access.ts';
import type { Access, Credential } from '../app/ports.ts';

const encode = services.sidecar.Acquire.responseSerialize;

/**
 * Answers of Acquire, as bytes. What comes from memory is encoded once for each lease and sent again as it is, so that
 * an answer from memory costs little more than an echo.
 */
export class AccessResponses {
  readonly #cached = new WeakMap<Access, Buffer>();

  /** The answer's bytes: a secret, to be written to the workload's stream and nowhere else. */
  bytesOf(acquired: Acquired): Buffer {
    if (!acquired.cached) return encode(toMessage(acquired));
    let bytes = this.#cached.get(acquired.access);
    if (bytes === undefined) {
      bytes = encode(toMessage(acquired));
      this.#cached.set(acquired.access, bytes);
    }
    return bytes;
  }
}

/** The one place in the sidecar where a secret becomes a message. */
function toMessage({ access, cached }: Acquired): AcquireResponse {
  const { grant, lease, credential } = access;
  return { grant, lease, credential: toCredential(credential), cached };
}

function toCredential(credential: Credential): NonNullable<AcquireResponse['credential']> {
  if (credential.kind === 'token')
    return { token: { token: credential.token.revealText(), tokenType: 'Bearer' } };
  const { kind: _, password, ...place } = credential;
  return { database: { ...place, password: password.revealText() } };
}
