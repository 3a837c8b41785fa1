import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, faultsOf, inForce } from '../../../test/harness/policy-bundle.ts';
import { CedarEvaluator } from './cedar-evaluator.ts';
import { toCedarRequest } from './cedar-request.ts';
import { type CedarRuntime, loadCedarRuntime } from './cedar-runtime.ts';

// What Cedar's WebAssembly build does that a caller must know, each with what we do about it.

const permitAll = '@id("anybody") @max_ttl("5m") permit (principal, action, resource);';
const overflowing = `@id("overflows") @deny_reason("old version")
forbid (principal, action, resource) when { principal has version && principal.version.major * 9223372036854775807 > 0 };`;

test('a forbid that fails is left out by Cedar, and denies here', () => {
  const { engine, ask, faults } = inForce(admitted(permitAll + overflowing));
  const denied = engine.decide(ask('ci', ['deploy', 'web']));
  assert.equal(denied.kind, 'deny');
  assert.deepEqual(denied.ruleIds, ['overflows']);
  assert.deepEqual(denied.kind === 'deny' && denied.reasons, [
    'rule "overflows" could not be evaluated, and it may forbid this',
  ]);
  assert.equal(faults[0]?.ruleId, 'overflows');
  // The one without a version does not reach the multiplication.
  assert.equal(engine.decide(ask('batch', ['read', 'sales'])).kind, 'allow');
});

test('a permit that fails does not stop another permit, and is reported', () => {
  const failing = overflowing
    .replace('overflows', 'odd-permit')
    .replace('@deny_reason("old version")\nforbid', '@max_ttl("1h") permit');
  const { engine, ask, faults } = inForce(admitted(permitAll + failing));
  const allowed = engine.decide(ask('ci', ['deploy', 'web']));
  assert.deepEqual(allowed.kind === 'allow' && [allowed.ruleIds, allowed.ttlSecondsMax], [['anybody'], 300]);
  assert.deepEqual(
    faults.map((fault) => fault.ruleId),
    ['odd-permit'],
  );
});

test('an answer with a failed rule is not kept: every question reports it', () => {
  const { engine, ask, faults } = inForce(admitted(permitAll + overflowing));
  engine.decide(ask('ci', ['deploy', 'web']));
  engine.decide(ask('ci', ['deploy', 'web']));
  assert.equal(faults.length, 2);
});

test('a call without the principal or the resource entity is refused before Cedar sees it', () => {
  const bundle = admitted(permitAll);
  const { ask } = inForce(bundle);
  const evaluator = new CedarEvaluator(bundle.vocabulary, { slotsMax: 1 });
  const request = toCedarRequest(ask('ci', ['deploy', 'web']), bundle.vocabulary);
  const slice = { key: 'a', texts: { anybody: permitAll } };
  assert.equal(evaluator.evaluate(slice, request).kind, 'answered');
  for (const kept of request.entities) {
    const answer = evaluator.evaluate(slice, { ...request, entities: [kept] });
    assert.match(answer.kind === 'failed' ? answer.message : '', /the call lacks/);
  }
});

test('text that overflows the runtime is stopped by its limits before it is parsed', () => {
  const policy = (condition: string) =>
    `@id("deep") @max_ttl("5m") permit (principal, action, resource) when { ${condition} };`;
  assert.match(
    faultsOf(policy(`${'('.repeat(200)}true${')'.repeat(200)}`)),
    /test\.cedar:1:\d+: brackets are nested deeper than 16/,
  );
  assert.match(faultsOf(policy(`${'['.repeat(200)}1${']'.repeat(200)} == [1]`)), /nested deeper/);
  assert.match(faultsOf(policy(Array(600).fill('true').join(' || '))), /has more than 192 operators/);
  assert.match(
    faultsOf(policy(`${'if true then true else '.repeat(1_000)}true`)),
    /the policy is \d+ bytes long|operators/,
  );
  assert.match(
    faultsOf(policy(`[${'"abcdefgh",'.repeat(3_000)}"a"].contains(principal.kind)`)),
    /bytes long: at most 16384/,
  );
});

