import path from 'node:path';
import { errorTextMax, ServiceError } from '@stint/common/errors.ts';
import type { Bundle } from '../app/ports/policy.ts';
import type { RegistryRules } from '../registry/parse-registry.ts';
import { renderFaults, type SourceFault } from '../registry/source-fault.ts';
import { admitInWorker } from './admission.ts';
import { createPolicyEngine, type EngineFault } from './policy-engine.ts';
import { readBundle } from './read-bundle.ts';

/**
 * A bundle with faults. The message shows as many as an error may carry; `faults` has all, for a terminal
 * ({@link renderFaults}).
 */
export class BundleRefused extends ServiceError {
  readonly faults: readonly SourceFault[];

  constructor(faults: readonly SourceFault[], directory: string) {
    super('POLICY_INVALID', renderFaults(faults, errorTextMax), {
      metadata: { faults: String(faults.length), bundle_dir: directory },
    });
    this.name = 'BundleRefused';
    this.faults = faults;
  }
}

/**
 * Reads, judges and makes ready the bundle in a directory. Used at start and at reload alike: nothing that is running is
 * touched; the caller swaps the result in, all of it at once.
 * @throws BundleRefused (ServiceError POLICY_INVALID) with every fault found.
 */
export async function loadBundle(
  directory: string,
  rules: RegistryRules,
  onFault: (fault: EngineFault) => void,
): Promise<Bundle> {
  const { files, sha256, faults } = await readBundle(directory);
  if (faults.length > 0) throw new BundleRefused(faults, directory);
  const bundle = await admitInWorker(files, rules);
  if (bundle.kind === 'refused') throw new BundleRefused(bundle.faults, directory);
  const { identities, resources, vocabulary } = bundle;
  // An explanation is read by somebody who stands elsewhere: it names a file that can be opened.
  const policies = bundle.policies.map((policy) => ({ ...policy, file: path.join(directory, policy.file) }));
  return {
    registry: { identities, resources, sha256 },
    engine: createPolicyEngine({ policies, vocabulary, sha256 }, { onFault }),
    sha256,
    policyCount: policies.length,
  };
}
