import type { SpiffeId, TrustDomain } from '@stint/common/spiffe-id.ts';
import type { Identity, Resource } from '../domain/registry.ts';
import { readIdentity } from './read-identity.ts';
import { readResource } from './read-resource.ts';
import {
  attributeGrammar,
  attributesPerGroupMax,
  identitiesMax,
  nameGrammar,
  resourcesMax,
  vocabularyNamesMax,
} from './registry-limits.ts';
import type { SourceFault, SourceText } from './source-fault.ts';
import type { Vocabulary } from './vocabulary.ts';
import { type PlacedText, type YamlNode, YamlNodeReader } from './yaml-node-reader.ts';

/** What the registry is checked against. */
export type RegistryRules = {
  /** Every identity must belong to it. */
  readonly trustDomain: TrustDomain;
  /** Instances in the broker's provider catalog. */
  readonly providerNames: readonly string[];
};

/** A registry read whole. Worth nothing unless `faults` is empty. */
export type ParsedRegistry = {
  readonly identities: ReadonlyMap<SpiffeId, Identity>;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly vocabulary: Vocabulary;
  readonly faults: readonly SourceFault[];
};

/** One file's top mapping and its reader. */
type RegistryFile = {
  readonly reader: YamlNodeReader;
  readonly sections: Partial<Record<Section, YamlNode>>;
};

const sections = {
  environments: 'optional',
  roles: 'optional',
  attributes: 'optional',
  identities: 'optional',
  resources: 'optional',
} as const;
type Section = keyof typeof sections;

const attributeGroups = { verified: 'optional', declared: 'optional', parameters: 'optional' } as const;
type AttributeGroup = keyof typeof attributeGroups;

/** Names that a record of the policy context holds already. */
const reservedAttributes: Readonly<Record<AttributeGroup, readonly string[]>> = {
  verified: [],
  declared: ['justification'],
  parameters: [],
};

/**
 * Reads the registry from its files, which together make one: names declared in one may be used in another.
 * Finds every fault, not only the first. Total: any text gives an answer.
 */
export function parseRegistry(sources: readonly SourceText[], rules: RegistryRules): ParsedRegistry {
  const faults: SourceFault[] = [];
  const files = sources.flatMap((source): RegistryFile[] => {
    const reader = new YamlNodeReader(source, faults);
    const top = reader.parse();
    return top === undefined ? [] : [{ reader, sections: reader.mapping(top, 'the registry', sections) }];
  });
  const names = {
    environments: declaredNames(files, 'environments'),
    roles: declaredNames(files, 'roles'),
    ...declaredAttributes(files),
  };
  const resources = collect(files, { section: 'resources', key: 'id', max: resourcesMax }, (reader, node) =>
    readResource(reader, node, { environments: names.environments, providerNames: rules.providerNames }),
  );
  const identities = collect(
    files,
    { section: 'identities', key: 'spiffeId', max: identitiesMax },
    (reader, node) => readIdentity(reader, node, { ...names, trustDomain: rules.trustDomain }),
  );
  const actions = new Set(
    [...resources.values()].flatMap((resource) => resource.profiles.map((profile) => profile.name)),
  );
  return {
    identities: identities as Map<SpiffeId, Identity>,
    resources,
    vocabulary: { ...names, actions: [...actions].sort() },
    faults,
  };
}

function declaredNames(files: readonly RegistryFile[], section: 'environments' | 'roles'): string[] {
  return uniqueNames(
    files.map(({ reader, sections: found }) => ({
      reader,
      texts: reader.texts(found[section], `"${section}"`, { max: vocabularyNamesMax, grammar: nameGrammar }),
    })),
    section,
  );
}

function declaredAttributes(files: readonly RegistryFile[]): Record<AttributeGroup, string[]> {
  const placed: Record<AttributeGroup, { reader: YamlNodeReader; texts: PlacedText[] }[]> = {
    verified: [],
    declared: [],
    parameters: [],
  };
  for (const { reader, sections: found } of files) {
    if (found.attributes === undefined) continue;
    const groups = reader.mapping(found.attributes, '"attributes"', attributeGroups);
    for (const group of Object.keys(attributeGroups) as AttributeGroup[]) {
      const texts = reader.texts(groups[group], `"attributes.${group}"`, {
        max: attributesPerGroupMax,
        grammar: attributeGrammar,
      });
      for (const text of texts) {
        if (reservedAttributes[group].includes(text.value))
          reader.fault(text.node, `"${text.value}" is always there`, 'remove it from the list');
      }
      placed[group].push({ reader, texts });
    }
  }
  return {
    verified: uniqueNames(placed.verified, 'attributes.verified'),
    declared: uniqueNames(placed.declared, 'attributes.declared'),
    parameters: uniqueNames(placed.parameters, 'attributes.parameters'),
  };
}

// A name declared in two files is a fault: whoever removes it from one would believe it gone.
function uniqueNames(
  perFile: readonly { reader: YamlNodeReader; texts: readonly PlacedText[] }[],
  section: string,
): string[] {
  const seen = new Map<string, string>();
  for (const { reader, texts } of perFile) {
    for (const { value, node } of texts) {
      const file = seen.get(value);
      if (file === undefined) seen.set(value, reader.source.file);
      else reader.fault(node, `"${value}" is declared in "${section}" of ${file} already`, 'remove one');
    }
  }
  return [...seen.keys()].sort();
}

/** Reads every entry of a section of every file into one map; a second entry of the same id is a fault. */
function collect<Entry>(
  files: readonly RegistryFile[],
  about: { section: 'identities' | 'resources'; key: string; max: number },
  read: (reader: YamlNodeReader, node: YamlNode) => { id: PlacedText; entry: Entry } | undefined,
): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const places = new Map<string, string>();
  for (const { reader, sections: found } of files) {
    for (const node of reader.list(found[about.section], `"${about.section}"`, about.max)) {
      const result = read(reader, node);
      if (result === undefined) continue;
      const { value, node: idNode } = result.id;
      const first = places.get(value);
      if (first !== undefined)
        reader.fault(
          idNode,
          `duplicate ${about.key} "${value}": it stands at ${first} already`,
          'remove one or give it another id',
        );
      places.set(value, first ?? `${reader.source.file}:${reader.source.lineAt(idNode?.range?.[0] ?? 0)}`);
      entries.set(value, result.entry);
    }
  }
  const [last] = files.slice(-1);
  if (entries.size > about.max && last !== undefined)
    last.reader.fault(
      last.sections[about.section],
      `${entries.size} ${about.section}: at most ${about.max} are allowed`,
    );
  return entries;
}
