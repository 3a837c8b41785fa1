import { ServiceError } from '@stint/common/errors.ts';
import type { AcquireRequest__Output } from '@stint/common/gen/stint/sidecar/v1/AcquireRequest.ts';
import type { AcquireResponse } from '@stint/common/gen/stint/sidecar/v1/AcquireResponse.ts';
import type { VerifyResponse } from '@stint/common/gen/stint/sidecar/v1/VerifyResponse.ts';
import { type GrpcService, grpcService, type ServiceHandlers } from '@stint/common/grpc-method.ts';
import { parseId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import { services } from '@stint/common/proto.ts';
import { fromDuration, toTimestamp } from '@stint/common/proto-time.ts';
import type { AcquireAccess, Acquired, AcquireRequest } from '../app/acquire-access.ts';
import type { SidecarStatus } from '../app/get-status.ts';
import type { LeasePage } from '../app/list-leases.ts';
import type { ReleaseAccess } from '../app/release-access.ts';
import type { RenewLease } from '../app/renew-lease.ts';
import type { VerifyToken } from '../app/verify-token.ts';
import type { WatchLeases } from '../app/watch-leases.ts';
import type { GrantClaims } from '../domain/grant-token.ts';
import { AccessResponses, heldLeases } from './access-responses.ts';
import { sidecarMethods } from './method-table.ts';
import { serveWatch } from './watch-stream.ts';

/** The use cases behind the service. */
export type SidecarServiceParts = {
  readonly acquire: AcquireAccess;
  readonly release: ReleaseAccess;
  readonly renew: RenewLease;
  readonly watch: WatchLeases;
  readonly verify: VerifyToken;
  readonly list: (after: number) => LeasePage;
  readonly status: () => SidecarStatus;
  readonly log: Log;
};

/** The contract's SidecarService on the use cases: messages in, messages out, nothing decided here. */
export function sidecarService(parts: SidecarServiceParts): GrpcService {
  return grpcService({
    definition: {
      ...services.sidecar,
      // Acquire answers with bytes: see AccessResponses.
      Acquire: { ...services.sidecar.Acquire, responseSerialize: (bytes: unknown) => bytes as Buffer },
    },
    methods: sidecarMethods,
    handlers: handlersOf(parts),
  });
}

function handlersOf(parts: SidecarServiceParts): ServiceHandlers<typeof services.sidecar> {
  const responses = new AccessResponses();
  const send = (acquired: Acquired): AcquireResponse => {
    // After this turn of the event loop the answer has left for the workload.
    setImmediate(() => parts.acquire.delivered(acquired));
    return responses.bytesOf(acquired) as AcquireResponse;
  };
  return {
    Acquire: (request, call) => {
      const acquired = parts.acquire.execute(toAcquireRequest(request), call);
      return acquired instanceof Promise ? acquired.then(send) : send(acquired);
    },
    Release: async ({ grantId, sessionId, waitContained }, call) => {
      const request = {
        grantId: parseId('grant', grantId, 'grant_id'),
        sessionId: unlessEmpty(sessionId),
        waitContained,
      };
      const { completed, grant, leases } = await parts.release.execute(request, call);
      return { completed, grant, leases: [...leases] };
    },
    Renew: async ({ leaseId, ttl }, call) => {
      const request = { leaseId: parseId('lease', leaseId, 'lease_id'), ttlMs: fromDuration(ttl, 'ttl') };
      return { lease: await parts.renew.execute(request, call) };
    },
    Watch: (request, out, call) => serveWatch(parts.watch, { request, out, call }),
    List: ({ pageToken }) => {
      const { leases, next } = parts.list(placeOf(pageToken));
      return { leases: heldLeases(leases, parts.log), nextPageToken: next?.toString() ?? '' };
    },
    Verify: async ({ token, audience, presenterSpiffeId, action }) => {
      const presenter = unlessEmpty(presenterSpiffeId);
      const claims = await parts.verify.execute({ token, audience, presenter, action: unlessEmpty(action) });
      return toVerifyResponse(claims, presenter !== undefined);
    },
    GetStatus: () => {
      const { spiffeId, svidExpiresAt, ...rest } = parts.status();
      return { ...rest, spiffeId: spiffeId ?? '', svidExpiresAt: toTimestamp(svidExpiresAt) };
    },
  };
}

function toAcquireRequest(request: AcquireRequest__Output): AcquireRequest {
  const { resource, action, justification, context, parameters } = request;
  return {
    resource,
    action,
    justification,
    context,
    parameters,
    ttlMs: fromDuration(request.ttl, 'ttl'),
    isFresh: request.fresh,
    sessionId: unlessEmpty(request.sessionId),
    idempotencyKey: unlessEmpty(request.idempotencyKey),
  };
}

function toVerifyResponse(claims: GrantClaims, presenterChecked: boolean): VerifyResponse {
  return {
    spiffeId: claims.holder,
    grantId: claims.grantId,
    leaseId: claims.leaseId,
    resource: claims.resource,
    action: claims.scope,
    expiresAt: toTimestamp(claims.expiresAt),
    presenterChecked,
  };
}

/** @throws ServiceError INVALID_FIELD for what no page can have ended with. */
function placeOf(pageToken: string): number {
  if (/^\d{0,15}$/.test(pageToken)) return Number(pageToken);
  throw new ServiceError('INVALID_FIELD', 'page_token: not one that List gave', {
    metadata: { field: 'page_token' },
  });
}

// proto3 cannot tell an absent text from an empty one; nothing here has a use for an empty one.
function unlessEmpty(text: string): string | undefined {
  return text === '' ? undefined : text;
}
