import type { EventActor, EventDraft } from '@stint/common/audit-event.ts';
import type { EventData, EventType } from '@stint/common/event-table.ts';
import { traceIdsOf } from '@stint/common/telemetry.ts';
import type { Grant } from '../domain/grant.ts';
import { type EndReason, isLegalMove, type Lease, type LeaseState } from '../domain/lease.ts';
import type { LedgerEntry } from './ports.ts';

/** Why a lease ends and by whose act; an operator's own words go into the record. */
export type EndCause = { readonly reason: EndReason; readonly actor: EventActor; readonly note?: string };

/** Who acts when nobody asked: the broker by itself. */
export const broker: EventActor = { kind: 'broker' };

type Move = { readonly from: readonly LeaseState[]; readonly to: LeaseState };

/** The change of a lease's row that is a move of it. @throws Error when the state machine does not allow it from every state named. */
export function leaseMove(
  lease: Lease,
  { from, to }: Move,
  set: Omit<NonNullable<LedgerEntry['lease']>['set'], 'state'>,
): NonNullable<LedgerEntry['lease']> {
  for (const state of from)
    if (!isLegalMove(state, to)) throw new Error(`lease ${lease.id}: ${state} → ${to} is not a legal move`);
  return { id: lease.id, from, set: { ...set, state: to } };
}

/** What every event of {@link leaseEvent} says. */
type LeaseFacts = Pick<EventData<'lease.stuck'>, 'entity_name' | 'provider' | 'resource' | 'note'>;
type LeaseEventType = { [Type in EventType]: EventData<Type> extends LeaseFacts ? Type : never }[EventType];

/** The event of a step in a lease's life, with what every such event says. Without a cause it is the broker's own act. */
export function leaseEvent<Type extends LeaseEventType>(
  type: Type,
  about: { readonly grant: Grant; readonly lease: Lease; readonly cause?: EndCause },
  data: Omit<EventData<Type>, keyof LeaseFacts>,
): EventDraft {
  const { grant, lease, cause } = about;
  const ids = traceIdsOf(grant.traceparent);
  const note = cause?.note === undefined ? {} : { note: cause.note };
  return {
    type,
    actor: cause?.actor ?? broker,
    request_id: grant.requestId,
    grant_id: grant.id,
    lease_id: lease.id,
    ...(ids === undefined ? {} : { trace: ids }),
    data: {
      entity_name: lease.entityName,
      provider: lease.provider,
      resource: lease.resource,
      ...note,
      ...data,
    },
  };
}
