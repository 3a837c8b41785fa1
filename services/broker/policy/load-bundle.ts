import type { RegistrySnapshot } from '../domain/registry.ts';
import type { RegistryRules } from '../registry/parse-registry.ts';
import { admitInWorker } from './admission.ts';
import type { RefusedBundle } from './admit-bundle.ts';
import { createPolicyEngine, type EngineFault, type PolicyEngine } from './policy-engine.ts';
import { readBundle } from './read-bundle.ts';

/** A bundle in force, or ready to be: swap all of it at once. */
export type LoadedBundle = {
  readonly kind: 'loaded';
  readonly registry: RegistrySnapshot;
  readonly engine: PolicyEngine;
  /** Hash over the bundle's files, hex SHA-256. */
  readonly sha256: string;
  readonly policyCount: number;
};

/**
 * Reads, judges and makes ready the bundle in a directory. Used at start and at reload alike: nothing that is running is
 * touched, the caller swaps the result in, or keeps what it has when the answer is `refused` (with every fault found;
 * `renderFaults` writes them for a person). Never throws for what is in the directory.
 */
export async function loadBundle(
  directory: string,
  rules: RegistryRules,
  onFault: (fault: EngineFault) => void,
): Promise<LoadedBundle | RefusedBundle> {
  const { files, sha256, faults } = await readBundle(directory);
  if (faults.length > 0) return { kind: 'refused', faults };
  const bundle = await admitInWorker(files, rules);
  if (bundle.kind === 'refused') return bundle;
  const { identities, resources, vocabulary, policies } = bundle;
  return {
    kind: 'loaded',
    registry: { identities, resources, sha256 },
    engine: createPolicyEngine({ policies, vocabulary, sha256 }, { onFault }),
    sha256,
    policyCount: policies.length,
  };
}
