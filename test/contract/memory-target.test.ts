import { describe } from 'node:test';
import { newId } from '@stint/common/ids.ts';
import type { Profile, Resource } from '../../services/broker/domain/registry.ts';
import { MemoryTarget } from '../fakes/memory-target.ts';
import { heldClock } from '../harness/held-clock.ts';
import { grantAndLease } from '../harness/ledger-entries.ts';
import { targetProviderContract } from './provider.ts';

const profile: Profile = {
  name: 'read',
  ttlSecondsDefault: 300,
  ttlSecondsMax: 3_600,
  maxLivePerIdentity: 5,
  settings: { role: 'reader' },
};

const resource: Resource = {
  id: 'sales',
  kind: 'database',
  environment: 'prod',
  owner: 'team:data',
  labels: [],
  provider: 'database',
  target: {},
  profiles: [profile],
};

// What the use cases are tested against keeps the rules that real targets keep.
describe('the memory target', () => {
  const clock = heldClock();
  const provider = new MemoryTarget('database', clock);
  targetProviderContract(() => ({
    provider,
    place: { resource, profile },
    now: () => clock.now(),
    newIntent: () => {
      const id = newId('lease', clock.now());
      return grantAndLease(clock.now(), {
        lease: { id, state: 'intent', resource: resource.id, entityName: provider.entityName(id) },
      });
    },
    login: async (credential) => {
      const session = await Promise.resolve(provider.login(credential));
      return {
        doAllowed: async () => await Promise.resolve(session.use('read')),
        doForbidden: async () => await Promise.resolve(session.use('write')),
        close: async () => await Promise.resolve(session.close()),
      };
    },
    exists: (name) => Promise.resolve(provider.entities().includes(name)),
  }));
});
