import type { Provider, ProviderSet } from '../app/ports/provider.ts';
import type { ProviderDeclaration, ProviderKinds, ProviderSurroundings } from './provider-kind.ts';

/** Most instances a broker has. */
export const providersMax = 100;

/** What is wrong with the declarations, each fault with the instance it is about. Reads no file and opens no connection. */
export function declarationFaults(
  kinds: ProviderKinds,
  declarations: readonly ProviderDeclaration[],
  surroundings: ProviderSurroundings,
): readonly string[] {
  const faults =
    declarations.length > providersMax ? [`${declarations.length} providers: ${providersMax} at most`] : [];
  const names = new Set<string>();
  for (const { name, kind, settings } of declarations) {
    const place = `provider "${name.slice(0, 64)}"`;
    if (!/^[a-z][a-z0-9-]{0,62}$/.test(name))
      faults.push(`${place}: a name is 1 to 63 characters of a-z, 0-9 and -, beginning with a letter`);
    if (names.has(name)) faults.push(`${place}: declared twice`);
    names.add(name);
    const found = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    const own = found?.faults(settings, surroundings) ?? [
      `kind "${kind.slice(0, 64)}" is not known; known are ${Object.keys(kinds).join(', ')}`,
    ];
    faults.push(...own.map((fault) => `${place}: ${fault}`));
  }
  return faults;
}

/**
 * What would keep {@link openProviders} from opening these, as it would say it: faults of the declarations, or else of the
 * files that they name. Keeps nothing that it reads, writes nothing and opens no connection.
 */
export async function openingFaults(
  kinds: ProviderKinds,
  declarations: readonly ProviderDeclaration[],
  surroundings: ProviderSurroundings,
): Promise<readonly string[]> {
  const faults = declarationFaults(kinds, declarations, surroundings);
  if (faults.length > 0) return faults;
  const reading = declarations.map((declaration) => kinds[declaration.kind]?.readFiles?.(declaration));
  const read = await Promise.allSettled(reading);
  return read.flatMap((one) => (one.status === 'rejected' ? [(one.reason as Error).message] : []));
}

/**
 * Opens every declared provider. Targets are not contacted: one that is down does not keep the broker from starting.
 * @throws Error with every fault of the declarations; or with the first file that a setting names and that is not fit.
 */
export async function openProviders(
  kinds: ProviderKinds,
  declarations: readonly ProviderDeclaration[],
  surroundings: ProviderSurroundings,
): Promise<ProviderSet> {
  const faults = declarationFaults(kinds, declarations, surroundings);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const set = new Map<string, Provider>();
  for (const declaration of declarations) {
    const provider = await kinds[declaration.kind]?.open(declaration, surroundings);
    if (provider !== undefined) set.set(declaration.name, provider);
  }
  return set;
}
