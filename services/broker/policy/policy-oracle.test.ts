import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import fc from 'fast-check';
import { admitted } from '../../../test/harness/policy-bundle.ts';
import type { Decision, PolicyQuestion } from '../domain/decision.ts';
import type { Identity, Resource } from '../domain/registry.ts';
import { SourceText } from '../registry/source-fault.ts';
import { loadCedarRuntime } from './cedar-runtime.ts';
import { compilePolicies } from './compile-policies.ts';
import { createPolicyEngine } from './policy-engine.ts';

// Random rules and questions, answered by the engine with and without its memory, and by a few lines that say what the
// rules mean. All three must agree: this is what finds a fact that a rule reads and the decision's key forgets.

/** A condition, as Cedar writes it and as it is meant. `holds` throws where Cedar's evaluation fails. */
type Condition = { readonly text: string; readonly holds: (question: PolicyQuestion) => boolean };
type Rule = {
  readonly effect: 'permit' | 'forbid';
  readonly ttlSeconds: number;
  readonly scope: { readonly text: string; readonly holds: (question: PolicyQuestion) => boolean };
  readonly when: readonly Condition[];
  readonly unless: readonly Condition[];
};

const environments = ['staging', 'prod'];
const roles = ['ci', 'batch', 'break-glass'];
const bundle = admitted('');

const optionalFacts: Record<string, (question: PolicyQuestion) => string | undefined> = {
  'context.verified.branch': ({ verified }) => verified['branch'],
  'context.verified.repository': ({ verified }) => verified['repository'],
  'context.declared.ticket': ({ declared }) => declared.context['ticket'],
  'context.parameters.table': ({ declared }) => declared.parameters['table'],
  'principal.owner': ({ identity }) => (identity.owner === '' ? undefined : identity.owner),
  'principal.backupOwner': ({ identity }) => identity.backupOwner,
};
const facts: Record<string, (question: PolicyQuestion) => string> = {
  'principal.kind': ({ identity }) => identity.kind,
  'resource.kind': ({ resource }) => resource.kind,
  'resource.owner': ({ resource }) => resource.owner,
  'context.declared.justification': ({ declared }) => declared.justification,
};
const word = fc.constantFrom('main', 'dev', 'ci', 'team:a', 'team:b', 'database', '');

const atom: fc.Arbitrary<Condition> = fc.oneof(
  fc.tuple(fc.constantFrom(...Object.entries(facts)), word).map(([[path, read], value]) => ({
    text: `${path} == "${value}"`,
    holds: (q: PolicyQuestion) => read(q) === value,
  })),
  fc.tuple(fc.constantFrom(...Object.entries(optionalFacts)), word).map(([[path, read], value]) => ({
    text: `(${present(path)} && ${path} == "${value}")`,
    holds: (q: PolicyQuestion) => read(q) === value,
  })),
  fc
    .constantFrom(...Object.entries(optionalFacts))
    .map(([path, read]) => ({ text: present(path), holds: (q: PolicyQuestion) => read(q) !== undefined })),
  fc.constantFrom('analytics', 'pii').map((label) => ({
    text: `resource.labels.contains("${label}")`,
    holds: ({ resource }: PolicyQuestion) => resource.labels.includes(label),
  })),
  fc.constantFrom(...roles).map((role) => ({
    text: `principal in Stint::Role::"${role}"`,
    holds: ({ identity }: PolicyQuestion) => identity.roles.includes(role),
  })),
  fc.constantFrom(...environments).map((name) => ({
    text: `resource.environment == Stint::Environment::"${name}"`,
    holds: ({ resource }: PolicyQuestion) => resource.environment === name,
  })),
  fc.constantFrom<Condition>(
    {
      text: 'resource in principal.environment',
      holds: ({ identity, resource }) => identity.environment === resource.environment,
    },
    {
      text: '(if resource.kind == "ci" then principal else principal).kind == "ci"',
      holds: ({ identity }) => identity.kind === 'ci',
    },
    {
      text: '[Stint::Identity::"spiffe://stint.local/ci"].contains(principal)',
      holds: ({ identity }) => identity.spiffeId.endsWith('/ci'),
    },
    {
      text: '(if resource.kind == "ci" then context.verified else context.verified) has branch',
      holds: ({ verified }) => verified['branch'] !== undefined,
    },
    { text: 'context has verified.branch', holds: ({ verified }) => verified['branch'] !== undefined },
    { text: 'action == Stint::Action::"read"', holds: ({ profile }) => profile.name === 'read' },
    { text: 'context.now.toTime() < duration("12h")', holds: ({ now }) => now % 86_400_000 < 43_200_000 },
    {
      text: '(principal has version && principal.version.major * 9223372036854775807 > 0)',
      holds: overflows,
    },
  ),
);

