import { ServiceError } from '@stint/common/errors.ts';
import type { CompleteGrantRequest__Output } from '@stint/common/gen/stint/broker/v1/CompleteGrantRequest.ts';
import type { CompleteGrantResponse } from '@stint/common/gen/stint/broker/v1/CompleteGrantResponse.ts';
import type { RenewLeaseRequest__Output } from '@stint/common/gen/stint/broker/v1/RenewLeaseRequest.ts';
import type { RenewLeaseResponse } from '@stint/common/gen/stint/broker/v1/RenewLeaseResponse.ts';
import type { RequestAccessRequest__Output } from '@stint/common/gen/stint/broker/v1/RequestAccessRequest.ts';
import type { RequestAccessResponse } from '@stint/common/gen/stint/broker/v1/RequestAccessResponse.ts';
import { parseId } from '@stint/common/ids.ts';
import { fromDuration, toTimestamp } from '@stint/common/proto-time.ts';
import { currentTraceparent } from '@stint/common/telemetry.ts';
import type { Clock } from '@stint/common/time.ts';
import type { Arrival, Asker } from '../app/access/access-question.ts';
import type { RenewLease } from '../app/access/renew-lease.ts';
import type { RequestAccess } from '../app/access/request-access.ts';
import type { EndGrant } from '../app/ending/end-grant.ts';
import { fromAccessRequest, toAccessResponse, toGrantAndLeases, toLeaseMessage } from './access-messages.ts';

/** The use cases behind the calls. */
export type AccessUseCases = {
  readonly requestAccess: RequestAccess;
  readonly endGrant: EndGrant;
  readonly renewLease: RenewLease;
  readonly clock: Clock;
};

/** What a workload asks for, whichever way it came: a question of a session or a unary call. */
export class AccessCalls {
  readonly #useCases: AccessUseCases;
  readonly #delivery: Arrival['delivery'];

  /** `delivery`: whether who asks in this way says that the credential arrived. */
  constructor(useCases: AccessUseCases, delivery: Arrival['delivery']) {
    this.#useCases = useCases;
    this.#delivery = delivery;
  }

  /**
   * The grant stands under this broker's own span, so that whatever becomes of it follows its decision in the asker's
   * trace; without telemetry here, under the span that the asker named. Empty or malformed, that is none.
   */
  async requestAccess(
    asker: Asker,
    question: RequestAccessRequest__Output,
    askerTraceparent: string | undefined,
  ): Promise<RequestAccessResponse> {
    const answer = await this.#useCases.requestAccess.execute(asker, fromAccessRequest(question), {
      traceparent: currentTraceparent() ?? askerTraceparent,
      delivery: this.#delivery,
    });
    return toAccessResponse(answer);
  }

  async completeGrant(asker: Asker, order: CompleteGrantRequest__Output): Promise<CompleteGrantResponse> {
    const ended = await this.#useCases.endGrant.execute(
      { kind: 'holder', ...asker },
      parseId('grant', order.grantId, 'grant_id'),
      { reason: completionReason(order.reason), waitContained: order.waitContained },
    );
    return toGrantAndLeases(ended);
  }

  async renewLease(asker: Asker, { leaseId, ttl }: RenewLeaseRequest__Output): Promise<RenewLeaseResponse> {
    const lease = await this.#useCases.renewLease.execute(
      asker,
      parseId('lease', leaseId, 'lease_id'),
      fromDuration(ttl, 'ttl'),
    );
    return { lease: toLeaseMessage(lease), renewedAt: toTimestamp(this.#useCases.clock.now()) };
  }
}

/** The reason a holder may give for ending its own grant; absent, it has completed. */
function completionReason(text: string): 'completed' | 'abandoned' {
  if (text === '' || text === 'completed') return 'completed';
  if (text === 'abandoned') return 'abandoned';
  throw new ServiceError(
    'INVALID_FIELD',
    `reason: "${text.slice(0, 40)}" is neither completed nor abandoned`,
    { metadata: { field: 'reason' } },
  );
}
