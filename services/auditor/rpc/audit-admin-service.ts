import { ServiceError } from '@stint/common/errors.ts';
import type { Gap } from '@stint/common/gen/stint/audit/v1/Gap.ts';
import type { QuarantinedMessage as Message } from '@stint/common/gen/stint/audit/v1/QuarantinedMessage.ts';
import { type GrpcService, grpcService, type ServiceHandlers } from '@stint/common/grpc-method.ts';
import { services } from '@stint/common/proto.ts';
import { toTimestamp } from '@stint/common/proto-time.ts';
import { type DismissParts, dismissRefusal } from '../app/dismiss-refusal.ts';
import { type FoundGap, findGaps } from '../app/find-gaps.ts';
import type { QuarantinedMessage } from '../app/ports.ts';
import { type SkipParts, skipGap } from '../app/skip-gap.ts';
import { auditAdminMethods } from './method-table.ts';

/** Messages of a page, by default and at most. */
const pageSizeDefault = 100;
const pageSizeMax = 500;

/** What the operator sees of refusals and gaps, and may do: proto to use case and back, nothing else. */
export function auditAdminService(parts: SkipParts & DismissParts): GrpcService {
  const handlers: ServiceHandlers<typeof services.auditAdmin> = {
    ListQuarantine: ({ fromId, pageSize, includeSettled }) => {
      const count = readPageSize(pageSize);
      const found = parts.quarantine.list({ fromId, count: count + 1, includeSettled });
      const next = found[count];
      return {
        messages: found.slice(0, count).map(toMessage),
        ...(next === undefined ? {} : { nextId: next.id }),
      };
    },
    GetQuarantined: ({ id }) => {
      const message = parts.quarantine.find(id);
      if (message === undefined)
        throw new ServiceError('RECORD_NOT_FOUND', `nothing refused has number ${id}`);
      return { message: toMessage(message), payload: parts.quarantine.payload(id) ?? Buffer.alloc(0) };
    },
    DismissQuarantined: (order) => ({ recordIndex: dismissRefusal(order, parts) }),
    ListGaps: () => ({ gaps: findGaps(parts).map(toGap) }),
    SkipGap: (order) => ({ recordIndex: skipGap(order, parts) }),
  };
  return grpcService({ definition: services.auditAdmin, methods: auditAdminMethods, handlers });
}

function readPageSize(pageSize: number): number {
  if (pageSize <= pageSizeMax) return pageSize === 0 ? pageSizeDefault : pageSize;
  throw new ServiceError('INVALID_FIELD', `page_size: ${pageSize} is more than ${pageSizeMax}`, {
    metadata: { field: 'page_size' },
  });
}

function toMessage(message: QuarantinedMessage): Message {
  const { firstSeq, settledIndex, broker = '', isKept, firstAt, lastAt, ...facts } = message;
  return {
    ...facts,
    broker,
    kept: isKept,
    firstAt: toTimestamp(firstAt),
    lastAt: toTimestamp(lastAt),
    ...(firstSeq === undefined ? {} : { firstSeq }),
    ...(settledIndex === undefined ? {} : { settledIndex }),
  };
}

function toGap({ broker, missingFrom, since, waiting, resume, blockedBy = '', refused }: FoundGap): Gap {
  return {
    spiffeId: broker,
    missingFrom,
    missingSince: toTimestamp(since),
    waiting,
    blockedBy,
    refused: refused.map(toMessage),
    ...(resume === undefined ? {} : { resumeAt: resume.at }),
  };
}
