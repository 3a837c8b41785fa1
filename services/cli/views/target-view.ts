import type { TargetStatus__Output } from '@stint/common/gen/stint/broker/v1/TargetStatus.ts';
import type { Cell } from '../terminal/table.ts';
import { distanceText, spanText, timeJson } from './time-text.ts';

type Target = TargetStatus__Output;

/** How a target does as `stint status` says it: `unknown` until the broker has asked it. */
export function targetState({ state }: Target): 'up' | 'unwell' | 'unknown' {
  if (state === 'unasked') return 'unknown';
  return state === 'answers' ? 'up' : 'unwell';
}

/** A target as a row of the status: part, state, name, facts. */
export function targetRow(target: Target, now: number): readonly Cell[] {
  const state = targetState(target);
  const paint = ({ up: 'green', unwell: 'yellow', unknown: 'dim' } as const)[state];
  return ['target', { text: state, paint }, target.provider, factsText(target, now)];
}

/** A target as programs read it. */
export function targetJson(target: Target): object {
  const { provider, kind, since, lastAskedAt, lastFailure, lastFailureAt } = target;
  return {
    provider,
    kind,
    state: targetState(target),
    since: timeJson(since),
    last_asked_at: timeJson(lastAskedAt),
    last_failure: lastFailure === '' ? null : lastFailure,
    last_failure_at: timeJson(lastFailureAt),
  };
}

function factsText(target: Target, now: number): string {
  const { kind, since, lastAskedAt, lastFailure } = target;
  const state = targetState(target);
  if (state === 'unknown') return `${kind}, not asked yet: the broker asks every target once a minute`;
  const span = spanText(since, now) ?? 'unknown';
  const asked = `${kind}, last asked ${distanceText(lastAskedAt, now) ?? 'unknown'}`;
  return state === 'up' ? `has answered for ${span}; ${asked}` : `away for ${span}: ${lastFailure}; ${asked}`;
}
