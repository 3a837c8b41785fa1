import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { admitted, inForce } from '../../../test/harness/policy-bundle.ts';
import type { PolicyQuestion } from '../domain/decision.ts';

// The worked examples of README.md, taken from it and asked.

const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, text = '']) => text);
const policies = blocks('cedar').join('\n');
const bundle = admitted(policies, blocks('yaml').join('\n'));
const { engine, ask } = inForce(bundle);

const fromMain = { verified: { repository: 'acme/web', branch: 'main' } };
const night = { now: Date.UTC(2026, 10, 22, 2) };
const declared = (justification: string) => ({ declared: { justification, context: {}, parameters: {} } });
const oldVersion = {
  ...ask('ci/web', ['deploy', 'web']).identity,
  version: { major: 2, minor: 2, patch: 9 },
};

/** Who asks for what, how, and which rules decide: all that allow, or all that forbid (none where no rule permits). */
const examples: [
  who: string,
  what: [string, string],
  more: Partial<PolicyQuestion>,
  kind: string,
  rules: string[],
][] = [
  ['ci/web', ['deploy', 'web'], fromMain, 'allow', ['ci-deploys-staging']],
  ['ci/web', ['deploy', 'web'], { verified: { repository: 'acme/web', branch: 'dev' } }, 'deny', []],
  ['ci/web', ['deploy', 'web'], {}, 'deny', []],
  ['ci/web', ['deploy', 'web'], { ...fromMain, identity: oldVersion }, 'deny', ['ci-version-2-3']],
  ['cron/report', ['read', 'sales'], night, 'allow', ['batch-reads-analytics-by-night']],
  ['cron/report', ['read', 'sales'], { now: Date.UTC(2026, 10, 22, 5) }, 'deny', []],
  ['cron/report', ['write', 'sales'], night, 'deny', []],
  ['bot/stray', ['read', 'sales'], night, 'deny', ['owner-required']],
  ['agent/oncall', ['write', 'sales'], declared('INC-42: stuck queue'), 'allow', ['break-glass']],
  ['agent/oncall', ['write', 'sales'], declared('please'), 'deny', []],
  ['agent/oncall', ['deploy', 'web'], declared('INC-42'), 'deny', ['same-environment']],
];

for (const [who, what, more, kind, rules] of examples) {
  test(`${who} to ${what.join(' ')} (${JSON.stringify(more).slice(0, 60)}): ${kind} by ${rules.join(', ') || 'no rule'}`, () => {
    const decision = engine.decide(ask(who, what, more));
    assert.deepEqual([decision.kind, decision.ruleIds], [kind, rules]);
  });
}

test('every worked example is asked', () => {
  const asked = new Set(examples.flatMap(([, , , , rules]) => rules));
  assert.deepEqual(
    bundle.policies.map(({ id }) => id).filter((id) => !asked.has(id)),
    [],
  );
});
