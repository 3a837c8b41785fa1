import type { SpiffeId } from '@stint/common/spiffe-id.ts';

/** The broker's name: the last segment of `spiffe://<trust domain>/stint/broker/<name>`. Undefined for any other ID. */
export function brokerNameOf(id: SpiffeId): string | undefined {
  return /^spiffe:\/\/[^/]+\/stint\/broker\/([A-Za-z0-9-]{1,64})$/.exec(id)?.[1];
}
