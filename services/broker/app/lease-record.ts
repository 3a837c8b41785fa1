import type { EventActor, EventDraft } from '@stint/common/audit-event.ts';
import type { EventData, EventType } from '@stint/common/event-table.ts';
import { traceIdsOf } from '@stint/common/telemetry.ts';
import type { GrantAndLease } from '../domain/grant.ts';
import type { EndReason } from '../domain/lease.ts';
import type { Ledger, LedgerEntry } from './ports/ledger.ts';

/** Why a lease ends and by whose act; an operator's own words go into the record. */
export type EndCause = { readonly reason: EndReason; readonly actor: EventActor; readonly note?: string };

/** Who acts when nobody asked: the broker by itself. */
export const broker: EventActor = { kind: 'broker' };

/**
 * Commits a change of a lease and perhaps of its grant. Returns both as they stand then; undefined when one of them was
 * not in a state to change from any more, and nothing was written.
 */
export async function commitChange(
  ledger: Ledger,
  { grant, lease }: GrantAndLease,
  entry: LedgerEntry,
): Promise<GrantAndLease | undefined> {
  const outcome = await ledger.commit(entry);
  if (outcome.kind !== 'committed') return undefined;
  return { grant: outcome.grant ?? grant, lease: outcome.lease ?? lease };
}

/** What every event of {@link leaseEvent} says. */
type LeaseFacts = Pick<EventData<'lease.stuck'>, 'entity_name' | 'provider' | 'resource' | 'note'>;
type LeaseEventType = { [Type in EventType]: EventData<Type> extends LeaseFacts ? Type : never }[EventType];

/** The event of a step in a lease's life, with what every such event says. Without a cause it is the broker's own act. */
export function leaseEvent<Type extends LeaseEventType>(
  type: Type,
  about: GrantAndLease & { readonly cause?: Pick<EndCause, 'actor' | 'note'> },
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
