import { ServiceError } from '@stint/common/errors.ts';
import { IdentityPlaces } from '@stint/common/grpc/identity-places.ts';
import {
  type CallContext,
  type GrpcService,
  grpcService,
  type MethodTable,
} from '@stint/common/grpc-method.ts';
import { services } from '@stint/common/proto.ts';
import type { RotateSvid, SvidHolder } from '../app/identity/rotate-svid.ts';
import { toX509SvidMessage } from './svid-messages.ts';

/** Rotations that one identity may have under way, for all its replicas: a quarter of all that there is room for. */
export const rotationsPerIdentityMax = 32;

const methods: MethodTable<typeof services.identity> = {
  RotateSvid: {
    callers: ['svid'],
    deadlineMs: { default: 10_000, max: 30_000 },
    concurrencyMax: 128,
    requestBytesMax: 8_192,
  },
};

/** `IdentityService`, for the mesh listener. */
export function identityService(rotateSvid: RotateSvid): GrpcService {
  const rotations = new IdentityPlaces({
    what: 'rotations',
    perIdentityMax: rotationsPerIdentityMax,
    retryAfterMs: 200,
  });
  return grpcService({
    definition: services.identity,
    methods,
    handlers: {
      RotateSvid: (request, call) => {
        const holder = holderOf(call);
        return rotations.hold(holder.spiffeId, async () => ({
          svid: toX509SvidMessage(await rotateSvid.execute(holder, request.csr)),
        }));
      },
    },
  });
}

function holderOf({ caller }: CallContext): SvidHolder {
  if (caller.kind === 'svid') return caller;
  throw new ServiceError('PEER_UNAUTHENTICATED', 'only the holder of an SVID can have it rotated');
}
