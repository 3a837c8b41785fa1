import { createPublicKey } from 'node:crypto';
import { RotatingSvidSource } from '@stint/common/rotating-svid-source.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { newSvidKey } from '@stint/common/svid-key.ts';
import { assembleSvidState } from '@stint/common/svid-state.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import type { SvidState, X509Svid } from '@stint/common/x509-svid.ts';
import type { SvidIssuer } from '../domain/svid-issuer.ts';

/** What the broker's own SVID is made of. */
export type LocalSvidSourceOptions = {
  readonly issuer: SvidIssuer;
  readonly spiffeId: SpiffeId;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /**
   * Records the SVID that is about to replace `previous`; it is used only after this resolves. Not called for the first
   * one, without which nothing can be recorded: the start of the epoch does that.
   */
  readonly recordRotation: (svid: X509Svid, previous: X509Svid) => Promise<void>;
  readonly onFailure: (failure: unknown, nextAttemptAt: UnixMs) => void;
};

/**
 * Opens the source of the broker's own SVID: issued by its own CA, key and certificate in memory only.
 * On return the first one is there; the caller starts and stops the rotation.
 * @throws whatever the issuer throws for the first one.
 */
export async function openLocalSvidSource(options: LocalSvidSourceOptions): Promise<RotatingSvidSource> {
  const { clock, random, onFailure } = options;
  let last: X509Svid | undefined;
  const obtain = async () => {
    const state = await issueOwn(options);
    // Also after expiry, when the machine slept: an SVID of ours is in nobody's hands unrecorded.
    if (last !== undefined) await options.recordRotation(state.svid, last);
    last = state.svid;
    return state;
  };
  const source = new RotatingSvidSource({ clock, random, onFailure, obtain });
  await source.attempt();
  return source;
}

async function issueOwn(options: LocalSvidSourceOptions): Promise<SvidState> {
  const { issuer, spiffeId, ttlMs, clock } = options;
  const key = await newSvidKey();
  const publicKeyDer = key.privateKeyPem.reveal((pem) =>
    createPublicKey(pem).export({ format: 'der', type: 'spki' }),
  );
  const issued = await issuer.issue({ spiffeId, publicKeyDer, ttlMs, now: clock.now() });
  return assembleSvidState(issued, key.privateKeyPem);
}
