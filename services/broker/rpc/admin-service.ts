import { ServiceError } from '@stint/common/errors.ts';
import type { ExplainDecisionResponse } from '@stint/common/gen/stint/broker/v1/ExplainDecisionResponse.ts';
import type { IdentityInfo } from '@stint/common/gen/stint/broker/v1/IdentityInfo.ts';
import type { ListGrantsRequest__Output } from '@stint/common/gen/stint/broker/v1/ListGrantsRequest.ts';
import type { ResourceInfo } from '@stint/common/gen/stint/broker/v1/ResourceInfo.ts';
import type { TargetStatus } from '@stint/common/gen/stint/broker/v1/TargetStatus.ts';
import {
  type GrpcService,
  grpcService,
  type MethodTable,
  type ServiceHandlers,
} from '@stint/common/grpc-method.ts';
import { parseId } from '@stint/common/ids.ts';
import { services } from '@stint/common/proto.ts';
import { fromDuration, toDuration, toTimestamp } from '@stint/common/proto-time.ts';
import { validateText } from '@stint/common/request-limits.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import type { ExplainDecision } from '../app/access/explain-decision.ts';
import { getGrant } from '../app/access/get-grant.ts';
import { type GrantQuery, listGrants } from '../app/access/list-grants.ts';
import type { BrokerStatus } from '../app/broker-status.ts';
import type { Bundles } from '../app/bundles.ts';
import type { EndGrant } from '../app/ending/end-grant.ts';
import type { EndSuspended } from '../app/ending/end-suspended.ts';
import type { CreateJoinToken } from '../app/identity/create-join-token.ts';
import type { MintSvid } from '../app/identity/mint-svid.ts';
import type { GrantStore } from '../app/ports/grant-store.ts';
import type { Ledger } from '../app/ports/ledger.ts';
import type { TargetReport } from '../app/target-health.ts';
import type { Explanation } from '../domain/decision.ts';
import type { Identity, Resource } from '../domain/registry.ts';
import { fromAccessRequest, toGrantAndLeases, toGrantMessage } from './access-messages.ts';
import { toX509SvidMessage } from './svid-messages.ts';

export type AdminParts = {
  readonly status: BrokerStatus;
  readonly createJoinToken: CreateJoinToken;
  readonly mintSvid: MintSvid;
  readonly endGrant: EndGrant;
  readonly endSuspended: EndSuspended;
  readonly explain: ExplainDecision;
  readonly bundles: Bundles;
  readonly ledger: Ledger;
  readonly store: GrantStore;
  readonly version: string;
};

/** Longest reason of an operator, in bytes. */
const reasonBytesMax = 1_024;

const row = {
  callers: ['local'],
  deadlineMs: { default: 15_000, max: 120_000 },
  concurrencyMax: 64,
  requestBytesMax: 65_536,
} as const;

const methods: MethodTable<typeof services.admin> = {
  GetStatus: row,
  CreateJoinToken: row,
  MintSvid: row,
  ListGrants: row,
  GetGrant: row,
  RevokeGrant: row,
  ExplainDecision: row,
  ListRegistry: row,
  ReloadPolicy: row,
};

/** `AdminService`, for the local operator. */
export function adminService(parts: AdminParts): GrpcService {
  return grpcService({
    definition: services.admin,
    methods,
    handlers: { ...issuing(parts), ...grants(parts), ...policy(parts) },
  });
}

type AdminHandlers = ServiceHandlers<typeof services.admin>;

function issuing(parts: AdminParts): Pick<AdminHandlers, 'GetStatus' | 'CreateJoinToken' | 'MintSvid'> {
  return {
    GetStatus: async () => {
      const { auditBacklogAgeMs, startedAt, targets, ...status } = await parts.status.read();
      return {
        ...status,
        version: parts.version,
        auditBacklogAge: toDuration(auditBacklogAgeMs),
        startedAt: toTimestamp(startedAt),
        targets: targets.map(toTargetStatus),
      };
    },
    CreateJoinToken: async ({ spiffeId, ttl }) => {
      const created = await parts.createJoinToken.execute({
        spiffeId: parseSpiffeId(spiffeId),
        ttlMs: fromDuration(ttl, 'ttl'),
      });
      return { token: created.token.revealText(), expiresAt: toTimestamp(created.expiresAt) };
    },
    MintSvid: async ({ spiffeId, csr, ttl }) => ({
      svid: toX509SvidMessage(
        await parts.mintSvid.execute({
          spiffeId: parseSpiffeId(spiffeId),
          csrDer: csr,
          ttlMs: fromDuration(ttl, 'ttl'),
        }),
      ),
    }),
  };
}

