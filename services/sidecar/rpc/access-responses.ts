import type { HeldLease } from '@stint/common/gen/stint/sidecar/v1/HeldLease.ts';
import type { Log } from '@stint/common/log.ts';
import { codecs } from '@stint/common/proto.ts';
import type { Acquired } from '../app/acquire-access.ts';
import type { ListedLease } from '../app/list-leases.ts';
import type { Access } from '../app/ports.ts';

const { encode, decode } = codecs.acquireResponse;

/**
 * The end of an answer: whether it came from memory. Behind the broker's RequestAccessResponse it makes an AcquireResponse,
 * whose other fields are the same, and it takes the place of `replayed`, because of a field that comes twice the last one
 * counts. Source: Protocol Buffers, "Encoding", "Last One Wins".
 */
const endings = { cached: Buffer.from([0x20, 1]), asked: Buffer.from([0x20, 0]) } as const;

/**
 * Answers of Acquire, as bytes. What comes from memory is made once for each lease and sent again as it is, so that an
 * answer from memory costs little more than an echo.
 */
export class AccessResponses {
  readonly #cached = new WeakMap<Access, Buffer>();

  /** The answer's bytes: a secret, to be written to the workload's stream and nowhere else. */
  bytesOf({ access, cached }: Pick<Acquired, 'access' | 'cached'>): Buffer {
    if (!cached) return respond(access, 'asked');
    let bytes = this.#cached.get(access);
    if (bytes === undefined) {
      bytes = respond(access, 'cached');
      this.#cached.set(access, bytes);
    }
    return bytes;
  }
}

function respond(access: Access, ending: keyof typeof endings): Buffer {
  const { answer, renewed } = access;
  if (renewed !== undefined)
    return encode({ ...opened(answer), lease: renewed, cached: ending === 'cached' });
  return answer.reveal((bytes) => Buffer.concat([bytes, endings[ending]]));
}

/**
 * Held leases for a list: what the workload was told of each, without the credentials. What a broker wrote so that it
 * cannot be read is left out and logged: it keeps no other from being shown.
 */
export function heldLeases(leases: readonly ListedLease[], log: Log): HeldLease[] {
  return leases.flatMap(({ access, leaseId, holders }) => {
    try {
      const { grant, lease } = opened(access.answer);
      return [{ grant, lease: access.renewed ?? lease, holders }];
    } catch (error) {
      log.error({ error, lease_id: leaseId }, 'lease left out of a list: the broker wrote it unreadably');
      return [];
    }
  });
}

function opened(answer: Access['answer']) {
  return answer.reveal((bytes) => decode(bytes));
}
