import { isServiceError } from '@stint/common/errors.ts';
import { count, measure, telemetryIsOn } from '@stint/common/telemetry.ts';
import type { EndReason, Lease } from '../domain/lease.ts';
import { ProviderFailure } from './ports/provider.ts';

/*
 * What the broker measures of grants and leases. Attributes are made once for each combination and kept: there are as
 * many as there are outcomes, reasons and configured providers, whoever asks for whatever.
 */

type Attributes = Readonly<Record<string, string>>;

const prepared = new Map<string, Attributes>();

/** The same object for the same values. Empty values are left out. */
function attributesOf(values: Attributes): Attributes {
  const key = Object.entries(values).join(' ');
  const known = prepared.get(key);
  if (known !== undefined) return known;
  const given = Object.entries(values).filter(([, value]) => value !== '');
  const made: Attributes = Object.fromEntries(given);
  prepared.set(key, made);
  return made;
}

/** As much of an answer as is measured. */
type Given = { readonly lease: Pick<Lease, 'provider'>; readonly replayed: boolean };

/** Answers a request; measured from here to its end, however it ends. A plain call while telemetry is off. */
export function measureRequest<Answer extends Given>(answer: () => Promise<Answer>): Promise<Answer> {
  return telemetryIsOn() ? measuredRequest(answer) : answer();
}

async function measuredRequest<Answer extends Given>(answer: () => Promise<Answer>): Promise<Answer> {
  const startedAt = performance.now();
  try {
    const given = await answer();
    recordRequest(startedAt, given.replayed ? 'replayed' : 'granted', given.lease.provider);
    return given;
  } catch (thrown) {
    const reason = isServiceError(thrown) ? thrown.reason : 'INTERNAL';
    recordRequest(startedAt, reason === 'GRANT_DENIED' ? 'denied' : 'refused', '', reason);
    throw thrown;
  }
}

// biome-ignore lint/complexity/useMaxParams: one measurement's values, on the hot path
function recordRequest(startedAt: number, outcome: string, provider: string, errorType = ''): void {
  const attributes = attributesOf({
    'stint.outcome': outcome,
    'stint.provider': provider,
    'error.type': errorType,
  });
  count('stint.grant.requests', attributes);
  measure('stint.grant.duration', (performance.now() - startedAt) / 1_000, attributes);
}

/** Creates at a target; measured however it ends. A plain call while telemetry is off. */
export function measureCreation<Created>(provider: string, create: () => Promise<Created>): Promise<Created> {
  return telemetryIsOn() ? measuredCreation(provider, create) : create();
}

async function measuredCreation<Created>(provider: string, create: () => Promise<Created>): Promise<Created> {
  const startedAt = performance.now();
  let errorType = '';
  try {
    return await create();
  } catch (thrown) {
    // Not the code: a target's own codes are many.
    errorType = thrown instanceof ProviderFailure ? thrown.kind : 'unexpected';
    throw thrown;
  } finally {
    const attributes = attributesOf({ 'stint.provider': provider, 'error.type': errorType });
    measure('stint.credential.issue.duration', (performance.now() - startedAt) / 1_000, attributes);
  }
}

/** A lease has come to its end's end, or to a point from which waiting alone does not lead there. */
export function recordRevocation(lease: Lease, outcome: 'revoked' | 'stuck', reason?: EndReason): void {
  if (!telemetryIsOn()) return;
  count(
    'stint.revocation.count',
    attributesOf({
      'stint.outcome': outcome,
      'stint.end_reason': reason ?? lease.endReason ?? '',
      'stint.provider': lease.provider,
    }),
  );
}

/** Nobody can use the lease any more, so long after it should have been so. */
export function recordContainment(lease: Lease, lagMs: number): void {
  if (!telemetryIsOn()) return;
  measure(
    'stint.revocation.lag',
    lagMs / 1_000,
    attributesOf({ 'stint.end_reason': lease.endReason ?? '', 'stint.provider': lease.provider }),
  );
}
