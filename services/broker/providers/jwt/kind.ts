import path from 'node:path';
import type { ProviderKind } from '../provider-kind.ts';
import { jwtConfigFaults } from './config.ts';
import { JwtProvider } from './provider.ts';
import { SigningKeys } from './signing-keys.ts';

/** Instances that sign tokens, each with keys of its own in the directory of its name. */
export const jwtKind: ProviderKind = {
  faults: jwtConfigFaults,
  async open({ name, settings }, { stateDirectory, clock }) {
    const keys = await SigningKeys.open(path.join(stateDirectory, name), clock);
    return new JwtProvider({ name, issuer: settings['issuer'] ?? '', keys });
  },
};
