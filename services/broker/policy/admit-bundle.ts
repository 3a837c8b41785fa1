import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Identity, Resource } from '../domain/registry.ts';
import { parseRegistry, type RegistryRules } from '../registry/parse-registry.ts';
import { type SourceFault, SourceText, wholeFileFault } from '../registry/source-fault.ts';
import type { Vocabulary } from '../registry/vocabulary.ts';
import { loadCedarRuntime } from './cedar-runtime.ts';
import { compilePolicies } from './compile-policies.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import type { KnownEntities } from './named-entities.ts';

/** One file of a bundle: its path within the bundle and its bytes. */
export type BundleFile = { readonly path: string; readonly bytes: Uint8Array };

/** A bundle in which nothing is wrong. */
export type AdmittedBundle = {
  readonly kind: 'admitted';
  readonly identities: ReadonlyMap<SpiffeId, Identity>;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly vocabulary: Vocabulary;
  readonly policies: readonly CompiledPolicy[];
};

/** A bundle that was refused as a whole, and everything wrong with it. */
export type RefusedBundle = { readonly kind: 'refused'; readonly faults: readonly SourceFault[] };

/**
 * Judges a bundle whole: the registry first, then the policies against the names and actions it declares. Pure but for
 * the policy runtime it loads; made to run in the admission worker, whose result is copied across threads.
 */
export function admitBundle(
  files: readonly BundleFile[],
  rules: RegistryRules,
): AdmittedBundle | RefusedBundle {
  const faults: SourceFault[] = [];
  const sources = files.flatMap((file) => decode(file, faults));
  const registry = parseRegistry(
    sources.filter((source) => !source.file.endsWith('.cedar')),
    rules,
  );
  faults.push(...registry.faults);
  const { policies, faults: policyFaults } = compilePolicies(
    sources.filter((source) => source.file.endsWith('.cedar')),
    { cedar: loadCedarRuntime(), vocabulary: registry.vocabulary, known: knownEntities(registry) },
  );
  faults.push(...policyFaults);
  if (faults.length > 0) return { kind: 'refused', faults };
  const { identities, resources, vocabulary } = registry;
  return { kind: 'admitted', identities, resources, vocabulary, policies };
}

function decode(file: BundleFile, faults: SourceFault[]): SourceText[] {
  try {
    return [new SourceText(file.path, new TextDecoder('utf-8', { fatal: true }).decode(file.bytes))];
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    faults.push(wholeFileFault(file.path, 'the file is not UTF-8 text'));
    return [];
  }
}

function knownEntities(
  registry: Pick<AdmittedBundle, 'identities' | 'resources' | 'vocabulary'>,
): KnownEntities {
  return {
    identity: new Set(registry.identities.keys()),
    resource: new Set(registry.resources.keys()),
    role: new Set(registry.vocabulary.roles),
    environment: new Set(registry.vocabulary.environments),
  };
}
