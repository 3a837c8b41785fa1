import { connectGrpc, type GrpcChannel } from '@stint/common/grpc-client.ts';
import type { Log } from '@stint/common/log.ts';
import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { newSvidKey } from '@stint/common/svid-key.ts';
import { assembleSvidState } from '@stint/common/svid-state.ts';
import { systemClock } from '@stint/common/time.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';

/** Grants that are revoked at once, at most. Source: stint.broker.v1.ListGrantsRequest.page_size. */
const grantsMax = 500;

/** What the mesh asks of its broker as the local operator. */
export class BrokerAdmin {
  readonly #channel: GrpcChannel;

  constructor(socket: string, log: Log) {
    this.#channel = connectGrpc({
      target: { unixPath: socket },
      unavailable: 'BROKER_UNAVAILABLE',
      clock: systemClock,
      log,
    });
  }

  /** A single-use join token for an identity. */
  async joinToken(spiffeId: SpiffeId): Promise<string> {
    const { token } = await this.#channel.call(services.admin.CreateJoinToken, { spiffeId });
    return token;
  }

  /** An SVID with a fresh key for a part that cannot attest by itself. */
  async mint(spiffeId: SpiffeId, ttlMs: number): Promise<SvidState> {
    const key = await newSvidKey();
    const { svid } = await this.#channel.call(services.admin.MintSvid, {
      spiffeId,
      csr: key.csrDer,
      ttl: toDuration(ttlMs),
    });
    if (svid === null) throw new Error(`broker: minted no SVID for ${spiffeId}`);
    const issued = { spiffeId, certificatesDer: svid.certificates, bundleDer: svid.bundle };
    return assembleSvidState(issued, key.privateKeyPem);
  }

  /**
   * Revokes every grant that is in force: at the end of a mesh, and of what one that did not end in order has left.
   * @param signal ends it; what is not revoked by then stays, and ends at its end.
   * @returns how many there were.
   */
  async revokeAll(reason: string, signal: AbortSignal): Promise<number> {
    const { grants } = await this.#channel.call(
      services.admin.ListGrants,
      { liveOnly: true, pageSize: grantsMax },
      { signal },
    );
    const revoke = (grantId: string) =>
      this.#channel.call(services.admin.RevokeGrant, { grantId, reason, waitContained: true }, { signal });
    for (const { id } of grants) await revoke(id);
    return grants.length;
  }

  close(): void {
    this.#channel.close();
  }
}