test('the worst that the limits let through is parsed, validated and evaluated', () => {
  const nest = (open: string, close: string) => `${open.repeat(14)}1${close.repeat(14)}`;
  const worst = [
    `${nest('[', ']')} == ${nest('[', ']')} || ${Array(90).fill('principal.kind == "x"').join(' || ')}`,
    `${nest('{ a: ', ' }')} == ${nest('{ a: ', ' }')} || ${Array(90).fill('principal.kind == "x"').join(' || ')}`,
    `${'(!('.repeat(7)}true${'))'.repeat(7)} || (${'if principal.kind == "x" then true else '.repeat(60)}true)`,
    `${Array(190).fill('1').join(' + ')} == 190`,
    `${'(1 + '.repeat(14)}${Array(170).fill('1').join(' + ')}${')'.repeat(14)} == 1`,
  ];
  for (const [i, condition] of worst.entries()) {
    const text = `@id("worst-${i}") @max_ttl("5m") permit (principal, action, resource) when { principal.kind != "y" && (${condition}) };`;
    const { engine, ask, faults } = inForce(admitted(text));
    engine.decide(ask('ci', ['deploy', 'web']));
    engine.explain(ask('ci', ['deploy', 'web']));
    assert.deepEqual(faults, [], condition.slice(0, 40));
  }
});

test('a runtime that traps is dropped: that question is denied, the next one is answered by a fresh one', () => {
  const runtimes: CedarRuntime[] = [];
  let trapNext = false;
  const loadRuntime = () => {
    const real = loadCedarRuntime();
    const runtime: CedarRuntime = {
      ...real,
      statefulIsAuthorized: (call) => {
        if (trapNext) overflowStack(real);
        return real.statefulIsAuthorized(call);
      },
    };
    runtimes.push(runtime);
    return runtime;
  };
  const { engine, ask, faults } = inForce(admitted(permitAll), { loadRuntime, cachedDecisionsMax: 0 });
  assert.equal(engine.decide(ask('ci', ['deploy', 'web'])).kind, 'allow');
  trapNext = true;
  const denied = engine.decide(ask('ci', ['deploy', 'web']));
  assert.deepEqual(denied.kind === 'deny' && denied.reasons, [
    'policy could not be evaluated, so nothing is allowed',
  ]);
  assert.match(faults[0]?.message ?? '', /RuntimeError: memory access out of bounds/);
  trapNext = false;
  assert.equal(engine.decide(ask('ci', ['deploy', 'web'])).kind, 'allow');
  assert.equal(runtimes.length, 2);
});

test('a runtime that trapped answers nothing any more, which is why it is dropped', () => {
  const runtime = loadCedarRuntime();
  assert.throws(() => overflowStack(runtime), { name: 'RuntimeError' });
  assert.throws(() => runtime.policyToJson(permitAll), { name: 'RuntimeError' });
  assert.equal(loadCedarRuntime().policyToJson(permitAll).type, 'success');
});

test('ancestors are given flat and are few', () => {
  const { ask, bundle } = inForce(admitted(permitAll));
  const { entities } = toCedarRequest(ask('ci', ['deploy', 'web']), bundle.vocabulary);
  assert.equal(entities.length, 2);
  assert.deepEqual(
    entities.map(({ parents }) => parents.length),
    [2, 1],
  );
});

test('input that Cedar cannot take denies: deep values, big integers, floats, nothing', () => {
  const { engine, ask } = inForce(admitted(permitAll.replace(';', ' when { context.declared has ticket };')));
  let deep: unknown = 'x';
  for (let i = 0; i < 200; i++) deep = [deep];
  for (const ticket of [deep, 10n, 1.5, null]) {
    const declared = { justification: '', parameters: {}, context: { ticket: ticket as string } };
    assert.equal(engine.decide(ask('ci', ['deploy', 'web'], { declared })).kind, 'deny', typeof ticket);
  }
  const good = { justification: '', parameters: {}, context: { ticket: 'OPS-1' } };
  assert.equal(engine.decide(ask('ci', ['deploy', 'web'], { declared: good })).kind, 'allow');
});

