import {
  type JwkSet,
  type Provider,
  ProviderFailure,
  type ProviderSet,
  type TargetFindings,
  type TargetPlace,
  type TargetProvider,
} from '../app/ports/provider.ts';
import type { Resource } from '../domain/registry.ts';

/** The public keys of every provider that signs, to be served to verifiers. */
export function keySet(providers: ProviderSet): JwkSet {
  const signing = [...providers.values()].filter((provider) => provider.mode === 'signs');
  return { keys: signing.flatMap((provider) => provider.keySet?.().keys ?? []) };
}

/** Does what time has made due, at all of them whatever becomes of one. Returns those that could not, when all are done. */
export async function maintainProviders(
  providers: ProviderSet,
): Promise<readonly { readonly provider: string; readonly error: unknown }[]> {
  const failures: { provider: string; error: unknown }[] = [];
  const maintain = async (provider: Provider) => {
    try {
      await provider.maintain?.();
    } catch (error) {
      failures.push({ provider: provider.name, error });
    }
  };
  await Promise.all([...providers.values()].map(maintain));
  return failures;
}

/**
 * Compares the broker's rights at every target with what the resources need, each line with its instance's name before it.
 * Changes nothing; for start-up and operators.
 */
export async function checkTargets(
  providers: ProviderSet,
  resources: Iterable<Resource>,
  signal: AbortSignal,
): Promise<TargetFindings> {
  const places = [...resources].flatMap((resource) =>
    resource.profiles.map((profile) => ({ resource, profile })),
  );
  const checks = targetsOf(providers).map(async (provider) => {
    const own = places.filter(({ resource }) => resource.provider === provider.name);
    const { faults, warnings } = await findingsOf(provider, own, signal);
    const named = (lines: readonly string[]) => lines.map((line) => `${provider.name}: ${line}`);
    return { faults: named(faults), warnings: named(warnings) };
  });
  const found = await Promise.all(checks);
  return {
    faults: found.flatMap(({ faults }) => faults),
    warnings: found.flatMap(({ warnings }) => warnings),
  };
}

/** Closes every connection to a target. */
export async function closeProviders(providers: ProviderSet): Promise<void> {
  await Promise.all(targetsOf(providers).map((provider) => provider.close()));
}

function targetsOf(providers: ProviderSet): TargetProvider[] {
  return [...providers.values()].filter((provider: Provider) => provider.mode === 'creates');
}

/** A target that cannot be reached now is a warning, for it may be asked later. */
async function findingsOf(
  provider: TargetProvider,
  places: readonly TargetPlace[],
  signal: AbortSignal,
): Promise<TargetFindings> {
  try {
    return (await provider.checkTarget?.(places, signal)) ?? { faults: [], warnings: [] };
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    const { kind, code, remedy } = error;
    const text = `could not be checked: ${kind} (${code})${remedy === undefined ? '' : `: ${remedy}`}`;
    return error.kind === 'unreachable' ? { faults: [], warnings: [text] } : { faults: [text], warnings: [] };
  }
}
