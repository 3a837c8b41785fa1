import { idTime, isId } from '@stint/common/ids.ts';
import { isBrokerId, type SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { clockDifferenceMsMax } from '../../domain/clock-difference.ts';
import { Findings } from '../../domain/findings.ts';
import { GrantHistory } from '../../domain/grant-history.ts';
import type { GrantRow, LogReader } from '../ports.ts';
import type { DeclaredSkip } from './verify-batches.ts';

/** How far in the future the time in a grant's id may lie, in milliseconds: whoever wrote the event chose the id. */
const namedAheadMsMax = 86_400_000;

/** How long after a grant was named its making may be committed, in milliseconds, by the clock of the broker that does both. */
const commitMsMax = 300_000;

/** A log whose records have all passed once. */
export type PassedLog = {
  readonly reader: LogReader;
  readonly skips: readonly DeclaredSkip[];
  /** The time of each source's last event, by the source's number. */
  readonly heardAt: ReadonlyMap<number, UnixMs>;
};

/** Judges the life of each grant, as far as no declared hole lies in it. Memory does not grow with the log. */
export function verifyGrants(log: PassedLog, findings: Findings): void {
  const { reader, skips } = log;
  const sources = reader.sources();
  const mayBeginElsewhere = brokersOf(sources).length > 1;
  let first: GrantRow | undefined;
  let history = new GrantHistory({ mayBeginElsewhere });
  let ofGrant = new Findings();
  const close = () => {
    if (!history.isShared) findings.addAll(ofGrant);
    const isJudged = !history.isShared && ofGrant.counts.size > 0;
    if (first === undefined || isJudged || !history.lacksBeginning) return;
    if (!mayStillCome(first, history.writers, { ...log, sources }))
      findings.add('grant', `grant "${first.grant_id}": no broker made it, and none has that still to send`, {
        index: first.idx,
      });
  };
  for (const row of reader.grants()) {
    if (first === undefined || row.grant_id !== first.grant_id) {
      close();
      first = row;
      history = new GrantHistory({ mayBeginElsewhere });
      ofGrant = new Findings();
    }
    if (skips.some((skip) => skip.broker === sources.get(row.source_id) && liesAcross(skip, first, row)))
      continue;
    const fault = history.next({
      type: row.type,
      leaseId: row.lease_id ?? undefined,
      sourceId: row.source_id,
    });
    if (fault !== undefined) ofGrant.add('grant', `grant "${row.grant_id}": ${fault}`, { index: row.idx });
  }
  close();
}

/**
 * Whether events of a grant's life may lie in the hole: it goes on after it, and began before it or, without a beginning
 * in the log, is by its id no younger than the hole. One that was made later can have nothing in it.
 */
function liesAcross(skip: DeclaredSkip, first: GrantRow | undefined, row: GrantRow): boolean {
  if (first === undefined || row.idx < skip.index) return false;
  if (first.idx < skip.index) return true;
  return isNoYounger(row.grant_id, skip) && !GrantHistory.begins(first.type);
}

function isNoYounger(grantId: string, skip: DeclaredSkip): boolean {
  return isId('grant', grantId) && idTime(grantId) <= skip.declaredAt + clockDifferenceMsMax;
}

/**
 * Whether the making of a grant may be missing because another broker has yet to send it, or lies in a hole. A broker's
 * events come in its own order and without a gap: one whose later events stand in the log has sent it, or never made it.
 */
function mayStillCome(
  { grant_id: grantId, appended_at: appendedAt }: GrantRow,
  writers: ReadonlySet<number>,
  { sources, skips, heardAt }: PassedLog & { readonly sources: ReadonlyMap<number, SpiffeId> },
): boolean {
  if (!isId('grant', grantId)) return false;
  const sentBy = Math.min(idTime(grantId), appendedAt + namedAheadMsMax) + commitMsMax;
  const others = brokersOf(sources).filter((source) => !writers.has(source));
  return (
    others.some((source) => (heardAt.get(source) ?? 0) <= sentBy) ||
    skips.some((skip) => isNoYounger(grantId, skip))
  );
}

function brokersOf(sources: ReadonlyMap<number, SpiffeId>): number[] {
  return [...sources].filter(([, id]) => isBrokerId(id)).map(([source]) => source);
}
