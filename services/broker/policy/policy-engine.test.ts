import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, inForce } from '../../../test/harness/policy-bundle.ts';
import type { PolicyQuestion } from '../domain/decision.ts';
import { type CedarRuntime, loadCedarRuntime } from './cedar-runtime.ts';

const rules = `
@id("ci-deploys") @max_ttl("15m")
permit (principal in Stint::Role::"ci", action == Stint::Action::"deploy", resource in Stint::Environment::"staging")
when { context.verified has branch && context.verified.branch == "main" }
unless { resource.labels.contains("frozen") };

@id("ci-deploys-web") @max_ttl("1h")
permit (principal == Stint::Identity::"spiffe://stint.local/ci", action == Stint::Action::"deploy", resource == Stint::Resource::"web")
when { context.declared has ticket && context.declared.ticket like "OPS-*" };

@id("batch-reads-by-night") @max_ttl("30m")
permit (principal in Stint::Role::"batch", action == Stint::Action::"read", resource)
when { context.now.toTime() >= duration("1h") && context.now.toTime() < duration("5h") };

@id("owner-required") @deny_reason("the identity has no owner")
forbid (principal, action, resource) unless { principal has owner };

@id("same-environment") @deny_reason("other environment")
forbid (principal, action, resource) unless { principal.environment == resource.environment };
`;

const onMain = { verified: { branch: 'main' } } satisfies Partial<PolicyQuestion>;
const bundle = admitted(rules);

/** A runtime that counts how often it is asked. */
function counted(): { load: () => CedarRuntime; asked: () => number } {
  let asked = 0;
  const load = () => {
    const real = loadCedarRuntime();
    const statefulIsAuthorized: CedarRuntime['statefulIsAuthorized'] = (call) => {
      asked += 1;
      return real.statefulIsAuthorized(call);
    };
    return { ...real, statefulIsAuthorized };
  };
  return { load, asked: () => asked };
}

test('a permit whose scope and conditions hold allows, for as long as it says', () => {
  const { engine, ask } = inForce(bundle);
  assert.deepEqual(engine.decide(ask('ci', ['deploy', 'web'], onMain)), {
    kind: 'allow',
    ruleIds: ['ci-deploys'],
    ttlSecondsMax: 900,
    ttlRuleId: 'ci-deploys',
    policySha256: 'f'.repeat(64),
  });
});

test('of several permits all are named and the longest lifetime counts', () => {
  const { engine, ask } = inForce(bundle);
  const declared = { justification: '', context: { ticket: 'OPS-7' }, parameters: {} };
  const allowed = engine.decide(ask('ci', ['deploy', 'web'], { ...onMain, declared }));
  assert.ok(allowed.kind === 'allow');
  assert.deepEqual(
    [allowed.ruleIds, allowed.ttlSecondsMax, allowed.ttlRuleId],
    [['ci-deploys', 'ci-deploys-web'], 3_600, 'ci-deploys-web'],
  );
});

test('where no rule permits, the answer is deny and says so', () => {
  const { engine, ask } = inForce(bundle);
  const denied = engine.decide(ask('batch', ['write', 'sales']));
  assert.deepEqual(denied.kind === 'deny' && [denied.ruleIds, denied.reasons], [
    [],
    ['no rule allows spiffe://stint.local/batch to write "sales"'],
  ]);
});

test('a forbid wins over a permit and gives its reason; several give all', () => {
  const { engine, ask } = inForce(bundle);
  const denied = engine.decide(ask('orphan', ['read', 'sales']));
  assert.deepEqual(denied.kind === 'deny' && [denied.ruleIds, denied.reasons], [
    ['owner-required'],
    ['the identity has no owner'],
  ]);
  const both = engine.decide(ask('orphan', ['deploy', 'web']));
  assert.deepEqual(both.kind === 'deny' && [both.ruleIds, both.reasons], [
    ['owner-required', 'same-environment'],
    ['the identity has no owner', 'other environment'],
  ]);
});

test('what a workload declares never passes for what attestation verified', () => {
  const { engine, ask } = inForce(bundle);
  const declared = {
    justification: '',
    context: { branch: 'main', verified: 'main' },
    parameters: { branch: 'main' },
  };
  assert.equal(engine.decide(ask('ci', ['deploy', 'web'], { declared })).kind, 'deny');
});

