import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, faultsOf, testRules } from '../../../test/harness/policy-bundle.ts';
import { renderFaults } from '../registry/source-fault.ts';
import { admitBundle } from './admit-bundle.ts';
import { policiesPerScopeMax } from './policy-limits.ts';

const deploy = `// Pipelines of the main branch deploy — to staging.
@id("ci-deploys")
@max_ttl("15m")
permit (
  principal in Stint::Role::"ci",
  action == Stint::Action::"deploy",
  resource in Stint::Environment::"staging"
)
when { context.verified has branch && context.verified.branch == "main" };
`;

test('a right bundle is admitted with everything a decision needs', () => {
  const [policy] = admitted(deploy).policies;
  assert.deepEqual(policy, {
    id: 'ci-deploys',
    effect: 'permit',
    ttlSecondsMax: 900,
    file: 'policies/test.cedar',
    line: 4,
    text: deploy.slice(deploy.indexOf('@id'), deploy.lastIndexOf(';') + 1),
    scope: {
      principal: { within: 'Stint::Role ci' },
      actions: ['deploy'],
      resource: { within: 'Stint::Environment staging' },
    },
    conditions: [
      { part: 'principal', text: 'principal in Stint::Role::"ci"', clause: '' },
      { part: 'action', text: 'action == Stint::Action::"deploy"', clause: '' },
      { part: 'resource', text: 'resource in Stint::Environment::"staging"', clause: '' },
      { part: 'when', text: 'context.verified has branch', clause: 'when { context.verified has branch\n}' },
      {
        part: 'when',
        text: 'context.verified.branch == "main"',
        clause: 'when { context.verified.branch == "main"\n}',
      },
    ],
    reads: ['verified.branch'],
  });
});

test('a typo is shown with file, line, column, carets and what was most likely meant', () => {
  assert.equal(
    faultsOf(deploy.replace('branch ==', 'brnach ==')),
    [
      'policies/test.cedar:9:39: attribute `verified.brnach` in context for Stint::Action::"deploy" not found; did you mean `branch`?',
      '    9 | when { context.verified has branch && context.verified.brnach == "main" };',
      `      |                                       ${'^'.repeat(23)}`,
    ].join('\n'),
  );
});

const typos: Record<string, [from: string, to: string, fault: RegExp]> = {
  'a mistyped action': [
    '"deploy"',
    '"deply"',
    /:6:13: unrecognized action .*; did you mean `Stint::Action::"deploy"`\?/,
  ],
  'a mistyped role': [
    'Role::"ci"',
    'Role::"bacth"',
    /:5:16: unknown role "bacth": the registry has none of that name; did you mean "batch"\?/,
  ],
  'a mistyped environment': [
    '"staging"',
    '"stagin"',
    /:7:15: unknown environment "stagin".*did you mean "staging"\?/,
  ],
  'a mistyped resource': [
    'in Stint::Environment::"staging"',
    '== Stint::Resource::"wbe"',
    /:7:15: unknown resource "wbe".*did you mean "web"\?/,
  ],
  'a mistyped entity type': [
    'Stint::Role',
    'Stint::Roles',
    /:5:16: unrecognized entity type `Stint::Roles`; did you mean `Stint::Role`\?/,
  ],
  'a forgotten namespace': [
    'Stint::Role',
    'Role',
    /:5:16: unrecognized entity type `Role`; did you mean `Stint::Role`\?/,
  ],
  'one equals sign': [
    'branch == "main"',
    'branch = "main"',
    /:9:39: '=' is not a valid operator in Cedar; try using '==' instead/,
  ],
  'a forgotten guard': [
    'context.verified has branch && ',
    '',
    /:9:8: unable to guarantee safety of access to optional attribute .*; try testing for the attribute's presence/,
  ],
  'a number for a text': ['"main"', '7', /:9:39: the types .* are not compatible/],
  'a text as a condition': ['context.verified.branch == "main"', '"main"', /:9:39: unexpected type/],
  'a rule that can never match': [
    '"main" }',
    '"main" && context.verified.branch == "dev" && false }',
    /policy is impossible/,
  ],
  'a forgotten semicolon': ['};', '}', /test\.cedar:9:74: unexpected end of input/],
  'a declared fact read as verified': [
    'verified.branch ==',
    'declared.branch ==',
    /attribute `declared.branch` .* not found/,
  ],
  'a template': ['principal in Stint::Role::"ci"', 'principal in ?principal', /templates are not supported/],
  'no id': ['@id("ci-deploys")\n', '', /:2:1: the permit has no @id; write @id\("…"\) before it/],
  'no lifetime': ['@max_ttl("15m")\n', '', /:2:1: the permit has no @max_ttl/],
  'a lifetime that is none': [
    '"15m"',
    '"15 minutes"',
    /:3:10: @max_ttl must be a duration of whole seconds from 1s to 1d/,
  ],
  'a lifetime of nothing': ['"15m"', '"0s"', /@max_ttl must be/],
  'a lifetime beyond a day': ['"15m"', '"25h"', /@max_ttl must be/],
  'an annotation without a value': ['@max_ttl("15m")', '@max_ttl', /:3:2: @max_ttl must be/],
  'an annotation given twice': [
    '@max_ttl("15m")',
    '@max_ttl("15m") @max_ttl("1h")',
    /duplicate annotation: @max_ttl/,
  ],
  'an approval, which is not known yet': [
    '@max_ttl("15m")',
    '@max_ttl("15m") @approval("1 of team:sre")',
    /:3:18: unknown annotation @approval: it would have no effect/,
  ],
  'a reason of denial on a permit': [
    '@max_ttl("15m")',
    '@max_ttl("15m") @deny_reason("x")',
    /@deny_reason stands on a permit/,
  ],
  'an id in capitals': ['"ci-deploys"', '"CI deploys"', /:2:5: @id must be 1 to 64 lower-case letters/],
  'an escape in an annotation': ['"ci-deploys"', '"ci\\u{2d}deploys"', /@id must be/],
};

