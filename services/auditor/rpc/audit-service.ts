import { ServiceError } from '@stint/common/errors.ts';
import type { GetInclusionProofRequest__Output } from '@stint/common/gen/stint/audit/v1/GetInclusionProofRequest.ts';
import type { GetStatusResponse } from '@stint/common/gen/stint/audit/v1/GetStatusResponse.ts';
import type { Record as RecordMessage } from '@stint/common/gen/stint/audit/v1/Record.ts';
import type { SourceStatus } from '@stint/common/gen/stint/audit/v1/SourceStatus.ts';
import { IdentityPlaces } from '@stint/common/grpc/identity-places.ts';
import {
  type Caller,
  type GrpcService,
  grpcService,
  type ServiceHandlers,
} from '@stint/common/grpc-method.ts';
import { services } from '@stint/common/proto.ts';
import { toTimestamp } from '@stint/common/proto-time.ts';
import { isBrokerId } from '@stint/common/spiffe-id.ts';
import type { LogRecord, QuarantineStore } from '../app/ports.ts';
import { listRecords } from '../app/queries/list-records.ts';
import {
  type ProofParts,
  proveConsistency,
  proveInclusion,
  type RecordName,
} from '../app/queries/prove-inclusion.ts';
import { QueryTurns } from '../app/queries/query-turns.ts';
import { tailRecords } from '../app/queries/tail-records.ts';
import type { Source } from '../domain/source.ts';
import {
  auditMethods,
  lastingCallsMax,
  listsPerIdentityMax,
  proofsPerIdentityMax,
  tailsPerIdentityMax,
} from './method-table.ts';

/** What the service answers from. */
export type AuditServiceParts = ProofParts & {
  readonly quarantine: Pick<QuarantineStore, 'unsettledCount'>;
  readonly verifierKey: string;
  readonly sources: () => Iterable<Source<unknown>>;
  readonly isBusConnected: () => boolean;
  readonly outage: () => string | undefined;
  readonly version: string;
};

/** The log's queries, as the contract has them: proto to use case and back, nothing else. */
export function auditService(parts: AuditServiceParts): GrpcService {
  const tails = new IdentityPlaces({
    what: 'tails',
    perIdentityMax: tailsPerIdentityMax,
    inAllMax: lastingCallsMax,
    retryAfterMs: 5_000,
  });
  const proofs = new IdentityPlaces({
    what: 'proofs',
    perIdentityMax: proofsPerIdentityMax,
    inAllMax: lastingCallsMax,
    retryAfterMs: 1_000,
  });
  const lists = new IdentityPlaces({
    what: 'lists',
    perIdentityMax: listsPerIdentityMax,
    inAllMax: lastingCallsMax,
    retryAfterMs: 1_000,
  });
  const turns = new QueryTurns();
  const handlers: ServiceHandlers<typeof services.audit> = {
    ListRecords: (request, { caller, signal }) =>
      inPlaceOf(caller, lists, async () => {
        const { records, nextIndex } = await listRecords({ ...parts, turns }, request, signal);
        return { records: records.map(toMessage), ...(nextIndex === undefined ? {} : { nextIndex }) };
      }),
    TailRecords: ({ fromIndex, typePrefix }, out, { caller, signal }) =>
      inPlaceOf(caller, tails, async () => {
        for await (const page of tailRecords({ ...parts, turns }, { fromIndex, typePrefix, signal })) {
          if (!out.write({ records: page.records.map(toMessage), checkpoint: page.checkpoint }))
            await out.drained();
        }
      }),
    GetInclusionProof: (request, { caller, signal }) =>
      inPlaceOf(caller, proofs, async () => {
        const proof = await proveInclusion(parts, { name: recordName(request), wait: request.wait, signal });
        return { record: toMessage(proof.record), hashes: proof.hashes, checkpoint: proof.checkpoint.note };
      }),
    GetConsistencyProof: (request) => {
      const { hashes, checkpoint } = proveConsistency(parts, request.oldSize);
      return { hashes, checkpoint: checkpoint.note };
    },
    GetCheckpoint: () => ({ checkpoint: parts.publisher.current().note, verifierKey: parts.verifierKey }),
    GetStatus: () => status(parts),
  };
  return grpcService({ definition: services.audit, methods: auditMethods, handlers });
}

/** Whoever comes by the local socket has no identity to count by, and a server of his own whose room he shares with none. */
function inPlaceOf<Result>(caller: Caller, places: IdentityPlaces, work: () => Promise<Result>) {
  return caller.kind === 'svid' ? places.hold(caller.spiffeId, work) : work();
}

function status(parts: AuditServiceParts): GetStatusResponse {
  const latest = parts.publisher.latest();
  return {
    size: parts.store.size(),
    checkpointSize: latest?.size ?? 0,
    checkpointAt: toTimestamp(latest?.signedAt),
    // The auditor is a source of its own records; only brokers can fall behind.
    sources: Array.from(parts.sources())
      .filter((source) => isBrokerId(source.broker))
      .map(sourceStatus),
    quarantined: parts.quarantine.unsettledCount(),
    busConnected: parts.isBusConnected(),
    version: parts.version,
    outage: parts.outage() ?? '',
  };
}

function sourceStatus(source: Source<unknown>): SourceStatus {
  const gap = source.reportedGap;
  return {
    spiffeId: source.broker,
    sequence: source.high.seq,
    missingSince: toTimestamp(gap?.since),
    lastSeenAt: toTimestamp(source.lastSeenAt),
    ...(gap === undefined ? {} : { missingFrom: gap.missingFrom }),
  };
}

function recordName(request: GetInclusionProofRequest__Output): RecordName {
  if (request.record === 'index') return { index: request.index ?? 0 };
  if (request.record === 'eventId') return { eventId: request.eventId ?? '' };
  throw new ServiceError('INVALID_FIELD', 'record: set either index or event_id', {
    metadata: { field: 'record' },
  });
}

function toMessage(record: LogRecord): RecordMessage {
  return { index: record.index, leaf: record.leaf, appendedAt: toTimestamp(record.appendedAt) };
}