test('attributes that the registry does not declare reach no rule and do no harm', () => {
  const { engine, ask, faults } = inForce(bundle);
  const verified = { branch: 'main', unknown: 'x', constructor: 'y', ['__proto__']: 'z' };
  assert.equal(engine.decide(ask('ci', ['deploy', 'web'], { verified })).kind, 'allow');
  assert.deepEqual(faults, []);
});

test('a suspended identity is denied whatever the rules say', () => {
  const { engine, ask } = inForce(bundle);
  const question = ask('ci', ['deploy', 'web'], onMain);
  assert.equal(engine.decide(question).kind, 'allow');
  const denied = engine.decide({ ...question, identity: { ...question.identity, state: 'suspended' } });
  assert.deepEqual(denied.kind === 'deny' && denied.reasons, [
    'identity spiffe://stint.local/ci is suspended',
  ]);
});

test('a profile that the resource does not have is denied', () => {
  const { engine, ask } = inForce(bundle);
  const { profile } = ask('batch', ['read', 'sales']);
  const denied = engine.decide({ ...ask('ci', ['deploy', 'web'], onMain), profile });
  assert.deepEqual(denied.kind === 'deny' && denied.reasons, ['resource "web" has no action "read"']);
});

test('a runtime that is lost and cannot be made again denies, and does not stop trying', () => {
  let isInstalled = true;
  const loadRuntime = (): CedarRuntime => {
    if (!isInstalled) throw new Error('no such file');
    const statefulIsAuthorized: CedarRuntime['statefulIsAuthorized'] = () => {
      throw new RangeError('stack');
    };
    return { ...loadCedarRuntime(), statefulIsAuthorized };
  };
  const { engine, ask, faults } = inForce(bundle, { loadRuntime });
  const question = ask('ci', ['deploy', 'web'], onMain);
  isInstalled = false;
  assert.deepEqual(
    [1, 2, 3].map(() => engine.decide(question).kind),
    ['deny', 'deny', 'deny'],
  );
  assert.deepEqual(
    faults.map(({ message }) => message),
    ['RangeError: stack', 'Error: no such file', 'Error: no such file'],
  );
  assert.deepEqual(engine.explain(question).nearest, []);
});

test('a runtime that cannot be loaded at all makes no engine', () => {
  const loadRuntime = () => assert.fail('no such file');
  assert.throws(() => inForce(bundle, { loadRuntime }), /no such file/);
});

test('a question asked again is answered from memory, whatever no rule reads', () => {
  const { load, asked } = counted();
  const { engine, ask } = inForce(bundle, { loadRuntime: load });
  const first = engine.decide(ask('ci', ['deploy', 'web'], onMain));
  const declared = { justification: 'something else', context: {}, parameters: { table: 'x' } };
  assert.equal(engine.decide(ask('ci', ['deploy', 'web'], { ...onMain, declared, now: 7 })), first);
  assert.equal(asked(), 1);
});

test('every fact that a rule reads makes another question', () => {
  const { load, asked } = counted();
  const { engine, ask } = inForce(bundle, { loadRuntime: load });
  const base = ask('ci', ['deploy', 'web'], onMain);
  const variants: PolicyQuestion[] = [
    base,
    { ...base, verified: { branch: 'dev' } },
    { ...base, verified: {} },
    { ...base, verified: { branch: '' } },
    { ...base, declared: { ...base.declared, context: { ticket: 'main' } } },
    { ...base, identity: { ...base.identity, roles: [] } },
    { ...base, identity: { ...base.identity, environment: 'prod' } },
    { ...base, identity: { ...base.identity, owner: '' } },
    { ...base, resource: { ...base.resource, labels: ['frozen'] } },
    { ...base, resource: { ...base.resource, environment: 'prod' } },
  ];
  const kinds = variants.map((question) => engine.decide(question).kind);
  assert.deepEqual(kinds, ['allow', 'deny', 'deny', 'deny', 'allow', 'deny', 'deny', 'deny', 'deny', 'deny']);
  assert.equal(asked(), variants.length);
  assert.deepEqual(
    variants.map((question) => engine.decide(question).kind),
    kinds,
  );
  assert.equal(asked(), variants.length);
});

