import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { newSvidKey } from '@stint/common/svid-key.ts';
import { assembleSvidState } from '@stint/common/svid-state.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import { incompleteAnswer } from './cli-error.ts';
import type { CommandSession } from './command-session.ts';

/** A fresh key, certified by the broker for infrastructure that cannot attest by itself. The key is made here and stays here. */
export async function mintSvid(
  session: CommandSession,
  order: { readonly spiffeId: SpiffeId; readonly ttlMs: number },
): Promise<SvidState> {
  const broker = await session.channel('broker');
  const key = await newSvidKey();
  const request = { spiffeId: order.spiffeId, csr: key.csrDer, ttl: toDuration(order.ttlMs) };
  const { svid } = await broker.call(services.admin.MintSvid, request);
  if (svid === null) {
    throw incompleteAnswer('the broker answered without an SVID');
  }
  const issued = { certificatesDer: svid.certificates, bundleDer: svid.bundle };
  return assembleSvidState(issued, key.privateKeyPem);
}