const condition: fc.Arbitrary<Condition> = fc.letrec<{ node: Condition }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'condition' },
    atom,
    tie('node').map((a) => ({ text: `!(${a.text})`, holds: (q: PolicyQuestion) => !a.holds(q) })),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => ({
      text: `(${a.text} && ${b.text})`,
      holds: (q: PolicyQuestion) => a.holds(q) && b.holds(q),
    })),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => ({
      text: `(${a.text} || ${b.text})`,
      holds: (q: PolicyQuestion) => a.holds(q) || b.holds(q),
    })),
    fc.tuple(tie('node'), tie('node'), tie('node')).map(([a, b, c]) => ({
      text: `(if ${a.text} then ${b.text} else ${c.text})`,
      holds: (q: PolicyQuestion) => (a.holds(q) ? b.holds(q) : c.holds(q)),
    })),
  ),
})).node;

// Mostly unconstrained, so that most rules apply to most questions and their conditions decide.
const principalScope = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ text: 'principal', holds: () => true }) },
  fc.constant({ text: 'principal is Stint::Identity', holds: () => true }),
  fc.constantFrom(...roles).map((role) => ({
    text: `principal in Stint::Role::"${role}"`,
    holds: (q: PolicyQuestion) => q.identity.roles.includes(role),
  })),
  fc.constantFrom(...roles).map((role) => ({
    text: `principal is Stint::Identity in Stint::Role::"${role}"`,
    holds: (q: PolicyQuestion) => q.identity.roles.includes(role),
  })),
  fc.constantFrom('ci', 'batch').map((name) => ({
    text: `principal == Stint::Identity::"spiffe://stint.local/${name}"`,
    holds: (q: PolicyQuestion) => q.identity.spiffeId.endsWith(`/${name}`),
  })),
);
const actionScope = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ text: 'action', holds: () => true }) },
  fc.constantFrom('read', 'write').map((name) => ({
    text: `action == Stint::Action::"${name}"`,
    holds: (q: PolicyQuestion) => q.profile.name === name,
  })),
  fc.constant({
    text: 'action in [Stint::Action::"read", Stint::Action::"deploy"]',
    holds: (q: PolicyQuestion) => q.profile.name !== 'write',
  }),
);
const resourceScope = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ text: 'resource', holds: () => true }) },
  fc.constantFrom(...environments).map((name) => ({
    text: `resource in Stint::Environment::"${name}"`,
    holds: (q: PolicyQuestion) => q.resource.environment === name,
  })),
  fc.constantFrom('web', 'sales').map((id) => ({
    text: `resource == Stint::Resource::"${id}"`,
    holds: (q: PolicyQuestion) => q.resource.id === id,
  })),
);

const rule: fc.Arbitrary<Rule> = fc.record({
  effect: fc.constantFrom('permit', 'permit', 'forbid'),
  ttlSeconds: fc.integer({ min: 1, max: 86_400 }),
  scope: fc.tuple(principalScope, actionScope, resourceScope).map((parts) => ({
    text: parts.map((part) => part.text).join(', '),
    holds: (q: PolicyQuestion) => parts.every((part) => part.holds(q)),
  })),
  when: fc.array(condition, { maxLength: 2 }),
  unless: fc.array(condition, { maxLength: 1 }),
});

