import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judge, testRegistry } from '../../../test/harness/policy-bundle.ts';

const policy = `@id("ci-deploys") @max_ttl("15m")
permit (principal in Stint::Role::"ci", action == Stint::Action::"deploy", resource)
when { context.verified has branch && [context.verified.branch].contains("m;a\\"in") || {a: principal.kind}.a == "ci" };
`;

/** A text with a few stretches removed, doubled or replaced. */
function mangled(text: string): fc.Arbitrary<string> {
  const piece = fc.constantFrom(
    '',
    '"',
    '(',
    ')',
    '{',
    '}',
    ';',
    '//',
    '\n',
    ':',
    '- ',
    '@',
    '&a ',
    '*a',
    '\t',
    '\u0000',
    'é😀',
    '?principal',
    '|| ',
    '-1',
  );
  const change = fc.record({ at: fc.nat(text.length), length: fc.nat(12), piece });
  return fc
    .array(change, { minLength: 1, maxLength: 3 })
    .map((changes) =>
      changes.reduce(
        (changed, { at, length, piece }) => changed.slice(0, at) + piece + changed.slice(at + length),
        text,
      ),
    );
}

test('whatever a mangled bundle says, it is admitted or refused with faults that stand in its files', () => {
  fc.assert(
    fc.property(mangled(policy), mangled(testRegistry), fc.boolean(), (cedar, yaml, keepRegistry) => {
      const files: Record<string, string> = {
        'registry.yaml': keepRegistry ? testRegistry : yaml,
        'policies/a.cedar': cedar,
      };
      const answer = judge({ 'policies/a.cedar': cedar }, files['registry.yaml']);
      if (answer.kind === 'admitted') return;
      assert.ok(answer.faults.length > 0);
      for (const { file, line, column, what } of answer.faults) {
        assert.notEqual(what, '');
        if (line === 0) continue;
        const sourceLine = files[file]?.split('\n')[line - 1];
        assert.ok(
          sourceLine !== undefined && column >= 1 && column <= sourceLine.length + 1,
          `${file}:${line}:${column} ${what}`,
        );
      }
    }),
    { numRuns: 100 },
  );
});
