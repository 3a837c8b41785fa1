import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Secret } from '@stint/common/secret.ts';
import { ProviderFailure, type SigningProvider } from '../../services/broker/app/ports/provider.ts';
import { TargetHealth } from '../../services/broker/app/target-health.ts';
import type { Resource } from '../../services/broker/domain/registry.ts';
import { providerKinds } from '../../services/broker/providers/catalog.ts';
import { declarationFaults, openProviders } from '../../services/broker/providers/open-providers.ts';
import type { ProviderKinds } from '../../services/broker/providers/provider-kind.ts';
import {
  checkTargets,
  closeProviders,
  keySet,
  maintainProviders,
} from '../../services/broker/providers/provider-set.ts';
import { readProviderDeclarations } from '../../services/broker/providers/read-declarations.ts';
import { MemoryTarget } from '../fakes/memory-target.ts';
import { heldClock } from '../harness/held-clock.ts';
import { tempDir } from '../harness/temp-dir.ts';

/** A database in memory that says what it was asked for. */
class TalkingTarget extends MemoryTarget {
  readonly #say: (what: string) => void;

  constructor(name: string, say: (what: string) => void) {
    super(name, heldClock());
    this.#say = say;
  }

  maintain(): Promise<void> {
    this.#say('maintain');
    return Promise.reject(new ProviderFailure('unreachable', 'ECONNREFUSED'));
  }

  override close(): Promise<void> {
    this.#say('close');
    return super.close();
  }
}

function sealing(name: string, say: (what: string) => void): SigningProvider {
  return {
    name,
    kind: 'seal',
    mode: 'signs',
    entityName: (leaseId) => leaseId,
    profileFaults: () => [],
    sign: () => ({ kind: 'token', token: new Secret('sealed') }),
    keySet: () => ({ keys: [{ kty: 'OKP', kid: `${name}-1` }] }),
    maintain: () => Promise.resolve(say('maintain')),
  };
}

/** The catalog with two rows more. */
function kindsThatSay(said: string[]): ProviderKinds {
  const sayFor = (name: string) => (what: string) => void said.push(`${name}: ${what}`);
  return {
    ...providerKinds,
    memory: {
      faults: ({ room }) => (room === undefined ? ['setting "room" is missing'] : []),
      open: ({ name }) => Promise.resolve(new TalkingTarget(name, sayFor(name))),
    },
    seal: { faults: () => [], open: ({ name }) => Promise.resolve(sealing(name, sayFor(name))) },
  };
}

const resource = {
  id: 'wine',
  provider: 'cellar',
  target: {},
  profiles: ['reader', 'sommelier'].map((role) => ({ name: role, settings: { role } })),
} as unknown as Resource;

test('one row makes a kind known: its instances are declared, watched, checked, kept, published and closed', async (t) => {
  const directory = tempDir(t);
  const file = path.join(directory, 'providers.yaml');
  const declared = (settings: string) =>
    `providers:\n  - { name: cellar, kind: memory, settings: { ${settings} } }\n  - { name: wax, kind: seal }\n`;
  const said: string[] = [];
  const kinds = kindsThatSay(said);
  const surroundings = { brokerName: 'b1', stateDirectory: directory, clock: heldClock() };

  writeFileSync(file, declared(''));
  assert.deepEqual(declarationFaults(kinds, await readProviderDeclarations(file), surroundings), [
    'provider "cellar": setting "room" is missing',
  ]);
  writeFileSync(file, declared('room: 3'));
  const opened = await openProviders(kinds, await readProviderDeclarations(file), surroundings);
  const health = new TargetHealth(surroundings.clock);
  const providers = health.watch(opened);

  const { faults, warnings } = await checkTargets(providers, [resource], new AbortController().signal);
  assert.deepEqual([faults, warnings], [['cellar: role "sommelier" does not exist'], []]);
  assert.deepEqual(
    health.reports().map(({ provider, state }) => [provider, state]),
    [['cellar', 'answers']],
  );
  assert.deepEqual(keySet(providers).keys, [{ kty: 'OKP', kid: 'wax-1' }]);
  assert.deepEqual(
    (await maintainProviders(providers)).map(({ provider }) => provider),
    ['cellar'],
  );
  await closeProviders(providers);
  assert.deepEqual(said, ['cellar: maintain', 'wax: maintain', 'cellar: close']);
});
