import { ServiceError } from '@stint/common/errors.ts';
import { IdentityPlaces } from '@stint/common/grpc/identity-places.ts';
import {
  type CallContext,
  type GrpcService,
  grpcService,
  type MethodTable,
} from '@stint/common/grpc-method.ts';
import { services } from '@stint/common/proto.ts';
import { frameBytesMax } from '@stint/common/session-limits.ts';
import { isStintId } from '@stint/common/spiffe-id.ts';
import type { Asker } from '../app/access/access-question.ts';
import { AccessCalls, type AccessUseCases } from './access-calls.ts';
import { Session, type SessionParts } from './session.ts';

/** Anybody with an SVID but Stint's own parts, which hold no grants. The registry decides the rest. */
const workload = (spiffeId: Parameters<typeof isStintId>[0]) => !isStintId(spiffeId);

/**
 * Sessions that one identity may have open at one broker: as many replicas as run under one name. A tenth of all that
 * there is room for.
 */
export const sessionsPerIdentityMax = 1_000;

/** Unary calls that one identity may have under way at one broker, of all methods together: a tenth of one method's room. */
export const callsPerIdentityMax = 400;

const callRow = {
  callers: [workload],
  deadlineMs: { default: 15_000, max: 60_000 },
  concurrencyMax: 4_096,
  requestBytesMax: 65_536,
};

const methods: MethodTable<typeof services.access> = {
  // A frame of as many questions as it may have, at their limits, would be larger: a sidecar splits its frames below this.
  // What one SVID can make this broker hold goes with it.
  Session: {
    callers: [workload],
    deadlineMs: 'endless',
    concurrencyMax: 10_000,
    requestBytesMax: 2 * frameBytesMax,
  },
  RequestAccess: callRow,
  CompleteGrant: callRow,
  RenewLease: callRow,
};

/** What the service answers with. */
export type AccessServiceParts = AccessUseCases & Omit<SessionParts, 'calls'>;

/** `AccessService`, for the mesh listener. */
export function accessService(parts: AccessServiceParts): GrpcService {
  const session: SessionParts = { ...parts, calls: new AccessCalls(parts, 'acknowledged') };
  const calls = new AccessCalls(parts, 'unacknowledged');
  const sessions = new IdentityPlaces({
    what: 'sessions',
    perIdentityMax: sessionsPerIdentityMax,
    retryAfterMs: 5_000,
  });
  const places = new IdentityPlaces({
    what: 'calls',
    perIdentityMax: callsPerIdentityMax,
    retryAfterMs: 200,
  });
  return grpcService({
    definition: services.access,
    methods,
    handlers: {
      Session: (stream, call) => {
        const asker = askerOf(call);
        return sessions.hold(asker.spiffeId, () => new Session(session, asker, stream).run());
      },
      RequestAccess: (question, call) => {
        const asker = askerOf(call);
        return places.hold(asker.spiffeId, () => calls.requestAccess(asker, question, call.traceparent));
      },
      CompleteGrant: (order, call) => {
        const asker = askerOf(call);
        return places.hold(asker.spiffeId, () => calls.completeGrant(asker, order));
      },
      RenewLease: (order, call) => {
        const asker = askerOf(call);
        return places.hold(asker.spiffeId, () => calls.renewLease(asker, order));
      },
    },
  });
}

function askerOf({ caller }: CallContext): Asker {
  if (caller.kind !== 'svid')
    throw new ServiceError('PEER_UNAUTHENTICATED', 'only the holder of an SVID can ask for access');
  return { spiffeId: caller.spiffeId, svidSha256: caller.svidSha256, svidExpiresAt: caller.expiresAt };
}
