import type { Grant__Output } from '@stint/common/gen/stint/broker/v1/Grant.ts';
import type { Lease__Output } from '@stint/common/gen/stint/broker/v1/Lease.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { incompleteAnswer } from '../cli-error.ts';
import type { Paint, Painter } from '../terminal/colors.ts';
import { type Cell, renderFacts, renderTable } from '../terminal/table.ts';
import { isUsable } from './containment.ts';
import { distanceText, timeJson, timeText } from './time-text.ts';

/** A grant as programs get it. Every key is always there; null where there is nothing. */
export function grantJson(grant: Grant__Output): object {
  return {
    id: grant.id,
    request_id: grant.requestId,
    spiffe_id: grant.spiffeId,
    resource: grant.resource,
    action: grant.action,
    state: grant.state,
    decided_at: timeJson(grant.decidedAt),
    expires_at: timeJson(grant.expiresAt),
    rule_ids: grant.ruleIds,
    policy_sha256: grant.policySha256,
    clamped_by: grant.clampedBy,
    justification: grant.justification,
    end_reason: grant.endReason === '' ? null : grant.endReason,
    ended_at: timeJson(grant.endedAt),
    trace_id: grant.traceId === '' ? null : grant.traceId,
  };
}

/** What a broker answers about one grant; the note is of whoever ended it. */
type GrantAnswer = {
  readonly grant: Grant__Output | null;
  readonly leases: readonly Lease__Output[];
  readonly note?: string | undefined;
};

/**
 * One grant with its leases, as a result for programs, with `more` keys, and for people.
 * @throws CliError ANSWER_INCOMPLETE when there is no grant in the answer.
 */
export function grantAnswer({ grant, leases, note }: GrantAnswer, now: UnixMs, more: object) {
  if (grant === null) throw incompleteAnswer('the broker answered without a grant');
  return {
    json: { grant: grantJson(grant), leases: leases.map(leaseJson), ...more },
    table: (paint: Painter) => grantText({ grant, leases, note }, now, paint),
  };
}

/** A lease as programs get it. Every key is always there; null where there is nothing. */
export function leaseJson(lease: Lease__Output): object {
  return {
    id: lease.id,
    grant_id: lease.grantId,
    provider: lease.provider,
    entity_name: lease.entityName,
    state: lease.state,
    expires_at: timeJson(lease.expiresAt),
    hard_expires_at: timeJson(lease.hardExpiresAt),
    renewable: lease.renewable,
    contained_at: timeJson(lease.containedAt),
    revoked_at: timeJson(lease.revokedAt),
    last_error: lease.lastError === '' ? null : lease.lastError,
    attempts: lease.attempts,
  };
}

/** Grants for people, one a line. */
export function grantTable(grants: readonly Grant__Output[], now: UnixMs, paint: Painter): string {
  if (grants.length === 0) return 'no grants\n';
  const rows = grants.map((grant) => [
    grant.id,
    stateCell(grant.state),
    grant.action,
    grant.resource,
    grant.spiffeId,
    endCell(grant, now),
    grant.justification,
  ]);
  return renderTable(['GRANT', 'STATE', 'ACTION', 'RESOURCE', 'HOLDER', 'END', 'REASON'], rows, paint);
}

/** When a grant ends or ended, and why where its state does not say so. */
function endCell({ state, expiresAt, endedAt, endReason }: Grant__Output, now: UnixMs): string {
  if (state === 'active') return distanceText(expiresAt, now) ?? '';
  if (state === 'ending') return `not yet (${endReason})`;
  const when = distanceText(endedAt, now);
  const why = endReason === state ? '' : endReason;
  return [when, why].filter((text) => text !== undefined && text !== '').join(', ');
}

