import { suggestName } from '@stint/common/name-suggestion.ts';
import {
  isStintId,
  type SpiffeId,
  spiffeIdFault,
  type TrustDomain,
  trustDomainOf,
} from '@stint/common/spiffe-id.ts';
import { type Identity, identityKinds, type Version } from '../domain/registry.ts';
import { checkDeclared, readEnvironment } from './declared-name.ts';
import {
  lineGrammar,
  nameGrammar,
  ownerGrammar,
  rolesPerIdentityMax,
  versionGrammar,
} from './registry-limits.ts';
import type { PlacedText, TextGrammar, YamlNode, YamlNodeReader } from './yaml-node-reader.ts';

const keys = {
  spiffeId: 'required',
  kind: 'required',
  owner: 'optional',
  backupOwner: 'optional',
  environment: 'required',
  roles: 'optional',
  state: 'optional',
  version: 'optional',
} as const;

const kindGrammar: TextGrammar = {
  pattern: new RegExp(`^(?:${identityKinds.join('|')})$`),
  expected: `one of ${identityKinds.join(', ')}`,
};
const stateGrammar: TextGrammar = { pattern: /^(?:active|suspended)$/, expected: '"active" or "suspended"' };

/**
 * Reads one entry of `identities`. Undefined when it has no usable id; otherwise the entry, with its faults recorded.
 * An identity may lack an owner (its owner has left): it stays known, and policy refuses it.
 */
export function readIdentity(
  reader: YamlNodeReader,
  node: YamlNode,
  known: { environments: readonly string[]; roles: readonly string[]; trustDomain: TrustDomain },
): { id: PlacedText; entry: Identity } | undefined {
  const found = reader.mapping(node, 'an identity', keys);
  const id = readSpiffeId(reader, found.spiffeId, known.trustDomain);
  const kind = reader.text(found.kind, '"kind"', kindGrammar)?.value as Identity['kind'] | undefined;
  const owner = reader.text(found.owner, '"owner"', ownerGrammar)?.value ?? '';
  const backupOwner = reader.text(found.backupOwner, '"backupOwner"', ownerGrammar)?.value;
  const environment = readEnvironment(reader, found.environment, known.environments);
  const roles = reader.texts(found.roles, '"roles"', { max: rolesPerIdentityMax, grammar: nameGrammar });
  for (const role of roles)
    checkDeclared(reader, role, { names: known.roles, section: 'roles', noun: 'role' });
  const state = (reader.text(found.state, '"state"', stateGrammar)?.value ?? 'active') as Identity['state'];
  const version = readVersion(reader, found.version);
  if (id === undefined || kind === undefined) return undefined;
  const entry: Identity = {
    spiffeId: id.value as SpiffeId,
    kind,
    owner,
    ...(backupOwner === undefined ? {} : { backupOwner }),
    environment,
    roles: roles.map((role) => role.value),
    state,
    ...(version === undefined ? {} : { version }),
  };
  return { id, entry };
}

function readSpiffeId(
  reader: YamlNodeReader,
  node: YamlNode,
  trustDomain: TrustDomain,
): PlacedText | undefined {
  const id = reader.text(node, '"spiffeId"', lineGrammar);
  if (id === undefined) return undefined;
  const fault = spiffeIdFault(id.value);
  if (fault !== undefined) {
    reader.fault(
      node,
      `"${id.value}" is not a SPIFFE ID: ${fault}`,
      `write it as "spiffe://${trustDomain}/<path>"`,
    );
    return undefined;
  }
  const spiffeId = id.value as SpiffeId;
  if (trustDomainOf(spiffeId) !== trustDomain) {
    const suggestion = suggestName(trustDomainOf(spiffeId), [trustDomain]);
    reader.fault(
      node,
      `trust domain "${trustDomainOf(spiffeId)}" is foreign: this broker serves "${trustDomain}" only`,
      suggestion,
    );
  } else if (isStintId(spiffeId)) {
    reader.fault(
      node,
      `"${id.value}" is reserved: names under "/stint/" are those of Stint's own parts`,
      'choose another path',
    );
  }
  return id;
}

function readVersion(reader: YamlNodeReader, node: YamlNode): Version | undefined {
  const text = reader.text(node, '"version"', versionGrammar);
  if (text === undefined) return undefined;
  const [major = 0, minor = 0, patch = 0] = text.value.split('.').map(Number);
  return { major, minor, patch };
}
