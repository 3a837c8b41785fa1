import type { Record__Output } from '@stint/common/gen/stint/audit/v1/Record.ts';
import type { ProofVerdict } from '../audit/record-proof.ts';
import type { Cell } from '../terminal/table.ts';
import { timeJson } from './time-text.ts';

/** A record as programs get it: the event exactly as it was signed, or null when the bytes are no JSON object. */
export function recordJson(record: Record__Output): object {
  return { index: record.index, appended_at: timeJson(record.appendedAt), event: readEvent(record) ?? null };
}

/** What a proof showed, as programs get it. */
export function proofJson(verdict: ProofVerdict): object {
  return verdict.kind === 'proved'
    ? { proved: true, checkpoint_size: verdict.checkpoint.size, fault: null }
    : { proved: false, checkpoint_size: null, fault: verdict.fault };
}

/** The columns of {@link recordCells}. */
export const recordHead = ['INDEX', 'TIME', 'EVENT', 'GRANT', 'FACTS'] as const;

/** A record for people. Its text comes from whoever wrote the event; tables make it fit for a terminal. */
export function recordCells(record: Record__Output): Cell[] {
  const event = readEvent(record);
  if (event === undefined) return [String(record.index), '', { text: 'unreadable', paint: 'red' }, '', ''];
  const type = textOf(event['type']);
  const names = type.startsWith('policy.') ? [...factNames, ...bundleFactNames] : factNames;
  const facts = names.flatMap((name) => {
    const value = isObject(event['data']) ? textOf(event['data'][name]) : '';
    return value === '' ? [] : [`${name}=${/\s/.test(value) ? JSON.stringify(value) : value}`];
  });
  return [
    String(record.index),
    textOf(event['time']),
    { text: type, paint: 'bold' },
    textOf(event['grant_id']),
    [...actorText(event['actor']), ...facts].join(' '),
  ];
}

/** What the operator who ended a grant said, of the records about its leases' ends; undefined when nobody said anything. */
export function endNote(records: readonly Record__Output[]): string | undefined {
  const notes = records.map((record) => {
    const data = readEvent(record)?.['data'];
    return isObject(data) ? textOf(data['note']) : '';
  });
  return notes.find((note) => note !== '');
}

/** The facts of an event that tell people most, in the order in which they are shown. */
const factNames = [
  ...['action', 'resource', 'spiffe_id', 'reason', 'note', 'state', 'rule_ids', 'justification'],
  ...['missing_from', 'resume_at', 'quarantine_id', 'operator'],
];

/** Of a bundle: which came into force; or why it was refused, and which stayed. */
const bundleFactNames = ['policy_sha256', 'fault', 'running_sha256'];

function actorText(actor: unknown): string[] {
  if (!isObject(actor)) return [];
  return [`by=${textOf(actor['spiffe_id'] ?? actor['kind'])}`];
}

/** A record's event, as its broker wrote it; undefined when the bytes are no JSON object. */
export function readEvent(record: Record__Output): Readonly<Record<string, unknown>> | undefined {
  try {
    const event: unknown = JSON.parse(record.leaf.toString('utf8'));
    return isObject(event) ? event : undefined;
  } catch {
    return undefined; // whatever it is, it is shown as unreadable
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(textOf).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
