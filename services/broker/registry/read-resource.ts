import { suggestName } from '@stint/common/name-suggestion.ts';
import { formatDurationMs, parseDurationMs } from '@stint/common/time.ts';
import type { Profile, Resource } from '../domain/registry.ts';
import { readEnvironment } from './declared-name.ts';
import {
  labelsPerResourceMax,
  lineGrammar,
  maxLivePerIdentityDefault,
  maxLivePerIdentityLimit,
  nameGrammar,
  ownerGrammar,
  profilesPerResourceMax,
  settingKeyGrammar,
  settingsMax,
  ttlSecondsLimit,
} from './registry-limits.ts';
import type { PlacedText, TextGrammar, YamlNode, YamlNodeReader } from './yaml-node-reader.ts';

const resourceKeys = {
  id: 'required',
  kind: 'required',
  environment: 'required',
  owner: 'required',
  labels: 'optional',
  provider: 'required',
  target: 'optional',
  profiles: 'required',
} as const;

const profileKeys = {
  name: 'required',
  ttl: 'optional',
  ttlMax: 'required',
  maxLivePerIdentity: 'optional',
  settings: 'optional',
} as const;

const durationGrammar: TextGrammar = {
  pattern: /^(?=.)(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?$/,
  expected: 'a duration such as "90s", "15m" or "1h30m"',
};
const countGrammar: TextGrammar = { pattern: /^\d{1,9}$/, expected: 'a whole number' };

const settingRules = { max: settingsMax, key: settingKeyGrammar, value: lineGrammar };

/** Reads one entry of `resources`. Undefined when it has no usable id; otherwise the entry, with its faults recorded. */
export function readResource(
  reader: YamlNodeReader,
  node: YamlNode,
  known: { environments: readonly string[]; providerNames: readonly string[] },
): { id: PlacedText; entry: Resource } | undefined {
  const found = reader.mapping(node, 'a resource', resourceKeys);
  const id = reader.text(found.id, '"id"', nameGrammar);
  const kind = reader.text(found.kind, '"kind"', nameGrammar)?.value ?? '';
  const environment = readEnvironment(reader, found.environment, known.environments);
  const owner = reader.text(found.owner, '"owner"', ownerGrammar)?.value ?? '';
  const labels = reader
    .texts(found.labels, '"labels"', { max: labelsPerResourceMax, grammar: nameGrammar })
    .map((label) => label.value);
  const provider = readProvider(reader, found.provider, known.providerNames);
  const target = reader.textMap(found.target, '"target"', settingRules);
  const profiles = readProfiles(reader, found.profiles);
  if (id === undefined) return undefined;
  return { id, entry: { id: id.value, kind, environment, owner, labels, provider, target, profiles } };
}

function readProvider(reader: YamlNodeReader, node: YamlNode, providerNames: readonly string[]): string {
  const name = reader.text(node, '"provider"', nameGrammar);
  if (name === undefined) return '';
  if (!providerNames.includes(name.value)) {
    const suggestion = suggestName(name.value, providerNames);
    const known =
      providerNames.length === 0 ? 'this broker has none' : `this broker has ${providerNames.join(', ')}`;
    reader.fault(name.node, `unknown provider "${name.value}": ${known}`, suggestion);
  }
  return name.value;
}

function readProfiles(reader: YamlNodeReader, node: YamlNode): Profile[] {
  const profiles = new Map<string, Profile>();
  const items = reader.list(node, '"profiles"', profilesPerResourceMax);
  if (node !== undefined && items.length === 0)
    reader.fault(node, 'the resource has no profiles: nothing could be asked for', 'add one');
  for (const item of items) {
    const found = reader.mapping(item, 'a profile', profileKeys);
    const name = reader.text(found.name, '"name"', nameGrammar);
    const ttlSecondsMax = readTtlSeconds(reader, found.ttlMax, '"ttlMax"');
    const ttlSecondsDefault = readTtlSeconds(reader, found.ttl, '"ttl"') ?? ttlSecondsMax;
    const maxLivePerIdentity = readMaxLive(reader, found.maxLivePerIdentity);
    const settings = reader.textMap(found.settings, '"settings"', settingRules);
    if (name === undefined || ttlSecondsMax === undefined || ttlSecondsDefault === undefined) continue;
    if (ttlSecondsDefault > ttlSecondsMax) {
      reader.fault(
        found.ttl,
        `"ttl" is above "ttlMax" (${formatDurationMs(ttlSecondsMax * 1_000)})`,
        'lower the one or raise the other',
      );
    }
    if (profiles.has(name.value))
      reader.fault(name.node, `duplicate profile "${name.value}"`, 'remove one or give it another name');
    profiles.set(name.value, {
      name: name.value,
      ttlSecondsDefault,
      ttlSecondsMax,
      maxLivePerIdentity,
      settings,
    });
  }
  return [...profiles.values()];
}

function readTtlSeconds(reader: YamlNodeReader, node: YamlNode, what: string): number | undefined {
  const text = reader.text(node, what, durationGrammar);
  const ms = text === undefined ? undefined : parseDurationMs(text.value);
  if (text === undefined) return undefined;
  if (ms === undefined || ms === 0 || ms > ttlSecondsLimit * 1_000) {
    reader.fault(
      node,
      `${what} "${text.value}" is out of range`,
      `write 1s to ${formatDurationMs(ttlSecondsLimit * 1_000)}`,
    );
    return undefined;
  }
  return ms / 1_000;
}

function readMaxLive(reader: YamlNodeReader, node: YamlNode): number {
  const text = reader.text(node, '"maxLivePerIdentity"', countGrammar);
  const count = text === undefined ? maxLivePerIdentityDefault : Number(text.value);
  if (count >= 1 && count <= maxLivePerIdentityLimit) return count;
  reader.fault(node, `"maxLivePerIdentity" is ${count}`, `write 1 to ${maxLivePerIdentityLimit}`);
  return maxLivePerIdentityDefault;
}
