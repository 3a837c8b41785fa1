import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PrivateFileError, readPrivateFile } from '@stint/common/private-file.ts';
import { Secret } from '@stint/common/secret.ts';
import type { Clock } from '@stint/common/time.ts';
import type { Provider, ProviderSet } from '../app/ports.ts';
import type { Profile, Resource } from '../domain/registry.ts';
import { jwtConfigFaults } from './jwt/config.ts';
import { JwtProvider } from './jwt/provider.ts';
import { type JwkSet, SigningKeys } from './jwt/signing-keys.ts';
import { postgresConfig, postgresConfigFaults } from './postgres/config.ts';
import { brokerNameFault } from './postgres/names.ts';
import { PostgresProvider } from './postgres/provider.ts';

/** A provider instance as the operator declares it: a name that resources refer to, a kind, and words for the kind. */
export type ProviderDeclaration = {
  readonly name: string;
  readonly kind: string;
  readonly settings: Readonly<Record<string, string>>;
};

/** What every provider is given by the broker. */
export type ProviderSurroundings = {
  readonly brokerName: string;
  /** A directory (0700) for keys; each instance uses one below it, by its name. */
  readonly stateDirectory: string;
  readonly clock: Clock;
};

type ProviderKind = {
  faults(settings: Readonly<Record<string, string>>, surroundings: ProviderSurroundings): readonly string[];
  /** Reads the files that the settings name, as `open` does; absent where they name none. */
  readFiles?(declaration: ProviderDeclaration): Promise<unknown>;
  open(declaration: ProviderDeclaration, surroundings: ProviderSurroundings): Promise<Provider>;
};

/** Every kind of provider: a new one is a folder beside this file and a row here. */
const kinds: Readonly<Record<string, ProviderKind>> = {
  jwt: { faults: jwtConfigFaults, open: openJwt },
  postgres: {
    faults: (settings, { brokerName }) =>
      [brokerNameFault(brokerName), ...postgresConfigFaults(settings)].filter((fault) => fault !== undefined),
    readFiles: readPostgresFiles,
    open: openPostgres,
  },
};

/** Most instances a broker has. */
export const providersMax = 100;

/** What is wrong with the declarations, each fault with the instance it is about. Reads no file and opens no connection. */
export function declarationFaults(
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
  declarations: readonly ProviderDeclaration[],
  surroundings: ProviderSurroundings,
): Promise<readonly string[]> {
  const faults = declarationFaults(declarations, surroundings);
  if (faults.length > 0) return faults;
  const reading = declarations.map((declaration) => kinds[declaration.kind]?.readFiles?.(declaration));
  const read = await Promise.allSettled(reading);
  return read.flatMap((one) => (one.status === 'rejected' ? [(one.reason as Error).message] : []));
}

/**
 * Opens every declared provider. Targets are not contacted: one that is down does not keep the broker from starting.
 * @throws Error with every fault of the declarations; PrivateFileError for a secret's file that others may read.
 */
export async function openProviders(
  declarations: readonly ProviderDeclaration[],
  surroundings: ProviderSurroundings,
): Promise<ProviderSet> {
  const faults = declarationFaults(declarations, surroundings);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const set = new Map<string, Provider>();
  for (const declaration of declarations) {
    const provider = await kinds[declaration.kind]?.open(declaration, surroundings);
    if (provider !== undefined) set.set(declaration.name, provider);
  }
  return set;
}

/** The public keys of every provider that signs tokens, to be served to verifiers. */
export function keySet(providers: ProviderSet): JwkSet {
  return {
    keys: [...providers.values()].flatMap((provider) =>
      provider instanceof JwtProvider ? provider.keySet().keys : [],
    ),
  };
}

/** Does what time has made due: rotates and retires signing keys. Call it every hour or so. */
export async function maintainProviders(providers: ProviderSet): Promise<void> {
  for (const provider of providers.values()) if (provider instanceof JwtProvider) await provider.maintain();
}

/** What checking the targets found, each line with its instance's name before it. */
export type TargetFindings = { readonly faults: readonly string[]; readonly warnings: readonly string[] };

/** Compares the broker's rights at every target with what the resources need. Changes nothing; for start-up and operators. */
export async function checkTargets(
  providers: ProviderSet,
  resources: Iterable<Resource>,
  signal: AbortSignal,
): Promise<TargetFindings> {
  const places = [...resources].flatMap((resource) =>
    resource.profiles.map((profile: Profile) => ({ resource, profile })),
  );
  const findings = { faults: [] as string[], warnings: [] as string[] };
  for (const provider of providers.values()) {
    if (!(provider instanceof PostgresProvider)) continue;
    const own = places.filter(({ resource }) => resource.provider === provider.name);
    const { faults, warnings } = await provider.checkTarget(own, signal);
    findings.faults.push(...faults.map((fault) => `${provider.name}: ${fault}`));
    findings.warnings.push(...warnings.map((warning) => `${provider.name}: ${warning}`));
  }
  return findings;
}

/** Closes every connection to a target. */
export async function closeProviders(providers: ProviderSet): Promise<void> {
  await Promise.all(
    [...providers.values()].map((provider) => (provider.mode === 'creates' ? provider.close() : undefined)),
  );
}

async function openJwt(
  { name, settings }: ProviderDeclaration,
  { stateDirectory, clock }: ProviderSurroundings,
): Promise<Provider> {
  const keys = await SigningKeys.open(path.join(stateDirectory, name), clock);
  return new JwtProvider({ name, issuer: settings['issuer'] ?? '', keys });
}

async function openPostgres(
  declaration: ProviderDeclaration,
  { brokerName, clock }: ProviderSurroundings,
): Promise<Provider> {
  const { name, settings } = declaration;
  const files = await readPostgresFiles(declaration);
  return new PostgresProvider({ name, brokerName, clock, config: postgresConfig({ settings, ...files }) });
}

async function readPostgresFiles({ name, settings }: ProviderDeclaration) {
  const read = settingReader(name, settings);
  const file = await read('passwordFile', readPrivateFile);
  const password = new Secret(file.revealText().replace(/\r?\n$/, ''));
  file.destroy();
  const ca =
    settings['caFile'] === undefined ? undefined : await read('caFile', (caFile) => readFile(caFile, 'utf8'));
  return { password, ca };
}

/** Reads files that settings name. @throws Error with the provider, the setting, the file and what to do. */
function settingReader(name: string, settings: ProviderDeclaration['settings']) {
  return async <Content>(key: string, read: (file: string) => Promise<Content>): Promise<Content> => {
    const file = settings[key] ?? '';
    try {
      return await read(file);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const isMissing = code === 'ENOENT' || (cause instanceof PrivateFileError && cause.kind === 'missing');
      const why = cause instanceof PrivateFileError ? cause.message : `"${file}" cannot be read (${code})`;
      const what = isMissing ? `"${file}" does not exist: make it, or name another` : why;
      throw new Error(`provider "${name}": setting "${key}": ${what}`, { cause });
    }
  };
}
