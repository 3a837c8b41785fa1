import type { Gap } from '@stint/common/gen/stint/audit/v1/Gap.ts';
import type { QuarantinedMessage as Message } from '@stint/common/gen/stint/audit/v1/QuarantinedMessage.ts';
import { type GrpcService, grpcService, type ServiceHandlers } from '@stint/common/grpc-method.ts';
import { services } from '@stint/common/proto.ts';
import { toTimestamp } from '@stint/common/proto-time.ts';
import { type DismissParts, dismissRefusal } from '../app/operator/dismiss-refusal.ts';
import { type FoundGap, findGaps } from '../app/operator/find-gaps.ts';
import { type SkipParts, skipGap } from '../app/operator/skip-gap.ts';
import type { QuarantinedMessage } from '../app/ports.ts';
import { getQuarantined } from '../app/queries/get-quarantined.ts';
import { listQuarantine } from '../app/queries/list-quarantine.ts';
import { auditAdminMethods } from './method-table.ts';

/** What the operator sees of refusals and gaps, and may do: proto to use case and back, nothing else. */
export function auditAdminService(parts: SkipParts & DismissParts): GrpcService {
  const handlers: ServiceHandlers<typeof services.auditAdmin> = {
    ListQuarantine: (query) => {
      const { messages, nextId } = listQuarantine(parts, query);
      return { messages: messages.map(toMessage), ...(nextId === undefined ? {} : { nextId }) };
    },
    GetQuarantined: ({ id }) => {
      const { message, payload = Buffer.alloc(0) } = getQuarantined(parts, id);
      return { message: toMessage(message), payload };
    },
    DismissQuarantined: (order) => ({ recordIndex: dismissRefusal(order, parts) }),
    ListGaps: () => ({ gaps: findGaps(parts).map(toGap) }),
    SkipGap: (order) => ({ recordIndex: skipGap(order, parts) }),
  };
  return grpcService({ definition: services.auditAdmin, methods: auditAdminMethods, handlers });
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
