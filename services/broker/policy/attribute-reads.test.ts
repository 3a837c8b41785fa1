import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readsOf } from './attribute-reads.ts';
import { loadCedarRuntime } from './cedar-runtime.ts';

const cedar = loadCedarRuntime();
const vocabulary = {
  environments: [],
  roles: [],
  verified: ['branch', 'repository'],
  declared: ['ticket'],
  parameters: ['table'],
  actions: ['read'],
};

function reads(condition: string): string[] {
  const answer = cedar.policyToJson(`permit (principal, action, resource) when { ${condition} };`);
  assert.ok(answer.type === 'success', condition);
  return readsOf(answer.json, vocabulary);
}

const wholePrincipal = ['backupOwner', 'environment', 'kind', 'owner', 'version'].map(
  (name) => `principal.${name}`,
);
const wholeResource = ['environment', 'kind', 'labels', 'owner'].map((name) => `resource.${name}`);
const wholeVerified = ['verified.branch', 'verified.repository'];

const cases: Record<string, string[]> = {
  true: [],
  'action == Stint::Action::"read"': [],
  // Names and ancestors are always in the key, so these read nothing more.
  'principal == Stint::Identity::"a" || principal in Stint::Role::"b" || principal is Stint::Identity': [],
  'resource in Stint::Environment::"a" && principal != resource': [],
  'resource in principal.environment': ['principal.environment'],
  'principal.owner == "a"': ['principal.owner'],
  'principal has owner': ['principal.owner'],
  'principal has version.major': ['principal.version'],
  'principal.version.major > 2': ['principal.version'],
  'resource["labels"].contains("a")': ['resource.labels'],
  'context.verified.branch == "a"': ['verified.branch'],
  'context["verified"]["branch"] == "a"': ['verified.branch'],
  'context.verified has branch': ['verified.branch'],
  'context has verified.branch': ['verified.branch'],
  'context has verified': wholeVerified,
  'context.declared.justification like "a*" && context.declared.ticket == "b"': [
    'declared.justification',
    'declared.ticket',
  ],
  'context.parameters has table': ['parameters.table'],
  'context.now.toTime() > duration("1h")': ['now'],
  'context.now > datetime("2026-01-01")': ['now'],
  // What is used whole, or in a way not understood, reads everything it could.
  'context.verified == context.verified': wholeVerified,
  '{ a: context.verified }.a.branch == "b"': wholeVerified,
  '(if true then principal else principal).kind == "a"': wholePrincipal,
  '[principal].contains(Stint::Identity::"a")': [...wholePrincipal, ...wholeResource],
  'Stint::Identity::"a".kind == "b"': [...wholePrincipal, ...wholeResource],
  '(if true then resource else resource) == resource': wholeResource,
  '"a" == "__entity"': [],
};

for (const [condition, expected] of Object.entries(cases)) {
  test(`${condition} reads ${expected.join(', ') || 'nothing'}`, () => {
    assert.deepEqual(reads(condition), [...expected].sort());
  });
}

test('the context used whole reads everything, the time too, so its decisions are not kept', () => {
  assert.deepEqual(
    reads('{ a: context }.a.verified.branch == "x"'),
    [
      ...wholePrincipal,
      ...wholeResource,
      ...wholeVerified,
      'declared.justification',
      'declared.ticket',
      'parameters.table',
      'now',
    ].sort(),
  );
});
