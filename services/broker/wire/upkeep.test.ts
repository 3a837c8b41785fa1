import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SigningProvider, TargetProvider } from '../app/ports/provider.ts';
import type { Foundation } from './foundation.ts';
import { startKeyCare } from './upkeep.ts';

test('a provider that cannot be maintained is named, and keeps no new key of another from the sidecars', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const failing = {
    name: 'cellar',
    mode: 'creates',
    maintain: () => Promise.reject(new Error('no room')),
  } as unknown as TargetProvider;
  let kid = 'old';
  const signing = {
    name: 'wax',
    mode: 'signs',
    maintain: async () => {
      await Promise.resolve();
      kid = 'new';
    },
    keySet: () => ({ keys: [{ kty: 'OKP', kid }] }),
  } as unknown as SigningProvider;
  const logged: { provider?: string }[] = [];
  const { trust, stop } = startKeyCare({
    authority: { bundleDer: [] },
    providers: new Map([failing, signing].map((provider) => [provider.name, provider])),
    config: { tokenIssuer: 'https://broker.test' },
    clock: { now: () => 1_000 },
    log: { error: (facts: { provider?: string }) => void logged.push(facts) },
  } as unknown as Foundation);
  t.after(stop);
  const changed = new Promise<void>((resolve) => trust.onChange(resolve));
  t.mock.timers.tick(600_000);
  await changed;
  assert.match(trust.current().jwks ?? '', /"kid":"new"/);
  assert.deepEqual(
    logged.map(({ provider }) => provider),
    ['cellar'],
  );
});