for (const [what, [from, to, fault]] of Object.entries(typos)) {
  test(`${what} is refused with its place`, () => {
    assert.ok(deploy.includes(from));
    assert.match(faultsOf(deploy.replace(from, to)), fault);
  });
}

test('a forbid needs a reason of denial and takes no lifetime', () => {
  const forbid =
    '@id("no") @max_ttl("5m") forbid (principal, action, resource) when { principal.kind == "bot" };';
  const rendered = faultsOf(forbid);
  assert.match(rendered, /1:1: the forbid has no @deny_reason/);
  assert.match(rendered, /1:12: @max_ttl stands on a forbid/);
});

test('an id used in two files is refused at the second', () => {
  const rendered = faultsOf({ 'policies/a.cedar': deploy, 'policies/b.cedar': deploy });
  assert.match(
    rendered,
    /^policies\/b\.cedar:2:5: duplicate @id "ci-deploys": it stands at policies\/a\.cedar:4 already/,
  );
});

test('every fault of every file is found in one go', () => {
  const rendered = faultsOf({
    'policies/a.cedar': deploy.replace('branch ==', 'brnach =='),
    'policies/b.cedar':
      deploy.replace('"15m"', '"x"').replace('ci-deploys', 'other').replace('};', '') +
      deploy.replace('@id("ci-deploys")', ''),
  });
  assert.deepEqual(
    rendered
      .split('\n')
      .filter((line) => line.startsWith('policies/'))
      .map((line) => line.slice(0, 20)),
    ['policies/a.cedar:9:3', 'policies/b.cedar:12:'],
  );
});

test('a file that is not UTF-8 text is refused', () => {
  const answer = admitBundle(
    [{ path: 'policies/a.cedar', bytes: Uint8Array.of(0x2f, 0x2f, 0xff) }],
    testRules,
  );
  assert.equal(
    answer.kind === 'refused' && renderFaults(answer.faults),
    'policies/a.cedar: the file is not UTF-8 text',
  );
});

test('comments and texts cannot hide the end of a policy', () => {
  const tricky = `@id("a") @max_ttl("5m") permit (principal, action, resource) when { principal.kind == "x;\\"y" /* no */ };`;
  assert.match(faultsOf(tricky), /unexpected token/);
  const right = `// ; "\n@id("a") @max_ttl("5m") permit (principal, action, resource) when { principal.kind != "x;\\"// y" // ; }\n };\n// the end`;
  assert.equal(admitted(right).policies.length, 1);
});

test('columns count characters, not bytes', () => {
  assert.match(
    faultsOf(deploy.replace('when {', 'when { "é—😀" != "" &&').replace('branch ==', 'brnach ==')),
    /:9:55: attribute/,
  );
});

test('too many rules of one scope are refused', () => {
  const rules = Array.from(
    { length: policiesPerScopeMax + 1 },
    (_, i) => `@id("r${i}") @max_ttl("5m") permit (principal, action, resource);`,
  );
  assert.match(
    faultsOf(rules.join('\n')),
    /1001 policies have the scope of "r0": at most 1000 may share one/,
  );
});

test('a fault in the registry refuses right policies too', () => {
  assert.match(faultsOf(deploy, 'roles: [ci, ci]\n'), /registry\.yaml:1:13: "ci" stands twice/);
});
