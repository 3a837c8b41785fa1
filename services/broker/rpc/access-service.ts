import { ServiceError } from '@stint/common/errors.ts';
import {
  type CallContext,
  type GrpcService,
  grpcService,
  type MethodTable,
} from '@stint/common/grpc-method.ts';
import { parseId } from '@stint/common/ids.ts';
import { services } from '@stint/common/proto.ts';
import { fromDuration } from '@stint/common/proto-time.ts';
import { isStintId } from '@stint/common/spiffe-id.ts';
import type { Asker } from '../app/access-question.ts';
import { fromAccessRequest, toAccessResponse, toGrantMessage, toLeaseMessage } from './access-messages.ts';
import { completionReason, Session, type SessionParts } from './session.ts';
import { SessionPlaces } from './session-places.ts';

/** Anybody with an SVID but Stint's own parts, which hold no grants. The registry decides the rest. */
const workload = (spiffeId: Parameters<typeof isStintId>[0]) => !isStintId(spiffeId);

const callRow = {
  callers: [workload],
  deadlineMs: { default: 15_000, max: 60_000 },
  concurrencyMax: 4_096,
  requestBytesMax: 65_536,
};

const methods: MethodTable<typeof services.access> = {
  // A frame of 256 questions at their limits would be larger; a sidecar splits its frames below this.
  Session: { callers: [workload], deadlineMs: 'endless', concurrencyMax: 10_000, requestBytesMax: 1_048_576 },
  RequestAccess: callRow,
  CompleteGrant: callRow,
  RenewLease: callRow,
};

/** `AccessService`, for the mesh listener. */
export function accessService(parts: SessionParts): GrpcService {
  const places = new SessionPlaces();
  return grpcService({
    definition: services.access,
    methods,
    handlers: {
      Session: (stream, call) => {
        const asker = askerOf(call);
        return places.hold(asker.spiffeId, () => new Session(parts, asker, stream).run());
      },
      RequestAccess: async (request, call) => {
        const options = { traceparent: call.traceparent, delivery: 'unacknowledged' } as const;
        return toAccessResponse(
          await parts.requestAccess.execute(askerOf(call), fromAccessRequest(request), options),
        );
      },
      CompleteGrant: async ({ grantId, reason, waitContained }, call) => {
        const options = { reason: completionReason(reason), waitContained };
        const ended = await parts.endGrant.execute(
          { kind: 'holder', ...askerOf(call) },
          parseId('grant', grantId, 'grant_id'),
          options,
        );
        return { grant: toGrantMessage(ended.grant), leases: ended.leases.map(toLeaseMessage) };
      },
      RenewLease: async ({ leaseId, ttl }, call) => ({
        lease: toLeaseMessage(
          await parts.renewLease.execute(
            askerOf(call),
            parseId('lease', leaseId, 'lease_id'),
            fromDuration(ttl, 'ttl'),
          ),
        ),
      }),
    },
  });
}

function askerOf({ caller }: CallContext): Asker {
  if (caller.kind !== 'svid')
    throw new ServiceError('PEER_UNAUTHENTICATED', 'only the holder of an SVID can ask for access');
  return { spiffeId: caller.spiffeId, svidSha256: caller.svidSha256, svidExpiresAt: caller.expiresAt };
}