/** One grant for people, with its leases. */
export function grantText(
  {
    grant,
    leases,
    note = '',
  }: { grant: Grant__Output; leases: readonly Lease__Output[]; note?: string | undefined },
  now: UnixMs,
  paint: Painter,
): string {
  const facts = renderFacts(
    [
      ['grant', grant.id],
      ['state', stateCell(grant.state)],
      ['access', `${grant.action} on ${grant.resource}`],
      ['holder', grant.spiffeId],
      ['reason', unlessEmpty(grant.justification)],
      ['decided', timeText(grant.decidedAt, now)],
      ['ends', grant.state === 'active' ? timeText(grant.expiresAt, now) : undefined],
      ['ended', timeText(grant.endedAt, now)],
      [grant.state === 'ending' ? 'ending for' : 'ended by', unlessEmpty(grant.endReason)],
      ['note', unlessEmpty(note)],
      ['rules', unlessEmpty(grant.ruleIds.join(', '))],
      ['shortened by', unlessEmpty(grant.clampedBy.join(', '))],
      ['policy', grant.policySha256],
      ['request', grant.requestId],
      ['trace', unlessEmpty(grant.traceId)],
    ],
    paint,
  );
  return leases.length === 0 ? facts : `${facts}\n${leaseTable(leases, now, paint)}`;
}

/** What is said to whoever ends a grant that was ending or had ended before. */
export function endedBeforeText({ id, state, endReason, endedAt }: Grant__Output, now: UnixMs): string {
  const before =
    state === 'ending'
      ? `${id} was ending already: ${endReason}`
      : `${id} had ended already, ${timeText(endedAt, now) ?? 'at an unknown time'}: ${endReason}`;
  return `${before}; nothing was changed, and the reason given now is not recorded`;
}

/** What became of a grant that was given back, and its leases: released only by its giver, and once nobody can use it. */
export function releasedText(release: Release, now: UnixMs, paint: Painter): string {
  const { grantId, completed, leases } = release;
  if (!completed) return `others still hold ${grantId}; it ends when they release it\n`;
  const outcome = `${releaseOutcome(release, now)}\n`;
  return leases.length === 0 ? outcome : `${outcome}\n${leaseTable(leases, now, paint)}`;
}

function releaseOutcome({ grantId, grant, leases }: Release, now: UnixMs): string {
  const reason = grant?.endReason ?? '';
  if (leases.some(isUsable)) return `given back, and not ended yet: ${grantId}`;
  if (reason === '' || reason === 'completed') return `released ${grantId}`;
  const when = distanceText(grant?.endedAt, now);
  const ended = when === undefined ? 'is ending already' : `had ended before, ${when}`;
  return `${grantId} ${ended}: ${reason}; there was nothing left to give back`;
}

/** The sidecar's answer to a release, and what was released. */
type Release = {
  readonly grantId: string;
  /** Whether it was the last hold. */
  readonly completed: boolean;
  /** As it is then, when it was; a sidecar of before does not say. */
  readonly grant: Grant__Output | null;
  readonly leases: readonly Lease__Output[];
};

/** Leases for people, one a line. */
export function leaseTable(leases: readonly Lease__Output[], now: UnixMs, paint: Painter): string {
  const rows = leases.map((lease) => [
    lease.id,
    stateCell(lease.state),
    lease.provider,
    lease.entityName,
    isUsable(lease) ? (distanceText(lease.expiresAt, now) ?? '') : '',
    distanceText(lease.containedAt, now) ?? '',
    lease.lastError,
  ]);
  return renderTable(
    ['LEASE', 'STATE', 'PROVIDER', 'ENTITY', 'EXPIRES', 'CONTAINED', 'LAST ERROR'],
    rows,
    paint,
  );
}

const statePaints: Readonly<Record<string, Paint>> = {
  active: 'green',
  ending: 'yellow',
  revoking: 'yellow',
  unknown: 'yellow',
  failed: 'red',
  stuck: 'red',
};

function stateCell(state: string): Cell {
  return { text: state, paint: statePaints[state] ?? 'dim' };
}

function unlessEmpty(text: string): string | undefined {
  return text === '' ? undefined : text;
}