test('a decision that depends on the time is never kept', () => {
  const { load, asked } = counted();
  const { engine, ask } = inForce(bundle, { loadRuntime: load });
  const at = (hour: number) =>
    engine.decide(ask('batch', ['read', 'sales'], { now: Date.UTC(2026, 0, 1, hour) })).kind;
  assert.deepEqual([at(0), at(1), at(4), at(5), at(1)], ['deny', 'allow', 'allow', 'deny', 'allow']);
  assert.equal(asked(), 5);
});

test('the memory of decisions is bounded, and a key too long is not kept', () => {
  const { load, asked } = counted();
  const { engine, ask } = inForce(bundle, { loadRuntime: load, cachedDecisionsMax: 2 });
  const decide = (branch: string) => engine.decide(ask('ci', ['deploy', 'web'], { verified: { branch } }));
  for (const branch of ['a', 'b', 'c', 'a']) decide(branch);
  assert.equal(asked(), 4);
  decide('a');
  assert.equal(asked(), 4);
  decide('x'.repeat(5_000));
  decide('x'.repeat(5_000));
  assert.equal(asked(), 6);
});

test('a decision cannot be changed by whoever receives it', () => {
  const { engine, ask } = inForce(bundle);
  const decision = engine.decide(ask('ci', ['deploy', 'web'], onMain));
  assert.throws(() => Object.assign(decision, { ttlSecondsMax: 1e9 }), TypeError);
  assert.throws(() => (decision.ruleIds as string[]).push('x'), TypeError);
});

test('engines share nothing: another bundle does not disturb the one in force', () => {
  const old = inForce(bundle);
  const question = old.ask('ci', ['deploy', 'web'], onMain);
  assert.equal(old.engine.decide(question).kind, 'allow');
  const next = inForce(
    admitted('@id("nobody") @deny_reason("closed") forbid (principal, action, resource);'),
  );
  assert.equal(next.engine.decide(question).kind, 'deny');
  assert.equal(
    old.engine.decide({ ...question, verified: { branch: 'main', repository: 'x' } }).kind,
    'allow',
  );
});

test('an explanation names the nearest rule, where it stands, and what fails', () => {
  const { engine, ask } = inForce(bundle);
  const { decision, nearest } = engine.explain(ask('ci', ['deploy', 'web'], { verified: { branch: 'dev' } }));
  assert.equal(decision.kind, 'deny');
  assert.deepEqual(nearest, [
    {
      ruleId: 'ci-deploys',
      location: 'policies/test.cedar:3',
      conditions: [
        { text: 'principal in Stint::Role::"ci"', outcome: 'holds' },
        { text: 'action == Stint::Action::"deploy"', outcome: 'holds' },
        { text: 'resource in Stint::Environment::"staging"', outcome: 'holds' },
        { text: 'context.verified has branch', outcome: 'holds' },
        { text: 'context.verified.branch == "main"', outcome: 'fails' },
        { text: 'unless { resource.labels.contains("frozen") }', outcome: 'holds' },
      ],
    },
    {
      ruleId: 'ci-deploys-web',
      location: 'policies/test.cedar:8',
      conditions: [
        { text: 'principal == Stint::Identity::"spiffe://stint.local/ci"', outcome: 'holds' },
        { text: 'action == Stint::Action::"deploy"', outcome: 'holds' },
        { text: 'resource == Stint::Resource::"web"', outcome: 'holds' },
        { text: 'context.declared has ticket', outcome: 'fails' },
        { text: 'context.declared.ticket like "OPS-*"', outcome: 'not_reached' },
      ],
    },
  ]);
});

test('conditions joined by `or` are one condition, comments are left out', () => {
  const policy = `@id("either") @max_ttl("5m") permit (principal, action, resource)
when { principal.kind == "bot" // robots
  && (resource.kind == "x" || resource.kind == "y") } when { principal has owner || principal.kind == "ci" };`;
  const { engine, ask } = inForce(admitted(policy));
  const [rule] = engine.explain(ask('ci', ['deploy', 'web'])).nearest;
  assert.deepEqual(rule?.conditions, [
    { text: 'principal.kind == "bot"', outcome: 'fails' },
    { text: '(resource.kind == "x" || resource.kind == "y")', outcome: 'fails' },
    { text: 'principal has owner || principal.kind == "ci"', outcome: 'holds' },
  ]);
});

test('without a rule for the action there is nothing near', () => {
  const { engine, ask } = inForce(bundle);
  assert.deepEqual(engine.explain(ask('batch', ['write', 'sales'])).nearest, []);
});