function grants(parts: AdminParts): Pick<AdminHandlers, 'ListGrants' | 'GetGrant' | 'RevokeGrant'> {
  return {
    ListGrants: async (request) => {
      const { grants, last = '' } = await listGrants(parts.store, toGrantQuery(request));
      return { grants: grants.map(toGrantMessage), nextPageToken: last };
    },
    GetGrant: async ({ grantId }) =>
      toGrantAndLeases(await getGrant(parts.store, parseId('grant', grantId, 'grant_id'))),
    RevokeGrant: async ({ grantId, reason, waitContained }) => {
      if (reason === '')
        throw new ServiceError('INVALID_FIELD', 'reason: missing; say why, for the record', {
          metadata: { field: 'reason' },
        });
      validateText('reason', reason, reasonBytesMax);
      const ender = { kind: 'operator', note: reason } as const;
      const id = parseId('grant', grantId, 'grant_id');
      return toGrantAndLeases(await parts.endGrant.execute(ender, id, { reason: 'revoked', waitContained }));
    },
  };
}

function policy(parts: AdminParts): Pick<AdminHandlers, 'ExplainDecision' | 'ListRegistry' | 'ReloadPolicy'> {
  return {
    ExplainDecision: ({ spiffeId, request }) => {
      if (request === null)
        throw new ServiceError('INVALID_FIELD', 'request: missing', { metadata: { field: 'request' } });
      return toExplainResponse(parts.explain.execute(parseSpiffeId(spiffeId), fromAccessRequest(request)));
    },
    ListRegistry: () => {
      const { identities, resources } = parts.bundles.current().registry;
      return {
        identities: [...identities.values()].map(toIdentityInfo),
        resources: [...resources.values()].map(toResourceInfo),
      };
    },
    ReloadPolicy: async () => {
      const bundle = await parts.bundles.reload(parts.ledger);
      const grantsEnded = await parts.endSuspended.look();
      return { policySha256: bundle.sha256, policies: bundle.policyCount, grantsEnded };
    },
  };
}

function toTargetStatus({ provider, kind, state, ...known }: TargetReport): TargetStatus {
  return {
    provider,
    kind,
    state,
    since: toTimestamp(known.since),
    lastAskedAt: toTimestamp(known.lastAskedAt),
    lastFailure: known.lastFailure?.reason ?? '',
    lastFailureAt: toTimestamp(known.lastFailure?.at),
  };
}

function toGrantQuery(request: ListGrantsRequest__Output): GrantQuery {
  const { pageSize, liveOnly, spiffeId, resource, pageToken } = request;
  return {
    pageSize,
    liveOnly,
    ...(spiffeId === '' ? {} : { spiffeId: parseSpiffeId(spiffeId) }),
    ...(resource === '' ? {} : { resource }),
    ...(pageToken === '' ? {} : { before: parseId('grant', pageToken, 'page_token') }),
  };
}

function toExplainResponse({
  decision,
  nearest,
  policySha256,
}: Explanation & { policySha256: string }): ExplainDecisionResponse {
  return {
    decision: decision.kind,
    ruleIds: [...decision.ruleIds],
    denyReasons: decision.kind === 'deny' ? [...decision.reasons] : [],
    ttlMax: decision.kind === 'allow' ? toDuration(decision.ttlSecondsMax * 1_000) : null,
    nearest: nearest.map((rule) => ({
      ruleId: rule.ruleId,
      location: rule.location,
      conditions: rule.conditions.map((condition) => ({ ...condition })),
    })),
    policySha256,
  };
}

function toIdentityInfo(identity: Identity): IdentityInfo {
  const { spiffeId, kind, owner, environment, roles, state } = identity;
  return { spiffeId, kind, owner, environment, roles: [...roles], state };
}

function toResourceInfo(resource: Resource): ResourceInfo {
  const { id, kind, owner, environment, labels, provider, profiles } = resource;
  return {
    id,
    kind,
    owner,
    environment,
    labels: [...labels],
    provider,
    actions: profiles.map((profile) => profile.name),
  };
}
