import assert from 'node:assert/strict';
import { parseSpiffeId, parseTrustDomain } from '@stint/common/spiffe-id.ts';
import type { PolicyEngine } from '../../services/broker/app/ports/policy.ts';
import type { PolicyQuestion } from '../../services/broker/domain/decision.ts';
import { findProfile, type Identity, type Resource } from '../../services/broker/domain/registry.ts';
import { type AdmittedBundle, admitBundle } from '../../services/broker/policy/admit-bundle.ts';
import {
  createPolicyEngine,
  type EngineFault,
  type EngineOptions,
} from '../../services/broker/policy/policy-engine.ts';
import { renderFaults } from '../../services/broker/registry/source-fault.ts';

/** What test bundles are judged against. */
export const testRules = {
  trustDomain: parseTrustDomain('stint.local'),
  providerNames: ['database', 'token'],
};

/** A small registry with something of everything that rules can read. */
export const testRegistry = `
environments: [staging, prod]
roles: [ci, batch, break-glass]
attributes:
  verified: [repository, branch]
  declared: [ticket]
  parameters: [table]
identities:
  - { spiffeId: spiffe://stint.local/ci, kind: ci, owner: 'team:web', environment: staging, roles: [ci], version: 2.3.0 }
  - { spiffeId: spiffe://stint.local/batch, kind: cron, owner: 'team:data', environment: prod, roles: [batch] }
  - { spiffeId: spiffe://stint.local/orphan, kind: bot, environment: prod, roles: [batch] }
resources:
  - { id: web, kind: service, owner: 'team:web', environment: staging, provider: token, profiles: [{ name: deploy, ttlMax: 1h }] }
  - id: sales
    kind: database
    owner: team:data
    environment: prod
    labels: [analytics, pii]
    provider: database
    profiles: [{ name: read, ttlMax: 1h }, { name: write, ttlMax: 1h }]
`;

/** Judges policies (one text, or texts by file name) with a registry, in this thread. */
export function judge(policies: string | Readonly<Record<string, string>>, registry = testRegistry) {
  const files = typeof policies === 'string' ? { 'policies/test.cedar': policies } : policies;
  const encoder = new TextEncoder();
  const all = Object.entries({ 'registry.yaml': registry, ...files });
  return admitBundle(
    all.map(([path, text]) => ({ path, bytes: encoder.encode(text) })),
    testRules,
  );
}

/** The bundle, which must be without fault. */
export function admitted(...bundle: Parameters<typeof judge>): AdmittedBundle {
  const answer = judge(...bundle);
  if (answer.kind === 'refused') assert.fail(renderFaults(answer.faults));
  return answer;
}

/** The faults as a person sees them; the bundle must be refused. */
export function faultsOf(...bundle: Parameters<typeof judge>): string {
  const answer = judge(...bundle);
  if (answer.kind === 'admitted') assert.fail('the bundle was admitted');
  return renderFaults(answer.faults);
}

/** A bundle in force. */
export type TestPolicy = {
  readonly engine: PolicyEngine;
  readonly bundle: AdmittedBundle;
  /** What the engine reported. */
  readonly faults: EngineFault[];
  /** A question by names of the registry: `ask('ci', 'deploy', 'web')`. */
  readonly ask: (
    identity: string,
    access: readonly [action: string, resource: string],
    more?: Partial<PolicyQuestion>,
  ) => PolicyQuestion;
};

/** Puts policies in force. */
export function inForce(bundle: AdmittedBundle, options: Partial<EngineOptions> = {}): TestPolicy {
  const faults: EngineFault[] = [];
  const engine = createPolicyEngine(
    { ...bundle, sha256: 'f'.repeat(64) },
    { onFault: (fault) => faults.push(fault), ...options },
  );
  return {
    engine,
    bundle,
    faults,
    ask: (identity, [action, resource], more = {}) => question(bundle, { identity, action, resource }, more),
  };
}

function question(
  bundle: AdmittedBundle,
  names: { identity: string; action: string; resource: string },
  more: Partial<PolicyQuestion>,
): PolicyQuestion {
  const identity: Identity | undefined = bundle.identities.get(
    parseSpiffeId(`spiffe://stint.local/${names.identity}`),
  );
  const resource: Resource | undefined = bundle.resources.get(names.resource);
  const profile = resource === undefined ? undefined : findProfile(resource, names.action);
  assert.ok(identity !== undefined && resource !== undefined && profile !== undefined, JSON.stringify(names));
  return {
    identity,
    resource,
    profile,
    declared: { justification: 'nightly report', context: {}, parameters: {} },
    verified: {},
    now: Date.UTC(2026, 10, 22, 2, 30),
    ...more,
  };
}
