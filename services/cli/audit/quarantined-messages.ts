import type { ListQuarantineResponse__Output } from '@stint/common/gen/stint/audit/v1/ListQuarantineResponse.ts';
import type { QuarantinedMessage__Output } from '@stint/common/gen/stint/audit/v1/QuarantinedMessage.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';

/** Messages in one answer of the auditor, at most. Source: stint.audit.v1.ListQuarantineRequest.page_size. */
const pageSizeMax = 500;

/** What the auditor refused, by number, asked for page by page as it is read. `all`: also what an operator has settled. */
export async function* quarantinedMessages(
  auditor: GrpcChannel,
  { all, wanted = pageSizeMax }: { readonly all: boolean; readonly wanted?: number },
): AsyncGenerator<QuarantinedMessage__Output> {
  const pageSize = Math.min(wanted, pageSizeMax);
  let fromId: number | undefined = 0;
  while (fromId !== undefined) {
    const request = { fromId, pageSize, includeSettled: all };
    const page: ListQuarantineResponse__Output = await auditor.call(
      services.auditAdmin.ListQuarantine,
      request,
    );
    yield* page.messages;
    fromId = page.nextId;
  }
}