test('annotations, which Cedar never checks, are checked', () => {
  assert.match(
    faultsOf(permitAll.replace('max_ttl', 'max_tll')),
    /1:17: unknown annotation @max_tll: it would have no effect; did you mean "max_ttl"\?/,
  );
  assert.match(faultsOf(permitAll.replace('5m', '99 years')), /1:25: @max_ttl must be a duration/);
});

test('slices take turns in a fixed pool of names', () => {
  const bundle = admitted(permitAll);
  const { ask } = inForce(bundle);
  const names = new Set<string>();
  const load = () => {
    const real = loadCedarRuntime();
    const preparsePolicySet: CedarRuntime['preparsePolicySet'] = (name, policies) => {
      names.add(name);
      return real.preparsePolicySet(name, policies);
    };
    return { ...real, preparsePolicySet };
  };
  const evaluator = new CedarEvaluator(bundle.vocabulary, { slotsMax: 3, load });
  const request = toCedarRequest(ask('ci', ['deploy', 'web']), bundle.vocabulary);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 10; i++) {
      const isPermit = i % 2 === 0;
      const answer = evaluator.evaluate(
        { key: `k${i}`, texts: { a: `${isPermit ? 'permit' : 'forbid'} (principal, action, resource);` } },
        request,
      );
      assert.equal(answer.kind === 'answered' && answer.isAllowed, isPermit);
    }
  }
  assert.equal(names.size, 3);
});

test('a slice that cannot be parsed leaves no name that holds other policies', () => {
  const bundle = admitted(permitAll);
  const { ask } = inForce(bundle);
  const evaluator = new CedarEvaluator(bundle.vocabulary, { slotsMax: 1 });
  const request = toCedarRequest(ask('ci', ['deploy', 'web']), bundle.vocabulary);
  assert.equal(evaluator.evaluate({ key: 'good', texts: { a: permitAll } }, request).kind, 'answered');
  const broken = { key: 'broken', texts: { a: 'permit (' } };
  assert.equal(evaluator.evaluate(broken, request).kind, 'failed');
  assert.equal(evaluator.evaluate(broken, request).kind, 'failed');
  assert.equal(evaluator.evaluate({ key: 'good', texts: { a: permitAll } }, request).kind, 'answered');
});

test("decisions name rules by their @id, not by Cedar's numbering", () => {
  const { engine, ask } = inForce(
    admitted({
      'policies/a.cedar': permitAll,
      'policies/b.cedar': permitAll.replace('anybody', 'everybody'),
    }),
  );
  assert.deepEqual(engine.decide(ask('ci', ['deploy', 'web'])).ruleIds, ['anybody', 'everybody']);
});

test('versions compare number by number: 2.10 is later than 2.3', () => {
  const policy =
    '@id("new-enough") @max_ttl("5m") permit (principal, action, resource) when { principal has version && principal.version.minor >= 3 };';
  const { engine, ask } = inForce(admitted(policy));
  const question = ask('ci', ['deploy', 'web']);
  const later = {
    ...question,
    identity: { ...question.identity, version: { major: 2, minor: 10, patch: 0 } },
  };
  assert.equal(engine.decide(later).kind, 'allow');
});

test('a forbid that tests a text with `in`, which Cedar would skip, does not pass validation', () => {
  const policy =
    '@id("typo") @deny_reason("x") forbid (principal, action, resource) when { principal.kind in ["ci"] };';
  assert.match(faultsOf(policy), /test\.cedar:1:\d+: unexpected type/);
});

function overflowStack(runtime: CedarRuntime): void {
  runtime.policyToJson(
    `permit (principal, action, resource) when { ${'('.repeat(300)}true${')'.repeat(300)} };`,
  );
}