const identity: fc.Arbitrary<Identity> = fc.record(
  {
    spiffeId: fc.constantFrom('ci', 'batch').map((name) => parseSpiffeId(`spiffe://stint.local/${name}`)),
    kind: fc.constantFrom('ci', 'bot'),
    owner: fc.constantFrom('', 'team:a', 'team:b'),
    backupOwner: fc.constantFrom('team:a', 'team:b'),
    environment: fc.constantFrom(...environments),
    roles: fc.subarray(roles),
    state: fc.constant('active'),
    version: fc.record({ major: fc.nat(3), minor: fc.constant(0), patch: fc.constant(0) }),
  },
  { requiredKeys: ['spiffeId', 'kind', 'owner', 'environment', 'roles', 'state'] },
);
const profiles = ['read', 'write', 'deploy'].map((name) => ({
  name,
  ttlSecondsDefault: 60,
  ttlSecondsMax: 60,
  maxLivePerIdentity: 1,
  settings: {},
}));
const resource: fc.Arbitrary<Resource> = fc.record({
  id: fc.constantFrom('web', 'sales'),
  kind: fc.constantFrom('database', 'ci'),
  owner: fc.constantFrom('team:a', 'team:b'),
  environment: fc.constantFrom(...environments),
  labels: fc.subarray(['analytics', 'pii']),
  provider: fc.constant('token'),
  target: fc.constant({}),
  profiles: fc.constant(profiles),
});
const someFacts = (...names: string[]) =>
  fc.record(Object.fromEntries(names.map((name) => [name, word])), { requiredKeys: [] }) as fc.Arbitrary<
    Record<string, string>
  >;
const question: fc.Arbitrary<PolicyQuestion> = fc.record({
  identity,
  resource,
  profile: fc.constantFrom(...profiles),
  declared: fc.record({ justification: word, context: someFacts('ticket'), parameters: someFacts('table') }),
  verified: someFacts('branch', 'repository'),
  now: fc.constantFrom(Date.UTC(2026, 0, 1, 3), Date.UTC(2026, 0, 1, 15)),
});

/**
 * Questions that differ in few facts: one, the same with each of its facts taken from another, and that other. Between
 * these, a key that forgets a fact gives one the answer of the other.
 */
const questions = fc
  .tuple(question, question, question)
  .map(([base, ...others]) => [base, ...others.flatMap((other) => [...neighbours(base, other), other])]);

test('random rules mean what the oracle says, with and without the memory of decisions', () => {
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), questions, (rules, questions) => {
      const policies = compile(rules);
      const failures: string[] = [];
      const engineBundle = { policies, vocabulary: bundle.vocabulary, sha256: '0' };
      const kept = createPolicyEngine(engineBundle, {
        onFault: () => undefined,
        preparsedSlicesMax: 3,
        cachedDecisionsMax: 64,
      });
      const fresh = createPolicyEngine(engineBundle, {
        onFault: ({ ruleId, message }) => ruleId ?? failures.push(message),
        cachedDecisionsMax: 0,
      });
      for (const asked of [...questions, ...questions]) {
        const expected = oracle(rules, asked);
        assert.deepEqual(summary(fresh.decide(asked)), expected);
        assert.deepEqual(summary(kept.decide(asked)), expected);
      }
      assert.deepEqual(failures, []);
    }),
    { numRuns: 40 },
  );
});

test('an explanation holds every condition of a rule that allows, and misses one of every other', () => {
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 6 }), questions, (rules, questions) => {
      const engine = createPolicyEngine(
        { policies: compile(rules), vocabulary: bundle.vocabulary, sha256: '0' },
        { onFault: () => undefined },
      );
      for (const asked of questions) {
        for (const { ruleId, conditions } of engine.explain(asked).nearest) {
          const explained = rules[Number(ruleId.slice(1))];
          assert.ok(explained !== undefined);
          const isWhole = conditions.every(({ outcome }) => outcome === 'holds');
          assert.equal(
            isWhole,
            verdict(explained, asked) === true,
            `${ruleText(explained, 0)} ${JSON.stringify(conditions)}`,
          );
        }
      }
    }),
    { numRuns: 15 },
  );
});

test('adding a forbid never allows what was denied, nor for longer', () => {
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 6 }), rule, questions, (rules, added, asked) => {
      const engineOf = (some: readonly Rule[]) =>
        createPolicyEngine(
          { policies: compile(some), vocabulary: bundle.vocabulary, sha256: '0' },
          { onFault: () => undefined },
        );
      const before = engineOf(rules);
      const after = engineOf([...rules, { ...added, effect: 'forbid' }]);
      for (const question of asked) {
        const narrowed = after.decide(question);
        if (narrowed.kind === 'allow') assert.deepEqual(narrowed, before.decide(question));
      }
    }),
    { numRuns: 15 },
  );
});

