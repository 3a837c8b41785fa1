import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProviderFailure, type TargetFindings, type TargetProvider } from '../app/ports/provider.ts';
import { checkTargets } from './provider-set.ts';

function checkedBy(name: string, checkTarget?: () => Promise<TargetFindings>) {
  return [name, { name, mode: 'creates', checkTarget } as unknown as TargetProvider] as const;
}

test('what checking finds is named by its target; one that cannot be reached or checked hides no other', async () => {
  const failing = (kind: ProviderFailure['kind'], code: string) => () =>
    Promise.reject(new ProviderFailure(kind, code, { remedy: kind === 'blocked' ? 'mend it' : undefined }));
  const providers = new Map([
    checkedBy('away', failing('unreachable', 'ECONNREFUSED')),
    checkedBy('unchecked'),
    checkedBy('locked', failing('blocked', '28P01')),
    checkedBy('wrong', () => Promise.resolve({ faults: ['a', 'b'], warnings: ['c'] })),
  ]);
  assert.deepEqual(await checkTargets(providers, [], new AbortController().signal), {
    faults: ['locked: could not be checked: blocked (28P01): mend it', 'wrong: a', 'wrong: b'],
    warnings: ['away: could not be checked: unreachable (ECONNREFUSED)', 'wrong: c'],
  });
});