function neighbours(base: PolicyQuestion, other: PolicyQuestion): PolicyQuestion[] {
  const identities = (
    ['kind', 'owner', 'backupOwner', 'environment', 'roles', 'version', 'spiffeId'] as const
  ).map((fact) => ({ identity: take(base.identity, other.identity, fact) }));
  const resources = (['id', 'kind', 'owner', 'environment', 'labels'] as const).map((fact) => ({
    resource: take(base.resource, other.resource, fact),
  }));
  const declared = (['justification', 'context', 'parameters'] as const).map((fact) => ({
    declared: take(base.declared, other.declared, fact),
  }));
  const verified = ['branch', 'repository'].map((fact) => ({
    verified: take(base.verified, other.verified, fact),
  }));
  const rest = [{ now: other.now }, { profile: other.profile }];
  return [...identities, ...resources, ...declared, ...verified, ...rest].map((change) => ({
    ...base,
    ...change,
  }));
}

/** `from` with one fact as `other` has it, absent when it has not. */
function take<Facts extends object>(from: Facts, other: Facts, fact: keyof Facts): Facts {
  const { [fact]: _dropped, ...kept } = from;
  return { ...kept, ...(fact in other ? { [fact]: other[fact] } : {}) } as Facts;
}

/** What the rules mean: a forbid that holds or fails denies; else any permit that holds allows, the longest lifetime counts. */
function oracle(rules: readonly Rule[], asked: PolicyQuestion): unknown {
  const verdicts = rules.map((rule, i) => ({ id: `r${i}`, rule, verdict: verdict(rule, asked) }));
  const forbidding = verdicts.filter(({ rule, verdict }) => rule.effect === 'forbid' && verdict !== false);
  const permitting = verdicts.filter(({ rule, verdict }) => rule.effect === 'permit' && verdict === true);
  if (forbidding.length > 0 || permitting.length === 0)
    return { kind: 'deny', ruleIds: forbidding.map(({ id }) => id).sort() };
  return {
    kind: 'allow',
    ruleIds: permitting.map(({ id }) => id).sort(),
    ttl: Math.max(...permitting.map(({ rule }) => rule.ttlSeconds)),
  };
}

function verdict(rule: Rule, asked: PolicyQuestion): boolean | 'failed' {
  if (!rule.scope.holds(asked)) return false;
  try {
    return (
      rule.when.every((condition) => condition.holds(asked)) &&
      !rule.unless.some((condition) => condition.holds(asked))
    );
  } catch {
    return 'failed';
  }
}

function summary(decision: Decision): unknown {
  const { kind, ruleIds } = decision;
  return kind === 'allow' ? { kind, ruleIds, ttl: decision.ttlSecondsMax } : { kind, ruleIds };
}

function ruleText({ effect, ttlSeconds, scope, when, unless }: Rule, i: number): string {
  const annotation = effect === 'permit' ? `@max_ttl("${ttlSeconds}s")` : '@deny_reason("no")';
  const clauses = [
    ...when.map(({ text }) => `when { ${text} }`),
    ...unless.map(({ text }) => `unless { ${text} }`),
  ];
  return `@id("r${i}") ${annotation} ${effect} (${scope.text}) ${clauses.join(' ')};`;
}

/** Compiled without being refused for what random rules often are: impossible to match. */
function compile(rules: readonly Rule[]) {
  const known = {
    identity: new Set(bundle.identities.keys()),
    resource: new Set(bundle.resources.keys()),
    role: new Set(roles),
    environment: new Set(environments),
  };
  const source = new SourceText('policies/random.cedar', rules.map(ruleText).join('\n'));
  const { policies, faults } = compilePolicies([source], { cedar, vocabulary: bundle.vocabulary, known });
  for (const { what } of faults)
    assert.match(what, /policy is impossible|unable to find an applicable action/);
  return policies;
}

const cedar = loadCedarRuntime();

function present(path: string): string {
  const dot = path.lastIndexOf('.');
  return `${path.slice(0, dot)} has ${path.slice(dot + 1)}`;
}

function overflows({ identity }: PolicyQuestion): boolean {
  if (identity.version === undefined || identity.version.major === 0) return false;
  if (identity.version.major === 1) return true;
  throw new RangeError('integer overflow');
}
